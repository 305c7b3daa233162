use std::collections::VecDeque;

use bytes::Bytes;
use fql_unit::{
    MAX_TRACKS, Media, Track, TrackTable, encoded::ENCODED_AUDIO_LAYERS, encoded::ENCODED_VIDEO_LAYERS,
};

use crate::media::{Kind, Part, Piece, descriptor};
use crate::packet::{Aligner, NULL_PID, Packet};
use crate::pes::{Assembler, Pes};
use crate::psi::{self, Entry, Sections};
use crate::time::{Unwrapper, difference, nanos};

/// The most streams of a program that are looked at.
const MAX_STREAMS: usize = 32;
/// The most bytes of PES packets that are not complete, and of units that wait for the track table.
const MAX_HELD: usize = 32 << 20;
/// How much media is held until all streams have said what they are, in nanoseconds.
const PATIENCE: u64 = 3_000_000_000;
/// The most units that are held for it.
const MAX_WAITING: usize = 4096;

/// An access unit of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Which track of the last table it is of.
    pub track: u8,
    /// When it is decoded, in nanoseconds since a time that is the same for all tracks. It may jump, as the stream's
    /// clock does.
    pub decoding: u64,
    /// When it is presented, on the same clock; with B-frames later than it is decoded.
    pub presentation: u64,
    /// How long it lasts, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether a viewer can join here; always for sound and data.
    pub key: bool,
    /// Whether something before it on its track is missing.
    pub discont: bool,
    /// Its bytes: NAL units after start codes, a raw frame of AAC, a packet of Opus, a frame of MPEG audio, KLV.
    pub data: Bytes,
}

/// What comes out of a transport stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The tracks of the units that follow: before the first of them, and whenever they change.
    Tracks(TrackTable),
    /// An access unit.
    Unit(Unit),
}

/// What was missing or damaged so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// How often a packet did not begin where it should.
    pub alignment: u64,
    /// Gaps in the count of a stream's packets, and packets that say that they are damaged.
    pub packets: u64,
    /// Access units that were left out because a part of them is missing.
    pub units: u64,
}

/// Reads a transport stream with one program, or the first of several.
///
/// Bytes go in by [`Demuxer::push`] in pieces of any size; what they give is fetched by [`Demuxer::next_event`]. Memory
/// is bounded, whatever the bytes are, as long as events are fetched after each piece.
///
/// ```
/// use fql_mpegts::{Demuxer, Event};
///
/// let mut demuxer = Demuxer::new();
/// demuxer.push(&[0x47; 1316]);
/// while let Some(event) = demuxer.next_event() {
///     match event {
///         Event::Tracks(table) => println!("{} tracks", table.tracks().len()),
///         Event::Unit(unit) => println!("{} bytes of track {}", unit.data.len(), unit.track),
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct Demuxer {
    aligner: Aligner,
    program: Program,
}

impl Demuxer {
    /// A reader that has not seen anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        let program = &mut self.program;
        let skipped = self.aligner.push(bytes, |packet| program.packet(packet));
        self.program.losses.alignment += skipped;
    }

    /// Says that nothing more is to come: what is complete without what would have followed comes out.
    pub fn finish(&mut self) {
        let program = &mut self.program;
        self.aligner.finish(|packet| program.packet(packet));
        program.finish();
    }

    /// The next event, in the order of the stream; `None` until more bytes have come.
    pub fn next_event(&mut self) -> Option<Event> {
        self.program.events.pop_front()
    }

    /// What was missing or damaged so far.
    pub fn losses(&self) -> Losses {
        self.program.losses
    }
}

/// What is known of the program, and what is under way.
#[derive(Debug, Default)]
struct Program {
    table: Input<Sections>,
    map: Option<Map>,
    streams: Vec<Stream>,
    clock: Unwrapper,
    /// The tracks that were told; `None` before that.
    told: Option<TrackTable>,
    /// Units that wait until all streams are known; `None` after that.
    waiting: Option<Waiting>,
    events: VecDeque<Event>,
    losses: Losses,
    /// The next track's id.
    next_track: u8,
}

#[derive(Debug, Default)]
struct Waiting {
    units: Vec<Unit>,
    bytes: usize,
}

#[derive(Debug)]
struct Map {
    program: u16,
    pid: u16,
    sections: Input<Sections>,
}

/// One stream of packets with its count.
#[derive(Debug, Default)]
struct Input<T> {
    counter: Option<u8>,
    inner: T,
}

/// How a packet follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Next,
    /// It is there twice.
    Again,
    Gap,
}

impl<T> Input<T> {
    fn follow(&mut self, packet: &Packet) -> Order {
        if packet.is_unusable {
            self.counter = None;
            return Order::Gap;
        }
        let before = self.counter.replace(packet.counter);
        match before {
            _ if packet.is_discontinuity => Order::Next,
            Some(before) if before == packet.counter => Order::Again,
            Some(before) if (before + 1) & 15 != packet.counter => Order::Gap,
            _ => Order::Next,
        }
    }
}

#[derive(Debug)]
struct Stream {
    entry: Entry,
    track: u8,
    kind: Kind,
    input: Input<Assembler>,
    /// Whether something before the next unit is missing.
    is_discont: bool,
}

impl Stream {
    fn lose(&mut self) {
        self.kind.lose();
        self.is_discont = true;
    }

    fn track(&self) -> Option<Track> {
        let media = self.kind.media()?.clone();
        let layers = match &media {
            Media::EncodedVideo(_) => ENCODED_VIDEO_LAYERS,
            Media::EncodedAudio(_) => ENCODED_AUDIO_LAYERS,
            _ => 1,
        };
        let name =
            self.entry.descriptors(descriptor::LANGUAGE).find_map(|content| language(content.get(..3)?));
        let track = Track { id: self.track, name: name.unwrap_or_default(), layers, media };
        // One that is out of range, such as a picture of 16384x16, is left out.
        TrackTable::new(vec![track.clone()]).is_ok().then_some(track)
    }
}

/// The language of a stream (ISO 639-2), unless it is none.
fn language(code: &[u8]) -> Option<String> {
    let is_code = code.iter().all(u8::is_ascii_lowercase) && code != b"und";
    is_code.then(|| String::from_utf8_lossy(code).into_owned())
}

impl Program {
    fn packet(&mut self, bytes: &[u8; 188]) {
        let Some(packet) = Packet::of(bytes) else {
            self.losses.packets += 1;
            return;
        };
        // A packet without payload is not counted.
        if packet.pid == NULL_PID || packet.payload.is_empty() && !packet.is_unusable {
            return;
        }
        if packet.pid == 0 {
            self.program_table(&packet);
        } else if self.map.as_ref().is_some_and(|map| map.pid == packet.pid) {
            self.program_map(&packet);
        } else if let Some(at) = self.streams.iter().position(|stream| stream.entry.pid == packet.pid) {
            self.media(at, &packet);
        }
    }

    fn program_table(&mut self, packet: &Packet) {
        let mut first = None;
        self.losses.packets += sections(&mut self.table, packet, |section| {
            first = first.or(psi::programs(section).and_then(|programs| programs.first().copied()));
        });
        let Some((program, pid)) = first else { return };
        if self.map.as_ref().is_none_or(|map| (map.program, map.pid) != (program, pid)) {
            self.map = Some(Map { program, pid, sections: Input::default() });
        }
    }

    fn program_map(&mut self, packet: &Packet) {
        let Some(map) = &mut self.map else { return };
        let (program, mut entries) = (map.program, None);
        self.losses.packets += sections(&mut map.sections, packet, |section| {
            entries = psi::streams(section, program).or(entries.take());
        });
        let Some(mut entries) = entries else { return };
        entries.truncate(MAX_STREAMS);
        let is_same = self
            .streams
            .iter()
            .map(|stream| &stream.entry)
            .eq(entries.iter().filter(|entry| Kind::of(entry).is_some()));
        if !is_same {
            self.change(entries);
        }
    }

    /// Goes on with the streams of a new map: those that stay keep their track.
    fn change(&mut self, entries: Vec<Entry>) {
        let mut before = std::mem::take(&mut self.streams);
        for entry in entries {
            if let Some(at) = before.iter().position(|stream| stream.entry == entry) {
                self.streams.push(before.swap_remove(at));
            } else if let Some(kind) = Kind::of(&entry) {
                let (track, input) = (self.free_track(&before), Input::default());
                self.streams.push(Stream { entry, track, kind, input, is_discont: false });
            }
        }
        self.waiting.get_or_insert_default();
        self.tell_if_known();
    }

    /// An id that no track has now; those that were used are used again as late as can be.
    fn free_track(&mut self, others: &[Stream]) -> u8 {
        loop {
            let id = self.next_track % MAX_TRACKS as u8;
            self.next_track = id + 1;
            if !self.streams.iter().chain(others).any(|stream| stream.track == id) {
                return id;
            }
        }
    }

    fn media(&mut self, at: usize, packet: &Packet) {
        let held: usize = self.streams.iter().map(|stream| stream.input.inner.held()).sum();
        let stream = &mut self.streams[at];
        let order = stream.input.follow(packet);
        if order == Order::Again {
            return;
        }
        let is_full = held > MAX_HELD;
        if order == Order::Gap || is_full {
            self.losses.packets += u64::from(order == Order::Gap);
            self.losses.units += u64::from(stream.input.inner.lose());
            stream.lose();
        }
        if packet.is_unusable {
            return;
        }
        let assembled = stream.input.inner.push(packet.payload, packet.is_start);
        if assembled.is_broken {
            self.losses.units += 1;
            stream.lose();
        }
        for pes in assembled.complete.into_iter().flatten() {
            self.pes(at, pes);
        }
    }

    fn pes(&mut self, at: usize, pes: Pes) {
        let decoding = pes.decoding.or(pes.presentation).map(|time| self.clock.unwrap(time));
        let Some(now) = self.clock.last() else { return };
        let presentation = decoding
            .zip(pes.presentation)
            .map(|(decoding, time)| decoding + difference(time as i64, decoding));
        let stream = &mut self.streams[at];
        let (track, mut units) = (stream.track, Vec::new());
        let media = stream.kind.media().cloned();
        stream.kind.cut(Piece::new(pes, decoding, presentation, now), &mut |part: Part| {
            let Part { decoding, presentation, duration, is_key: key, data } = part;
            units.push(Unit { track, decoding, presentation, duration, key, discont: false, data });
        });
        if let Some(first) = units.first_mut() {
            first.discont = std::mem::take(&mut stream.is_discont);
        }
        if stream.kind.media() != media.as_ref() {
            self.tell_if_known();
        }
        for unit in units {
            self.hand_out(unit);
        }
        // Streams that say nothing must not stop the others for ever.
        let first = self.waiting.as_ref().and_then(|waiting| waiting.units.first());
        if first.is_some_and(|unit| nanos(now).abs_diff(unit.decoding) > PATIENCE) {
            self.tell();
        }
    }

    fn hand_out(&mut self, unit: Unit) {
        let Some(waiting) = &mut self.waiting else {
            if self.told.as_ref().is_some_and(|table| table.get(unit.track).is_some()) {
                self.events.push_back(Event::Unit(unit));
            }
            return;
        };
        waiting.bytes += unit.data.len();
        waiting.units.push(unit);
        if waiting.units.len() >= MAX_WAITING || waiting.bytes > MAX_HELD {
            self.tell();
        }
    }

    /// Tells the tracks if there is no need to wait for one any more.
    fn tell_if_known(&mut self) {
        if self.waiting.is_none() || self.streams.iter().all(|stream| stream.kind.media().is_some()) {
            self.tell();
        }
    }

    /// Tells the tracks that are known, if they are others than before, and what waited for that.
    fn tell(&mut self) {
        let waiting = self.waiting.take().unwrap_or_default();
        let tracks: Vec<Track> = self.streams.iter().filter_map(Stream::track).collect();
        let is_news = self.told.is_some() || !tracks.is_empty();
        if let Ok(table) = TrackTable::new(tracks)
            && is_news
            && self.told.as_ref() != Some(&table)
        {
            self.events.push_back(Event::Tracks(table.clone()));
            self.told = Some(table);
        }
        for unit in waiting.units {
            self.hand_out(unit);
        }
    }

    fn finish(&mut self) {
        for at in 0..self.streams.len() {
            let assembled = self.streams[at].input.inner.end();
            self.losses.units += u64::from(assembled.is_broken);
            for pes in assembled.complete.into_iter().flatten() {
                self.pes(at, pes);
            }
        }
        if self.waiting.is_some() {
            self.tell();
        }
    }
}

/// Puts a packet to the sections of its stream; returns how many gaps there were.
fn sections(input: &mut Input<Sections>, packet: &Packet, each: impl FnMut(&[u8])) -> u64 {
    let order = input.follow(packet);
    if order == Order::Gap {
        input.inner.lose();
    }
    if order != Order::Again && !packet.is_unusable {
        input.inner.push(packet.payload, packet.is_start, each);
    }
    u64::from(order == Order::Gap)
}
