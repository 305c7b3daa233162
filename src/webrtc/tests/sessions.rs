//! Clients publish and watch through a network of which every datagram and every instant is the test's.

mod net;

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};
use fql_webrtc::{Event, MediaUnit, OfferError, Prepared, Preparer, TrickleError};
use net::{Client, KEY, Net, frame_bytes};
use proptest::prelude::*;
use str0m::RtcConfig;
use str0m::format::Codec;
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind};
use str0m::rtp::rtcp::Rtcp;

fn number(unit: &MediaUnit) -> u32 {
    net::number(&unit.data)
}

/// H.264 with start codes, and Opus.
fn preparer() -> Preparer {
    let (codec, frame_rate, config) = (VideoCodec::H264, (25, 1), vec![]);
    let video = EncodedVideoInfo { codec, width: 320, height: 240, frame_rate, config, caps: String::new() };
    let (codec, config) = (AudioCodec::Opus, vec![]);
    let sound = EncodedAudioInfo { codec, rate: 48_000, channels: 2, config, caps: String::new() };
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    let tracks = vec![
        track(1, ENCODED_VIDEO_LAYERS, Media::EncodedVideo(video)),
        track(2, ENCODED_AUDIO_LAYERS, Media::EncodedAudio(sound)),
    ];
    Preparer::new(&TrackTable::new(tracks).unwrap())
}

fn picture(preparer: &mut Preparer, frame: u32, key: bool) -> Prepared {
    let pts = 5_000_000_000 + u64::from(frame) * 40_000_000;
    let data = frame_bytes(frame, key).into();
    preparer.prepare(&MediaUnit { track: 1, pts, key, data }).unwrap()
}

/// The numbers of the pictures that a client got.
fn seen(client: &Client) -> Vec<u32> {
    let pictures = client.got.iter().filter(|data| data.params.spec().codec == Codec::H264);
    pictures.map(|data| net::number(&data.data)).collect()
}

fn offer(config: RtcConfig, direction: Direction) -> String {
    Client::new(std::time::Instant::now(), config, "192.0.2.9:1", direction, &[MediaKind::Video]).1
}

#[test]
fn what_a_client_publishes_comes_out_as_units_of_tracks() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    net.connect();
    net.publish(client, 0..25, |frame| frame == 0);
    net.run_until("the last picture", |net| net.units(id, 1).len() == 25);
    let tables = net.tables(id);
    assert_eq!(tables.len(), 1, "{tables:?}");
    let Media::EncodedVideo(video) = &tables[0].get(1).unwrap().media else { panic!("{tables:?}") };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 240));
    let Media::EncodedAudio(sound) = &tables[0].get(0).unwrap().media else { panic!("{tables:?}") };
    assert_eq!((sound.rate, sound.channels), (48_000, 2));
    let pictures = net.units(id, 1);
    assert!(pictures[0].key && pictures[1..].iter().all(|unit| !unit.key));
    assert_eq!(pictures[0].data, frame_bytes(0, true));
    assert_eq!(pictures.iter().map(|unit| number(unit)).collect::<Vec<_>>(), Vec::from_iter(0..25));
    let times: Vec<_> = pictures.windows(2).map(|pair| pair[1].pts - pair[0].pts).collect();
    assert!(times.iter().all(|time| time.abs_diff(40_000_000) < 2_000_000), "{times:?}");
    let sounds = net.units(id, 0);
    let last = sounds.iter().find(|unit| number(unit) == 48).unwrap();
    assert!(last.pts.abs_diff(pictures[24].pts) < 30_000_000, "{} {}", last.pts, pictures[24].pts);
}

#[test]
fn what_is_lost_of_a_handshake_that_the_server_begins_is_said_again() {
    for loses in [|number| number == 1, |number| number == 2] {
        let mut net = Net::new();
        net.loses_of_handshake = loses;
        net.waiting_publisher();
        net.connect_in_real_time();
        assert!(net.lost > 0);
    }
}

#[test]
fn a_key_picture_is_asked_for_where_a_publisher_begins_without_one() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    net.connect();
    net.publish(client, 0..5, |_| false);
    assert!(net.clients[client].keys_asked > 0);
    assert!(net.units(id, 1).is_empty());
    let asked = net.clients[client].keys_asked;
    net.publish(client, 5..8, |frame| frame == 5);
    net.run_until("the pictures", |net| net.units(id, 1).len() == 3);
    net.endpoint.ask_for_key(net.now, id);
    net.run_until("the request", |net| net.clients[client].keys_asked > asked);
}

#[test]
fn lost_packets_of_a_publisher_are_repaired() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    net.connect();
    net.loses = |number| number % 10 == 3;
    net.publish(client, 0..50, |frame| frame == 0);
    // That a packet was lost is known by the next one: without it nobody could ask for the very last again.
    net.loses = |_| false;
    net.publish(client, 50..51, |_| false);
    net.run_until("the last picture", |net| net.units(id, 1).last().is_some_and(|unit| number(unit) == 50));
    assert!(net.lost > 20, "{}", net.lost);
    assert_eq!(net.units(id, 1).len(), 51);
}

#[test]
fn pictures_after_one_that_is_lost_wait_for_a_key_picture() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    net.connect();
    net.publish(client, 0..5, |frame| frame == 0);
    net.loses = |_| true;
    // More than what the client keeps for repairs.
    net.publish(client, 5..40, |_| false);
    net.loses = |_| false;
    let asked = net.clients[client].keys_asked;
    net.publish(client, 40..80, |frame| frame == 70);
    net.run_until("the last picture", |net| net.units(id, 1).last().is_some_and(|unit| number(unit) == 79));
    let numbers: Vec<_> = net.units(id, 1).iter().map(|unit| number(unit)).collect();
    assert_eq!(numbers, Vec::from_iter((0..5).chain(70..80)));
    assert!(net.clients[client].keys_asked > asked);
}

#[test]
fn a_viewer_gets_every_picture_from_the_first_key_picture_on_although_packets_are_lost() {
    let mut net = Net::new();
    let mut preparer = preparer();
    let (client, id) = net.viewer(&preparer);
    net.connect();
    net.loses = |number| number % 10 == 3;
    for frame in 0..60 {
        net.endpoint.send(net.now, id, &picture(&mut preparer, frame, frame % 30 == 5));
        (0..8).for_each(|_| net.step());
    }
    net.loses = |_| false;
    net.endpoint.send(net.now, id, &picture(&mut preparer, 60, false));
    net.run_until("the last picture", |net| seen(&net.clients[client]).last() == Some(&60));
    assert!(net.lost > 20, "{}", net.lost);
    assert_eq!(seen(&net.clients[client]), Vec::from_iter(5..61));
}

#[test]
fn a_viewer_that_joins_gets_what_came_since_the_key_picture_at_times_that_hold_up_nothing() {
    let mut net = Net::new();
    let mut preparer = preparer();
    let (client, id) = net.viewer(&preparer);
    net.connect();
    let past: Vec<_> = (0..20).map(|frame| picture(&mut preparer, frame, frame == 0)).collect();
    net.endpoint.send_past(net.now, id, &past);
    net.endpoint.send(net.now, id, &picture(&mut preparer, 20, false));
    net.run_until("the pictures", |net| seen(&net.clients[client]).len() == 21);
    let got = &net.clients[client].got;
    let times: Vec<_> = got.iter().map(|data| data.time.rebase(Frequency::MILLIS).numer()).collect();
    assert_eq!(times[19] - times[0], 19);
    assert_eq!(times[20] - times[19], 40);
}

/// When which time of which medium was reported to be, in seconds, and the names of those who reported.
fn reported(client: &mut Client) -> (Vec<(MediaKind, f64, f64)>, Vec<String>) {
    let (mut times, mut names) = (Vec::new(), Vec::new());
    let video = client.rtc.direct_api().stream_rx_by_mid(client.mids[1], None).map(|stream| stream.ssrc());
    for report in &client.reports {
        match report {
            Rtcp::SenderReport(report) => {
                let info = report.sender_info;
                let (kind, rate) = match Some(info.ssrc) == video {
                    true => (MediaKind::Video, 90_000.0),
                    false => (MediaKind::Audio, 48_000.0),
                };
                let wall = info.ntp_time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
                times.push((kind, wall, info.rtp_time.numer() as f64 / rate));
            }
            Rtcp::SourceDescription(descriptions) => {
                let values = descriptions.reports.iter().flat_map(|source| source.values.iter());
                names.extend(values.map(|(_, name)| name.clone()));
            }
            _ => {}
        }
    }
    (times, names)
}

#[test]
fn viewers_are_told_early_and_rightly_which_times_of_sound_and_picture_are_the_same() {
    let mut net = Net::new();
    let mut preparer = preparer();
    let (client, id) = net.viewer(&preparer);
    net.connect();
    // Nobody knows yet what time it is in the stream.
    (0..500).for_each(|_| net.step());
    assert!(reported(&mut net.clients[client]).0.is_empty());
    // Pictures come 80 ms before their time, as the first of those do that B-frames need, and sound 40 ms late.
    for frame in 0..30 {
        net.endpoint.send(net.now, id, &picture(&mut preparer, frame + 2, frame == 0));
        for half in [0, 20] {
            let pts = 5_000_000_000 + u64::from(frame) * 40_000_000 + half * 1_000_000 - 40_000_000;
            let sound = MediaUnit { track: 2, pts, key: true, data: vec![0xfc, 1, 2, 3, 4].into() };
            net.endpoint.send(net.now, id, &preparer.prepare(&sound).unwrap());
        }
        (0..8).for_each(|_| net.step());
        if frame == 1 {
            let kinds: Vec<_> = reported(&mut net.clients[client]).0.iter().map(|report| report.0).collect();
            assert!(kinds.contains(&MediaKind::Audio) && kinds.contains(&MediaKind::Video), "{kinds:?}");
        }
    }
    let (times, names) = reported(&mut net.clients[client]);
    let of = |kind| times.iter().filter(move |report| report.0 == kind);
    assert!(of(MediaKind::Video).count() >= 3 && of(MediaKind::Audio).count() >= 3, "{times:?}");
    let (_, wall, time) = times[0];
    for (_, other_wall, other_time) in &times {
        let apart = (other_wall - wall) - (other_time - time);
        assert!(apart.abs() < 0.001, "{apart} s apart: {times:?}");
    }
    assert!(names.len() >= 6 && names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[test]
fn answers_say_that_sound_and_picture_are_of_one_stream() {
    let mut net = Net::new();
    let kinds = [MediaKind::Audio, MediaKind::Video];
    let (_, offer) = Client::new(net.now, RtcConfig::new(), "192.0.2.9:1", Direction::RecvOnly, &kinds);
    let (_, answer) = net.endpoint.play(net.now, &offer, &preparer()).unwrap();
    let streams = answer.lines().filter_map(|line| line.strip_prefix("a=msid:")?.split(' ').next());
    let streams: Vec<_> = streams.collect();
    assert!(streams.len() == 2 && streams[0] == streams[1], "{answer}");
    let names: Vec<_> = answer.lines().filter_map(|line| line.split_once(" cname:")).collect();
    assert!(names.len() >= 2 && names.iter().all(|(_, name)| *name == names[0].1), "{answer}");
}

#[test]
fn a_viewer_that_loses_its_pictures_asks_for_a_key_picture() {
    let mut net = Net::new();
    let mut preparer = preparer();
    let (client, id) = net.viewer(&preparer);
    net.connect();
    net.endpoint.send(net.now, id, &picture(&mut preparer, 0, true));
    net.endpoint.send(net.now, id, &picture(&mut preparer, 1, false));
    net.run_until("the pictures", |net| !seen(&net.clients[client]).is_empty());
    let video = net.clients[client].mids[1];
    let mut writer = net.clients[client].rtc.writer(video).unwrap();
    writer.request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
    net.run_until("the request", |net| net.events.contains(&(id, Event::KeyAsked)));
}

#[test]
fn a_session_of_which_nothing_is_heard_is_over() {
    let mut net = Net::new();
    let (_, id) = net.publisher();
    net.connect();
    net.clients.clear();
    net.run_until("the end", |net| net.events.contains(&(id, Event::Ended)));
    assert_eq!(net.endpoint.sessions(), 0);
    assert_eq!(net.endpoint.poll_timeout(), None);
}

#[test]
fn a_closed_session_is_gone_and_its_client_knows() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    net.connect();
    net.endpoint.close(net.now, id);
    assert_eq!(net.endpoint.sessions(), 0);
    net.run_until("the goodbye", |net| !net.clients[client].rtc.is_alive());
}

#[test]
fn offers_that_cannot_be_answered_say_why() {
    let mut net = Net::new();
    let now = net.now;
    assert!(matches!(net.endpoint.publish(now, "hello"), Err(OfferError::Malformed(_))));
    assert!(matches!(net.endpoint.publish(now, ""), Err(OfferError::Malformed(_))));
    let offer = offer(RtcConfig::new().clear_codecs().enable_vp8(true), Direction::RecvOnly);
    assert!(matches!(net.endpoint.play(now, &offer, &preparer()), Err(OfferError::NoCommonMedia(_))));
    assert!(matches!(net.endpoint.publish(now, &offer), Err(OfferError::NoCommonMedia(_))));
    assert_eq!(net.endpoint.sessions(), 0);
}

#[test]
fn there_are_no_more_sessions_than_there_may_be() {
    let mut net = Net::new();
    (0..8).for_each(|_| {
        net.publisher();
    });
    let offer = offer(RtcConfig::new(), Direction::SendOnly);
    assert_eq!(net.endpoint.publish(net.now, &offer).unwrap_err(), OfferError::Full);
}

#[test]
fn viewers_leave_room_for_publishers() {
    let mut net = Net::with_room_for(10);
    let viewing = preparer();
    let offer = offer(RtcConfig::new(), Direction::RecvOnly);
    for _ in 0..9 {
        net.endpoint.play(net.now, &offer, &viewing).unwrap();
    }
    assert_eq!(net.endpoint.play(net.now, &offer, &viewing).unwrap_err(), OfferError::Full);
    net.publisher();
    assert_eq!(net.endpoint.sessions(), 10);
}

#[test]
fn candidates_that_come_late_are_checked_against_their_session() {
    let mut net = Net::new();
    let (client, id) = net.publisher();
    let ufrag = net.clients[client].rtc.direct_api().local_ice_credentials().ufrag;
    let fragment = |ufrag: &str| format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:x\r\na=end-of-candidates\r\n");
    assert_eq!(net.endpoint.trickle(id, &fragment(&ufrag)), Ok(()));
    assert_eq!(net.endpoint.trickle(id, &fragment("another")), Err(TrickleError::Restart));
    net.endpoint.close(net.now, id);
    assert_eq!(net.endpoint.trickle(id, &fragment(&ufrag)), Err(TrickleError::NoSession));
}

#[test]
fn clients_are_told_where_to_come_and_that_they_are_to_begin() {
    let mut net = Net::new();
    let (_, answer) = net.endpoint.publish(net.now, &offer(RtcConfig::new(), Direction::SendOnly)).unwrap();
    assert!(answer.contains("a=ice-lite"), "{answer}");
    assert!(answer.contains("192.0.2.1 8189 typ host"), "{answer}");
    assert!(answer.contains("a=setup:passive"), "{answer}");
}

#[test]
fn checks_that_are_not_signed_with_the_sessions_password_change_nothing() {
    let mut net = Net::new();
    let (client, _) = net.publisher();
    net.connect();
    // A datagram of media from elsewhere is of no session, although it is one of its own.
    let before = net.events.len();
    net.endpoint.receive(net.now, "198.51.100.1:9".parse().unwrap(), None, &KEY[3..]);
    net.publish(client, 0..2, |frame| frame == 0);
    assert!(net.events.len() > before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_offer_is_answered_or_an_error(
        lines in prop::collection::vec("[a-z]=[ -~]{0,60}", 0..12), cut in 0usize..4000,
    ) {
        let mut net = Net::new();
        let _ = net.endpoint.publish(net.now, &lines.join("\r\n"));
        let offer = offer(RtcConfig::new(), Direction::SendOnly);
        let damaged = [&offer[..cut.min(offer.len())], &lines.join("\r\n")].concat();
        let _ = net.endpoint.publish(net.now, &damaged);
    }

    #[test]
    fn any_datagrams_leave_the_sessions_alone(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        let mut net = Net::new();
        net.publisher();
        net.connect();
        let (now, client) = (net.now, net.clients[0].address);
        for datagram in &datagrams {
            net.endpoint.receive(now, "198.51.100.1:9".parse().unwrap(), None, datagram);
            net.endpoint.receive(now, client, None, datagram);
        }
        prop_assert_eq!(net.endpoint.sessions(), 1);
    }
}
