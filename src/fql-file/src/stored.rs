//! One unit in a file: its bytes and what is known of it without them.

use bytes::Bytes;
use fql_unit::Unit;
use fql_unit::wire::{Reader, put_signed, put_varint};

use crate::Error;

const HAS_DTS: u8 = 1 << 6;
const HAS_DURATION: u8 = 1 << 7;

/// What is known of a unit beside its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredFlags {
    /// It decodes without any other unit: a viewer can begin here.
    pub key: bool,
    /// Units before it are missing.
    pub discont: bool,
    /// A part of it is known to be wrong, as an element before the file said.
    pub corrupt: bool,
    /// It holds what decoders are set up with, and nothing to show.
    pub header: bool,
}

impl StoredFlags {
    fn to_bits(self) -> u8 {
        [self.key, self.discont, self.corrupt, self.header]
            .into_iter()
            .zip(0..)
            .fold(0, |bits, (flag, at)| bits | u8::from(flag) << at)
    }

    fn from_bits(bits: u8) -> Self {
        let is_set = |at: u8| bits & 1 << at != 0;
        Self { key: is_set(0), discont: is_set(1), corrupt: is_set(2), header: is_set(3) }
    }
}

/// A unit as a file holds it. All times are in nanoseconds, of one clock for all tracks, which usually begins at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUnit {
    /// Its track.
    pub track: u8,
    /// When it is presented.
    pub pts: i64,
    /// When it is decoded, where that is another time.
    pub dts: Option<i64>,
    /// How long it is presented, where that is known.
    pub duration: Option<u64>,
    /// What else is known of it.
    pub flags: StoredFlags,
    /// The unit as [`Unit::to_bytes`] writes it.
    pub unit: Bytes,
}

impl StoredUnit {
    /// A unit that is presented at this time, with the flags that it has.
    pub fn of(track: u8, pts: i64, unit: &Unit) -> Self {
        let flags =
            StoredFlags { key: unit.flags.key, discont: unit.flags.discont, ..StoredFlags::default() };
        Self { track, pts, dts: None, duration: None, flags, unit: unit.to_bytes().into() }
    }

    /// The unit itself. Its segments share the bytes.
    pub fn unit(&self) -> Result<Unit, Error> {
        Ok(Unit::from_shared(&self.unit)?)
    }

    /// When it is decoded: what units are in the order of.
    pub fn decoding_time(&self) -> i64 {
        self.dts.unwrap_or(self.pts)
    }

    /// When its presentation ends, as far as that is known.
    pub fn end(&self) -> i64 {
        self.pts.saturating_add_unsigned(self.duration.unwrap_or(0))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + self.unit.len());
        let times = [(self.dts.is_some(), HAS_DTS), (self.duration.is_some(), HAS_DURATION)];
        let times = times.iter().filter(|(is_there, _)| *is_there).fold(0, |bits, (_, bit)| bits | bit);
        out.extend([self.track, self.flags.to_bits() | times]);
        put_signed(&mut out, self.pts);
        if let Some(dts) = self.dts {
            put_signed(&mut out, self.pts.wrapping_sub(dts));
        }
        if let Some(duration) = self.duration {
            put_varint(&mut out, duration);
        }
        out.extend_from_slice(&self.unit);
        out
    }

    /// Reads the body of a record. The unit shares the bytes; it is not looked into.
    pub(crate) fn from_bytes(body: &Bytes) -> Result<Self, Error> {
        let (mut stored, at) = Self::without_unit(body)?;
        stored.unit = body.slice(at..);
        Ok(stored)
    }

    /// Reads what stands before the unit. Gives it without the unit, and where that begins.
    pub(crate) fn without_unit(body: &[u8]) -> Result<(Self, usize), Error> {
        let mut r = Reader::new(body);
        let (track, bits) = (r.u8("the track of a unit")?, r.u8("the flags of a unit")?);
        let pts = r.signed("the presentation time of a unit")?;
        let dts = match bits & HAS_DTS {
            0 => None,
            _ => Some(pts.wrapping_sub(r.signed("the decoding time of a unit")?)),
        };
        let duration = match bits & HAS_DURATION {
            0 => None,
            _ => Some(r.varint("the duration of a unit")?),
        };
        let flags = StoredFlags::from_bits(bits);
        let stored = Self { track, pts, dts, duration, flags, unit: Bytes::new() };
        Ok((stored, body.len() - r.remaining()))
    }
}

/// The most bytes that stand before a unit in its record.
pub(crate) const MAX_UNIT_HEAD: usize = 2 + 3 * 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stored_unit_comes_back_as_it_went(
            track: u8, pts: i64, dts: Option<i64>, duration: Option<u64>, flags in 0..16u8, unit: Vec<u8>,
        ) {
            let flags = StoredFlags::from_bits(flags);
            let stored = StoredUnit { track, pts, dts, duration, flags, unit: unit.into() };
            let bytes = stored.to_bytes();
            prop_assert!(bytes.len() <= MAX_UNIT_HEAD + stored.unit.len());
            prop_assert_eq!(StoredUnit::from_bytes(&bytes.into()).unwrap(), stored);
        }

        #[test]
        fn any_bytes_are_a_stored_unit_or_an_error(bytes: Vec<u8>) {
            let _ = StoredUnit::from_bytes(&bytes.into());
        }
    }
}
