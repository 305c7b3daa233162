//! A stream on its way into a browser: bytes in, pictures and sound out.

mod server;

use std::time::Duration;

use fql_codec::video::{Plane, Rate};
use fql_codec::{audio, video};
use fql_transport::EndReason;
use fql_unit::encoded::{AccessUnit, Importance};
use fql_unit::{
    AudioFormat, AudioInfo, Chroma, EncodedVideoInfo, Media, Track, TrackTable, Unit, VideoCodec, VideoInfo,
};
use server::{Event, World};

const WIDTH: u32 = 160;
const HEIGHT: u32 = 96;
const LUMA: usize = (WIDTH * HEIGHT) as usize;
const FRAME: Duration = Duration::from_millis(40);
const RATE: u32 = 16_000;
const PICTURES: u8 = 0;
const SOUND: u8 = 1;

fn tracks() -> TrackTable {
    let video = Media::Video(VideoInfo {
        frame_rate: (25, 1),
        colorimetry: "bt709".into(),
        ..VideoInfo::new(WIDTH, HEIGHT, Chroma::Yuv420)
    });
    let sound =
        Media::Audio(AudioInfo { rate: RATE, channels: 2, format: AudioFormat::S16, channel_mask: 3 });
    let track = |id, name: &str, media| Track { id, name: name.into(), layers: 12, media };
    TrackTable::new(vec![track(PICTURES, "pictures", video), track(SOUND, "sound", sound)]).unwrap()
}

/// A gradient with a bright square that moves.
fn picture(number: usize) -> Vec<u8> {
    let sample = |x: usize, y: usize| {
        let is_square = x.abs_diff(3 * number % 160) < 12 && y.abs_diff(40) < 12;
        if is_square { 235 } else { (x + y / 2) as u8 }
    };
    let luma = (0..LUMA).map(|at| sample(at % WIDTH as usize, at / WIDTH as usize));
    let chroma = (0..LUMA / 2).map(|at| (100 + (at / 80 + number) % 50) as u8);
    luma.chain(chroma).collect()
}

fn planes(picture: &[u8]) -> [Plane<'_>; 3] {
    let (luma, chroma) = picture.split_at(LUMA);
    let (blue, red) = chroma.split_at(LUMA / 4);
    let half = WIDTH as usize / 2;
    [(luma, 2 * half), (blue, half), (red, half)].map(|(data, stride)| Plane::bytes(data, stride))
}

/// Two tones, left and right.
fn sound(samples: usize) -> Vec<i32> {
    let tone = |at: usize, step: f64| (8_000.0 * (at as f64 * step).sin()) as i32;
    (0..samples).flat_map(|at| [tone(at, 0.05), tone(at, 0.11)]).collect()
}

/// A camera and a microphone, whose pictures and sound are coded without loss.
struct Studio {
    video: video::Encoder,
    audio: audio::Encoder,
    sound: Vec<i32>,
    pictures: usize,
    spoken: usize,
}

impl Studio {
    fn new() -> Self {
        let (width, height, format) = (WIDTH, HEIGHT, Chroma::Yuv420.into());
        let config =
            video::EncoderConfig { width, height, format, layers: 12, slices: 0, threads: 1, motion: None };
        let audio = audio::EncoderConfig { rate: RATE, channels: 2, format: AudioFormat::S16, layers: 12 };
        Self {
            video: video::Encoder::new(config).unwrap(),
            audio: audio::Encoder::new(audio).unwrap(),
            sound: sound(10 * RATE as usize),
            pictures: 0,
            spoken: 0,
        }
    }

    /// So many pictures, and the sound beside them.
    fn film(&mut self, world: &mut World, count: usize) {
        for _ in 0..count {
            let source = picture(self.pictures);
            let unit = self.video.encode(&planes(&source), Rate::WholeLadder).unwrap();
            let pts = FRAME * self.pictures as u32;
            world.push(PICTURES, pts, &unit);
            self.pictures += 1;
            self.speak(world, pts + FRAME);
            world.run(FRAME);
        }
    }

    fn speak(&mut self, world: &mut World, until: Duration) {
        let len = self.audio.frame_len();
        let time = |samples: usize| Duration::from_secs_f64(samples as f64 / f64::from(RATE));
        while time(self.spoken + len) <= until {
            let samples = &self.sound[2 * self.spoken..2 * (self.spoken + len)];
            let unit = self.audio.encode(samples, audio::Rate::WholeLadder).unwrap();
            // The first unit holds fewer samples, by as many as the others come later.
            let pts = time(self.spoken.saturating_sub(self.audio.delay()));
            world.push(SOUND, pts, &unit);
            self.spoken += len;
        }
    }
}

fn write(world: &mut World, bytes: &[u8]) {
    world.module.input(bytes.len()).unwrap().copy_from_slice(bytes);
}

#[test]
fn pictures_come_through_a_lossy_way_as_they_were_filmed() {
    let mut world = World::new(tracks());
    (world.down.loss, world.up.loss) = (0.05, 0.05);
    let mut studio = Studio::new();
    studio.film(&mut world, 75);
    world.run(Duration::from_millis(600));
    assert!(world.down.lost > 50, "{} datagrams lost", world.down.lost);
    let units: Vec<_> = world.units(PICTURES).cloned().collect();
    let decoder = world.module.new_video(WIDTH, HEIGHT, Chroma::Yuv420).unwrap();
    let mut exact = 0;
    for unit in &units {
        write(&mut world, &unit.bytes);
        let decoded = world.module.video_decode(decoder, 14).unwrap();
        let number = (unit.pts / 40.0).round() as usize;
        if decoded.exact {
            assert!(world.module.video_planes(decoder) == picture(number), "picture {number}");
            exact += 1;
        }
    }
    // The first second is what it takes to know the losses.
    assert!(units.iter().filter(|unit| unit.pts >= 1000.0).count() == 50, "{} pictures", units.len());
    assert!(exact >= 60, "{exact} of {} pictures are exact", units.len());
    let stats = world.stats();
    assert_eq!(stats["layersPossible"], 12);
    assert!(stats["packetsRecovered"].as_u64() > Some(10), "{stats}");
    assert!(stats["packetsLost"].as_u64() > Some(40), "{stats}");
}

#[test]
fn sound_comes_through_and_what_is_lost_is_filled_in() {
    let mut world = World::new(tracks());
    let mut studio = Studio::new();
    studio.film(&mut world, 25);
    // Nothing comes for some frames of sound.
    world.down.loss = 1.0;
    studio.film(&mut world, 4);
    world.down.loss = 0.0;
    studio.film(&mut world, 21);
    world.run(Duration::from_millis(600));
    let units: Vec<_> = world.units(SOUND).cloned().collect();
    assert!(units.iter().any(|unit| unit.lost > 0), "some units are lost");
    let decoder = world.module.new_sound(RATE, 2, 16).unwrap();
    let (mut left, mut filled) = (Vec::new(), 0);
    let begin = units[0].pts;
    for unit in &units {
        write(&mut world, &unit.bytes);
        let heard = world.module.sound_decode(decoder, unit.pts, unit.lost > 0, 14).unwrap();
        let planes = world.module.sound_planes(decoder);
        assert_eq!(planes.len(), 2 * (heard.filled + heard.samples));
        left.extend_from_slice(&planes[..planes.len() / 2]);
        filled += heard.filled;
    }
    let missing: u32 = units.iter().map(|unit| unit.lost).sum();
    assert_eq!(filled, missing as usize * studio.audio.frame_len(), "{missing} units are lost");
    let first = (begin / 1e3 * f64::from(RATE)).round() as usize;
    let same = left
        .iter()
        .enumerate()
        .filter(|&(at, &sample)| sample == studio.sound[2 * (first + at)] as f32 / 32_768.0);
    // Right after a time in which nothing came through, the sender has more parity and so fewer layers to send.
    let is_cut = |bytes: &[u8]| {
        let unit = Unit::from_bytes(bytes).unwrap();
        unit.complete_layers(0) < unit.coded_layers()
    };
    let cut = units.iter().filter(|unit| is_cut(&unit.bytes)).count();
    assert!(cut <= 10, "{cut} units lack layers");
    // All of it, but what was lost or cut, and where two frames overlap there; and the frame before the first one.
    let differing = left.len() - same.count();
    assert!(
        differing <= filled + (cut + 3) * studio.audio.frame_len(),
        "{differing} of {} samples differ",
        left.len()
    );
}

#[test]
fn a_page_learns_the_tracks_before_any_unit_of_theirs() {
    let mut world = World::new(tracks());
    Studio::new().film(&mut world, 10);
    assert_eq!(world.events[0], Event::Started);
    let Event::Tracks(json) = &world.events[1] else { panic!("{:?}", world.events[1]) };
    let tracks: serde_json::Value = serde_json::from_str(json).unwrap();
    let expected = serde_json::json!([
        {
            "id": 0, "name": "pictures", "layers": 12, "kind": "video", "width": 160, "height": 96,
            "chroma": "420", "alpha": false, "bits": 8,
            "frameRate": 25.0, "pixelAspect": 1.0, "colorimetry": "bt709",
        },
        { "id": 1, "name": "sound", "layers": 12, "kind": "audio", "sampleRate": 16_000, "channels": 2, "bits": 16 },
    ]);
    assert_eq!(tracks, expected);
}

#[test]
fn units_are_due_a_latency_after_they_came() {
    let mut world = World::new(tracks());
    let mut studio = Studio::new();
    studio.film(&mut world, 50);
    let began = server::millis(world.now) - 50.0 * 40.0;
    for unit in world.units(PICTURES).skip(25) {
        // The way takes 20 ms, the buffer is 300 ms; the spreading of shards in time adds to that.
        let late = unit.due - began - unit.pts;
        assert!((300.0..420.0).contains(&late), "{late} ms from the camera to the screen");
    }
}

#[test]
fn a_ceiling_keeps_the_layers_above_from_coming() {
    let mut world = World::new(tracks());
    let mut studio = Studio::new();
    studio.film(&mut world, 20);
    world.module.session_set_max_layer(world.session, 2);
    studio.film(&mut world, 20);
    let before = world.events.len();
    studio.film(&mut world, 20);
    let units: Vec<_> = world.events[before..]
        .iter()
        .filter_map(|event| match event {
            Event::Unit(media) if media.track == PICTURES => Some(Unit::from_bytes(&media.bytes).unwrap()),
            _ => None,
        })
        .collect();
    assert!(units.len() >= 15 && units.iter().all(|unit| unit.coded_layers() <= 3), "{units:?}");
}

#[test]
fn pause_and_end_are_told() {
    let mut world = World::new(tracks());
    Studio::new().film(&mut world, 10);
    world.pause(true);
    world.run(Duration::from_millis(100));
    assert!(world.events.contains(&Event::Paused));
    world.pause(false);
    world.run(Duration::from_millis(100));
    assert!(world.events.contains(&Event::Resumed));
    world.end(EndReason::Archived);
    world.run(Duration::from_millis(1000));
    assert!(world.events.contains(&Event::Ended("archived".into())), "{:?}", world.events.last());
}

#[test]
fn a_viewer_that_may_not_watch_is_told_why() {
    let mut world = World::new(tracks());
    world.refuses = Some(EndReason::Unauthorized);
    world.run(Duration::from_millis(1000));
    assert_eq!(world.events.last(), Some(&Event::Ended("unauthorized".into())));
}

#[test]
fn pictures_of_other_encoders_come_as_they_are_and_when_they_are_shown() {
    let video = EncodedVideoInfo {
        codec: VideoCodec::H264,
        width: 64,
        height: 48,
        frame_rate: (25, 1),
        config: vec![1, 66, 0, 30],
        caps: "video/x-h264".into(),
    };
    let track = Track { id: 7, name: String::new(), layers: 3, media: Media::EncodedVideo(video) };
    let mut world = World::new(TrackTable::new(vec![track]).unwrap());
    world.run(Duration::from_millis(200));
    for number in 0..75u8 {
        let is_key = number % 25 == 0;
        let unit = AccessUnit {
            data: vec![number; 1000].into(),
            importance: if is_key { Importance::Key } else { Importance::Reference },
            key: is_key,
            discont: false,
            references: number,
            composition: Some(80_000_000),
        };
        world.push(7, FRAME * number.into(), &unit.into_unit(3).unwrap());
        world.run(FRAME);
    }
    world.run(Duration::from_millis(500));
    let media = world.events.iter().filter_map(|event| match event {
        Event::Encoded(media) => Some(media),
        _ => None,
    });
    // In the first seconds the server finds out what the way carries.
    let last: Vec<_> = media.filter(|unit| unit.pts >= 2080.0).collect();
    assert_eq!(last.len(), 25);
    for (number, unit) in (50..).zip(last) {
        assert_eq!(unit.bytes, vec![number; 1000]);
        assert_eq!((unit.is_key, unit.pts), (number == 50, 40.0 * f64::from(number) + 80.0));
    }
}
