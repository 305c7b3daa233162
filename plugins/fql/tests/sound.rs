//! Sound of every format and layout: there and back bit for bit, through the elements alone and over a link.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::{Player, Receiver, bytes};
use gst::prelude::*;
use gst_audio::AudioFormat::{self, F32le, S16le, S24le, S32le, S2432le};
use gst_check::Harness;

/// All raw formats that are taken and given, with a rate to try each with.
const FORMATS: [(AudioFormat, i32); 5] =
    [(S16le, 48_000), (S24le, 44_100), (S2432le, 96_000), (S32le, 32_000), (F32le, 8_000)];

/// The channel masks that are tried: what is usual for this many channels, where there is no other.
fn masks(channels: i32) -> Vec<u64> {
    match channels {
        1 => vec![0, 0x4],
        2 => vec![0x3, 0, 0xc00],
        3 => vec![0x7, 0],
        4 => vec![0x33, 0],
        5 => vec![0x37, 0],
        6 => vec![0x3f, 0x60f],
        7 => vec![0x13f, 0],
        _ => vec![0xc3f, 0],
    }
}

fn raw(format: AudioFormat, rate: i32, channels: i32, mask: u64) -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", format.to_str())
        .field("layout", "interleaved")
        .field("rate", rate)
        .field("channels", channels)
        .field("channel-mask", gst::Bitmask::new(mask))
        .build()
}

/// Samples of 24 bits: a swelling tone in each channel, and noise in all bits; the extremes are there.
fn samples(count: usize, channels: usize) -> Vec<i32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 20) as i32 - 2_048
    };
    let tone =
        |n: usize| (n as f64 * 0.03 * (1.0 + (n % channels) as f64)).sin() * 3e6 * (n as f64 * 1e-4).sin();
    let mut all: Vec<i32> = (0..count * channels).map(|n| tone(n / channels) as i32 + noise()).collect();
    all[0] = -0x80_0000;
    all[channels] = 0x7f_ffff;
    all
}

/// The bytes of samples of 24 bits in a format; of those of 16 bits the upper two thirds.
fn packed(samples: &[i32], format: AudioFormat) -> Vec<u8> {
    let sample = |value: &i32| match format {
        S16le => ((value >> 8) as i16).to_le_bytes().to_vec(),
        S24le => value.to_le_bytes()[..3].to_vec(),
        S2432le => value.to_le_bytes().to_vec(),
        S32le => (value << 8).to_le_bytes().to_vec(),
        _ => (*value as f32 / 8_388_608.0).to_le_bytes().to_vec(),
    };
    samples.iter().flat_map(sample).collect()
}

fn buffer(bytes: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    buffer
}

fn encoder() -> gst::Element {
    gst::ElementFactory::make("fqlaudioenc").property("bitrate", 0u32).build().unwrap()
}

/// The units of sound that comes as one buffer, and their caps.
fn encode(caps: &gst::Caps, sound: gst::Buffer) -> (gst::Caps, Vec<gst::Buffer>) {
    let mut encoder = Harness::with_element(&encoder(), Some("sink"), Some("src"));
    encoder.set_src_caps(caps.clone());
    assert_eq!(encoder.push(sound), Ok(gst::FlowSuccess::Ok));
    encoder.push_event(gst::event::Eos::new());
    (encoder.sinkpad().unwrap().current_caps().unwrap(), std::iter::from_fn(|| encoder.try_pull()).collect())
}

/// What units decode to where downstream takes only this, or anything; with its caps.
fn decode(caps: &gst::Caps, units: &[gst::Buffer], wanted: Option<&gst::Caps>) -> (gst::Caps, Vec<u8>) {
    let mut decoder = Harness::new("fqlaudiodec");
    if let Some(wanted) = wanted {
        decoder.set_sink_caps(wanted.clone());
    }
    decoder.set_src_caps(caps.clone());
    for unit in units {
        assert_eq!(decoder.push(unit.clone()), Ok(gst::FlowSuccess::Ok));
    }
    decoder.push_event(gst::event::Eos::new());
    let decoded = std::iter::from_fn(|| decoder.try_pull()).flat_map(|buffer| bytes(&buffer)).collect();
    (decoder.sinkpad().unwrap().current_caps().unwrap(), decoded)
}

fn wish(format: AudioFormat) -> gst::Caps {
    gst::Caps::builder("audio/x-raw").field("format", format.to_str()).build()
}

#[test]
fn every_format_and_layout_comes_back_bit_for_bit_with_its_positions() {
    common::init();
    for (format, rate) in FORMATS {
        for channels in 1..=8 {
            for mask in masks(channels) {
                let caps = raw(format, rate, channels, mask);
                let sent = packed(&samples(700, channels as usize), format);
                let (coded, units) = encode(&caps, buffer(sent.clone()));
                let structure = coded.structure(0).unwrap();
                let coded_as = if format == S16le { "S16" } else { "S24" };
                assert_eq!(structure.get::<&str>("format"), Ok(coded_as));
                let (back, heard) = decode(&coded, &units, Some(&wish(format)));
                assert!(heard == sent, "{caps}");
                let [back, caps] = [back, caps].map(|caps| gst_audio::AudioInfo::from_caps(&caps).unwrap());
                assert_eq!(back, caps);
            }
        }
    }
}

#[test]
fn downstream_gets_the_plainest_format_that_holds_the_samples() {
    common::init();
    for (format, plainest) in [(S16le, S16le), (S24le, S2432le), (F32le, S2432le)] {
        let source = samples(3_000, 2);
        let (coded, units) = encode(&raw(format, 48_000, 2, 3), buffer(packed(&source, format)));
        let (caps, heard) = decode(&coded, &units, None);
        assert_eq!(gst_audio::AudioInfo::from_caps(&caps).unwrap().format(), plainest);
        assert!(heard == packed(&source, plainest));
    }
}

#[test]
fn every_format_that_holds_the_samples_is_exact() {
    common::init();
    let source = samples(3_000, 2);
    let sixteen: Vec<i32> = source.iter().map(|sample| sample >> 8 << 8).collect();
    for (format, source) in [(S16le, &sixteen), (S24le, &source)] {
        let (coded, units) = encode(&raw(format, 48_000, 2, 3), buffer(packed(source, format)));
        for (wanted, _) in &FORMATS[if format == S16le { 0 } else { 1 }..] {
            let (_, heard) = decode(&coded, &units, Some(&wish(*wanted)));
            assert!(heard == packed(source, *wanted), "{format} as {wanted}");
        }
    }
}

#[test]
fn samples_that_24_bits_cannot_hold_are_rounded_to_the_nearest() {
    common::init();
    let wide = [0x1234_5678i32, -0x1234_5678, 0x7fff_ffff, i32::MIN, 127, 128];
    let nearest = [0x12_3456, -0x12_3456, 0x7f_ffff, -0x80_0000, 0, 1];
    let float = [0.1f32, -2.0, 1.0, f32::NAN, 1e-9, 0.6 / 8_388_608.0];
    let nearest_float = [838_861, -0x80_0000, 0x7f_ffff, 0, 0, 1];
    let bytes_of = |samples: &[i32]| samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>();
    let float: Vec<u8> = float.iter().flat_map(|s| s.to_le_bytes()).collect();
    for (format, sent, expected) in [(S32le, bytes_of(&wide), nearest), (F32le, float, nearest_float)] {
        let (coded, units) = encode(&raw(format, 48_000, 1, 0), buffer(sent));
        let (_, heard) = decode(&coded, &units, Some(&wish(S2432le)));
        assert_eq!(heard, bytes_of(&expected), "{format}");
    }
}

#[test]
fn channels_one_after_the_other_come_back_interleaved() {
    common::init();
    for (format, channels) in [(S16le, 1), (S16le, 2), (S24le, 6), (F32le, 8)] {
        let mut caps = raw(format, 48_000, channels as i32, masks(channels as i32)[0]);
        let interleaved = packed(&samples(2_000, channels), format);
        let width = interleaved.len() / 2_000 / channels;
        // The channels from the last to the first, with a gap before each.
        let mut planar = Vec::new();
        let mut offsets = vec![0; channels];
        for channel in (0..channels).rev() {
            planar.extend([0xee; 12]);
            offsets[channel] = planar.len();
            let samples = interleaved.chunks(width).skip(channel).step_by(channels);
            planar.extend(samples.flatten());
        }
        caps.make_mut().set("layout", "non-interleaved");
        let mut sound = buffer(planar);
        let info = gst_audio::AudioInfo::from_caps(&caps).unwrap();
        gst_audio::AudioMeta::add(sound.get_mut().unwrap(), &info, 2_000, &offsets).unwrap();
        let (coded, units) = encode(&caps, sound);
        let (back, heard) = decode(&coded, &units, Some(&wish(format)));
        assert!(heard == interleaved, "{caps}");
        assert_eq!(gst_audio::AudioInfo::from_caps(&back).unwrap().positions(), info.positions());
    }
}

#[test]
fn planar_sound_without_a_meta_or_shorter_than_it_says_is_taken_as_far_as_it_goes() {
    common::init();
    let mut caps = raw(S16le, 48_000, 2, 3);
    caps.make_mut().set("layout", "non-interleaved");
    let (coded, units) = encode(&caps, buffer(vec![1, 0, 2, 0, 3, 0, 4, 0]));
    assert_eq!(decode(&coded, &units, None).1, [1, 0, 3, 0, 2, 0, 4, 0]);
    let mut short = buffer((0..40).collect());
    let info = gst_audio::AudioInfo::from_caps(&caps).unwrap();
    gst_audio::AudioMeta::add(short.get_mut().unwrap(), &info, 10, &[0, 20]).unwrap();
    short.get_mut().unwrap().set_size(30);
    let (coded, units) = encode(&caps, short);
    assert_eq!(decode(&coded, &units, None).1.len(), 2 * 2 * 5);
}

/// What came out of decoders: caps and bytes by the name of the pad.
type Heard = Arc<Mutex<BTreeMap<String, (Option<gst::Caps>, Vec<u8>)>>>;

/// Decodes what a pad gives, in this format, and keeps it.
fn hear(pipeline: &gst::Pipeline, pad: &gst::Pad, format: AudioFormat, heard: &Heard) {
    let description = format!(
        "queue ! fqlaudiodec ! audio/x-raw,format={} ! appsink name=out sync=false async=false",
        format.to_str()
    );
    let bin = gst::parse::bin_from_description(&description, true).unwrap();
    let sink = bin.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
    let (name, heard) = (pad.name().to_string(), heard.clone());
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let mut heard = heard.lock().unwrap();
                let (caps, all) = heard.entry(name.clone()).or_default();
                *caps = sample.caps_owned();
                all.extend(bytes(&sample.buffer_owned().unwrap()));
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    pipeline.add(&bin).unwrap();
    bin.sync_state_with_parent().unwrap();
    pad.link(&bin.static_pad("sink").unwrap()).unwrap();
}

#[test]
fn every_format_and_layout_crosses_a_link_bit_for_bit() {
    common::init();
    let tracks: Vec<(gst::Caps, AudioFormat, Vec<u8>)> = FORMATS
        .iter()
        .flat_map(|(format, rate)| (1..=8).map(move |channels| (*format, *rate, channels)))
        .enumerate()
        .map(|(n, (format, rate, channels))| {
            let masks = masks(channels);
            let caps = raw(format, rate, channels, masks[n % masks.len()]);
            (caps, format, packed(&samples(rate as usize / 16, channels as usize), format))
        })
        .collect();

    let receiver = Receiver::start_with("udp://127.0.0.1:0", "latency=2000", &[]);
    let heard = Heard::default();
    let (for_pads, pipeline) = (heard.clone(), receiver.player.pipeline.downgrade());
    let formats: Vec<AudioFormat> = tracks.iter().map(|(_, format, _)| *format).collect();
    receiver.source.connect_pad_added(move |_, pad| {
        let number: usize = pad.name()["audio_".len()..].parse().unwrap();
        hear(&pipeline.upgrade().unwrap(), pad, formats[number], &for_pads);
    });

    let uri = format!("udp://127.0.0.1:{}/sound", receiver.port());
    let sources = tracks.iter().enumerate().map(|(n, (caps, ..))| {
        format!("appsrc name=in{n} format=time max-bytes=0 caps=\"{caps}\" ! fqlaudioenc bitrate=0 ! queue ! sink.sink_{n} ")
    });
    let sender = Player::new(&format!(
        "fqlfecsink name=sink uri={uri} fec=equal:2 congestion-control=false {}",
        sources.collect::<String>()
    ));
    sender.pipeline.set_state(gst::State::Playing).unwrap();
    for (n, (_, _, sound)) in tracks.iter().enumerate() {
        let source = sender.pipeline.by_name(&format!("in{n}")).and_downcast::<gst_app::AppSrc>().unwrap();
        source.push_buffer(buffer(sound.clone())).unwrap();
        source.end_of_stream().unwrap();
    }
    sender.wait_for_eos();
    receiver.player.wait_for_eos();

    let heard = heard.lock().unwrap();
    for (n, (caps, _, sent)) in tracks.iter().enumerate() {
        let (back, sound) = &heard[&format!("audio_{n}")];
        assert!(sound == sent, "{} bytes of {} of {caps}", sound.len(), sent.len());
        let [back, caps] =
            [back.as_ref().unwrap(), caps].map(|caps| gst_audio::AudioInfo::from_caps(caps).unwrap());
        assert_eq!(back, caps);
    }
}
