use super::*;

async fn create(bench: &Bench, caller: &Caller, new: NewKey) -> Result<ApiKey> {
    let mut change = bench.service.begin(caller).await.unwrap();
    let key = change.create_key(new).await?;
    change.commit().await.unwrap();
    Ok(key)
}

async fn revoke(bench: &Bench, caller: &Caller, id: &str) -> Result<ApiKey> {
    let mut change = bench.service.begin(caller).await.unwrap();
    let key = change.revoke_key(id).await?;
    change.commit().await.unwrap();
    Ok(key)
}

#[tokio::test]
async fn a_keys_text_is_seen_once_and_stored_nowhere() {
    let bench = Bench::new().await;
    let key = create(&bench, &bench.admin, new_key(&[Scope::StreamsRead], Limits::default())).await.unwrap();
    let text = key.key.unwrap();
    assert!(text.starts_with("ak_") && text.len() == 35);
    assert_eq!(bench.service.key(&bench.admin, &key.id).await.unwrap().key, None);
    let list = bench.service.keys(&bench.admin, &PageRequest::default()).await.unwrap();
    assert!(list.items.iter().all(|key| key.key.is_none()));

    // While the store is open: what SQLite keeps beside its database goes away in the moments after the last
    // connection ends, and belongs to what is looked through.
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let secret = &text.as_bytes()[3..];
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}

#[tokio::test]
async fn a_revoked_key_does_nothing_from_the_commit_on() {
    let bench = Bench::new().await;
    let key = create(&bench, &bench.admin, new_key(&[Scope::StreamsRead], Limits::default())).await.unwrap();
    let text = key.key.unwrap();
    bench.service.authenticate(&text).await.unwrap();
    let revoked = revoke(&bench, &bench.admin, &key.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert!(matches!(bench.service.authenticate(&text).await, Err(Error::Unauthenticated(_))));
    assert_eq!(
        revoke(&bench, &bench.admin, &key.id).await.unwrap(),
        revoked,
        "revoked twice is revoked once"
    );
}

#[tokio::test]
async fn a_key_that_expired_does_nothing() {
    let bench = Bench::new().await;
    let soon = jiff::Timestamp::now() + std::time::Duration::from_millis(300);
    let new = NewKey { expires_at: Some(soon.to_string()), ..new_key(&[Scope::Keys], Limits::default()) };
    let text = create(&bench, &bench.admin, new).await.unwrap().key.unwrap();
    let caller = bench.service.authenticate(&text).await.unwrap();
    let later = NewKey {
        expires_at: Some("2999-01-01T00:00:00Z".into()),
        ..new_key(&[Scope::Keys], Limits::default())
    };
    assert!(
        matches!(create(&bench, &caller, later).await, Err(Error::Forbidden(_))),
        "no key outlives its maker"
    );
    let child = create(&bench, &caller, new_key(&[Scope::Keys], Limits::default())).await.unwrap();
    assert!(child.expires_at.is_some(), "what is not asked for is inherited");
    while jiff::Timestamp::now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for text in [text, child.key.unwrap()] {
        assert!(matches!(bench.service.authenticate(&text).await, Err(Error::Unauthenticated(_))));
    }
}

#[tokio::test]
async fn a_key_grants_no_more_than_it_has() {
    let bench = Bench::new().await;
    let limits = Limits { streams: Some(2), layers: Some(4), rate: Some(60) };
    let caller = bench.caller(&[Scope::Keys, Scope::StreamsWrite], limits).await;
    for more in [
        new_key(&[Scope::Admin], limits),
        new_key(&[Scope::Ingest], limits),
        new_key(&[Scope::Keys], Limits { streams: Some(3), ..limits }),
        new_key(&[Scope::Keys], Limits { layers: Some(5), ..limits }),
        new_key(&[Scope::Keys], Limits { rate: Some(61), ..limits }),
    ] {
        assert!(matches!(create(&bench, &caller, more.clone()).await, Err(Error::Forbidden(_))), "{more:?}");
    }
    let child = create(&bench, &caller, new_key(&[Scope::Keys], Limits::default())).await.unwrap();
    assert_eq!(child.limits, limits, "what is not asked for is inherited");
    let admin = bench.admin.id.clone();
    assert!(matches!(revoke(&bench, &caller, &admin).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_limit_on_streams_holds_for_a_key_and_all_that_it_makes() {
    let bench = Bench::new().await;
    let limits = Limits { streams: Some(2), layers: Some(4), rate: None };
    let parent = bench.caller(&[Scope::Keys, Scope::StreamsWrite], limits).await;
    let text = create(&bench, &parent, new_key(&[Scope::StreamsWrite], limits)).await.unwrap().key.unwrap();
    let child = bench.service.authenticate(&text).await.unwrap();
    for (caller, name) in [(&parent, "one"), (&child, "two")] {
        let mut change = bench.service.begin(caller).await.unwrap();
        let stream = change.create_stream(named(name)).await.unwrap();
        assert_eq!(stream.layers, 4, "as many as the key may have");
        change.commit().await.unwrap();
    }
    for caller in [&parent, &child] {
        let mut change = bench.service.begin(caller).await.unwrap();
        assert!(matches!(change.create_stream(named("three")).await, Err(Error::Forbidden(_))));
        let many = StreamChanges { layers: Some(5), ..StreamChanges::default() };
        assert_eq!(fields(change.change_stream("one", many).await.unwrap_err()), ["layers"]);
    }
    bench.create("three").await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let bench = Bench::new().await;
    let admin = bench.admin.id.clone();
    assert!(matches!(revoke(&bench, &bench.admin, &admin).await, Err(Error::Conflict { .. })));
    let second = bench.caller(&[Scope::Admin], Limits::default()).await;
    revoke(&bench, &second, &admin).await.unwrap();
    let last = second.id.clone();
    assert!(matches!(revoke(&bench, &second, &last).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_no_later_one_does() {
    let folder = TempDir::new().unwrap();
    let start = async || {
        let service =
            Service::new(Store::open(folder.path()).await.unwrap(), Settings::default()).await.unwrap();
        let mut made = None;
        service.ensure_administrator(None, |key| made = Some(key.to_owned())).await.unwrap();
        (service, made)
    };
    let (service, made) = start().await;
    let key = made.unwrap();
    assert!(service.authenticate(&key).await.unwrap().scopes.allow(Scope::Admin));
    drop(service);
    let (service, made) = start().await;
    assert_eq!(made, None);
    service.authenticate(&key).await.unwrap();
}

#[tokio::test]
async fn a_preset_administrator_takes_the_place_of_the_preset_before() {
    let bench = Bench::new().await;
    let other = "ak_zyxwvutsrqponmlkjihgfedcba765432";
    bench
        .service
        .ensure_administrator(Some(ADMIN), |_| panic!("a preset key is not announced"))
        .await
        .unwrap();
    bench.service.ensure_administrator(Some(other), |_| {}).await.unwrap();
    assert!(bench.service.authenticate(ADMIN).await.is_err());
    bench.service.authenticate(other).await.unwrap();
    bench.service.ensure_administrator(None, |_| panic!("there is one")).await.unwrap();
    for bad in ["", "ak_", "ak_short", "abcdefghijklmnopqrstuvwxyz", "ak_abcdefghijklmnopqrstu vwxyz"] {
        let refused = bench.service.ensure_administrator(Some(bad), |_| {}).await.unwrap_err();
        assert_eq!(fields(refused), ["STREAMD_ADMIN_KEY"], "{bad}");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_key_is_told_at_once() {
    let bench = Bench::new().await;
    let wrong = NewKey {
        name: "\n".into(),
        scopes: Vec::new(),
        limits: Some(Limits { streams: Some(-1), layers: Some(16), rate: Some(0) }),
        expires_at: Some("2001-01-01T00:00:00Z".into()),
    };
    let named = fields(create(&bench, &bench.admin, wrong).await.unwrap_err());
    assert_eq!(named, ["name", "scopes", "limits.streams", "limits.layers", "limits.rate", "expiresAt"]);
    for time in ["tomorrow", "2999-01-01", "2999-01-01T00:00:00", "2999-01-01T00:00:00+00:00[UTC]"] {
        let new = NewKey { expires_at: Some(time.into()), ..new_key(&[Scope::Keys], Limits::default()) };
        assert_eq!(fields(create(&bench, &bench.admin, new).await.unwrap_err()), ["expiresAt"], "{time}");
    }
}

#[tokio::test]
async fn a_key_sees_what_it_has_used_whatever_its_scopes_are() {
    let bench = Bench::with(Settings { max_streams: 4, ..Settings::default() }).await;
    let limits = Limits { streams: Some(3), ..Limits::default() };
    let parent = bench.caller(&[Scope::Keys, Scope::StreamsWrite], limits).await;
    let new = new_key(&[Scope::StreamsWrite], Limits { streams: Some(2), ..limits });
    let text = create(&bench, &parent, new).await.unwrap().key.unwrap();
    let child = bench.service.authenticate(&text).await.unwrap();
    let used = async |caller| {
        let usage = bench.service.own_key(caller).await.unwrap().usage;
        (usage.streams, usage.streams_left)
    };
    assert_eq!((used(&parent).await, used(&child).await), ((0, 3), (0, 2)));
    let mut change = bench.service.begin(&child).await.unwrap();
    change.create_stream(named("one")).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((used(&parent).await, used(&child).await), ((1, 2), (1, 1)));
    for name in ["two", "three"] {
        bench.create(name).await;
    }
    assert_eq!((used(&parent).await, used(&child).await), ((1, 1), (1, 1)), "the daemon has room for one");
    let own = bench.service.own_key(&child).await.unwrap();
    assert_eq!((own.key.id, own.key.limits.streams), (child.id, Some(2)));
}
