//! Cameras by RTSP: media in the same connection, or by UDP where the camera wants that. GStreamer's client, through a
//! [`Tunnel`].

mod message;
mod scanner;
mod tunnel;

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use url::Url;

use crate::address::{Address, Scheme};
use crate::container::make;
use crate::error::{Error, Reason};
use crate::gather::Gather;
use crate::out::{Out, Sink};
use crate::reach::{self, Rules};
use crate::tap::{self, Given, Giver, Times};
use tunnel::{Refusal, Tunnel};

/// The most tracks that are taken.
const MOST_TRACKS: u8 = 8;
/// What the camera gives that waits to be taken.
const MOST_GIVEN: usize = 256;
/// What a camera answers that does not send media in the connection.
const UNSUPPORTED_TRANSPORT: u16 = 461;
/// How long packets wait for those before them, in milliseconds.
const LATENCY: u32 = 200;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    gst::init().map_err(|error| Error::malformed(error.to_string()))?;
    let (host, port) = address.host_and_port();
    let found = reach::resolve(host, port, rules).await?;
    let name = (address.scheme() == Scheme::Rtsps).then_some(host);
    for transport in ["tcp", "udp"] {
        let connection = reach::connect(&found, rules).await?;
        let tunnel = Tunnel::open(connection, name, transport == "udp", rules).await?;
        out.connected(tunnel.peer());
        let mut camera = Camera::open(address.url(), tunnel, transport)?;
        match camera.fetch(out).await {
            Err(_) if transport == "tcp" && camera.wants_udp() => continue,
            ended => return ended,
        }
    }
    Err(Error::new(Reason::Refused, "it sends media neither in the connection nor by UDP"))
}

/// A camera that plays, until it is dropped.
struct Camera {
    pipeline: gst::Pipeline,
    given: mpsc::Receiver<Given>,
    tunnel: Option<Tunnel>,
}

impl Camera {
    fn open(url: &Url, tunnel: Tunnel, transport: &str) -> Result<Self, Error> {
        let source = make("rtspsrc")?;
        source.set_property("location", through(url, tunnel.address()));
        source.set_property("latency", LATENCY);
        source.set_property("user-agent", concat!("streamd/", env!("CARGO_PKG_VERSION")));
        source.set_property_from_str("protocols", transport);
        // The camera's own times: bent to those of arrival, pictures would be shown in the wrong moments, and those that are
        // shown in another order than they come in would change places.
        source.set_property_from_str("buffer-mode", "none");
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        if !url.username().is_empty() || url.password().is_some() {
            source.set_property("user-id", decoded(url.username()));
            source.set_property("user-pw", decoded(url.password().unwrap_or_default()));
        }
        let (giver, given) = mpsc::channel(MOST_GIVEN);
        let pipeline = gst::Pipeline::new();
        pipeline.add(&source).map_err(Error::unlinked)?;
        tap::watch(&pipeline, giver.clone());
        // Pads come on threads of their own, two at a time.
        let tracks = Arc::new(Mutex::new(0));
        source.connect("select-stream", false, |values| {
            let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
            Some(caps.is_some_and(|caps| chain(&caps).is_some()).to_value())
        });
        source.connect_pad_added({
            let (pipeline, giver, tracks) = (pipeline.downgrade(), giver.clone(), Arc::clone(&tracks));
            move |_, pad| {
                let Some(pipeline) = pipeline.upgrade() else { return };
                let mut tracks = tracks.lock().unwrap_or_else(PoisonError::into_inner);
                if *tracks >= MOST_TRACKS {
                    return;
                }
                match take_pad(&pipeline, pad, *tracks, &giver) {
                    Ok(true) => *tracks += 1,
                    Ok(false) => {}
                    Err(error) => {
                        let _ = tap::give(&giver, Given::Failed(error));
                    }
                }
            }
        });
        source.connect_no_more_pads(move |_| {
            let count = *tracks.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = tap::give(&giver, Given::Tracks(usize::from(count)));
        });
        let camera = Self { pipeline, given, tunnel: Some(tunnel) };
        match camera.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(camera),
            Err(_) => Err(Error::malformed("GStreamer's client does not start")),
        }
    }

    async fn fetch<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        let (mut gather, mut has_played) = (Gather::default(), false);
        while let Some(given) = self.given.recv().await {
            match given {
                Given::Media(track, media) => gather.media(track, media, out).await?,
                Given::Tracks(0) => {
                    return Err(Error::new(Reason::NoMedia, "it has no track that can be taken"));
                }
                Given::Tracks(tracks) => gather.expect(tracks),
                Given::Unit(unit) => {
                    has_played = true;
                    for unit in gather.unit(unit, out).await? {
                        out.unit(unit)?;
                    }
                }
                Given::Failed(error) => return Err(self.failed(has_played, error)),
                Given::End if has_played => return Ok(()),
                Given::End => break,
            }
        }
        Err(self.failed(has_played, Error::new(Reason::NoMedia, "it ended before any media came")))
    }

    /// What the camera has answered says more than what GStreamer makes of it, which may hold the address.
    fn failed(&self, has_played: bool, error: Error) -> Error {
        match self.refusal() {
            Some(refusal) if !has_played => refusal.error(),
            _ if has_played => Error::new(Reason::Lost, "the connection ended"),
            _ if error.reason == Reason::NoMedia => error,
            _ => Error::new(Reason::NoMedia, "the session could not be set up"),
        }
    }

    fn wants_udp(&self) -> bool {
        matches!(self.refusal(), Some(Refusal::Status(UNSUPPORTED_TRANSPORT) | Refusal::Transport))
    }

    fn refusal(&self) -> Option<Refusal> {
        self.tunnel.as_ref().and_then(Tunnel::refusal)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // First nobody waits to give something any more.
        self.given.close();
        while self.given.try_recv().is_ok() {}
        let (pipeline, tunnel) = (self.pipeline.clone(), self.tunnel.take());
        // It says goodbye, and waits for the answer.
        std::thread::spawn(move || {
            let _ = pipeline.set_state(gst::State::Null);
            drop(tunnel);
        });
    }
}

/// The address with the tunnel's end as its host, and without what is secret in it beside the path.
fn through(url: &Url, at: SocketAddr) -> String {
    let after = url.as_str().split_once("://").map_or("", |(_, after)| after);
    let path = after.find(['/', '?']).map_or("", |start| &after[start..]);
    format!("rtsp://{at}{path}")
}

/// Takes a track of the camera, if it is one that can be taken.
fn take_pad(pipeline: &gst::Pipeline, pad: &gst::Pad, track: u8, giver: &Giver) -> Result<bool, Error> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let Some((names, caps)) = chain(&caps) else { return Ok(false) };
    let caps = gst::Caps::from_str(caps).map_err(|error| Error::malformed(error.to_string()))?;
    let mut elements: Vec<gst::Element> = names.iter().map(|name| make(name)).collect::<Result<_, _>>()?;
    elements.push(tap::sink(track, &caps, Times::Presentation, giver.clone()).upcast());
    pipeline.add_many(&elements).map_err(Error::unlinked)?;
    gst::Element::link_many(&elements).map_err(Error::unlinked)?;
    for element in &elements {
        element.sync_state_with_parent().map_err(Error::unlinked)?;
    }
    let sink =
        elements[0].static_pad("sink").ok_or_else(|| Error::malformed("a depayloader takes nothing"))?;
    pad.link(&sink).map_err(|error| Error::malformed(error.to_string()))?;
    Ok(true)
}

/// The elements that a track goes through, and what comes out.
fn chain(caps: &gst::Caps) -> Option<(&'static [&'static str], &'static str)> {
    const AAC: &str = "audio/mpeg, mpegversion=4, stream-format=raw";
    let structure = caps.structure(0)?;
    let name = structure.get::<&str>("encoding-name").ok().map(str::to_ascii_uppercase);
    // Payload types that need no description.
    let known = match structure.get::<i32>("payload") {
        Ok(0) => Some("PCMU".to_owned()),
        Ok(8) => Some("PCMA".to_owned()),
        _ => None,
    };
    let chain: (&[&str], _) = match name.or(known)?.as_str() {
        "H264" => (&["rtph264depay", "h264parse"], "video/x-h264, stream-format=avc, alignment=au"),
        "H265" => (&["rtph265depay", "h265parse"], "video/x-h265, stream-format=hvc1, alignment=au"),
        "MPEG4-GENERIC" => (&["rtpmp4gdepay", "aacparse"], AAC),
        "MP4A-LATM" => (&["rtpmp4adepay", "aacparse"], AAC),
        "OPUS" => (&["rtpopusdepay", "opusparse"], "audio/x-opus"),
        // Nothing past here knows G.711.
        "PCMA" => (&["rtppcmadepay", "alawdec", "audioconvert", "audioresample", "opusenc"], "audio/x-opus"),
        "PCMU" => (&["rtppcmudepay", "mulawdec", "audioconvert", "audioresample", "opusenc"], "audio/x-opus"),
        _ => return None,
    };
    Some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_the_tunnel_and_no_password() {
        let at = "127.0.0.1:5".parse().unwrap();
        for (text, expected) in [
            ("rtsp://me:word@camera:554/live?channel=1", "rtsp://127.0.0.1:5/live?channel=1"),
            ("rtsps://[::1]/a/b", "rtsp://127.0.0.1:5/a/b"),
            ("rtsp://camera", "rtsp://127.0.0.1:5"),
        ] {
            assert_eq!(through(&Url::parse(text).unwrap(), at), expected);
        }
    }
}
