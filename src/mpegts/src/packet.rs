//! Transport packets (Rec. ITU-T H.222.0, 2.4.3): finding them in bytes, reading and writing them.

/// Bytes of a packet.
pub(crate) const PACKET: usize = 188;
/// The first byte of every packet.
const SYNC: u8 = 0x47;
const HEADER: usize = 4;
/// The packet identifier of packets without meaning.
pub(crate) const NULL_PID: u16 = 0x1fff;

/// Finds packets in bytes that come in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Aligner {
    /// What is not handed out yet: less than two packets between calls.
    rest: Vec<u8>,
    is_locked: bool,
}

impl Aligner {
    /// Hands out every packet that is complete now. Where the byte that begins a packet is not there, one is looked for
    /// that has another a packet later. Returns how often bytes had to be skipped.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8; PACKET])) -> u64 {
        self.rest.extend_from_slice(bytes);
        let (mut at, mut skipped) = (0, 0);
        while let Some(packet) = self.rest[at..].first_chunk::<PACKET>() {
            let follows = self.rest.get(at + PACKET);
            let is_start = packet[0] == SYNC;
            if is_start && self.is_locked {
                each(packet);
                at += PACKET;
            } else if is_start && follows.is_none() {
                break;
            } else if is_start && follows == Some(&SYNC) {
                self.is_locked = true;
            } else {
                self.is_locked = false;
                skipped += 1;
                let next = self.rest[at + 1..].iter().position(|&byte| byte == SYNC);
                at = next.map_or(self.rest.len(), |next| at + 1 + next);
            }
        }
        self.rest.drain(..at);
        skipped
    }

    /// Hands out the last packet, which nothing follows that would confirm it.
    pub(crate) fn finish(&mut self, each: impl FnOnce(&[u8; PACKET])) {
        if let Some(packet) = self.rest.first_chunk::<PACKET>().filter(|packet| packet[0] == SYNC) {
            each(packet);
        }
        self.rest.clear();
    }
}

/// A packet as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// Which stream it is of.
    pub(crate) pid: u16,
    /// Whether a section or a PES packet begins in it.
    pub(crate) is_start: bool,
    /// Counts the packets of its stream that have a payload, modulo 16.
    pub(crate) counter: u8,
    /// Whether its bytes are of no use: damaged on the way, or scrambled.
    pub(crate) is_unusable: bool,
    /// Whether the counter and the clock may jump here.
    pub(crate) is_discontinuity: bool,
    /// Empty where there is none.
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` where its adaptation field does not fit in it.
    pub(crate) fn of(bytes: &'a [u8; PACKET]) -> Option<Self> {
        let [_, high, low, control, rest @ ..] = bytes;
        let has_adaptation = control & 0x20 != 0;
        let has_payload = control & 0x10 != 0;
        let (flags, payload): (u8, &[u8]) = if has_adaptation {
            let length = usize::from(rest[0]);
            let payload = rest.get(1 + length..)?;
            (if length > 0 { rest[1] } else { 0 }, payload)
        } else {
            (0, rest)
        };
        Some(Self {
            pid: u16::from(high & 0x1f) << 8 | u16::from(*low),
            is_start: high & 0x40 != 0,
            counter: control & 15,
            is_unusable: high & 0x80 != 0 || control & 0xc0 != 0,
            is_discontinuity: flags & 0x80 != 0,
            payload: if has_payload { payload } else { &[] },
        })
    }
}

/// What the adaptation field of a written packet says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Adaptation {
    /// The clock, in ticks of 27 MHz.
    pub(crate) clock: Option<u64>,
    /// Whether a decoder can begin here.
    pub(crate) is_random_access: bool,
    /// Whether the clock jumps here.
    pub(crate) is_discontinuity: bool,
}

impl Adaptation {
    fn flags(self) -> u8 {
        u8::from(self.is_discontinuity) << 7
            | u8::from(self.is_random_access) << 6
            | u8::from(self.clock.is_some()) << 4
    }

    /// How many bytes it takes, the one with its length among them.
    fn length(self) -> usize {
        match (self.flags(), self.clock) {
            (0, _) => 0,
            (_, None) => 2,
            (_, Some(_)) => 8,
        }
    }

    /// Writes it so that it takes `room` bytes, at least [`Adaptation::length`].
    fn write(self, room: usize, out: &mut Vec<u8>) {
        let end = out.len() + room;
        if room > 0 {
            out.push((room - 1) as u8);
        }
        if room > 1 {
            out.push(self.flags());
        }
        if let Some(clock) = self.clock {
            // 33 bits of 90 kHz, six that are reserved, nine of the rest of 27 MHz.
            let (base, rest) = ((clock / 300) & 0x1_ffff_ffff, clock % 300);
            let field = base << 15 | 0x3f << 9 | rest;
            out.extend_from_slice(&field.to_be_bytes()[2..]);
        }
        out.resize(end, 0xff);
    }
}

/// Writes the packets of one stream and counts them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pid: u16,
    counter: u8,
}

impl Writer {
    pub(crate) fn new(pid: u16) -> Self {
        Self { pid, counter: 15 }
    }

    pub(crate) fn pid(self) -> u16 {
        self.pid
    }

    /// Writes bytes as packets, the first of which says that something begins; the last is filled up by its adaptation
    /// field.
    pub(crate) fn write(&mut self, mut bytes: &[u8], mut adaptation: Adaptation, out: &mut Vec<u8>) {
        let mut is_start = true;
        while is_start || !bytes.is_empty() {
            let room = PACKET - HEADER;
            let taken = bytes.len().min(room - adaptation.length());
            self.counter = (self.counter + 1) & 15;
            let control = if taken < room { 0x30 } else { 0x10 };
            self.header(is_start, control, out);
            adaptation.write(room - taken, out);
            let (now, later) = bytes.split_at(taken);
            out.extend_from_slice(now);
            (bytes, is_start, adaptation) = (later, false, Adaptation::default());
        }
    }

    /// Writes a section as one or more packets: what it does not fill is filled with 0xff.
    pub(crate) fn write_section(&mut self, section: &[u8], out: &mut Vec<u8>) {
        // The pointer field: the section begins right behind it.
        let mut bytes = vec![0];
        bytes.extend_from_slice(section);
        bytes.resize(bytes.len().next_multiple_of(PACKET - HEADER), 0xff);
        self.write(&bytes, Adaptation::default(), out);
    }

    /// Writes a packet without payload, which is not counted.
    pub(crate) fn write_adaptation(self, adaptation: Adaptation, out: &mut Vec<u8>) {
        self.header(false, 0x20, out);
        adaptation.write(PACKET - HEADER, out);
    }

    fn header(self, is_start: bool, control: u8, out: &mut Vec<u8>) {
        let [high, low] = self.pid.to_be_bytes();
        out.extend_from_slice(&[SYNC, u8::from(is_start) << 6 | high, low, control | self.counter]);
    }
}
