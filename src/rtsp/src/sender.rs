//! Units as packets of RTP, with reports that say which times of sound and pictures belong together (RFC 3550).

use bytes::Bytes;

use crate::description::{Description, Line};
use crate::payload::{HEADER, Payloader};

/// How often a report is sent, as stream time: RFC 3550, 6.2, asks for 5 s.
const REPORT_PERIOD: u64 = 5_000_000_000;
/// Longer units are left out: no player would take one of so many packets.
const LARGEST: usize = 8 << 20;
/// Seconds from 1900, which NTP counts from, to 1970.
const SINCE_1900: u64 = 2_208_988_800;
const VERSION: u8 = 0x80;
const MARKER: u8 = 0x80;
/// Types of packets of reports.
const SENDER_REPORT: u8 = 200;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CANONICAL_NAME: u8 = 1;

/// One unit of a stream.
#[derive(Debug, Clone)]
pub struct MediaUnit {
    /// The track.
    pub track: u8,
    /// When it is presented, in nanoseconds on the stream's clock.
    pub pts: u64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Its bytes, framed as the track says.
    pub data: Bytes,
}

/// What belongs onto the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Which of the tracks that were set up it is of, by the order in which they were.
    pub line: usize,
    /// Whether it is a report, and no media.
    pub is_report: bool,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Where the packets of a track begin, for `RTP-Info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which track of the description.
    pub number: usize,
    /// The number of the first packet.
    pub sequence: u16,
    /// The time of the stream's time at which it begins to play.
    pub time: u32,
}

/// Makes the packets for one player.
#[derive(Debug)]
pub struct Sender {
    lines: Vec<Outgoing>,
    name: String,
    /// A time of the stream and the same on the wall's clock, in nanoseconds since 1970.
    begun: (u64, u64),
}

/// The packets of one track.
#[derive(Debug)]
struct Outgoing {
    number: usize,
    line: Line,
    ssrc: u32,
    sequence: u16,
    /// The time that stands for 0 of the stream.
    base: u32,
    packets: u32,
    octets: u32,
    /// When the last report was, on the stream's clock.
    reported: Option<u64>,
    /// Whether nothing can be decoded before a key picture comes.
    needs_key: bool,
}

impl Sender {
    /// For these tracks of a description, each with its SSRC, from this time of the stream on, which is that time on the
    /// wall's clock, in nanoseconds since 1970. `name` is one for all packets, and no other player's.
    pub fn new(
        description: &Description,
        set_up: impl IntoIterator<Item = (usize, u32)>,
        name: &str,
        begun: (u64, u64),
    ) -> Self {
        let outgoing = |(number, ssrc): (usize, u32)| {
            let line = description.lines.get(number)?.clone();
            let needs_key = line.is_video;
            let (sequence, base) = (fastrand::u16(..), fastrand::u32(..));
            let (packets, octets, reported) = (0, 0, None);
            Some(Outgoing { number, line, ssrc, sequence, base, packets, octets, reported, needs_key })
        };
        Self { lines: set_up.into_iter().filter_map(outgoing).collect(), name: name.to_owned(), begun }
    }

    /// Where the packets of each track begin.
    pub fn starts(&self) -> Vec<Start> {
        let start = |line: &Outgoing| {
            let (number, sequence) = (line.number, line.sequence);
            Start { number, sequence, time: line.time(self.begun.0) }
        };
        self.lines.iter().map(start).collect()
    }

    /// The units from here on are framed as these tracks say, which [go on](Description::goes_on_from) from those before.
    pub fn change(&mut self, description: &Description) {
        for outgoing in &mut self.lines {
            if let Some(line) = description.lines.get(outgoing.number) {
                outgoing.line = line.clone();
            }
        }
    }

    /// Appends the packets of a unit, with a report before them where one is due.
    pub fn unit(&mut self, unit: &MediaUnit, out: &mut Vec<Packet>) {
        let of_unit = |line: &Outgoing| line.line.track == unit.track;
        let Some(at) = self.lines.iter().position(of_unit) else { return };
        let line = &mut self.lines[at];
        if unit.data.is_empty() || unit.data.len() > LARGEST || line.needs_key && !unit.key {
            return;
        }
        line.needs_key = false;
        if line.reported.is_none_or(|reported| unit.pts.abs_diff(reported) >= REPORT_PERIOD) {
            line.reported = Some(unit.pts);
            let mut data = line.report(unit.pts, self.begun);
            line.describe(&self.name, &mut data);
            out.push(Packet { line: at, is_report: true, data });
        }
        line.packets(at, unit, out);
    }

    /// Appends a goodbye for each track.
    pub fn end(&self, out: &mut Vec<Packet>) {
        for (at, line) in self.lines.iter().enumerate() {
            let mut data = line.report(line.reported.unwrap_or(self.begun.0), self.begun);
            line.describe(&self.name, &mut data);
            data.extend([VERSION | 1, GOODBYE, 0, 1]);
            data.extend(line.ssrc.to_be_bytes());
            out.push(Packet { line: at, is_report: true, data });
        }
    }
}

impl Outgoing {
    /// A time of the stream in ticks of the track.
    fn time(&self, nanos: u64) -> u32 {
        let ticks = (u128::from(nanos) * u128::from(self.line.clock) + 500_000_000) / 1_000_000_000;
        // It begins anew after 2^32.
        self.base.wrapping_add(ticks as u32)
    }

    fn packets(&mut self, at: usize, unit: &MediaUnit, out: &mut Vec<Packet>) {
        let time = self.time(unit.pts).to_be_bytes();
        let payloader: &Payloader = &self.line.payloader;
        let payloads = payloader.cut(&unit.data, unit.key);
        let last = payloads.len().saturating_sub(1);
        for (i, payload) in payloads.iter().enumerate() {
            let mut data = Vec::with_capacity(HEADER + payload.len());
            let marker = if i == last && payloader.marks_end() { MARKER } else { 0 };
            data.extend([VERSION, marker | self.line.payload_type]);
            data.extend(self.sequence.to_be_bytes());
            data.extend(time);
            data.extend(self.ssrc.to_be_bytes());
            payload.write(&mut data);
            self.sequence = self.sequence.wrapping_add(1);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
            out.push(Packet { line: at, is_report: false, data });
        }
    }

    /// Which time of the track is which on the wall's clock (RFC 3550, 6.4.1).
    fn report(&self, nanos: u64, (begun, wall): (u64, u64)) -> Vec<u8> {
        let wall = (wall + nanos).saturating_sub(begun);
        let seconds = (wall / 1_000_000_000 + SINCE_1900) as u32;
        let fraction = ((wall % 1_000_000_000) << 32) / 1_000_000_000;
        let mut out = vec![VERSION, SENDER_REPORT, 0, 6];
        for field in [self.ssrc, seconds, fraction as u32, self.time(nanos), self.packets, self.octets] {
            out.extend(field.to_be_bytes());
        }
        out
    }

    /// Whose it is (RFC 3550, 6.5): by that players know which tracks belong together.
    fn describe(&self, name: &str, out: &mut Vec<u8>) {
        let name = &name.as_bytes()[..name.len().min(255)];
        // An item, and zeros up to the next word, of which there is at least one.
        let words = (4 + 2 + name.len()) / 4 + 1;
        let begin = out.len() + 4;
        out.extend([VERSION | 1, SOURCE_DESCRIPTION, 0, words as u8]);
        out.extend(self.ssrc.to_be_bytes());
        out.extend([CANONICAL_NAME, name.len() as u8]);
        out.extend_from_slice(name);
        out.resize(begin + 4 * words, 0);
    }
}
