//! Units in, what came out, and programs that are not ours to look at it.
#![allow(dead_code, reason = "every test uses some of it")]

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fql_convert::{Converter, Error, Input, Output, Payload, Settings, Target, Unit};
use fql_unit::{EncodedAudioInfo, EncodedVideoInfo, Media};
use gst::prelude::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A converter and what came out of it.
pub struct Bench {
    pub converter: Converter,
    out: Receiver<Output>,
}

/// All that came out.
#[derive(Debug, Default)]
pub struct Made {
    pub media: Vec<Media>,
    pub units: Vec<Unit>,
    pub failed: Option<Error>,
}

impl Bench {
    pub fn new(source: &Media, target: Target) -> Self {
        Self::with(source, target, &Settings { hardware: false, ..Settings::default() })
    }

    pub fn with(source: &Media, target: Target, settings: &Settings) -> Self {
        let (sender, out) = channel();
        let converter = Converter::new(source, target, settings, move |output| drop(sender.send(output)));
        Self { converter: converter.unwrap(), out }
    }

    pub fn push(&mut self, pts: u64, duration: u64, payload: Payload<'_>) {
        self.push_unit(pts, duration, true, payload);
    }

    pub fn push_unit(&mut self, pts: u64, duration: u64, key: bool, payload: Payload<'_>) {
        self.converter.push(Input { pts, duration, key, discont: false, payload }).unwrap();
    }

    /// Waits until something has become of all that went in, so that nothing is left out for haste.
    pub fn wait(&self) {
        let begun = Instant::now();
        loop {
            let counts = self.converter.counts();
            if counts.taken == counts.given + counts.dropped + counts.unusable {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{counts:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What is there by now.
    pub fn made(&self) -> Made {
        let mut made = Made::default();
        self.out.try_iter().for_each(|output| made.take(output));
        made
    }

    /// All, after the end.
    pub fn finish(self) -> Made {
        self.converter.finish();
        drop(self.converter);
        let mut made = Made::default();
        self.out.iter().for_each(|output| made.take(output));
        made
    }
}

impl Made {
    fn take(&mut self, output: Output) {
        match output {
            Output::Media(media) => self.media.push(media),
            Output::Unit(unit) => self.units.push(unit),
            Output::Failed(error) => self.failed = Some(error),
        }
    }
}

/// What GStreamer's decoders make of units.
pub fn decode(media: &Media, units: &[Unit], decoder: &str) -> Vec<gst::Sample> {
    gst::init().unwrap();
    let pipeline =
        gst::parse::launch(&format!("appsrc name=in format=time ! {decoder} ! appsink name=out sync=false"));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    source.set_caps(Some(&caps(media)));
    pipeline.set_state(gst::State::Playing).unwrap();
    for unit in units {
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        let writable = buffer.get_mut().unwrap();
        writable.set_pts(gst::ClockTime::from_nseconds(unit.pts));
        writable.set_dts(gst::ClockTime::from_nseconds(unit.pts));
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    let limit = gst::ClockTime::try_from(PATIENCE).unwrap();
    let samples = std::iter::from_fn(|| sink.try_pull_sample(limit)).collect();
    assert!(sink.is_eos(), "not everything is decoded");
    pipeline.set_state(gst::State::Null).unwrap();
    samples
}

fn caps(media: &Media) -> gst::Caps {
    let (text, config) = match media {
        Media::EncodedVideo(EncodedVideoInfo { caps, config, .. }) => (caps, config),
        Media::EncodedAudio(EncodedAudioInfo { caps, config, .. }) => (caps, config),
        other => panic!("{other:?} is not encoded"),
    };
    let mut caps: gst::Caps = text.parse().unwrap();
    let buffer = gst::Buffer::from_slice(config.clone());
    match text.starts_with("audio/x-opus") {
        true => caps.make_mut().set("streamheader", gst::Array::new([buffer])),
        false => caps.make_mut().set("codec_data", buffer),
    }
    caps
}
