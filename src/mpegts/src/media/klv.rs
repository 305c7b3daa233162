//! KLV metadata (SMPTE ST 336) in transport streams, as MISB ST 1402 puts it there: asynchronous, whole in a PES packet,
//! or synchronous, in the cells of metadata access units (Rec. ITU-T H.222.0, 2.12.4.2).

use bytes::{Buf, Bytes, BytesMut};
use fql_unit::{DataInfo, Media};

use super::{Part, Piece};

const CELL_HEADER: usize = 5;
/// The most bytes of an access unit in several cells.
const MOST: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Klv {
    media: Media,
    has_cells: bool,
    /// The cells of an access unit that is not complete.
    partial: BytesMut,
}

impl Klv {
    pub(crate) fn alone() -> Self {
        let media = Media::Data(DataInfo { caps: "meta/x-klv, parsed=(boolean)true".into() });
        Self { media, has_cells: false, partial: BytesMut::new() }
    }

    pub(crate) fn in_cells() -> Self {
        Self { has_cells: true, ..Self::alone() }
    }

    pub(crate) fn media(&self) -> &Media {
        &self.media
    }

    pub(crate) fn lose(&mut self) {
        self.partial.clear();
    }

    pub(crate) fn cut(&mut self, piece: Piece, each: &mut dyn FnMut(Part)) {
        let time = piece.nanos();
        let mut each = |data: Bytes| {
            if !data.is_empty() {
                each(Part { decoding: time, presentation: time, duration: 0, is_key: true, data });
            }
        };
        if !self.has_cells {
            each(piece.data);
            return;
        }
        let mut rest = piece.data;
        while let Some(&[_, _, flags, high, low]) = rest.first_chunk::<CELL_HEADER>() {
            rest.advance(CELL_HEADER);
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > rest.len() {
                self.lose();
                return;
            }
            let cell = rest.split_to(length);
            let (is_first, is_last) = (flags & 0x80 != 0, flags & 0x40 != 0);
            if is_first && is_last {
                each(cell);
            } else {
                self.join(&cell, is_first);
                if is_last {
                    each(self.partial.split().freeze());
                }
            }
        }
    }

    fn join(&mut self, cell: &[u8], is_first: bool) {
        if is_first || self.partial.len() + cell.len() > MOST {
            self.partial.clear();
        }
        // One whose beginning is missing is of no use.
        if is_first || !self.partial.is_empty() {
            self.partial.extend_from_slice(cell);
        }
    }
}
