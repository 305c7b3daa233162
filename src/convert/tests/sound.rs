//! Sound in layers, AAC and Opus come out as AAC and Opus, and what is heard is heard when it was.

mod common;

use common::{Bench, Made, decode};
use fql_codec::audio::{Encoder, EncoderConfig, Rate};
use fql_convert::{Payload, Target};
use fql_unit::{AudioCodec, AudioFormat, AudioInfo, DataInfo, Media, Unit};

const START: u64 = 10_000_000_000;
/// When something is heard in a second of silence, in milliseconds.
const CLICKS: [u64; 3] = [300, 520, 790];
/// The most that a click may be early or late. Sync is held to 40 ms in all.
const LATE: u64 = 8;

fn info(rate: u32, channels: u8, format: AudioFormat) -> AudioInfo {
    AudioInfo { rate, channels, format, channel_mask: 0 }
}

/// A second with short tones at [`CLICKS`], in layers, each unit with its time.
fn clicks(info: &AudioInfo) -> Vec<(u64, u64, Unit)> {
    let AudioInfo { rate, channels, format, .. } = *info;
    let tone = |at: u64| {
        let begin = CLICKS.map(|click| click * u64::from(rate) / 1000);
        let since = begin
            .iter()
            .find_map(|begin| at.checked_sub(*begin).filter(|since| *since < u64::from(rate) / 200));
        since.map_or(0, |since| {
            let turn = since as f64 * 3000.0 / f64::from(rate) * std::f64::consts::TAU;
            (turn.cos() * f64::from(1 << (format.bits() - 2))) as i32
        })
    };
    let samples: Vec<i32> =
        (0..u64::from(rate)).flat_map(|at| std::iter::repeat_n(tone(at), channels.into())).collect();
    let mut encoder = Encoder::new(EncoderConfig { rate, channels, format, layers: 12 }).unwrap();
    let length = encoder.frame_len() * usize::from(channels);
    let mut units: Vec<Unit> =
        samples.chunks_exact(length).map(|frame| encoder.encode(frame, Rate::WholeLadder).unwrap()).collect();
    let rest = samples.chunks_exact(length).remainder();
    units.extend(encoder.finish(rest, Rate::WholeLadder).unwrap());
    let mut at = 0;
    let time = |samples: u64| samples * 1_000_000_000 / u64::from(rate);
    let timed = units.into_iter().map(|unit| {
        let count = fql_codec::audio::unit_samples(&unit, channels).unwrap() as u64;
        let begin = time(at);
        at += count;
        (START + begin, time(at) - begin, unit)
    });
    timed.collect()
}

fn convert(info: &AudioInfo, target: Target) -> Made {
    let mut bench = Bench::new(&Media::Audio(info.clone()), target);
    for (pts, duration, unit) in clicks(info) {
        bench.push(pts, duration, Payload::Layered(&unit));
    }
    bench.finish()
}

/// When clicks are heard, in milliseconds from the start.
fn heard(made: &Made) -> Vec<u64> {
    let [media] = &made.media[..] else { panic!("{:?}", made.media) };
    let decoder = match media {
        Media::EncodedAudio(info) if info.codec == AudioCodec::Aac => "avdec_aac",
        _ => "opusdec",
    };
    let decoder = format!("{decoder} ! audioconvert ! audio/x-raw,format=F32LE,channels=1");
    let mut clicks: Vec<u64> = Vec::new();
    for sample in decode(media, &made.units, &decoder) {
        let rate = sample.caps().unwrap().structure(0).unwrap().get::<i32>("rate").unwrap() as u64;
        let buffer = sample.buffer().unwrap();
        let (begin, map) = (buffer.pts().unwrap().nseconds(), buffer.map_readable().unwrap());
        for (at, bytes) in map.chunks_exact(4).enumerate() {
            let level = f32::from_le_bytes(bytes.try_into().unwrap()).abs();
            let time = (begin + at as u64 * 1_000_000_000 / rate).saturating_sub(START) / 1_000_000;
            if level > 0.1 && clicks.last().is_none_or(|last| time > last + 50) {
                clicks.push(time);
            }
        }
    }
    clicks
}

fn assert_in_time(made: &Made, what: &str) {
    let heard = heard(made);
    let is_near = |(heard, click): (&u64, &u64)| heard.abs_diff(*click) <= LATE;
    assert!(
        heard.len() == CLICKS.len() && heard.iter().zip(&CLICKS).all(is_near),
        "{what}: clicks of {CLICKS:?} ms are heard at {heard:?} ms"
    );
}

#[test]
fn sound_in_layers_is_heard_when_it_was() {
    for (rate, channels, format) in [
        (48_000, 2, AudioFormat::S16),
        (44_100, 1, AudioFormat::S24),
        (32_000, 6, AudioFormat::S16),
        (192_000, 2, AudioFormat::S24),
        (8_000, 1, AudioFormat::S16),
    ] {
        for target in [Target::Aac, Target::Opus] {
            let made = convert(&info(rate, channels, format), target);
            let [Media::EncodedAudio(info)] = &made.media[..] else { panic!("{:?}", made.media) };
            assert_eq!(info.channels, channels.min(2));
            assert!(!info.config.is_empty());
            assert_in_time(&made, &format!("{target:?} of {rate} Hz with {channels} channels"));
        }
    }
}

#[test]
fn aac_becomes_opus_and_opus_aac() {
    let source = info(48_000, 2, AudioFormat::S16);
    for (first, second) in [(Target::Aac, Target::Opus), (Target::Opus, Target::Aac)] {
        let made = convert(&source, first);
        let mut bench = Bench::new(&made.media[0], second);
        for unit in &made.units {
            bench.push(unit.pts, unit.duration, Payload::Whole(&unit.data));
        }
        assert_in_time(&bench.finish(), &format!("{second:?} of {first:?}"));
    }
}

/// The clicks as ffmpeg's frames of layer II, each with its time.
fn layer_2() -> (Media, Vec<(u64, bytes::Bytes)>) {
    const SAMPLES: u64 = 1152;
    const FRAME: usize = 576;
    /// By how many samples what the encoder makes is heard later.
    const DELAY: u64 = 481;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (raw, coded) = (folder.join("clicks.raw"), folder.join("clicks.mp2"));
    let tone = |at: u64| {
        let begin = CLICKS.map(|click| click * 48);
        let since = begin.iter().find_map(|begin| at.checked_sub(*begin).filter(|since| *since < 240));
        since.map_or(0, |since| ((since as f64 / 16.0 * std::f64::consts::TAU).cos() * 16_384.0) as i16)
    };
    let samples: Vec<u8> = (0..48_000).flat_map(|at| [tone(at); 2]).flat_map(i16::to_le_bytes).collect();
    std::fs::write(&raw, samples).unwrap();
    let told = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-y", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i"])
        .arg(&raw)
        .args(["-c:a", "mp2", "-b:a", "192k"])
        .arg(&coded)
        .output()
        .expect("ffmpeg is installed");
    assert!(told.status.success(), "{told:?}");
    let caps = "audio/mpeg, mpegversion=(int)1, mpegaudioversion=(int)1, layer=(int)2, rate=(int)48000, \
                channels=(int)2, parsed=(boolean)true";
    let frames = std::fs::read(&coded).unwrap();
    let time =
        |number: usize| START + (number as u64 * SAMPLES * 1_000_000_000 - DELAY * 1_000_000_000) / 48_000;
    // The first one is heard before the beginning.
    let frames = frames.chunks_exact(FRAME).enumerate().skip(1);
    let frames = frames.map(|(number, frame)| (time(number), bytes::Bytes::copy_from_slice(frame)));
    (Media::Data(DataInfo { caps: caps.into() }), frames.collect())
}

#[test]
fn mpeg_audio_becomes_aac_and_opus() {
    let (media, frames) = layer_2();
    assert!(frames.len() > 35, "{}", frames.len());
    for target in [Target::Aac, Target::Opus] {
        let mut bench = Bench::new(&media, target);
        for (pts, frame) in &frames {
            bench.push(*pts, 24_000_000, Payload::Whole(frame));
        }
        assert_in_time(&bench.finish(), &format!("{target:?} of layer II"));
    }
}

#[test]
fn data_that_is_no_sound_is_not_converted() {
    let settings = fql_convert::Settings::default();
    for caps in [
        "meta/x-klv, parsed=(boolean)true",
        "audio/mpeg",
        "audio/mpeg, mpegversion=(int)1, layer=(int)4, rate=(int)48000, channels=(int)2",
        "audio/mpeg, mpegversion=(int)1, layer=(int)2, rate=(int)-1, channels=(int)2",
        "no caps at all, layer=",
    ] {
        let data = Media::Data(DataInfo { caps: caps.into() });
        assert!(fql_convert::Converter::new(&data, Target::Aac, &settings, drop).is_err(), "{caps}");
    }
}

#[test]
fn a_lost_unit_is_filled_and_a_long_gap_is_none_of_the_time_of_what_follows() {
    let source = info(48_000, 2, AudioFormat::S16);
    let mut bench = Bench::new(&Media::Audio(source.clone()), Target::Aac);
    let units = clicks(&source);
    for (number, (pts, duration, unit)) in units.iter().enumerate() {
        if number != 10 {
            // From the middle of the silence between the clicks on, everything comes half a second later.
            let later = if *pts > START + 650_000_000 { 500_000_000 } else { 0 };
            bench.push(pts + later, *duration, Payload::Layered(unit));
        }
    }
    let made = bench.finish();
    let heard = heard(&made);
    assert_eq!(heard.len(), 3, "{heard:?}");
    let expected = [300, 520, 1290];
    assert!(
        heard.iter().zip(expected).all(|(heard, expected)| heard.abs_diff(expected) <= LATE),
        "{heard:?}"
    );
}

/// Whether every unit begins where the one before it ends: players stall where one does not.
fn assert_whole(made: &Made, what: &str) {
    assert!(made.units.len() > 10, "{what}: {} units", made.units.len());
    for two in made.units.windows(2) {
        let (end, next) = (two[0].pts + two[0].duration, two[1].pts);
        assert!(end.abs_diff(next) < 1_000_000, "{what}: one ends at {end}, the next begins at {next}");
    }
}

/// Units, each with its time and how long it is.
type Units = Vec<(u64, u64, bytes::Bytes)>;

/// The clicks as AAC, Opus and layer II have them, and what they become.
fn encoded_clicks() -> [(Media, Units, Target); 3] {
    let source = info(48_000, 2, AudioFormat::S16);
    let of = |made: Made, target: Target| {
        let units = made.units.into_iter().map(|unit| (unit.pts, unit.duration, unit.data));
        (made.media[0].clone(), units.collect(), target)
    };
    let (media, frames) = layer_2();
    let frames = frames.into_iter().map(|(pts, frame)| (pts, 24_000_000, frame)).collect();
    [
        of(convert(&source, Target::Aac), Target::Opus),
        of(convert(&source, Target::Opus), Target::Aac),
        (media, frames, Target::Aac),
    ]
}

#[test]
fn what_is_lost_of_encoded_sound_is_silent_and_the_rest_is_heard_when_it_was() {
    for (media, units, target) in encoded_clicks() {
        let what = format!("{target:?} of {media:?}");
        let mut bench = Bench::new(&media, target);
        let lost = [START + 360_000_000..START + 500_000_000, START + 650_000_000..START + 680_000_000];
        let left = units.iter().filter(|(pts, ..)| !lost.iter().any(|lost| lost.contains(pts)));
        // What is after the last but one click comes two seconds later.
        for (pts, duration, data) in left {
            let later = if *pts > START + 680_000_000 { 2_000_000_000 } else { 0 };
            bench.push(pts + later, *duration, Payload::Whole(data));
        }
        let made = bench.finish();
        assert_whole(&made, &what);
        let heard = heard(&made);
        let is_near = |(heard, click): (&u64, &u64)| heard.abs_diff(*click) <= LATE;
        // A decoder whose sound has gone is heard again as it comes back, which is no click.
        let clicks: Vec<u64> = heard
            .iter()
            .copied()
            .filter(|at| [300, 520, 2790].iter().any(|click| is_near((at, click))))
            .collect();
        assert_eq!(clicks.len(), 3, "{what}: {heard:?}");
    }
}

#[test]
fn sound_that_does_not_come_any_more_is_silent_before_it_comes_again() {
    for (media, units, target) in encoded_clicks() {
        let what = format!("{target:?} of {media:?}");
        let mut bench = Bench::new(&media, target);
        let push = |bench: &mut Bench, later: u64| {
            for (pts, duration, data) in &units {
                bench.push(pts + later, *duration, Payload::Whole(data));
            }
        };
        push(&mut bench, 0);
        for tenth in 10..=40 {
            bench.converter.fill(START + tenth * 100_000_000).unwrap();
        }
        let waited = std::time::Instant::now();
        let mut units_by_then = Vec::new();
        // An encoder holds back some of it.
        while units_by_then.last().is_none_or(|unit: &fql_convert::Unit| unit.pts < START + 3_800_000_000) {
            assert!(waited.elapsed() < std::time::Duration::from_secs(60), "{what}: silence does not come");
            units_by_then.extend(bench.made().units);
        }
        // A tenth of it was filled already.
        push(&mut bench, 3_900_000_000);
        let mut made = bench.finish();
        made.units = units_by_then.into_iter().chain(made.units).collect();
        assert_whole(&made, &what);
        made.media = vec![convert(&info(48_000, 2, AudioFormat::S16), target).media[0].clone()];
        let heard = heard(&made);
        let expected = [300, 520, 790, 4200, 4420, 4690];
        let is_near = |(heard, click): (&u64, &u64)| heard.abs_diff(*click) <= LATE;
        assert!(
            heard.len() == expected.len() && heard.iter().zip(&expected).all(is_near),
            "{what}: {heard:?}"
        );
    }
}

#[test]
fn hours_of_silence_are_not_made_because_a_time_says_so() {
    const HOUR: u64 = 3_600_000_000_000;
    let (media, units, target) = encoded_clicks().into_iter().next().unwrap();
    let mut bench = Bench::new(&media, target);
    for later in [0, HOUR] {
        for (pts, duration, data) in &units {
            // The first ones say of themselves that they last for as long.
            let duration = if later == 0 { &HOUR } else { duration };
            bench.push(pts + later, *duration, Payload::Whole(data));
        }
        bench.converter.fill(START + later + HOUR / 2).unwrap();
    }
    let made = bench.finish();
    assert!(made.units.len() < 120, "{} units of two seconds", made.units.len());
    assert!(made.units.iter().any(|unit| unit.pts >= START + HOUR + 500_000_000));
}

#[test]
fn gaps_that_come_at_once_are_filled_and_nothing_is_thrown_away() {
    for (media, units, target) in encoded_clicks() {
        let what = format!("{target:?} of {media:?}");
        let mut bench = Bench::new(&media, target);
        for (number, (_, duration, data)) in (0..).zip(units.iter().take(6)) {
            bench.push(START + number * 2_900_000_000, *duration, Payload::Whole(data));
        }
        let made = bench.finish();
        assert_eq!(made.media.len(), 1, "{what}: it began anew");
        assert_whole(&made, &what);
        let (first, last) = (&made.units[0], &made.units[made.units.len() - 1]);
        assert!(first.pts < START + 100_000_000, "{what}: it begins at {}", first.pts);
        assert!(last.pts + last.duration > START + 14_400_000_000, "{what}: it ends at {}", last.pts);
    }
}

#[test]
fn sound_begins_anew_once_a_second_at_most() {
    const JUMPS: u64 = 50;
    let (media, units, target) = encoded_clicks().into_iter().next().unwrap();
    let mut bench = Bench::new(&media, target);
    let begun = std::time::Instant::now();
    for (number, (_, duration, data)) in (0..JUMPS).zip(units.iter().cycle()) {
        bench.push(START + number * 3_600_000_000_000, *duration, Payload::Whole(data));
    }
    // The first one began nothing anew, and one may have at once.
    let most = begun.elapsed().as_secs() + 2;
    let dropped = bench.converter.counts().dropped;
    assert!(JUMPS - 1 - dropped <= most, "it began anew {} times", JUMPS - 1 - dropped);
}

#[test]
fn bytes_that_are_no_sound_fail_or_are_left_out_and_nothing_hangs() {
    let made = convert(&info(48_000, 2, AudioFormat::S16), Target::Aac);
    let mut bench = Bench::new(&made.media[0], Target::Opus);
    for number in 0..50u64 {
        let noise: Vec<u8> = (0..200).map(|at| (at * 37 + number * 101) as u8).collect();
        let _ = bench.converter.push(fql_convert::Input {
            pts: START + number * 21_333_333,
            duration: 21_333_333,
            key: true,
            discont: false,
            payload: Payload::Whole(&noise.into()),
        });
    }
    let made = bench.finish();
    assert!(made.units.len() <= 60);
}
