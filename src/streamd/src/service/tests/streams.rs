use fql_transport::StreamKey;

use super::*;
use crate::service::sources::{SourceEvent, SourceOutcome};
use crate::service::streams::{RingSize, StreamType};

macro_rules! changed {
    ($bench:expr, $name:ident($($argument:expr),*)) => {{
        let mut change = $bench.service.begin(&$bench.admin).await.unwrap();
        let stream = change.$name($($argument),*).await.unwrap();
        change.commit().await.unwrap();
        stream
    }};
}

#[tokio::test]
async fn a_new_stream_has_what_publishers_and_viewers_need() {
    let bench = Bench::new().await;
    let stream = bench.create("my-first-stream").await;
    assert_eq!((stream.layers, stream.fec.as_str(), stream.region.as_str()), (12, "adaptive", "local"));
    assert_eq!(stream.state, State::Offline);
    assert_eq!(stream.ingest.fql, "udp://127.0.0.1:4242/my-first-stream");
    assert_eq!(stream.ingest.rtmp.as_deref(), Some("rtmp://127.0.0.1:1935/live"));
    assert_eq!(stream.ingest.srt.as_deref(), Some("srt://127.0.0.1:9000"));
    assert_eq!(stream.ingest.whip.as_deref(), Some("http://127.0.0.1:8080/whip"));
    assert_eq!(stream.playback.page, "http://127.0.0.1:8080/v/my-first-stream");
    assert_eq!(
        stream.playback.fql,
        format!("fql://127.0.0.1:4242/play/{}?server-key=server-key", stream.playback_id)
    );

    let text = stream.stream_key.as_deref().unwrap();
    let key = StreamKey::parse(text).unwrap();
    let entry = bench.service.directory().by_key_id(&key.id()).unwrap();
    assert_eq!((entry.id.as_str(), entry.layers, entry.paused), (stream.id.as_str(), 12, false));
    assert_eq!(bench.service.directory().by_playback_id(&stream.playback_id).unwrap().id, stream.id);
    assert_eq!(bench.service.ingest_settings(text).unwrap().stream, "my-first-stream");
    let found = bench.service.stream(&bench.admin, "my-first-stream").await.unwrap();
    assert_eq!(found, bench.service.stream(&bench.admin, &stream.id).await.unwrap());
    assert_eq!(found, stream);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_stream_is_told_at_once() {
    let bench = Bench::new().await;
    let wrong = NewStream {
        name: "My Stream".into(),
        description: Some("x".repeat(1001)),
        kind: Some(StreamType::Pull),
        source: Some("ftp://camera".into()),
        always: None,
        layers: Some(16),
        fec: Some("equal:99".into()),
        region: Some("mars".into()),
        record: Some(true),
        ring: Some(RingSize { seconds: Some(0), bytes: Some(1) }),
        srt_passphrase: Some("too short".into()),
    };
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    let mut named = fields(change.create_stream(wrong).await.unwrap_err());
    named.sort();
    let expected = [
        "description",
        "fec",
        "layers",
        "name",
        "record",
        "region",
        "ring.bytes",
        "ring.seconds",
        "source",
        "srtPassphrase",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn a_passphrase_of_srt_is_for_publishers_and_can_be_changed_and_taken_away() {
    let bench = Bench::new().await;
    let new = NewStream { srt_passphrase: Some("open sesame".replace(' ', "-")), ..named("camera") };
    let stream = changed!(bench, create_stream(new));
    assert_eq!(stream.srt_passphrase.as_deref(), Some("open-sesame"));
    let directory = bench.service.directory();
    let known = || directory.by_id(&stream.id).unwrap().srt_passphrase.clone();
    assert_eq!(known().unwrap().reveal(), "open-sesame");
    assert!(!format!("{:?}", known()).contains("sesame"));
    let row = crate::store::streams::find(bench.service.store().read(), "camera").await.unwrap().unwrap();
    let sealed = row.srt_passphrase.as_deref().unwrap();
    assert!(!sealed.contains("sesame"));
    assert!(bench.service.store().vault().open_text(&stream.id, sealed).is_err(), "it is no stream key");

    let change = |text: &str| StreamChanges { srt_passphrase: Some(text.into()), ..StreamChanges::default() };
    let same = changed!(bench, change_stream("camera", change("open-sesame")));
    assert_eq!(same.updated_at, stream.updated_at, "nothing has changed");
    changed!(bench, change_stream("camera", change("another-secret")));
    assert_eq!(known().unwrap().reveal(), "another-secret");
    let other = StreamChanges { description: Some("hall".into()), ..StreamChanges::default() };
    changed!(bench, change_stream("camera", other));
    assert_eq!(known().unwrap().reveal(), "another-secret");
    let without = changed!(bench, change_stream("camera", change("")));
    assert_eq!((without.srt_passphrase, known()), (None, None));

    for wrong in ["short", &"x".repeat(80), "with a space in it", "mit-Umlaut-\u{e4}\u{e4}\u{e4}"] {
        let mut refused = bench.service.begin(&bench.admin).await.unwrap();
        let error = refused.change_stream("camera", change(wrong)).await.unwrap_err();
        assert!(!error.to_string().contains(wrong));
        assert_eq!(fields(error), ["srtPassphrase"], "{wrong:?}");
    }
    changed!(bench, change_stream("camera", change("another-secret")));
    let archived = changed!(bench, archive_stream("camera"));
    assert_eq!(archived.srt_passphrase, None);
}

#[tokio::test]
async fn names_are_one_to_63_of_a_few_characters() {
    let bench = Bench::new().await;
    for good in ["a", "0", "-", &"x".repeat(63)] {
        bench.create(good).await;
    }
    for bad in ["", "A", "a b", "a_b", "ä", "a/b", "a\n", &"x".repeat(64)] {
        let mut change = bench.service.begin(&bench.admin).await.unwrap();
        assert_eq!(fields(change.create_stream(named(bad)).await.unwrap_err()), ["name"], "{bad:?}");
    }
}

#[tokio::test]
async fn a_name_is_taken_until_its_stream_is_archived() {
    let bench = Bench::new().await;
    let first = bench.create("camera").await;
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    let refused = change.create_stream(named("camera")).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict { field: Some("name"), .. }), "{refused}");
    drop(change);

    let archived = changed!(bench, archive_stream("camera"));
    assert_eq!((archived.state, archived.stream_key), (State::Archived, None));
    let key = StreamKey::parse(first.stream_key.as_deref().unwrap()).unwrap();
    assert!(bench.service.directory().by_key_id(&key.id()).is_none(), "its key is refused");
    assert!(bench.service.ingest_settings(first.stream_key.as_deref().unwrap()).is_err());
    assert!(bench.service.directory().by_playback_id(&first.playback_id).is_none());
    assert_eq!(*bench.media.told.lock().unwrap(), [(first.id.clone(), LiveChange::Archived)]);

    let second = bench.create("camera").await;
    assert_ne!(second.id, first.id);
    assert_ne!(second.stream_key, first.stream_key);
    assert_eq!(bench.service.stream(&bench.admin, "camera").await.unwrap().id, second.id);
    assert_eq!(bench.service.stream(&bench.admin, &first.id).await.unwrap().state, State::Archived);
}

#[tokio::test]
async fn an_archived_stream_is_not_changed_any_more() {
    let bench = Bench::new().await;
    let stream = bench.create("camera").await;
    let archived = changed!(bench, archive_stream(&stream.id));
    let again = changed!(bench, archive_stream(&stream.id));
    assert_eq!(archived, again, "archived twice is archived once");
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    for refused in [
        change.pause_stream(&stream.id).await,
        change.resume_stream(&stream.id).await,
        change.rotate_stream_key(&stream.id).await,
        change.change_stream(&stream.id, StreamChanges::default()).await,
    ] {
        assert!(matches!(refused, Err(Error::Conflict { .. })));
    }
}

#[tokio::test]
async fn a_change_is_seen_by_media_when_it_is_made_and_not_before() {
    let bench = Bench::new().await;
    let stream = bench.create("camera").await;
    let paused = |bench: &Bench| bench.service.directory().by_id(&stream.id).unwrap().paused;

    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    assert_eq!(change.pause_stream("camera").await.unwrap().state, State::Paused);
    assert!(!paused(&bench));
    drop(change);
    assert_eq!(
        bench.service.stream(&bench.admin, "camera").await.unwrap().state,
        State::Offline,
        "it never was"
    );

    changed!(bench, pause_stream("camera"));
    assert!(paused(&bench));
    changed!(bench, pause_stream("camera"));
    changed!(bench, resume_stream("camera"));
    assert!(!paused(&bench));
    let told = bench.media.told.lock().unwrap().iter().map(|(_, change)| *change).collect::<Vec<_>>();
    assert_eq!(told, [LiveChange::Paused, LiveChange::Resumed], "what changes nothing is not told");
}

#[tokio::test]
async fn a_rotated_key_takes_the_place_of_the_one_before() {
    let bench = Bench::new().await;
    let before = bench.create("camera").await.stream_key.unwrap();
    let after = changed!(bench, rotate_stream_key("camera")).stream_key.unwrap();
    assert_ne!(before, after);
    assert!(bench.service.ingest_settings(&before).is_err());
    assert_eq!(bench.service.ingest_settings(&after).unwrap().stream, "camera");
    assert_eq!(bench.media.told.lock().unwrap()[0].1, LiveChange::KeyRotated);
}

#[tokio::test]
async fn only_what_is_named_is_changed() {
    let bench = Bench::new().await;
    let before = bench.create("camera").await;
    let changes = StreamChanges {
        name: Some("stage".into()),
        fec: Some("unequal: 3,2,1,0".into()),
        ring: Some(RingSize { seconds: Some(10), bytes: None }),
        ..StreamChanges::default()
    };
    let after = changed!(bench, change_stream("camera", changes));
    assert_eq!(
        (after.name.as_str(), after.fec.as_str(), after.layers),
        ("stage", "unequal:3,2,1,0", before.layers)
    );
    assert_eq!(after.ring, RingSize { seconds: Some(10), bytes: before.ring.bytes });
    assert_eq!(after.stream_key, before.stream_key);
    assert!(after.updated_at >= before.updated_at);
    assert!(bench.service.directory().by_name("camera").is_none());
    assert_eq!(bench.service.directory().by_name("stage").unwrap().ring.seconds, 10);
    let same = changed!(bench, change_stream("stage", StreamChanges::default()));
    assert_eq!(same, after);
}

#[tokio::test]
async fn a_stream_key_is_shown_to_those_who_may_see_it() {
    let bench = Bench::new().await;
    bench.create("camera").await;
    let reader = bench.caller(&[Scope::StreamsRead], Limits::default()).await;
    assert_eq!(bench.service.stream(&reader, "camera").await.unwrap().stream_key, None);
    let encoder = bench.caller(&[Scope::StreamsRead, Scope::Ingest], Limits::default()).await;
    assert!(bench.service.stream(&encoder, "camera").await.unwrap().stream_key.is_some());

    let mut change = bench.service.begin(&reader).await.unwrap();
    let refused = change.pause_stream("camera").await.unwrap_err();
    assert!(matches!(refused, Error::Scope(Scope::StreamsWrite)), "{refused}");
    let writer = bench.caller(&[Scope::StreamsWrite], Limits::default());
    drop(change);
    let writer = writer.await;
    assert!(bench.service.stream(&writer, "camera").await.is_err(), "to write is not to read");
    let mut change = bench.service.begin(&writer).await.unwrap();
    assert_eq!(change.create_stream(named("second")).await.unwrap().stream_key, None);
}

#[tokio::test]
async fn pages_hold_every_stream_once_while_others_come_and_go() {
    let bench = Bench::new().await;
    for number in 0..7 {
        bench.create(&format!("stream-{number}")).await;
    }
    let mut names = Vec::new();
    let mut request = PageRequest::new(Some(3), None).unwrap();
    loop {
        let page = bench.service.streams(&bench.admin, false, &request).await.unwrap();
        assert!(page.items.len() <= 3);
        names.extend(page.items.into_iter().map(|stream| stream.name));
        if names.len() == 3 {
            changed!(bench, archive_stream("stream-0"));
        }
        let Some(next) = page.next else { break };
        request = PageRequest::new(Some(3), Some(&next.to_text())).unwrap();
    }
    assert_eq!(names, (0..7).map(|number| format!("stream-{number}")).collect::<Vec<_>>());
    let archived = bench.service.streams(&bench.admin, true, &PageRequest::default()).await.unwrap();
    assert_eq!(archived.items.len(), 1);
    assert!(archived.next.is_none());
}

#[tokio::test]
async fn what_media_does_is_the_streams_state() {
    let bench = Bench::new().await;
    let stream = bench.create("camera").await;
    bench.media.live.lock().unwrap().push(stream.id.clone());
    bench.service.went_live(&stream.id).await.unwrap();
    let stats = bench.service.stream_stats(&bench.admin, "camera").await.unwrap();
    assert_eq!((stats.state, stats.live.viewers), (State::Live, 3));
    changed!(bench, pause_stream("camera"));
    assert_eq!(bench.service.stream(&bench.admin, "camera").await.unwrap().state, State::Paused);
}

#[tokio::test]
async fn a_restart_keeps_streams_and_ends_what_was_live() {
    let bench = Bench::new().await;
    let stream = bench.create("camera").await;
    let gone = bench.create("gone").await;
    changed!(bench, archive_stream("gone"));
    changed!(bench, pause_stream("camera"));
    bench.service.went_live(&stream.id).await.unwrap();
    let bench = bench.restart().await;
    let entry = bench.service.directory().by_id(&stream.id).unwrap();
    assert!(entry.paused);
    assert!(bench.service.directory().by_id(&gone.id).is_none());
    assert_eq!(
        bench.service.ingest_settings(stream.stream_key.as_deref().unwrap()).unwrap().stream,
        "camera"
    );
    let row = crate::store::streams::find(bench.service.store().read(), "camera").await.unwrap().unwrap();
    assert_eq!(row.live_since, None);
}

#[tokio::test]
async fn the_daemons_own_bound_on_streams_holds() {
    let bench = Bench::with(Settings { max_streams: 2, ..Settings::default() }).await;
    bench.create("one").await;
    bench.create("two").await;
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    assert!(matches!(change.create_stream(named("three")).await, Err(Error::Forbidden(_))));
    drop(change);
    changed!(bench, archive_stream("one"));
    bench.create("three").await;
}

#[tokio::test]
async fn viewers_wait_for_no_change_where_nobody_wants_to_be_told_of_them() {
    let bench = Bench::new().await;
    let stream = bench.create("news").await;
    let viewer = Viewer { id: "view_a".into(), protocol: "fql".into(), address: "192.0.2.1:1".into() };
    let _change = bench.service.begin(&bench.admin).await.unwrap();
    let joined = bench.service.viewer_joined(&stream.id, &viewer);
    tokio::time::timeout(std::time::Duration::from_secs(10), joined)
        .await
        .expect("it does not wait")
        .unwrap();
}

#[tokio::test]
async fn an_event_tells_the_state_that_it_brought_though_media_is_further_by_now() {
    let bench = Bench::new().await;
    let stream = bench.create("news").await;
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    let webhook = serde_json::from_str(r#"{"url": "https://example.com/"}"#).unwrap();
    let rules = crate::webhooks::manage::Rules::new(&Config::default().webhooks);
    crate::webhooks::manage::create(&mut change, &rules, webhook).await.unwrap();
    change.commit().await.unwrap();

    // It went live and offline again, and is live now: media is ahead of what the store has been told.
    bench.service.went_live(&stream.id).await.unwrap();
    bench.media.live.lock().unwrap().push(stream.id.clone());
    bench.service.went_offline(&stream.id).await.unwrap();

    let bodies = sqlx::query_scalar::<_, String>("SELECT body FROM deliveries ORDER BY sequence");
    let told = bodies.fetch_all(bench.service.store().read()).await.unwrap();
    let told = told.iter().map(|body| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        (body["type"].as_str().unwrap().to_owned(), body["data"]["state"].as_str().unwrap().to_owned())
    });
    let expected = [("stream.live", "live"), ("stream.offline", "offline")];
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(kind, state)| (kind.to_owned(), state.to_owned())));
}

#[tokio::test]
async fn the_latest_hundred_attempts_to_open_a_source_are_kept() {
    let bench = Bench::new().await;
    let source = Some("rtsp://camera/live".to_owned());
    let new = NewStream { kind: Some(StreamType::Pull), source, ..named("camera") };
    let stream = changed!(bench, create_stream(new));
    let other = bench.create("other").await;
    for took_ms in 0..103 {
        let event = SourceEvent {
            at: jiff::Timestamp::now(),
            outcome: SourceOutcome::Failed,
            reason: Some("refused".to_owned()),
            detail: None,
            address: None,
            took_ms,
        };
        bench.service.source_event(&stream.id, &event).await.unwrap();
    }
    let events = bench.service.source_events(&bench.admin, "camera").await.unwrap();
    let kept: Vec<_> = events.iter().map(|event| event.took_ms).collect();
    assert_eq!(kept, (3..103).rev().collect::<Vec<_>>(), "the newest is the first");
    assert_eq!(bench.service.source_events(&bench.admin, &other.id).await.unwrap(), []);
}
