//! Pictures that become rare, as those of a screen do on which nothing moves: whatever their durations, times of playlists
//! and of fragments go on as the wall's clock does.

mod common;

use common::{Clip, NOW, folder, media, run};
use fql_packager::check::Checker;
use fql_packager::{AccessUnit, Packager, Rendition, Settings};
use fql_unit::encoded::ENCODED_AUDIO_LAYERS;
use fql_unit::{AudioCodec, EncodedAudioInfo, Media, Track, TrackTable};
use mp4_atom::{Atom, Header, Moof, ReadAtom, ReadFrom};

const SECOND: u64 = 1_000_000_000;
const PACKET: u64 = SECOND / 50;

/// Pictures of a real clip at other times, a key picture where it is so said, and packets of sound beside them.
fn units(pictures: &[(u64, bool)], until: u64) -> (TrackTable, Vec<AccessUnit>) {
    let clip = Clip::open(&media("bigbuckbunny.mp4"));
    let video = clip.table.tracks().iter().find(|track| track.media.is_video()).unwrap().clone();
    let info = EncodedAudioInfo {
        codec: AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config: Vec::new(),
        caps: "audio/x-opus".into(),
    };
    let sound =
        Track { id: 9, name: String::new(), layers: ENCODED_AUDIO_LAYERS, media: Media::EncodedAudio(info) };
    let coded: Vec<_> = clip.units.iter().filter(|unit| unit.track == video.id).collect();
    let picture = |&(time, key): &(u64, bool)| {
        let data = coded[usize::from(!key)].data.clone();
        AccessUnit { track: video.id, time, composition: 0, duration: 0, key, data }
    };
    let packet = |number: u64| {
        // 20 ms each.
        let data = bytes::Bytes::from_static(&[0x08, 1, 2]);
        AccessUnit { track: 9, time: number * PACKET, composition: 0, duration: 0, key: true, data }
    };
    let mut units: Vec<_> = pictures.iter().map(picture).chain((0..until / PACKET).map(packet)).collect();
    units.sort_by_key(|unit| unit.time);
    (TrackTable::new(vec![video, sound]).unwrap(), units)
}

/// The samples of a rendition that are there: when each is decoded and how long it lasts, in ticks.
fn samples(rendition: &Rendition) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for part in rendition.listed().chain(rendition.growing()).flat_map(|segment| &segment.parts) {
        let mut bytes = &part.data[..];
        let header = Header::read_from(&mut bytes).unwrap();
        assert_eq!(header.kind, Moof::KIND);
        let traf = Moof::read_atom(&header, &mut bytes).unwrap().traf.remove(0);
        let mut time = traf.tfdt.unwrap().base_media_decode_time;
        for sample in traf.trun.iter().flat_map(|run| &run.samples) {
            let duration = u64::from(sample.duration.unwrap());
            found.push((time, duration));
            time += duration;
        }
    }
    found
}

/// Packages, and checks every playlist that there was.
fn package(pictures: &[(u64, bool)], until: u64) -> Packager {
    let (table, units) = units(pictures, until);
    let mut packager = Packager::new(Settings::default());
    assert!(packager.tracks(&table).is_empty());
    let mut checkers = [Checker::default(), Checker::default()];
    let mut version = 0;
    for unit in units {
        let now = NOW + unit.time;
        packager.unit(unit, now).unwrap();
        if std::mem::replace(&mut version, packager.version()) == packager.version() {
            continue;
        }
        for (rendition, checker) in packager.renditions().zip(&mut checkers) {
            if let Some(playlist) = packager.media_playlist(rendition, false) {
                assert_eq!(checker.check(&playlist), Vec::<String>::new(), "{playlist}");
            }
        }
    }
    packager
}

fn check_times(packager: &Packager, pictures: &[(u64, bool)]) {
    let rendition = packager.renditions().find(|rendition| rendition.is_video()).unwrap();
    let found = samples(rendition);
    let ticks = |nanos: u64| nanos * u64::from(rendition.timescale()) / SECOND;
    let first = found[0].0;
    let skipped = pictures.iter().position(|(time, _)| ticks(*time) == first).expect("it begins with one");
    assert!(found.len() > 2, "{found:?}");
    for (sample, pair) in found.iter().zip(pictures[skipped..].windows(2)) {
        let (time, next) = (ticks(pair[0].0), ticks(pair[1].0));
        assert_eq!(*sample, (time, next - time), "at {} s", pair[0].0 as f64 / 1e9);
    }
    // Playlists tell the same: where the segments and what lasts of them end, the next ones begin.
    for rendition in packager.renditions() {
        let (first, last) = (rendition.listed().next().unwrap(), rendition.listed().last().unwrap());
        let told: u64 = rendition.listed().map(|segment| segment.duration).sum();
        let passed = last.start + last.duration - first.start;
        let apart = told.abs_diff(passed) as f64 / f64::from(rendition.timescale());
        assert!(apart < 0.05, "{}: {told} ticks are told, {passed} passed", rendition.name());
    }
}

/// Pictures at these distances, in milliseconds, from a beginning of 4 s with 25 a second on; each so many one is a key
/// picture.
fn rare(distances: impl IntoIterator<Item = u64>, keys: usize) -> (Vec<(u64, bool)>, u64) {
    let mut pictures: Vec<_> = (0..100).map(|i| (i * SECOND / 25, i % 50 == 0)).collect();
    let mut time = 4 * SECOND;
    for (i, distance) in distances.into_iter().enumerate() {
        pictures.push((time, i % keys == 0));
        time += distance * SECOND / 1000;
    }
    (pictures, time)
}

#[test]
fn pictures_that_become_rare_last_as_long_as_they_are_shown() {
    for distance in [700, 3_000, 4_900] {
        for keys in [1, 3] {
            let (pictures, until) = rare([distance; 8], keys);
            check_times(&package(&pictures, until), &pictures);
        }
    }
}

#[test]
fn no_part_is_too_long_where_pictures_were_missing_at_the_beginning() {
    for missing in [0..1, 20..22, 37..41, 43..44] {
        let is_there = |i: &u64| !missing.contains(&(i % 50)) || i.is_multiple_of(50);
        let times = (0..300).filter(is_there);
        let pictures: Vec<_> = times.map(|i| (i * SECOND / 25, i % 50 == 0)).collect();
        check_times(&package(&pictures, 12 * SECOND), &pictures);
    }
}

#[test]
fn pictures_of_any_distance_are_at_their_times() {
    let mut random = 7u64;
    for _ in 0..3 {
        let distances: Vec<_> = (0..30)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                40 + (random >> 33) % 2_500
            })
            .collect();
        let (pictures, until) = rare(distances, 5);
        check_times(&package(&pictures, until), &pictures);
    }
}

#[test]
fn a_stream_that_is_rare_from_the_beginning_has_its_times() {
    let pictures: Vec<_> = (0..15).map(|i| (i * 3 * SECOND, i % 3 == 0)).collect();
    check_times(&package(&pictures, 45 * SECOND), &pictures);
}

#[test]
fn ffmpeg_reads_fragments_in_which_only_time_goes_on() {
    let (pictures, until) = rare([3_000; 8], 3);
    let packager = package(&pictures, until);
    let rendition = packager.renditions().find(|rendition| rendition.is_video()).unwrap();
    let first = rendition.listed().next().unwrap();
    let mut file = rendition.initialization(first.initialization).unwrap().to_vec();
    rendition.listed().flat_map(|segment| &segment.parts).for_each(|part| file.extend(&part.data));
    let path = folder("rare").join("rare.mp4");
    std::fs::write(&path, file).unwrap();
    let entries = ["-v", "error", "-show_entries", "packet=dts_time", "-of", "csv=p=0"];
    let told = run("ffprobe", &[&entries[..], &[path.to_str().unwrap()]].concat());
    let read: Vec<f64> = told.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    let scale = f64::from(rendition.timescale());
    let listed: u64 = rendition.listed().map(|segment| segment.duration).sum();
    let made: Vec<_> =
        samples(rendition).into_iter().filter(|(time, _)| *time < first.start + listed).collect();
    assert_eq!(read.len(), made.len(), "{told}");
    for (time, sample) in read.iter().zip(&made) {
        assert!((time - sample.0 as f64 / scale).abs() < 0.001, "{sample:?}: {told}");
    }
}
