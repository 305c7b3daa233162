use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fql_codec::video::{Format, Picture};
use fql_transport::{EndReason, PublicKey, Time};
use fql_unit::AudioFormat;

use crate::{
    Arrival, Error, Happening, Heard, SoundDecoder, VideoDecoder, ViewOptions, ViewingSession, time,
};

/// The most bytes that the page may pass at a time.
const MAX_INPUT: usize = 64 << 20;
/// The most sessions and decoders at a time: a worker of the player has one or two.
const MAX_OBJECTS: usize = 16;
const SEED: usize = 32;

/// All that lives in one instance of the wasm module: sessions and decoders by number, and the bytes that go in and out.
#[derive(Default)]
pub struct Module {
    input: Vec<u8>,
    output: Vec<u8>,
    objects: BTreeMap<u32, Object>,
    last: u32,
}

enum Object {
    Session(Box<ViewingSession>),
    Video(Box<VideoDecoder>),
    Sound(Box<SoundDecoder>),
}

/// How the input of [`Module::open_session`] is divided, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct SessionInput {
    /// Of the server key, after the 32 bytes of the seed.
    pub key: usize,
    /// Of the playback ID.
    pub playback_id: usize,
    /// Of the token, none where it is 0.
    pub token: usize,
}

const NO_SUCH: Error = Error::Misuse("there is no such object in the module");

impl Module {
    /// Memory for so many bytes of input, to be written before the call that reads them; `None` where they are too many.
    pub fn input(&mut self, len: usize) -> Option<&mut [u8]> {
        if len > MAX_INPUT {
            return None;
        }
        self.input.resize(len, 0);
        Some(&mut self.input)
    }

    /// What the last call that has output, or failed, put out.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Puts words out.
    pub fn fail(&mut self, error: &Error) {
        self.output = error.to_string().into_bytes();
    }

    fn take_input(&mut self) -> Bytes {
        std::mem::take(&mut self.input).into()
    }

    fn add(&mut self, object: Object) -> Result<u32, Error> {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(Error::Misuse("there are too many sessions and decoders in the module"));
        }
        self.last += 1;
        self.objects.insert(self.last, object);
        Ok(self.last)
    }

    /// Forgets a session or decoder.
    pub fn free(&mut self, object: u32) {
        self.objects.remove(&object);
    }

    /// Begins a session. Input: the seed, the server key's text, the playback ID, the token.
    pub fn open_session(
        &mut self,
        now: f64,
        latency_ms: u32,
        max_layer: u32,
        lengths: SessionInput,
    ) -> Result<u32, Error> {
        let input = self.take_input();
        let mut rest = &input[..];
        let seed = cut(&mut rest, SEED)?.try_into().map_err(|_| Error::Misuse("the seed has 32 bytes"))?;
        let server: PublicKey = text(cut(&mut rest, lengths.key)?)?.parse()?;
        let playback_id = text(cut(&mut rest, lengths.playback_id)?)?;
        let token = text(cut(&mut rest, lengths.token)?)?;
        let options = ViewOptions {
            server,
            playback_id,
            token: (!token.is_empty()).then_some(token),
            latency: Duration::from_millis(latency_ms.into()),
            max_layer: layer(max_layer),
        };
        #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
        crate::random::seed(&seed);
        let session = ViewingSession::new(options, seed, time::from_millis(now))?;
        self.add(Object::Session(Box::new(session)))
    }

    fn session(&mut self, id: u32) -> Option<&mut ViewingSession> {
        match self.objects.get_mut(&id) {
            Some(Object::Session(session)) => Some(session),
            _ => None,
        }
    }

    /// Gives the session the input as a datagram.
    pub fn session_datagram(&mut self, id: u32, now: f64) {
        let datagram = std::mem::take(&mut self.input);
        if let Some(session) = self.session(id) {
            session.handle_datagram(time::from_millis(now), &datagram);
        }
        self.input = datagram;
    }

    /// Puts out the next datagram to send, and tells whether there is one.
    pub fn session_transmit(&mut self, id: u32, now: f64) -> bool {
        let datagram = self.session(id).and_then(|session| session.poll_transmit(time::from_millis(now)));
        self.put(datagram.map(|datagram| datagram.to_vec()))
    }

    /// When the session wants to be asked again, in milliseconds since the epoch; infinity where it does not.
    pub fn session_timeout(&mut self, id: u32) -> f64 {
        self.session(id).and_then(|session| session.poll_timeout()).map_or(f64::INFINITY, time::to_millis)
    }

    /// Puts out what happened next in the session, and tells its kind: 0 nothing, 1 started, 2 tracks, 3 unit, 4 encoded
    /// unit, 5 paused, 6 resumed, 7 ended.
    pub fn session_event(&mut self, id: u32) -> u32 {
        let Some(happening) = self.session(id).and_then(ViewingSession::poll) else { return 0 };
        let (kind, output) = match happening {
            Happening::Started => (1, Vec::new()),
            Happening::Tracks(json) => (2, json),
            Happening::Unit(arrival) => (3, lay_out(&arrival)),
            Happening::Encoded(arrival) => (4, lay_out(&arrival)),
            Happening::Paused(true) => (5, Vec::new()),
            Happening::Paused(false) => (6, Vec::new()),
            Happening::Ended(reason) => (7, name(reason).as_bytes().to_vec()),
        };
        self.output = output;
        kind
    }

    /// Puts out the statistics of the session.
    pub fn session_stats(&mut self, id: u32, now: f64) -> bool {
        let stats = self.session(id).map(|session| session.stats(time::from_millis(now)));
        self.put(stats)
    }

    /// Changes the highest layer that is wanted.
    pub fn session_set_max_layer(&mut self, id: u32, max_layer: u32) {
        if let Some(session) = self.session(id) {
            session.set_max_layer(layer(max_layer));
        }
    }

    /// Ends the session; what there is to send then says goodbye.
    pub fn session_close(&mut self, id: u32, now: f64) {
        if let Some(session) = self.session(id) {
            session.close(time::from_millis(now));
        }
    }

    fn put(&mut self, output: Option<Vec<u8>>) -> bool {
        let is_some = output.is_some();
        self.output = output.unwrap_or_default();
        is_some
    }

    /// Makes a video decoder.
    pub fn new_video(&mut self, width: u32, height: u32, format: impl Into<Format>) -> Result<u32, Error> {
        let decoder = VideoDecoder::new(width, height, format)?;
        self.add(Object::Video(Box::new(decoder)))
    }

    /// Decodes the input, a unit, into the planes of the decoder.
    pub fn video_decode(&mut self, id: u32, max_layer: u32) -> Result<Picture, Error> {
        let unit = self.take_input();
        let Some(Object::Video(decoder)) = self.objects.get_mut(&id) else { return Err(NO_SUCH) };
        decoder.decode(&unit, layer(max_layer))
    }

    /// The planes of a video decoder; none where there is no such decoder.
    pub fn video_planes(&self, id: u32) -> &[u8] {
        match self.objects.get(&id) {
            Some(Object::Video(decoder)) => decoder.planes(),
            _ => &[],
        }
    }

    /// Makes a decoder of sound with so many bits a sample: 16 or 24.
    pub fn new_sound(&mut self, rate: u32, channels: u32, bits: u32) -> Result<u32, Error> {
        let formats = [AudioFormat::S16, AudioFormat::S24];
        let format = formats
            .into_iter()
            .find(|format| format.bits() == bits)
            .ok_or(Error::Misuse("sound has 16 or 24 bits a sample"))?;
        let decoder = SoundDecoder::new(rate, u8::try_from(channels).unwrap_or(u8::MAX), format)?;
        self.add(Object::Sound(Box::new(decoder)))
    }

    /// Decodes the input, a unit, into the planes of the decoder.
    pub fn sound_decode(&mut self, id: u32, pts: f64, lost: bool, max_layer: u32) -> Result<Heard, Error> {
        let unit = self.take_input();
        let Some(Object::Sound(decoder)) = self.objects.get_mut(&id) else { return Err(NO_SUCH) };
        Ok(decoder.decode(&unit, pts, lost, layer(max_layer)))
    }

    /// Forgets what a decoder of sound has heard.
    pub fn sound_reset(&mut self, id: u32) {
        if let Some(Object::Sound(decoder)) = self.objects.get_mut(&id) {
            decoder.reset();
        }
    }

    /// The channels of the last sound, one after the other.
    pub fn sound_planes(&self, id: u32) -> &[f32] {
        match self.objects.get(&id) {
            Some(Object::Sound(decoder)) => decoder.planes(),
            _ => &[],
        }
    }
}

fn layer(layer: u32) -> u8 {
    layer.min(u32::from(fql_unit::MAX_LAYERS) - 1) as u8
}

fn cut<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Error> {
    rest.split_off(..len).ok_or(Error::Misuse("the input is shorter than its parts"))
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Misuse("the input is not text"))?;
    Ok(text.to_owned())
}

/// Before the media, little-endian: the track, complete layers, whether it is a key unit and how many layers later units
/// are predicted from as a byte each, units lost before it as 32 bits, then due, presentation time and duration in milliseconds as 64-bit floating point numbers.
fn lay_out(arrival: &Arrival) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + arrival.bytes.len());
    out.extend([arrival.track, arrival.layers, u8::from(arrival.is_key), arrival.reference_layers]);
    out.extend(u32::try_from(arrival.lost).unwrap_or(u32::MAX).to_le_bytes());
    let times =
        [arrival.due, Time::from_nanos(arrival.timing.pts), Time::from_nanos(arrival.timing.duration)];
    for time in times {
        out.extend(time::to_millis(time).to_le_bytes());
    }
    out.extend_from_slice(&arrival.bytes);
    out
}

/// What TypeScript calls the end of a session.
fn name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Silence => "silence",
        EndReason::Replaced => "replaced",
        EndReason::Refused => "refused",
        EndReason::KeyRotated => "key-rotated",
        EndReason::Archived => "archived",
        EndReason::UnknownStream => "unknown-stream",
        EndReason::Unauthorized => "unauthorized",
        EndReason::Full => "full",
        _ => "goodbye",
    }
}
