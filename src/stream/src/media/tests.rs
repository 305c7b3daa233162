//! Inputs on their way to a sink, looked at where they would be coded.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::media::feed::Feed;
use crate::media::input::Input;
use crate::media::plugins;
use crate::media::sources::{self, Manner};

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/bigbuckbunny.mp4");
const ONCE: Manner = Manner { repeat: false, data: false, data_rate: 1_000_000 };
const AGAIN: Manner = Manner { repeat: true, ..ONCE };
/// How long anything may take that should happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came for one track.
#[derive(Debug, Default, Clone)]
struct Heard {
    media: String,
    /// Start and end in ns, and the bytes of data.
    buffers: Vec<(u64, u64, Vec<u8>)>,
    discontinuities: usize,
    ended: bool,
}

/// A sink that remembers what came.
struct Collector {
    pipeline: gst::Pipeline,
    heard: Arc<Mutex<BTreeMap<usize, Heard>>>,
}

impl Collector {
    fn of(input: &str, manner: Manner) -> Self {
        plugins::start().unwrap();
        let pipeline = gst::Pipeline::new();
        let heard = Arc::new(Mutex::new(BTreeMap::new()));
        let (to, all) = (pipeline.downgrade(), heard.clone());
        let outlet = Arc::new(move || Some(collect(&to.upgrade()?, &all)));
        sources::start(&Feed::new(&pipeline, outlet), &Input::parse(input).unwrap(), manner).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, heard }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().values().cloned().collect()
    }

    fn wait(&self, what: &str, condition: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(error) = self.pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]) {
                panic!("{error:?}");
            }
            let heard = self.heard();
            if condition(&heard) {
                return heard;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_for_end(&self) -> Vec<Heard> {
        self.wait("the end", |heard| !heard.is_empty() && heard.iter().all(|track| track.ended))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn collect(pipeline: &gst::Pipeline, all: &Arc<Mutex<BTreeMap<usize, Heard>>>) -> gst::Pad {
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    let pad = sink.static_pad("sink").unwrap();
    let number = {
        let mut all = all.lock().unwrap();
        let number = all.len();
        all.insert(number, Heard::default());
        number
    };
    let all = all.clone();
    pad.add_probe(gst::PadProbeType::DATA_DOWNSTREAM, move |_, info| {
        let mut all = all.lock().unwrap();
        let heard = all.get_mut(&number).unwrap();
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => hear(heard, buffer),
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Caps(caps) => {
                    heard.media = caps.caps().structure(0).unwrap().name().to_string();
                }
                gst::EventView::Eos(_) => heard.ended = true,
                _ => (),
            },
            _ => (),
        }
        gst::PadProbeReturn::Ok
    });
    pad
}

fn hear(heard: &mut Heard, buffer: &gst::Buffer) {
    let start = buffer.pts().map_or(0, gst::ClockTime::nseconds);
    let end = start + buffer.duration().map_or(0, gst::ClockTime::nseconds);
    let is_data = !heard.media.ends_with("/x-raw") || heard.media == "text/x-raw";
    let bytes = if is_data { buffer.map_readable().unwrap().to_vec() } else { Vec::new() };
    let is_first = heard.buffers.is_empty();
    heard.discontinuities += usize::from(!is_first && buffer.flags().contains(gst::BufferFlags::DISCONT));
    heard.buffers.push((start, end, bytes));
}

fn track<'a>(heard: &'a [Heard], media: &str) -> &'a Heard {
    heard.iter().find(|track| track.media == media).unwrap_or_else(|| {
        panic!(
            "no {media} in {:?}",
            heard.iter().map(|t| (&t.media, t.buffers.len(), t.ended)).collect::<Vec<_>>()
        )
    })
}

fn temporary(name: &str, content: &[u8]) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("stream-cli-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_file_gives_its_video_and_sound_to_the_end() {
    let heard = Collector::of(CLIP, ONCE).wait_for_end();
    assert_eq!(heard.len(), 2);
    assert_eq!(track(&heard, "video/x-raw").buffers.len(), 132);
    let sound = track(&heard, "audio/x-raw").buffers.last().unwrap().1;
    assert!((5_200_000_000..5_400_000_000).contains(&sound), "{sound}");
}

#[test]
fn a_file_that_repeats_has_no_gap_and_no_jump() {
    let turns = 3;
    let collector = Collector::of(CLIP, AGAIN);
    let heard = collector.wait("three turns", |heard| {
        heard.len() == 2
            && heard
                .iter()
                .all(|track| track.buffers.last().is_some_and(|last| last.1 > turns * 5_400_000_000))
    });
    for track in &heard {
        assert_eq!(track.discontinuities, 0, "{}", track.media);
        // The sound of the clip ends 32 ms after its pictures.
        for (one, next) in track.buffers.iter().zip(&track.buffers[1..]) {
            let gap = next.0.abs_diff(one.1);
            assert!(gap < 40_000_000, "{}: {one:?} and then {next:?}", track.media);
        }
    }
    let starts = |media| track(&heard, media).buffers.iter().map(|buffer| buffer.0).collect::<Vec<_>>();
    assert!(starts("video/x-raw").is_sorted() && starts("audio/x-raw").is_sorted());
}

#[test]
fn what_is_no_media_is_data_that_comes_out_as_it_was() {
    let bytes: Vec<u8> = (0..20_000u32).flat_map(|i| (i * i).to_le_bytes()).collect();
    let text = "time,value\n1,2\n\n3,4".to_owned();
    for (name, content, media) in
        [("bytes", bytes.as_slice(), "application/octet-stream"), ("text.csv", text.as_bytes(), "text/x-raw")]
    {
        let path = temporary(name, content);
        let heard = Collector::of(path.to_str().unwrap(), ONCE).wait_for_end();
        std::fs::remove_file(path).unwrap();
        let units = &track(&heard, media).buffers;
        assert_eq!(units.iter().flat_map(|unit| unit.2.clone()).collect::<Vec<u8>>(), content);
        // At 1 Mbit/s.
        assert_eq!(units.last().unwrap().1, content.len() as u64 * 8_000);
    }
}

#[test]
fn data_repeats_too() {
    let path = temporary("repeated", b"one\ntwo\n");
    let collector = Collector::of(path.to_str().unwrap(), AGAIN);
    let heard = collector.wait("two turns", |heard| heard.iter().any(|track| track.buffers.len() >= 5));
    std::fs::remove_file(path).unwrap();
    let units = &heard[0].buffers;
    assert_eq!(units[2].2, b"one\n");
    assert!(units.iter().zip(&units[1..]).all(|(one, next)| one.1 == next.0));
}

#[test]
fn media_can_be_sent_as_data() {
    let heard = Collector::of(CLIP, Manner { data: true, data_rate: u64::MAX, ..ONCE }).wait_for_end();
    let bytes: usize = heard[0].buffers.iter().map(|unit| unit.2.len()).sum();
    assert_eq!(bytes as u64, std::fs::metadata(CLIP).unwrap().len());
}

#[test]
fn the_test_source_has_pictures_and_a_tone() {
    let collector = Collector::of("test://", ONCE);
    let heard =
        collector.wait("pictures and a tone", |heard| heard.iter().all(|track| track.buffers.len() > 2));
    assert_eq!((track(&heard, "video/x-raw").ended, track(&heard, "audio/x-raw").ended), (false, false));
    let collector = Collector::of("test://audio", ONCE);
    assert_eq!(collector.wait("a tone", |heard| !heard[0].media.is_empty()).len(), 1);
}

#[test]
fn an_input_that_cannot_be_is_one_clear_line() {
    plugins::start().unwrap();
    let feed = Feed::new(&gst::Pipeline::new(), Arc::new(|| None));
    let fails = |input: &str, manner: Manner| {
        sources::start(&feed, &Input::parse(input).unwrap(), manner).unwrap_err().to_string()
    };
    let broken = temporary("broken.mp4", &std::fs::read(CLIP).unwrap()[..20_000]);
    let broken = broken.to_str().unwrap();
    assert!(fails("/nonexistent/a.mp4", ONCE).contains("/nonexistent/a.mp4: there is no such file"));
    assert!(fails("/", ONCE).contains("is a folder"));
    assert!(fails("test://", AGAIN).contains("--loop is for files"));
    assert!(fails("device://video99", ONCE).contains("there is no device video99"));
    assert!(fails("nonsense://x", ONCE).contains("nonsense://"));
    assert!(fails(broken, ONCE).starts_with(&format!("{broken}: ")));
    std::fs::remove_file(Path::new(broken)).unwrap();
}
