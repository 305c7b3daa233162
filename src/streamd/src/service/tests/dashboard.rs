use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::service::dashboard::{IDLE, LONGEST, MOST};

const MINUTE: Duration = Duration::from_secs(60);

/// A new key's text.
async fn key(bench: &Bench, expires_at: Option<String>) -> ApiKey {
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    let new = NewKey { expires_at, ..new_key(&[Scope::StreamsRead], Limits::default()) };
    let key = change.create_key(new).await.unwrap();
    change.commit().await.unwrap();
    key
}

async fn token(bench: &Bench, now: Timestamp) -> String {
    bench.service.sign_in(ADMIN, None, now).await.unwrap().token
}

async fn is_signed_in(bench: &Bench, token: &str, now: Timestamp) -> bool {
    match bench.service.signed_in(token, now).await {
        Ok(_) => true,
        Err(Error::Unauthenticated(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn who_signs_in_asks_as_his_key() {
    let bench = Bench::new().await;
    let (key, now) = (key(&bench, None).await, Timestamp::now());
    let new = bench.service.sign_in(key.key.as_deref().unwrap(), None, now).await.unwrap();
    assert_eq!(new.keep, LONGEST);
    let found = bench.service.signed_in(&new.token, now).await.unwrap();
    assert_eq!(found, new.signed_in);
    assert_eq!((&found.caller.id, &found.session.id), (&key.id, &key.id));
    assert_eq!((found.session.name, found.session.scopes), (key.name, key.scopes));
    let end = found.session.expires_at.duration_since(now).unsigned_abs();
    assert!(end <= IDLE && end > IDLE - Duration::from_millis(2), "{end:?}");
    for wrong in ["ak_of_nobody", "", &new.token] {
        let refused = bench.service.sign_in(wrong, None, now).await;
        assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{wrong}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_used_ends() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let token = token(&bench, now).await;
    let last = now + IDLE - Duration::from_millis(2);
    assert!(!is_signed_in(&bench, &token, now + IDLE).await);
    assert!(is_signed_in(&bench, &token, last).await);
    assert!(is_signed_in(&bench, &token, now + IDLE).await, "it was used in between");
    assert!(!is_signed_in(&bench, &token, last + IDLE).await);
}

#[tokio::test]
async fn a_session_that_is_used_ends_too_when_it_is_old() {
    let bench = Bench::new().await;
    let began = Timestamp::now();
    let token = token(&bench, began).await;
    let mut now = began;
    while now + IDLE / 2 < began + LONGEST {
        now += IDLE / 2;
        assert!(is_signed_in(&bench, &token, now).await, "{now}");
    }
    assert!(!is_signed_in(&bench, &token, began + LONGEST).await);
}

#[tokio::test]
async fn polling_does_not_write_each_time() {
    let bench = Bench::new().await;
    let began = Timestamp::now();
    let token = token(&bench, began).await;
    let end = async |now| bench.service.signed_in(&token, now).await.unwrap().session.expires_at;
    let first = end(began).await;
    assert_eq!(end(began + MINUTE).await, first);
    assert!(end(began + 31 * MINUTE).await > first);
}

#[tokio::test]
async fn a_session_never_outlives_its_key() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let end = now + 60 * MINUTE;
    let key = key(&bench, Some(end.to_string())).await;
    let new = bench.service.sign_in(key.key.as_deref().unwrap(), None, now).await.unwrap();
    assert!(new.keep <= 60 * MINUTE, "{:?}", new.keep);
    assert!(new.signed_in.session.expires_at <= end);
    assert!(is_signed_in(&bench, &new.token, end - MINUTE).await);
    assert!(!is_signed_in(&bench, &new.token, end).await);
    let refused = bench.service.sign_in(key.key.as_deref().unwrap(), None, end).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))));
}

#[tokio::test]
async fn a_revoked_key_is_signed_in_nowhere() {
    let bench = Bench::new().await;
    let (key, now) = (key(&bench, None).await, Timestamp::now());
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(bench.service.sign_in(key.key.as_deref().unwrap(), None, now).await.unwrap().token);
    }
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    change.revoke_key(&key.id).await.unwrap();
    change.commit().await.unwrap();
    for token in &tokens {
        assert!(!is_signed_in(&bench, token, now).await);
    }
    assert_eq!(stored(&bench).await, 0, "nothing of them stays");
}

#[tokio::test]
async fn a_preset_administrator_who_is_replaced_is_signed_out() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let token = token(&bench, now).await;
    let other = "ak_zyxwvutsrqponmlkjihgfedcba765432";
    bench.service.ensure_administrator(Some(other), |_| {}).await.unwrap();
    assert!(!is_signed_in(&bench, &token, now).await);
}

#[tokio::test]
async fn a_restart_signs_nobody_out_and_the_database_signs_nobody_in() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let token = token(&bench, now).await;
    let bench = bench.restart().await;
    assert!(is_signed_in(&bench, &token, now).await);
    let secret = token.as_bytes();
    // While the store is open, so that what SQLite keeps beside its database is looked through too and stays there.
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}

#[tokio::test]
async fn signing_in_never_takes_over_a_token_and_ends_the_session_before() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let planted = "A".repeat(43);
    let new = bench.service.sign_in(ADMIN, Some(&planted), now).await.unwrap();
    assert_ne!(new.token, planted);
    assert!(!is_signed_in(&bench, &planted, now).await);
    let next = bench.service.sign_in(ADMIN, Some(&new.token), now).await.unwrap();
    assert!(!is_signed_in(&bench, &new.token, now).await);
    assert!(is_signed_in(&bench, &next.token, now).await);
}

#[tokio::test]
async fn who_signs_out_is_out_and_others_of_the_same_key_are_not() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let (here, there) = (token(&bench, now).await, token(&bench, now).await);
    bench.service.sign_out(&here).await.unwrap();
    bench.service.sign_out("nobody").await.unwrap();
    assert!(!is_signed_in(&bench, &here, now).await);
    assert!(is_signed_in(&bench, &there, now).await);
}

#[tokio::test]
async fn a_key_has_so_many_sessions_and_the_one_that_ends_first_gives_way() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    let mut tokens = Vec::new();
    for number in 0..MOST {
        tokens.push(token(&bench, now + Duration::from_secs(number as u64)).await);
    }
    let later = now + MINUTE;
    assert!(is_signed_in(&bench, &tokens[0], later).await);
    let other = key(&bench, None).await;
    bench.service.sign_in(other.key.as_deref().unwrap(), None, later).await.unwrap();
    tokens.push(token(&bench, later).await);
    assert!(!is_signed_in(&bench, &tokens[0], later).await);
    for token in &tokens[1..] {
        assert!(is_signed_in(&bench, token, later).await);
    }
    assert_eq!(stored(&bench).await, MOST + 1, "the other key's stays");
}

#[tokio::test]
async fn sessions_that_are_over_are_swept() {
    let bench = Bench::new().await;
    let now = Timestamp::now();
    for _ in 0..3 {
        token(&bench, now).await;
    }
    token(&bench, now + IDLE).await;
    assert_eq!(stored(&bench).await, 1);
}

/// How many sessions the database holds.
async fn stored(bench: &Bench) -> i64 {
    let query = sqlx::query_scalar("SELECT COUNT(*) FROM dashboard_sessions");
    query.fetch_one(bench.service.store().read()).await.unwrap()
}
