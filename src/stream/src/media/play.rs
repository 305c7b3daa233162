//! `stream play`: a stream in a window, or in a file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use serde_json::json;

use crate::args;
use crate::client::Client;
use crate::commands::streams::find;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt::Interrupt;
use crate::media::bus::{Attendant, Ended, follow};
use crate::media::plugins::{self, element};
use crate::media::recording::{Recording, Target};
use crate::model::{Play, Stream};
use crate::output::{Output, read};
use crate::settings::Settings;
use crate::text::{clock, escaped};

/// Seconds without media after which it is asked whether the stream is still there.
const QUIET: u32 = 3;

/// Watches a stream until it ends, its time is over, or somebody interrupts.
pub fn play(settings: &Settings, play: &args::Play, output: Output) -> Result<()> {
    let target = Target::of(play.output.as_deref(), play.data_output.as_deref())?;
    let viewer = Client::anonymous(settings);
    let (answer, uri) = source(settings, &viewer, &play.name)?;
    plugins::start()?;
    let pipeline = gst::Pipeline::new();
    let source = receiver(&uri, play)?;
    pipeline.add(&source).map_err(|error| Failure::failed(error.to_string()))?;
    let watching = Watching {
        recording: Arc::new(Mutex::new(Recording::new(&pipeline, target, play.max_layer)?)),
        pipeline,
        source,
        name: play.name.clone(),
        state: answer.state,
        viewer,
        playback_id: answer.playback_id,
        quiet: Quiet::default(),
        limit: play.duration.map(gst::ClockTime::from_seconds),
        output,
        data_goes_to_standard_output: play.data_output.as_deref() == Some(Path::new("-")),
    };
    watching.run()
}

/// How to watch what the name stands for: a playback ID, or a stream of this API key.
fn source(settings: &Settings, viewer: &Client, name: &str) -> Result<(Play, String)> {
    let ask = |id: &str| viewer.get(&path(id));
    let answer = match ask(name) {
        Err(failure) if failure.kind() == Kind::NotFound => ask(&playback_id(settings, name)?)?,
        answer => answer?,
    };
    let play: Play = read(answer)?;
    let uri = play.sources.iter().find(|source| source.protocol == "fql").map(|source| source.uri.clone());
    let uri =
        uri.ok_or_else(|| Failure::failed(format!("the server offers no way to watch {name} by FQL")))?;
    Ok((play, uri))
}

fn path(playback_id: &str) -> String {
    format!("/play/{}", escaped(playback_id))
}

fn playback_id(settings: &Settings, name: &str) -> Result<String> {
    let client = Client::new(settings).map_err(|_| {
        let text = format!(
            "{name} is no playback ID, and to look for a stream of that name there is no API key: run stream login, or \
             set STREAM_API_KEY"
        );
        Failure::new(Kind::Unauthorised, text)
    })?;
    Ok(read::<Stream>(find(&client, name)?)?.playback_id)
}

fn receiver(uri: &str, play: &args::Play) -> Result<gst::Element> {
    let source = element("fqlsrc")?;
    source.set_property("uri", uri);
    if let Some(layer) = play.max_layer {
        source.set_property_from_str("max-layer", &layer.to_string());
    }
    if let Some(latency) = play.latency {
        source.set_property("latency", latency);
    }
    Ok(source)
}

struct Watching {
    pipeline: gst::Pipeline,
    source: gst::Element,
    recording: Arc<Mutex<Recording>>,
    name: String,
    state: String,
    viewer: Client,
    playback_id: String,
    quiet: Quiet,
    limit: Option<gst::ClockTime>,
    output: Output,
    data_goes_to_standard_output: bool,
}

impl Watching {
    fn run(mut self) -> Result<()> {
        let mut interrupt = Interrupt::catch()?;
        self.lead_tracks();
        if self.state != "live" {
            eprintln!("stream: {} is {}: waiting for it", self.name, self.state);
        }
        let _ = self.pipeline.set_state(gst::State::Playing);
        let (pipeline, source) = (self.pipeline.clone(), self.source.clone());
        let ended = follow(&pipeline, &mut interrupt, &mut self, || {
            source.send_event(gst::event::Eos::new());
        })?;
        self.finish(ended)
    }

    /// Pads come as soon as the stream's tracks are known.
    fn lead_tracks(&self) {
        let (tracks, complete) = (self.recording.clone(), self.recording.clone());
        self.source.connect_pad_added(move |source, pad| {
            let led = tracks.lock().unwrap_or_else(PoisonError::into_inner).add(pad);
            if let Err(failure) = led {
                gst::element_error!(source, gst::StreamError::Failed, ("{failure}"));
            }
        });
        self.source.connect_no_more_pads(move |source| {
            let started = complete.lock().unwrap_or_else(PoisonError::into_inner).complete();
            if let Err(failure) = started {
                gst::element_error!(source, gst::StreamError::Failed, ("{failure}"));
            }
        });
    }

    fn finish(&self, ended: Ended) -> Result<()> {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = recording.position().map_or(0, gst::ClockTime::seconds);
        let why = match ended {
            Ended::AsAsked if !self.quiet.is_over => "as asked",
            Ended::AsAsked | Ended::AtItsEnd => "the stream ended",
        };
        let file = recording.file().map(Path::display);
        if seconds == 0 && !recording.has_tracks() {
            return Err(Failure::failed(format!("nothing came of {}: is anybody pushing it?", self.name)));
        }
        if self.data_goes_to_standard_output {
            return Ok(());
        }
        let text = match &file {
            Some(file) => format!("{} of {} written to {file}, {why}", clock(seconds), self.name),
            None => format!("{} of {} played, {why}", clock(seconds), self.name),
        };
        let file = file.map(|file| file.to_string());
        self.output.done(&text, &json!({"stream": self.name, "seconds": seconds, "file": file, "ended": why}))
    }
}

/// How long nothing came.
#[derive(Debug, Default)]
struct Quiet {
    position: Option<gst::ClockTime>,
    looks: u32,
    is_over: bool,
}

impl Quiet {
    /// Whether nothing came for some looks in a row, after something had come before.
    fn look(&mut self, position: Option<gst::ClockTime>) -> bool {
        self.looks = if position == self.position { self.looks + 1 } else { 0 };
        self.position = position;
        position.is_some() && self.looks >= QUIET
    }
}

impl Watching {
    /// Viewers stay connected while nobody publishes; a recording has to end at some time.
    fn is_offline(&self) -> bool {
        match self.viewer.get(&path(&self.playback_id)).and_then(read::<Play>) {
            Ok(play) => play.state == "offline",
            Err(failure) => failure.kind() == Kind::NotFound,
        }
    }
}

impl Attendant for Watching {
    fn tell(&mut self) -> Result<()> {
        let position = self.recording.lock().unwrap_or_else(PoisonError::into_inner).position();
        if self.quiet.look(position) && self.is_offline() {
            self.quiet.is_over = true;
        }
        Ok(())
    }

    fn message(&mut self, message: &gst::MessageRef) -> Result<()> {
        if let gst::MessageView::Warning(warning) = message.view() {
            eprintln!("stream: {}", crate::text::one_line(&warning.error().to_string()));
        }
        Ok(())
    }

    fn is_enough(&mut self) -> bool {
        if self.quiet.is_over {
            return true;
        }
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.is_some_and(|limit| recording.position().is_some_and(|position| position >= limit))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // There is nothing to do where it does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_when_nothing_more_comes_after_something_did() {
        let mut quiet = Quiet::default();
        assert!((0..100).all(|_| !quiet.look(None)), "a stream that has not begun is waited for");
        let at = |seconds| Some(gst::ClockTime::from_seconds(seconds));
        let looks: Vec<bool> = [1, 2, 2, 2, 2, 3, 3].map(|seconds| quiet.look(at(seconds))).into();
        assert_eq!(looks, [false, false, false, false, true, false, false]);
    }
}
