//! What travels with one frame beside its samples: captions, timecodes, and how its fields are to be shown.
//!
//! Attachments stand before the codeword of layer 0 of slice 0, so that they have the protection of the coarsest layer
//! and nobody between the two ends has to know of them:
//! [`Unit::attach`](crate::Unit::attach), [`Unit::detach`](crate::Unit::detach).

use crate::Error;
use crate::wire::{Reader, put_signed, put_string, put_varint};

/// The most bytes of all attachments of a unit.
pub const MAX_ATTACHED: usize = 4096;
/// The most bytes of the data of one caption attachment.
pub const MAX_CAPTION: usize = 1024;
/// The most attachments of a unit.
const MAX_COUNT: usize = 32;

const CAPTION: u64 = 1;
const TIMECODE: u64 = 2;
const FIELDS: u64 = 3;

/// How the bytes of closed captions are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionKind {
    /// Pairs of bytes of CEA-608, field 1 alone.
    Cea608Raw,
    /// CEA-608 in triplets of SMPTE S334-1 Annex A.
    Cea608S334,
    /// Triplets of CEA-708 (`cc_data`).
    Cea708Raw,
    /// A whole caption distribution packet of CEA-708.
    Cea708Cdp,
}

const CAPTION_KINDS: [CaptionKind; 4] =
    [CaptionKind::Cea608Raw, CaptionKind::Cea608S334, CaptionKind::Cea708Raw, CaptionKind::Cea708Cdp];

/// When a daily jam set the timecodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DailyJam {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub unix_micros: i64,
    /// Seconds by which the local time of the jam is ahead of UTC.
    pub utc_offset: i32,
}

/// A timecode as SMPTE ST 12-1 counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timecode {
    /// Hours, 0 to 23 (up to 255 travel).
    pub hours: u8,
    /// Minutes, 0 to 59 (up to 255 travel).
    pub minutes: u8,
    /// Seconds, 0 to 59 (up to 255 travel).
    pub seconds: u8,
    /// Frames within the second.
    pub frames: u32,
    /// 1 or 2 for a field, 0 for a frame.
    pub field_count: u8,
    /// Frames a second that the timecode counts, as numerator and denominator.
    pub frame_rate: (u32, u32),
    /// Whether numbers of frames are left out so that the timecode keeps up with the clock.
    pub drop_frame: bool,
    /// Whether the timecode counts interlaced video.
    pub interlaced: bool,
    /// The last daily jam, where it is known.
    pub daily_jam: Option<DailyJam>,
}

/// How the two fields of a frame are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fields {
    /// The frame holds two fields of different times.
    pub interlaced: bool,
    /// The field of the top row comes first.
    pub top_first: bool,
    /// The first field is shown again after the second (pulldown).
    pub repeat_first: bool,
    /// Only the first field holds something.
    pub one_field: bool,
}

impl Fields {
    fn to_bits(self) -> u8 {
        let Self { interlaced, top_first, repeat_first, one_field } = self;
        u8::from(interlaced)
            | u8::from(top_first) << 1
            | u8::from(repeat_first) << 2
            | u8::from(one_field) << 3
    }

    fn from_bits(bits: u8) -> Self {
        let bit = |n: u8| bits >> n & 1 != 0;
        Self { interlaced: bit(0), top_first: bit(1), repeat_first: bit(2), one_field: bit(3) }
    }
}

/// One thing that travels with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// Closed captions, at most [`MAX_CAPTION`] bytes.
    Caption(CaptionKind, Vec<u8>),
    /// A timecode.
    Timecode(Timecode),
    /// How the fields are to be shown.
    Fields(Fields),
}

impl Attachment {
    fn number(&self) -> u64 {
        match self {
            Self::Caption(..) => CAPTION,
            Self::Timecode(_) => TIMECODE,
            Self::Fields(_) => FIELDS,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Caption(kind, data) => {
                let kind = CAPTION_KINDS.iter().position(|known| known == kind).unwrap_or_default();
                let mut out = vec![kind as u8];
                out.extend_from_slice(data);
                out
            }
            Self::Timecode(timecode) => timecode.to_bytes(),
            Self::Fields(fields) => vec![fields.to_bits()],
        }
    }

    /// `None` for what this version does not know.
    fn from_bytes(number: u64, bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut r = Reader::new(bytes);
        Ok(match number {
            CAPTION => {
                let kind = CAPTION_KINDS.get(usize::from(r.u8("a caption")?)).copied();
                kind.map(|kind| Self::Caption(kind, r.rest().to_vec()))
            }
            TIMECODE => Some(Self::Timecode(Timecode::read(&mut r)?)),
            FIELDS => Some(Self::Fields(Fields::from_bits(r.u8("the flags of fields")?))),
            _ => None,
        })
    }
}

impl Timecode {
    fn to_bytes(self) -> Vec<u8> {
        let flags = u8::from(self.drop_frame)
            | u8::from(self.interlaced) << 1
            | u8::from(self.daily_jam.is_some()) << 2;
        let mut out = vec![flags, self.hours, self.minutes, self.seconds, self.field_count];
        for value in [self.frames, self.frame_rate.0, self.frame_rate.1] {
            put_varint(&mut out, value.into());
        }
        if let Some(jam) = self.daily_jam {
            put_signed(&mut out, jam.unix_micros);
            put_signed(&mut out, jam.utc_offset.into());
        }
        out
    }

    fn read(r: &mut Reader) -> Result<Self, Error> {
        const WHAT: &str = "a timecode";
        let flags = r.u8(WHAT)?;
        let [hours, minutes, seconds, field_count] = [r.u8(WHAT)?, r.u8(WHAT)?, r.u8(WHAT)?, r.u8(WHAT)?];
        let (frames, frame_rate) = (small(r)?, (small(r)?, small(r)?));
        let daily_jam = match flags & 4 {
            0 => None,
            _ => {
                let unix_micros = r.signed(WHAT)?;
                let offset = r.signed(WHAT)?;
                let utc_offset = i32::try_from(offset).map_err(|_| too_large(offset.unsigned_abs()))?;
                Some(DailyJam { unix_micros, utc_offset })
            }
        };
        let (drop_frame, interlaced) = (flags & 1 != 0, flags & 2 != 0);
        Ok(Self {
            hours,
            minutes,
            seconds,
            frames,
            field_count,
            frame_rate,
            drop_frame,
            interlaced,
            daily_jam,
        })
    }
}

fn small(r: &mut Reader) -> Result<u32, Error> {
    let value = r.varint("a timecode")?;
    u32::try_from(value).map_err(|_| too_large(value))
}

fn too_large(value: u64) -> Error {
    Error::OutOfRange { what: "a part of a timecode", value, expected: "an integer of at most 32 bits" }
}

/// All that travels with one frame, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachments {
    list: Vec<Attachment>,
}

impl Attachments {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Attachment> {
        self.list.iter()
    }

    /// Adds one. Fails, and adds nothing, where it is too large: a caption has at most [`MAX_CAPTION`] bytes, a unit at
    /// most 32 attachments of together [`MAX_ATTACHED`] bytes.
    pub fn push(&mut self, attachment: Attachment) -> Result<(), Error> {
        if let Attachment::Caption(_, data) = &attachment {
            at_most("the length of a caption", data.len(), MAX_CAPTION, "at most 1024 bytes")?;
        }
        at_most("the number of attachments", self.list.len() + 1, MAX_COUNT, "at most 32")?;
        self.list.push(attachment);
        let length = self.to_bytes().len();
        let fits = at_most("the length of all attachments", length, MAX_ATTACHED, "at most 4096 bytes");
        if fits.is_err() {
            self.list.pop();
        }
        fits
    }

    /// The list as bytes: for each its type as a varint and its content as a byte string.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for attachment in &self.list {
            put_varint(&mut out, attachment.number());
            put_string(&mut out, &attachment.to_bytes());
        }
        out
    }

    /// Reads what [`Attachments::to_bytes`] wrote. Types that this version does not know, and attachments whose
    /// content makes no sense, are left out; after bytes that are no attachment at all nothing more is read.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut r = Reader::new(bytes);
        let mut all = Self::new();
        while r.remaining() > 0 {
            let Ok(number) = r.varint("an attachment") else { break };
            let Ok(content) = r.string(MAX_ATTACHED, "an attachment") else { break };
            if let Ok(Some(attachment)) = Attachment::from_bytes(number, content) {
                // One that is too large is left out as well.
                let _ = all.push(attachment);
            }
        }
        all
    }
}

fn at_most(what: &'static str, value: usize, most: usize, expected: &'static str) -> Result<(), Error> {
    if value <= most { Ok(()) } else { Err(Error::OutOfRange { what, value: value as u64, expected }) }
}
