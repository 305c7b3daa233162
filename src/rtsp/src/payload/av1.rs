//! AV1 (RTP Payload Format For AV1, 1.0, 4): each OBU as an element of its own, without its length, in as many packets as it
//! needs.

use super::{MOST_PAYLOAD, Payload, fragments};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
const HAS_EXTENSION: u8 = 4;
const HAS_SIZE: u8 = 2;
/// The aggregation header: this packet goes on with an element, its element goes on, there is one element, and it begins a
/// coded video sequence.
const CONTINUES: u8 = 0x80;
const GOES_ON: u8 = 0x40;
const ONE_ELEMENT: u8 = 0x10;
const BEGINS: u8 = 0x08;

/// An OBU without its length.
#[derive(Debug, Clone, Copy)]
struct Obu<'a> {
    kind: u8,
    head: [u8; 2],
    head_length: usize,
    body: &'a [u8],
}

pub(super) fn cut<'a>(header: &'a [u8], unit: &'a [u8], key: bool) -> Vec<Payload<'a>> {
    let own: Vec<_> = obus(unit).collect();
    let needs_header = key && !own.iter().any(|obu| obu.kind == SEQUENCE_HEADER);
    let before = obus(if needs_header { header } else { &[] });
    let mut out = Vec::new();
    for obu in before.chain(own) {
        let begins = if key && out.is_empty() { BEGINS } else { 0 };
        push(obu, begins, &mut out);
    }
    out
}

fn push<'a>(obu: Obu<'a>, begins: u8, out: &mut Vec<Payload<'a>>) {
    let head = &obu.head[..obu.head_length];
    if obu.body.is_empty() {
        return out.push(Payload::new(&[&[ONE_ELEMENT | begins], head].concat(), &[]));
    }
    out.extend(fragments(obu.body, MOST_PAYLOAD - 3).map(|piece| {
        let continues = if piece.is_first { begins } else { CONTINUES };
        let goes_on = if piece.is_last { 0 } else { GOES_ON };
        let first = [ONE_ELEMENT | continues | goes_on];
        match piece.is_first {
            true => Payload::new(&[&first, head].concat(), piece.body),
            false => Payload::new(&first, piece.body),
        }
    }));
}

/// The OBUs of a temporal unit, each with its length, that belong into packets. What is cut off is left out.
fn obus(mut rest: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    std::iter::from_fn(move || {
        loop {
            let (obu, after) = obu(rest)?;
            rest = after;
            if !matches!(obu.kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
                return Some(obu);
            }
        }
    })
}

fn obu(bytes: &[u8]) -> Option<(Obu<'_>, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut head = [first & !HAS_SIZE, 0];
    let mut head_length = 1;
    if first & HAS_EXTENSION != 0 {
        (head[1], head_length) = (*rest.first()?, 2);
        rest = &rest[1..];
    }
    let length = match first & HAS_SIZE {
        0 => rest.len(),
        _ => leb128(&mut rest)?,
    };
    let (body, after) = rest.split_at_checked(length)?;
    Some((Obu { kind: first >> 3 & 15, head, head_length, body }, after))
}

fn leb128(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0u64;
    for i in 0..8 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}
