//! Whatever a server sends, and whatever a page passes, the module goes on: a panic would end the worker.

mod server;

use fql_codec::video::{Encoder, EncoderConfig, Plane, Rate};
use fql_player::Module;
use fql_transport::Time;
use fql_unit::{AudioFormat, Chroma};
use proptest::collection::vec;
use proptest::prelude::*;

const NOW: Time = Time::from_nanos(1_800_000_000_000_000_000);

fn write(module: &mut Module, bytes: &[u8]) {
    module.input(bytes.len()).unwrap().copy_from_slice(bytes);
}

/// A unit of a picture of 48 x 40.
fn picture() -> Vec<u8> {
    let (width, height, format) = (48, 40, Chroma::Yuv420.into());
    let config = EncoderConfig { width, height, format, layers: 12, slices: 3, threads: 1, motion: None };
    let samples: Vec<u8> = (0..48 * 40).map(|at| (at * at % 251) as u8).collect();
    let planes = [(48, 48 * 40), (24, 24 * 20), (24, 24 * 20)];
    let planes = planes.map(|(stride, len)| Plane::bytes(&samples[..len], stride));
    Encoder::new(config).unwrap().encode(&planes, Rate::WholeLadder).unwrap().to_bytes()
}

/// A unit of sound.
fn sound() -> Vec<u8> {
    let config =
        fql_codec::audio::EncoderConfig { rate: 8000, channels: 2, format: AudioFormat::S24, layers: 12 };
    let mut encoder = fql_codec::audio::Encoder::new(config).unwrap();
    let samples: Vec<i32> = (0..2 * encoder.frame_len()).map(|at| (at * 997 % 30_011) as i32).collect();
    encoder.encode(&samples, fql_codec::audio::Rate::WholeLadder).unwrap().to_bytes()
}

/// Bytes with some of them changed, and perhaps cut.
fn changed(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = bytes.len();
    let changes = vec((0..len, any::<u8>()), 0..12);
    (changes, 0..=len, any::<bool>()).prop_map(move |(changes, cut, is_cut)| {
        let mut bytes = bytes.clone();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        bytes.truncate(if is_cut { cut } else { len });
        bytes
    })
}

#[test]
fn pictures_that_would_take_too_much_memory_are_refused_in_words() {
    let mut module = Module::default();
    let refused = module.new_video(8192, 8192, Chroma::Yuv420).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a picture of 8192 x 8192 is too large for a browser: at most 9437184 pixels (4096 x 2304)"
    );
    assert!(module.new_video(0, 100, Chroma::Yuv420).is_err());
    assert!(module.new_video(u32::MAX, u32::MAX, Chroma::Yuv420).is_err());
    assert!(module.new_sound(0, 2, 16).is_err());
    assert!(module.new_sound(48_000, 300, 16).is_err());
    assert!(module.new_sound(48_000, 2, 20).is_err());
}

#[test]
fn a_module_holds_a_few_decoders_and_not_any_number() {
    let mut module = Module::default();
    let made: Vec<_> = (0..100).map_while(|_| module.new_video(16, 16, Chroma::Grey).ok()).collect();
    assert_eq!(made.len(), 16);
    module.free(made[0]);
    assert!(module.new_video(16, 16, Chroma::Grey).is_ok(), "one that was freed makes room");
}

#[test]
fn what_does_not_fit_or_does_not_exist_is_an_error_and_no_panic() {
    let mut module = Module::default();
    assert!(module.input(usize::MAX).is_none());
    assert!(module.video_decode(5, 14).is_err());
    assert!(module.sound_decode(5, 0.0, false, 14).is_err());
    assert!(module.video_planes(5).is_empty() && module.sound_planes(5).is_empty());
    assert!(!module.session_transmit(5, 0.0) && !module.session_stats(5, 0.0));
    assert_eq!((module.session_event(5), module.session_timeout(5)), (0, f64::INFINITY));
    module.free(5);
    let sound = module.new_sound(8000, 1, 24).unwrap();
    assert!(module.video_decode(sound, 14).is_err(), "sound decodes no pictures");
}

#[test]
fn times_that_are_no_times_are_taken() {
    let mut module = Module::default();
    let session = server::open(&mut module, &"A".repeat(43), NOW);
    for now in [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX] {
        module.session_transmit(session, now);
        module.session_event(session);
        module.session_datagram(session, now);
        module.session_timeout(session);
    }
    let decoder = module.new_sound(8000, 2, 24).unwrap();
    for pts in [0.0, f64::NAN, f64::INFINITY, -1e300, 1e300, 5.0] {
        write(&mut module, &sound());
        let heard = module.sound_decode(decoder, pts, true, 14).unwrap();
        assert!(heard.filled <= 2000, "{heard:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_a_datagram(datagrams in vec(vec(any::<u8>(), 0..1300), 0..20)) {
        let mut module = Module::default();
        let session = server::open(&mut module, &"A".repeat(43), NOW);
        for (at, datagram) in datagrams.iter().enumerate() {
            let now = server::millis(NOW) + 300.0 * at as f64;
            write(&mut module, datagram);
            module.session_datagram(session, now);
            while module.session_transmit(session, now) {}
            while module.session_event(session) != 0 {}
        }
        prop_assert!(module.session_stats(session, server::millis(NOW)));
    }

    #[test]
    fn any_bytes_are_options_of_a_session(bytes in vec(any::<u8>(), 0..200), lengths: [u8; 3], latency: u32, max: u32) {
        let mut module = Module::default();
        write(&mut module, &bytes);
        let [key, playback_id, token] = lengths.map(usize::from);
        let lengths = fql_player::SessionInput { key, playback_id, token };
        let _ = module.open_session(0.0, latency, max, lengths);
    }

    #[test]
    fn any_bytes_are_a_unit(bytes in vec(any::<u8>(), 0..2000), layer: u32) {
        let mut module = Module::default();
        let video = module.new_video(48, 40, Chroma::Yuv420).unwrap();
        let audio = module.new_sound(8000, 2, 24).unwrap();
        write(&mut module, &bytes);
        let _ = module.video_decode(video, layer);
        write(&mut module, &bytes);
        prop_assert!(module.sound_decode(audio, 0.0, false, layer).unwrap().concealed);
    }

    #[test]
    fn a_unit_with_errors_makes_a_picture_or_words(bytes in changed(picture()), layer in 0..15u32) {
        let mut module = Module::default();
        let decoder = module.new_video(48, 40, Chroma::Yuv420).unwrap();
        for unit in [picture(), bytes, picture()] {
            write(&mut module, &unit);
            if let Err(error) = module.video_decode(decoder, layer) {
                prop_assert!(!error.to_string().is_empty());
            }
            prop_assert_eq!(module.video_planes(decoder).len(), 48 * 40 * 3 / 2);
        }
    }

    #[test]
    fn a_unit_of_sound_with_errors_makes_sound(bytes in changed(sound()), lost: bool) {
        let mut module = Module::default();
        let decoder = module.new_sound(8000, 2, 24).unwrap();
        for (at, unit) in [sound(), bytes, sound()].into_iter().enumerate() {
            write(&mut module, &unit);
            let heard = module.sound_decode(decoder, 16.0 * at as f64, lost, 14).unwrap();
            let planes = module.sound_planes(decoder);
            prop_assert_eq!(planes.len(), 2 * (heard.filled + heard.samples));
            prop_assert!(planes.iter().all(|sample| (-1.0..=1.0).contains(sample)));
        }
    }
}
