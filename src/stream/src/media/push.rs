//! `stream push`: inputs, coded in layers or as data, sent to a stream.

use gst::prelude::*;

use crate::args;
use crate::client::Client;
use crate::commands::streams::find;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt::Interrupt;
use crate::media::bus::{Attendant, Ended, follow};
use crate::media::feed::Feed;
use crate::media::input::Input;
use crate::media::plugins;
use crate::media::progress::Progress;
use crate::media::sources::{self, Manner};
use crate::model::Stream;
use crate::output::{Output, read};

/// kbit/s of files that are data where nobody asks for another rate.
const DATA_RATE: u32 = 1_000;

/// Whether a push asks for nothing but the list of devices, which needs no stream.
pub fn only_lists_devices(push: &args::Push) -> bool {
    push.inputs.iter().any(|input| input == "device://")
}

/// Sends the inputs until they end, or somebody interrupts.
pub fn push(client: &Client, push: &args::Push, output: Output) -> Result<()> {
    let inputs = push.inputs.iter().map(|text| Input::parse(text)).collect::<Result<Vec<_>>>()?;
    if inputs.iter().filter(|input| **input == Input::Standard).count() > 1 {
        return Err(Failure::usage("standard input can be one input, not two"));
    }
    let answer = find(client, &push.name)?;
    plugins::start()?;
    let (pipeline, sink) = sender(client.api_url(), &read(answer)?, push)?;
    let feed = Feed::to(&pipeline, &sink);
    for input in &inputs {
        sources::start(&feed, input, manner(push))?;
    }
    let pushing = Pushing { pipeline, progress: Progress::new(&push.name, sink, output) };
    pushing.run()
}

fn manner(push: &args::Push) -> Manner {
    let rate = push.bitrate.filter(|rate| *rate > 0).unwrap_or(DATA_RATE);
    Manner { repeat: push.repeat, data: push.data, data_rate: u64::from(rate) * 1_000 }
}

/// A pipeline with the sink for a stream.
fn sender(api_url: &str, stream: &Stream, push: &args::Push) -> Result<(gst::Pipeline, gst::Element)> {
    let key = stream.stream_key.as_deref().ok_or_else(|| {
        let text = format!(
            "this API key may not see the stream key of {}: use one with the scope ingest",
            stream.name
        );
        Failure::new(Kind::Forbidden, text)
    })?;
    let sink = plugins::element("streamapisink")?;
    sink.set_property("api-url", api_url);
    sink.set_property("stream-key", key);
    let rates =
        [("bitrate", push.bitrate), ("audio-bitrate", push.audio_bitrate), ("max-bitrate", push.max_bitrate)];
    for (name, rate) in rates {
        if let Some(rate) = rate {
            set_rate(&sink, name, rate)?;
        }
    }
    if let Some(frames) = push.keyframe_interval {
        sink.set_property("keyframe-interval", frames);
    }
    let pipeline = gst::Pipeline::new();
    pipeline.add(&sink).map_err(|error| Failure::failed(error.to_string()))?;
    Ok((pipeline, sink))
}

fn set_rate(sink: &gst::Element, name: &str, rate: u32) -> Result<()> {
    let largest = sink.find_property(name).and_then(|property| {
        property.downcast_ref::<gst::glib::ParamSpecUInt>().map(|p| (p.minimum(), p.maximum()))
    });
    if let Some((least, most)) = largest.filter(|(least, most)| !(*least..=*most).contains(&rate)) {
        return Err(Failure::usage(format!("--{name} is {rate} kbit/s, it must be from {least} to {most}")));
    }
    sink.set_property(name, rate);
    Ok(())
}

struct Pushing {
    pipeline: gst::Pipeline,
    progress: Progress,
}

impl Pushing {
    fn run(mut self) -> Result<()> {
        let mut interrupt = Interrupt::catch()?;
        // Why it does not start is an error on the bus.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let pipeline = self.pipeline.clone();
        let ended = follow(&self.pipeline, &mut interrupt, &mut self.progress, || {
            pipeline.send_event(gst::event::Eos::new());
        })?;
        self.progress.end(match ended {
            Ended::AtItsEnd => "the input ended",
            Ended::AsAsked => "interrupted",
        })
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        // There is nothing to do where it does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Attendant for Progress {
    fn tell(&mut self) -> Result<()> {
        self.show()
    }

    fn message(&mut self, message: &gst::MessageRef) -> Result<()> {
        match message.view() {
            gst::MessageView::Warning(warning) => self.note(&warning.error().to_string()),
            gst::MessageView::Element(element) => {
                element.structure().map_or(Ok(()), |told| self.follow(told))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stream(key: Value) -> Stream {
        read(json!({"id": "s", "name": "hall", "layers": 1, "playbackId": "p", "state": "offline", "streamKey": key}))
            .unwrap()
    }

    fn arguments() -> args::Push {
        args::Push {
            name: "hall".into(),
            inputs: vec![],
            bitrate: None,
            keyframe_interval: None,
            audio_bitrate: None,
            max_bitrate: None,
            repeat: false,
            data: false,
        }
    }

    #[test]
    fn a_key_that_may_not_see_the_stream_key_cannot_push() {
        let failure = sender("http://h", &stream(Value::Null), &arguments()).unwrap_err();
        assert_eq!(failure.kind(), Kind::Forbidden);
    }
}
