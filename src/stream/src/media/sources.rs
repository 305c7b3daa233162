//! The inputs of a push, each led to the sink.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use gst::glib;
use gst::prelude::*;

use crate::failure::{Failure, Kind as Failed, Result};
use crate::media::data::{self, Shape};
use crate::media::feed::Feed;
use crate::media::input::Input;
use crate::media::kind::{self, Kind};
use crate::media::plugins::element;
use crate::media::reader::Origin;
use crate::media::{devices, played};

/// How inputs are to be taken.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Begin again at the end.
    pub repeat: bool,
    /// Take everything as data.
    pub data: bool,
    /// bit/s at which a file of data is sent.
    pub data_rate: u64,
}

/// Leads an input to the sink.
pub fn start(feed: &Feed, input: &Input, manner: Manner) -> Result<()> {
    if manner.repeat && !input.can_repeat() {
        return Err(Failure::usage("--loop is for files: this input has no beginning to return to"));
    }
    match input {
        Input::Test { video, audio } => test(feed, *video, *audio),
        Input::Devices => {
            Err(Failure::usage("device:// lists the devices: name one of them, such as device://video0"))
        }
        Input::Device(name) => device(feed, name),
        Input::Address(address) => self::address(feed, address, manner),
        Input::File(path) => file(feed, path, manner),
        Input::Standard => standard(feed, manner),
    }
}

fn test(feed: &Feed, video: bool, audio: bool) -> Result<()> {
    let pictures = "videotestsrc is-live=true ! capsfilter caps=video/x-raw,format=I420,width=640,height=360,framerate=25/1";
    let tone = "audiotestsrc is-live=true volume=0.1 ! capsfilter caps=audio/x-raw,format=S16LE,rate=48000,channels=2";
    for (wanted, description, media) in [(video, pictures, "video/x-raw"), (audio, tone, "audio/x-raw")] {
        if wanted {
            let bin = gst::parse::bin_from_description(description, true)
                .map_err(|error| Failure::failed(error.to_string()))?;
            live(feed, bin.upcast_ref())?;
            let pad = bin.static_pad("src").ok_or_else(|| Failure::failed("the test source has no pad"))?;
            feed.attach(&pad, media)?;
        }
    }
    Ok(())
}

fn device(feed: &Feed, name: &str) -> Result<()> {
    let source = devices::source(name)?;
    let decoder = element("decodebin3")?;
    feed.attach_all(&decoder);
    live(feed, &source)?;
    live(feed, &decoder)?;
    source.link(&decoder).map_err(|error| Failure::failed(format!("{name}: {error}")))
}

fn live(feed: &Feed, element: &gst::Element) -> Result<()> {
    feed.pipeline()?.add(element).map_err(|error| Failure::failed(error.to_string()))
}

fn address(feed: &Feed, address: &str, manner: Manner) -> Result<()> {
    let scheme = address.split("://").next().unwrap_or_default();
    if gst::Element::make_from_uri(gst::URIType::Src, address, None).is_err() {
        return Err(Failure::usage(format!(
            "GStreamer has nothing here that plays {scheme}:// addresses like this one"
        )));
    }
    if manner.data {
        return Err(Failure::usage("--data is for files and standard input"));
    }
    // What a server sends at its own pace is played as it comes; the rest is read ahead.
    if !["http", "https", "file"].contains(&scheme) {
        let decoder = element("uridecodebin3")?;
        decoder.set_property("uri", address);
        feed.attach_all(&decoder);
        return live(feed, &decoder);
    }
    played::start(feed, address, Origin::Uri(address), manner.repeat.then(|| address.to_owned()))
}

fn file(feed: &Feed, path: &Path, manner: Manner) -> Result<()> {
    let name = path.display().to_string();
    let mut content = open(path)?;
    let kind = kind::of_file(&mut content).map_err(|error| cannot_read(path, &error))?;
    if kind == Kind::Media && !manner.data {
        let absolute = std::path::absolute(path).map_err(|error| cannot_read(path, &error))?;
        let uri =
            glib::filename_to_uri(absolute, None).map_err(|error| Failure::failed(error.to_string()))?;
        return played::start(feed, &name, Origin::Uri(&uri), manner.repeat.then(|| uri.to_string()));
    }
    let shape = Shape { text: kind == Kind::Text, rate: Some(manner.data_rate) };
    let path = path.to_owned();
    let again: Option<data::Again> = manner.repeat.then(|| {
        let path = path.clone();
        Box::new(move || File::open(&path).map(|file| Box::new(file) as Box<dyn Read + Send>)) as data::Again
    });
    data::start(feed, &name, Box::new(open(&path)?), shape, again)
}

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Failed::NotFound, format!("{}: there is no such file", path.display()))
        }
        _ => cannot_read(path, &error),
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(Failure::usage(format!("{} is a folder", path.display()))),
        _ => Ok(file),
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} cannot be read: {error}", path.display()))
}

fn standard(feed: &Feed, manner: Manner) -> Result<()> {
    let mut pipe = std::io::stdin();
    let (kind, first) = kind::of_pipe(&mut pipe)
        .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    if first.is_empty() {
        return Err(Failure::failed("standard input is empty"));
    }
    if kind == Kind::Media && !manner.data {
        return played::start(feed, "standard input", Origin::Pipe(first, Box::new(pipe)), None);
    }
    let shape = Shape { text: kind == Kind::Text, rate: None };
    data::start(feed, "standard input", Box::new(std::io::Cursor::new(first).chain(pipe)), shape, None)
}
