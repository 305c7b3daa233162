//! Where the tracks of a stream go that is watched: a window, or files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::glib;
use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::media::plugins::element;

/// What somebody wants of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Of its video and sound.
    pub media: MediaTarget,
    /// The file for its data track; `-` is standard output.
    pub data: Option<PathBuf>,
}

/// Where video and sound go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaTarget {
    /// A window and a loudspeaker.
    Window,
    /// Nowhere: only the data track is wanted.
    Nowhere,
    /// A file of this kind.
    File(Container, PathBuf),
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Video and sound, coded.
    Matroska,
    /// Pictures as they were decoded.
    Y4m,
    /// Sound as it was decoded.
    Wav,
}

impl Target {
    /// By the files that somebody named.
    pub fn of(media: Option<&Path>, data: Option<&Path>) -> Result<Self> {
        let media = match (media, data) {
            (Some(path), _) => MediaTarget::File(container(path)?, path.to_owned()),
            (None, Some(_)) => MediaTarget::Nowhere,
            (None, None) => MediaTarget::Window,
        };
        Ok(Self { media, data: data.map(Path::to_owned) })
    }
}

fn container(path: &Path) -> Result<Container> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("mkv") => Ok(Container::Matroska),
        Some("y4m") => Ok(Container::Y4m),
        Some("wav") => Ok(Container::Wav),
        _ => Err(Failure::usage(format!("{}: the name has to end with .mkv, .y4m or .wav", path.display()))),
    }
}

/// The kind of a track, by the pad that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Video,
    Audio,
    Data,
}

/// The part of the pipeline behind the receiver.
pub struct Recording {
    pipeline: glib::WeakRef<gst::Pipeline>,
    target: Target,
    max_layer: Option<u8>,
    muxer: Option<gst::Element>,
    /// Tracks wait until all of them are known: a file begins with the list of its tracks.
    held: Vec<(gst::Pad, gst::PadProbeId)>,
    linked: usize,
    clock: Arc<Clock>,
}

/// The times of what came, in ns; `u64::MAX` as long as nothing did.
#[derive(Debug)]
struct Clock {
    first: AtomicU64,
    last: AtomicU64,
}

impl Recording {
    /// Files are opened when the pipeline starts.
    pub fn new(pipeline: &gst::Pipeline, target: Target, max_layer: Option<u8>) -> Result<Self> {
        let clock = Arc::new(Clock { first: AtomicU64::new(u64::MAX), last: AtomicU64::new(0) });
        let mut recording = Self {
            pipeline: pipeline.downgrade(),
            target,
            max_layer,
            muxer: None,
            held: Vec::new(),
            linked: 0,
            clock,
        };
        if let MediaTarget::File(Container::Matroska, path) = recording.target.media.clone() {
            let (muxer, sink) = (element("matroskamux")?, file_sink(&path)?);
            recording.put(&[&muxer, &sink])?;
            muxer.link(&sink).map_err(failed)?;
            recording.muxer = Some(muxer);
        }
        Ok(recording)
    }

    /// Leads a track where it belongs; one that is not wanted is left alone.
    pub fn add(&mut self, pad: &gst::Pad) -> Result<()> {
        let kind = match pad.name().split('_').next() {
            Some("video") => Kind::Video,
            Some("audio") => Kind::Audio,
            _ => Kind::Data,
        };
        let media = pad.current_caps().and_then(|caps| Some(caps.structure(0)?.name().to_string()));
        let media = media.unwrap_or_default();
        let Some(chain) = self.chain(kind, &media)? else { return Ok(()) };
        self.hold(pad);
        self.watch(pad);
        self.linked += 1;
        let mut elements = vec![queue()?];
        elements.extend(chain);
        self.put(&elements.iter().collect::<Vec<_>>())?;
        gst::Element::link_many(&elements).map_err(failed)?;
        if let (Some(last), Some(muxer), true) = (elements.last(), &self.muxer, kind != Kind::Data) {
            last.link(muxer).map_err(failed)?;
        }
        let first = elements[0].static_pad("sink").ok_or_else(|| Failure::failed("a queue without a pad"))?;
        pad.link(&first).map(drop).map_err(|error| Failure::failed(error.to_string()))
    }

    /// All tracks are known.
    pub fn complete(&mut self) -> Result<()> {
        for (pad, probe) in self.held.drain(..) {
            pad.remove_probe(probe);
        }
        if self.linked > 0 {
            return Ok(());
        }
        Err(Failure::failed(match (&self.target.media, &self.target.data) {
            (MediaTarget::File(Container::Wav, _), _) => "the stream has no sound",
            (MediaTarget::File(Container::Y4m, _), _) => "the stream has no video",
            (MediaTarget::Nowhere, _) => "the stream has no data track",
            _ => "the stream has neither video nor sound",
        }))
    }

    /// How much of the stream came so far.
    pub fn position(&self) -> Option<gst::ClockTime> {
        let (first, last) =
            (self.clock.first.load(Ordering::Relaxed), self.clock.last.load(Ordering::Relaxed));
        (first != u64::MAX).then(|| gst::ClockTime::from_nseconds(last.saturating_sub(first)))
    }

    /// Whether any track is led anywhere.
    pub fn has_tracks(&self) -> bool {
        self.linked > 0
    }

    /// The file that is written.
    pub fn file(&self) -> Option<&Path> {
        match &self.target.media {
            MediaTarget::File(_, path) => Some(path),
            _ => self.target.data.as_deref(),
        }
    }

    /// What comes between the queue of a track and the muxer, or the sink with it; `None` for tracks not wanted.
    fn chain(&self, kind: Kind, media: &str) -> Result<Option<Vec<gst::Element>>> {
        match (&self.target.media, kind) {
            (_, Kind::Data) => self.target.data.as_deref().map(|path| Ok(vec![file_sink(path)?])).transpose(),
            (MediaTarget::Nowhere, _) => Ok(None),
            (MediaTarget::Window, _) => Ok(Some(self.shown(kind, media)?)),
            (MediaTarget::File(Container::Matroska, _), _) => Ok(Some(self.coded(kind, media)?)),
            (MediaTarget::File(Container::Y4m, path), Kind::Video) if self.linked == 0 => {
                Ok(Some(self.decoded(kind, media, &[element("y4menc")?, file_sink(path)?])?))
            }
            (MediaTarget::File(Container::Wav, path), Kind::Audio) if self.linked == 0 => {
                Ok(Some(self.decoded(kind, media, &[element("wavenc")?, file_sink(path)?])?))
            }
            _ => Ok(None),
        }
    }

    fn shown(&self, kind: Kind, media: &str) -> Result<Vec<gst::Element>> {
        let sink = if kind == Kind::Video { "autovideosink" } else { "autoaudiosink" };
        self.decoded(kind, media, &[element(sink)?])
    }

    /// Into a file as it came where the file can hold it, otherwise coded anew.
    fn coded(&self, kind: Kind, media: &str) -> Result<Vec<gst::Element>> {
        let parser = match media {
            "video/x-h264" => Some("h264parse"),
            "video/x-h265" => Some("h265parse"),
            "video/x-av1" => Some("av1parse"),
            "audio/mpeg" => Some("aacparse"),
            "audio/x-opus" => Some("opusparse"),
            _ => None,
        };
        match (parser, kind) {
            (Some(parser), _) => Ok(vec![element(parser)?]),
            (None, Kind::Video) => self.decoded(kind, media, &[video_encoder()?, element("h264parse")?]),
            (None, _) => self.decoded(kind, media, &[element("flacenc")?]),
        }
    }

    /// A decoder, conversions, and what follows them.
    fn decoded(&self, kind: Kind, media: &str, then: &[gst::Element]) -> Result<Vec<gst::Element>> {
        let mut chain = vec![self.decoder(media)?];
        let converters: &[&str] = match kind {
            Kind::Video => &["videoconvert"],
            _ => &["audioconvert", "audioresample"],
        };
        for converter in converters {
            chain.push(element(converter)?);
        }
        chain.extend_from_slice(then);
        Ok(chain)
    }

    fn decoder(&self, media: &str) -> Result<gst::Element> {
        if !matches!(media, "video/x-fql" | "audio/x-fql") {
            return encoded_decoder(media);
        }
        let decoder = element("fqldec")?;
        if let Some(layer) = self.max_layer {
            decoder.set_property_from_str("max-layer", &layer.to_string());
        }
        Ok(decoder)
    }

    fn put(&self, elements: &[&gst::Element]) -> Result<()> {
        let pipeline = self.pipeline.upgrade().ok_or_else(|| Failure::failed("the pipeline is gone"))?;
        pipeline.add_many(elements).map_err(failed)?;
        // From the end on, so that nothing comes where nothing listens.
        elements.iter().rev().try_for_each(|element| element.sync_state_with_parent()).map_err(failed)
    }

    fn hold(&mut self, pad: &gst::Pad) {
        let blocking = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let probe = pad.add_probe(blocking, |_, _| gst::PadProbeReturn::Ok);
        self.held.extend(probe.map(|probe| (pad.clone(), probe)));
    }

    fn watch(&self, pad: &gst::Pad) {
        let clock = self.clock.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(at) = info.buffer().and_then(|buffer| buffer.pts()) {
                clock.first.fetch_min(at.nseconds(), Ordering::Relaxed);
                clock.last.fetch_max(at.nseconds(), Ordering::Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// A decoder for a track that was sent as some other encoder made it.
fn encoded_decoder(media: &str) -> Result<gst::Element> {
    let description = match media {
        "video/x-h264" => "h264parse ! avdec_h264",
        "video/x-h265" => "h265parse ! avdec_h265",
        "video/x-av1" => "av1parse ! av1dec",
        "audio/mpeg" => "aacparse ! avdec_aac",
        "audio/x-opus" => "opusparse ! opusdec",
        _ => return Err(Failure::failed(format!("nothing here decodes a track of {media}"))),
    };
    let bin = gst::parse::bin_from_description(description, true).map_err(|error| {
        Failure::failed(format!("{error}: install gstreamer1.0-libav and gstreamer1.0-plugins-bad"))
    })?;
    Ok(bin.upcast())
}

/// Good pictures without a wait: the live stream does not stand still.
fn video_encoder() -> Result<gst::Element> {
    let encoder = element("x264enc")?;
    encoder.set_property_from_str("pass", "quant");
    encoder.set_property_from_str("quantizer", "18");
    encoder.set_property_from_str("speed-preset", "veryfast");
    encoder.set_property_from_str("tune", "zerolatency");
    Ok(encoder)
}

/// Wide enough for an encoder that holds back what it looks ahead.
fn queue() -> Result<gst::Element> {
    let queue = element("queue")?;
    queue.set_property("max-size-buffers", 0u32);
    queue.set_property("max-size-time", gst::ClockTime::from_seconds(3));
    queue.set_property("max-size-bytes", 64u32 << 20);
    Ok(queue)
}

fn file_sink(path: &Path) -> Result<gst::Element> {
    let is_standard = path == Path::new("-");
    let sink = element(if is_standard { "fdsink" } else { "filesink" })?;
    if !is_standard {
        sink.set_property(
            "location",
            path.to_str().ok_or_else(|| Failure::usage("the file's name is not UTF-8"))?,
        );
    }
    sink.set_property("sync", false);
    sink.set_property("async", false);
    Ok(sink)
}

fn failed(error: glib::BoolError) -> Failure {
    Failure::failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_file_is_told_by_its_name() {
        let media = |name: &str| Target::of(Some(Path::new(name)), None).map(|target| target.media);
        assert_eq!(media("a/b.MKV"), Ok(MediaTarget::File(Container::Matroska, "a/b.MKV".into())));
        assert_eq!(media("x.y4m"), Ok(MediaTarget::File(Container::Y4m, "x.y4m".into())));
        for wrong in ["x", "x.mp4", "", ".mkv"] {
            assert_eq!(media(wrong).unwrap_err().kind(), crate::failure::Kind::Usage, "{wrong}");
        }
        assert_eq!(Target::of(None, None).unwrap().media, MediaTarget::Window);
        assert_eq!(Target::of(None, Some(Path::new("-"))).unwrap().media, MediaTarget::Nowhere);
    }
}
