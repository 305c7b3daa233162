//! Reports of the receiver: eight counts (varints, in the order of [`Counts`]), the time that the newest datagram was
//! sent at (4), then as varints how long ago it came, the queueing delay, the standing queue, the delivered rate, the
//! bytes that arrived and the latency; the
//! highest layer that is wanted (1), flags (1: there is a track table, 2: the stream is paused, 4: out of turn), its
//! version (2), the number of acknowledgements (1), and these. An acknowledgement is the track (1), the low 32 bits of a unit's number (4), a
//! number of units (1), and for each from that one down its complete layers in four bits, the first in the high ones.

use fql_unit::wire::{Reader, put_varint};

use crate::error::Malformed;

/// How many units of a track a report speaks of at most; reports overlap, so that a lost one costs nothing.
pub(crate) const MAX_ACKED: usize = 32;
/// How many tracks a report speaks of at most; with more, reports take turns.
pub(crate) const MAX_ACKED_TRACKS: usize = 16;

/// In the flags.
const HAS_TRACKS: u8 = 1;
const PAUSED: u8 = 2;
const OUT_OF_TURN: u8 = 4;

/// What the receiver tells the sender up to ten times a second. Counts are since the session began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) counts: Counts,
    /// The time that the newest datagram was sent at, on the sender's clock.
    pub(crate) echo: u32,
    /// How many microseconds ago that datagram arrived.
    pub(crate) held: u64,
    /// Mean of how much longer than the fastest datagrams took on the way, in microseconds.
    pub(crate) queueing: u64,
    /// How much longer than the fastest the fastest of the newest datagrams took, in microseconds.
    pub(crate) standing: u64,
    /// Bits a second on the wire that arrived lately.
    pub(crate) delivered_rate: u64,
    /// Bytes on the wire that arrived in the session.
    pub(crate) arrived: u64,
    /// Milliseconds of the latency budget.
    pub(crate) latency: u64,
    /// The highest layer that the receiver wants.
    pub(crate) max_layer: u8,
    /// The version of the track table that it has.
    pub(crate) tracks: Option<u16>,
    /// Whether the stream is paused: media is dropped, the session stays.
    pub(crate) paused: bool,
    /// Whether it is sent between the regular ones because of its acknowledgements: of the link it says nothing new.
    pub(crate) out_of_turn: bool,
    pub(crate) acks: Vec<Ack>,
}

/// What happened to the datagrams and units of a session so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Datagrams that came.
    pub(crate) received: u64,
    /// Datagrams that did not.
    pub(crate) lost: u64,
    /// Runs of datagrams that did not.
    pub(crate) bursts: u64,
    /// Source shards rebuilt from parity.
    pub(crate) recovered: u64,
    /// Source shards that came after their unit was delivered.
    pub(crate) late: u64,
    /// Units delivered with all that was sent of them.
    pub(crate) complete: u64,
    /// Units delivered with something missing.
    pub(crate) partial: u64,
    /// Units of which nothing came in time.
    pub(crate) missing: u64,
}

/// The last units of a track that are complete or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) track: u8,
    /// The low 32 bits of the number of the last of them.
    pub(crate) last: u32,
    /// Layers complete in every slice of these units, the last one first; at most [`MAX_ACKED`].
    pub(crate) layers: Vec<u8>,
}

impl Report {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let c = &self.counts;
        let counts = [c.received, c.lost, c.bursts, c.recovered, c.late, c.complete, c.partial, c.missing];
        for count in counts {
            put_varint(out, count);
        }
        out.extend(self.echo.to_be_bytes());
        let values =
            [self.held, self.queueing, self.standing, self.delivered_rate, self.arrived, self.latency];
        for value in values {
            put_varint(out, value);
        }
        let said =
            [(self.tracks.is_some(), HAS_TRACKS), (self.paused, PAUSED), (self.out_of_turn, OUT_OF_TURN)];
        let flags = said.iter().filter(|(is_said, _)| *is_said).fold(0, |flags, (_, flag)| flags | flag);
        out.extend([self.max_layer, flags]);
        out.extend(self.tracks.unwrap_or(0).to_be_bytes());
        out.push(self.acks.len() as u8);
        for ack in &self.acks {
            ack.encode(out);
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let mut counts = [0; 8];
        for count in &mut counts {
            *count = r.varint("")?;
        }
        let [received, lost, bursts, recovered, late, complete, partial, missing] = counts;
        let counts = Counts { received, lost, bursts, recovered, late, complete, partial, missing };
        let echo = r.u32("")?;
        let (held, queueing, standing) = (r.varint("")?, r.varint("")?, r.varint("")?);
        let (delivered_rate, arrived, latency) = (r.varint("")?, r.varint("")?, r.varint("")?);
        let (max_layer, flags, tracks) = (r.u8("")?, r.u8("")?, r.u16("")?);
        let count = usize::from(r.u8("")?);
        if count > MAX_ACKED_TRACKS {
            return Err(Malformed);
        }
        let acks = (0..count).map(|_| Ack::parse(&mut r)).collect::<Result<_, _>>()?;
        // What later versions append is skipped.
        let tracks = (flags & HAS_TRACKS != 0).then_some(tracks);
        let (paused, out_of_turn) = (flags & PAUSED != 0, flags & OUT_OF_TURN != 0);
        Ok(Self {
            counts,
            echo,
            held,
            queueing,
            standing,
            delivered_rate,
            arrived,
            latency,
            max_layer,
            tracks,
            paused,
            out_of_turn,
            acks,
        })
    }

    /// Bytes of the report when it is encoded.
    pub(crate) fn len(&self) -> usize {
        let mut out = Vec::new();
        self.encode(&mut out);
        out.len()
    }
}

impl Ack {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.track);
        out.extend(self.last.to_be_bytes());
        out.push(self.layers.len() as u8);
        for pair in self.layers.chunks(2) {
            out.push(pair[0] << 4 | pair.get(1).copied().unwrap_or(0));
        }
    }

    fn parse(r: &mut Reader) -> Result<Self, Malformed> {
        let (track, last, count) = (r.u8("")?, r.u32("")?, usize::from(r.u8("")?));
        if count > MAX_ACKED {
            return Err(Malformed);
        }
        let packed = r.bytes(count.div_ceil(2), "")?;
        let layers = packed.iter().flat_map(|&pair| [pair >> 4, pair & 15]).take(count).collect();
        Ok(Self { track, last, layers })
    }
}
