use std::fs;

use tempfile::TempDir;

use super::*;

async fn opened(folder: &TempDir) -> Result<Store> {
    Store::open(folder.path()).await
}

#[tokio::test]
async fn a_folder_is_used_by_one_store_at_a_time() {
    let folder = TempDir::new().unwrap();
    let first = opened(&folder).await.unwrap();
    assert!(matches!(opened(&folder).await, Err(Error::InUse(_))));
    first.close().await;
    drop(first);
    opened(&folder).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_key_file_the_database_and_a_folder_that_was_made() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("deep/data");
    let _store = Store::open(&folder).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in [SECRET_KEY, DATABASE, "streamd.db-wal"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_database_whose_key_file_is_gone_is_not_opened_with_a_new_one() {
    let folder = TempDir::new().unwrap();
    opened(&folder).await.unwrap().close().await;
    fs::remove_file(folder.path().join(SECRET_KEY)).unwrap();
    assert!(matches!(opened(&folder).await, Err(Error::KeyMissing(_))));
    fs::write(folder.path().join(SECRET_KEY), b"short").unwrap();
    assert!(matches!(opened(&folder).await, Err(Error::KeyMalformed(_))));
}

#[tokio::test]
async fn a_sealed_secret_opens_in_its_row_and_nowhere_else() {
    let folder = TempDir::new().unwrap();
    let store = opened(&folder).await.unwrap();
    let sealed = store.vault().seal("str_a", b"secret");
    assert!(!sealed.contains("secret"));
    assert_ne!(
        sealed,
        store.vault().seal("str_a", b"secret"),
        "the same secret does not look the same twice"
    );
    assert_eq!(store.vault().open_text("str_a", &sealed).unwrap(), "secret");
    assert!(matches!(store.vault().open_sealed("str_b", &sealed), Err(Error::Sealed(_))));
    for broken in ["", "AAAA", "not base64", &sealed[4..]] {
        assert!(store.vault().open_sealed("str_a", broken).is_err(), "{broken}");
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = TempDir::new().unwrap();
    let store = opened(&folder).await.unwrap();
    assert!(sqlx::query("DELETE FROM streams").execute(store.read()).await.is_err());
}

#[tokio::test]
async fn a_transaction_that_is_dropped_never_was() {
    let folder = TempDir::new().unwrap();
    let store = opened(&folder).await.unwrap();
    let key = keys::KeyRow {
        id: "key_a".into(),
        name: "a".into(),
        hash: "hash".into(),
        scopes: "admin".into(),
        lineage: "/key_a/".into(),
        preset: false,
        max_streams: None,
        max_layers: None,
        max_rate: None,
        expires_at: None,
        created_at: 1,
        revoked_at: None,
    };
    let mut dropped = store.write().await.unwrap();
    keys::insert(&mut *dropped, &key).await.unwrap();
    drop(dropped);
    assert!(keys::by_id(store.read(), "key_a").await.unwrap().is_none());
    let mut kept = store.write().await.unwrap();
    keys::insert(&mut *kept, &key).await.unwrap();
    kept.commit().await.unwrap();
    assert!(keys::by_id(store.read(), "key_a").await.unwrap().is_some());
}

#[test]
fn times_that_cannot_be_become_the_nearest_that_can() {
    for millis in [i64::MIN, -1, 0, 1, i64::MAX] {
        let _ = from_millis(millis);
    }
    assert_eq!(to_millis(from_millis(1_700_000_000_123)), 1_700_000_000_123);
}
