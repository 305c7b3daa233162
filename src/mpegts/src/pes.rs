//! PES packets (Rec. ITU-T H.222.0, 2.4.3.6): the pieces of a stream with their times.

use bytes::{Buf, Bytes, BytesMut};

/// The most bytes of a PES packet: more than a picture of 8192x8192 takes.
pub(crate) const MAX_PES: usize = 16 << 20;
const FIXED_HEADER: usize = 9;

/// A PES packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pes {
    /// When it is presented, in ticks of 90 kHz, 33 bits.
    pub(crate) presentation: Option<u64>,
    /// When it is decoded, where that is another time.
    pub(crate) decoding: Option<u64>,
    /// What follows the header.
    pub(crate) data: Bytes,
}

impl Pes {
    /// Reads a PES packet of a stream that has times.
    fn of(mut bytes: Bytes) -> Option<Self> {
        let header = bytes.get(..FIXED_HEADER)?;
        let (flags, length) = (header[7], usize::from(header[8]));
        if header[..3] != [0, 0, 1] || header[6] >> 6 != 2 {
            return None;
        }
        let fields = bytes.get(FIXED_HEADER..FIXED_HEADER + length)?;
        let presentation = if flags & 0x80 != 0 { fields.first_chunk().and_then(read_time) } else { None };
        let decoding = if flags & 0xc0 == 0xc0 {
            fields.get(5..10).and_then(|f| read_time(f.try_into().ok()?))
        } else {
            None
        };
        bytes.advance(FIXED_HEADER + length);
        Some(Self { presentation, decoding, data: bytes })
    }
}

fn read_time(field: &[u8; 5]) -> Option<u64> {
    let [a, b, c, d, e] = field.map(u64::from);
    let has_markers = a & c & e & 1 == 1;
    has_markers.then_some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

fn write_time(prefix: u8, time: u64, out: &mut Vec<u8>) {
    let bits = |shift: u32, mask: u64| (time >> shift & mask) as u8;
    out.extend_from_slice(&[
        prefix << 4 | bits(30, 7) << 1 | 1,
        bits(22, 255),
        bits(15, 127) << 1 | 1,
        bits(7, 255),
        bits(0, 127) << 1 | 1,
    ]);
}

/// Writes the header of a PES packet whose data has this length. The times are in ticks of 90 kHz, modulo 2^33.
pub(crate) fn write_header(stream_id: u8, presentation: u64, decoding: u64, data: usize, out: &mut Vec<u8>) {
    let has_decoding = presentation != decoding;
    let times = if has_decoding { 10 } else { 5 };
    // A length that does not fit is 0: then the packet ends where the next begins.
    let length = u16::try_from(3 + times + data).unwrap_or(0).to_be_bytes();
    out.extend_from_slice(&[0, 0, 1, stream_id, length[0], length[1]]);
    // The data begins with an access unit; which times follow; how many bytes of header follow.
    out.extend_from_slice(&[0x84, if has_decoding { 0xc0 } else { 0x80 }, times as u8]);
    write_time(if has_decoding { 3 } else { 2 }, presentation, out);
    if has_decoding {
        write_time(1, decoding, out);
    }
}

/// The payload of a transport packet that has nothing else in it.
const FULL: usize = 184;

/// Puts the PES packets of one stream together.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The packet that is not complete yet; `None` before the first one begins and after a loss.
    partial: Option<BytesMut>,
    /// Whether the last transport packet had room for more of it.
    has_room: bool,
}

/// What came of the bytes of a transport packet.
#[derive(Debug, Default)]
pub(crate) struct Assembled {
    /// A PES packet that ended where another one began, and one that ended with its own length.
    pub(crate) complete: [Option<Pes>; 2],
    /// Whether one was cut off, or makes no sense.
    pub(crate) is_broken: bool,
}

impl Assembler {
    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.partial.as_ref().map_or(0, BytesMut::len)
    }

    /// Gives up the packet that is not complete; whether there was one.
    pub(crate) fn lose(&mut self) -> bool {
        self.partial.take().is_some()
    }

    /// Takes the payload of a transport packet.
    pub(crate) fn push(&mut self, payload: &[u8], is_start: bool) -> Assembled {
        let mut all = Assembled::default();
        if is_start {
            all = self.finish();
            self.partial = Some(BytesMut::new());
        }
        let Some(partial) = &mut self.partial else { return all };
        if partial.len() + payload.len() > MAX_PES {
            all.is_broken |= self.lose();
            return all;
        }
        partial.extend_from_slice(payload);
        self.has_room = payload.len() < FULL;
        if let Some(length) = length(partial).filter(|&length| partial.len() >= length) {
            partial.truncate(length);
            let pes = self.partial.take().and_then(|bytes| Pes::of(bytes.freeze()));
            all.is_broken |= pes.is_none();
            all.complete[1] = pes;
        }
        all
    }

    /// Ends the last packet, after which nothing more comes. What has no length of its own is whole where its last
    /// transport packet was filled up: one that is full to the brim is most likely followed by another that was lost.
    pub(crate) fn end(&mut self) -> Assembled {
        if self.has_room {
            return self.finish();
        }
        Assembled { is_broken: self.lose(), ..Assembled::default() }
    }

    /// Ends the packet that has no length of its own.
    fn finish(&mut self) -> Assembled {
        let Some(bytes) = self.partial.take() else { return Assembled::default() };
        // One that says how long it is would have ended before.
        let is_whole = length(&bytes).is_none();
        let pes = is_whole.then(|| Pes::of(bytes.freeze())).flatten();
        Assembled { is_broken: pes.is_none(), complete: [pes, None] }
    }
}

/// How long a packet says that it is, with its header.
fn length(bytes: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
    (length > 0).then_some(6 + length)
}
