//! Sound in frames that say in their headers how long they are, and that may begin in one PES packet and end in
//! another.

use bytes::{Buf, Bytes, BytesMut};
use fql_unit::Media;

use super::{Part, Piece};

/// What the header of a frame says.
pub(crate) struct Header {
    /// Bytes of the frame with its header, at least one more than [`Header::skipped`].
    pub(crate) length: usize,
    /// Bytes at its beginning that do not go on.
    pub(crate) skipped: usize,
    /// How many samples of each channel it holds.
    pub(crate) samples: u32,
    /// Samples a second.
    pub(crate) rate: u32,
    /// What the track is.
    pub(crate) media: Media,
}

/// What is found where a frame should begin.
pub(crate) enum Found {
    Frame(Box<Header>),
    /// It cannot be told from so few bytes.
    TooShort,
    Nothing,
}

/// The bytes that are compared with where another frame should begin: the first is 0xff in all of these formats, and
/// the highest three bits of the second are set.
const SYNC: usize = 2;

/// Cuts sound into its frames.
#[derive(Debug)]
pub(crate) struct Frames {
    read: fn(&[u8]) -> Found,
    /// A frame that is not complete; less than 16 KiB, the longest frame that a header can tell of.
    rest: BytesMut,
    /// When the next frame begins that has no time of its own, in nanoseconds: a beginning, and the samples since then
    /// with their rate.
    since: Option<(u64, u64, u32)>,
    media: Option<Media>,
}

impl Frames {
    pub(crate) fn new(read: fn(&[u8]) -> Found) -> Self {
        Self { read, rest: BytesMut::new(), since: None, media: None }
    }

    pub(crate) fn media(&self) -> Option<&Media> {
        self.media.as_ref()
    }

    pub(crate) fn lose(&mut self) {
        self.rest.clear();
        self.since = None;
    }

    pub(crate) fn cut(&mut self, piece: Piece, each: &mut dyn FnMut(Part)) {
        // The time is that of the first frame that begins in this packet.
        let mut own = piece.presentation.map(|_| piece.nanos());
        let mut to_come = self.rest.len();
        self.rest.extend_from_slice(&piece.data);
        let mut bytes = std::mem::take(&mut self.rest).freeze();
        while !bytes.is_empty() {
            let header = match (self.read)(&bytes) {
                Found::Frame(header) if !is_followed(&bytes, header.length) => None,
                Found::Frame(header) if header.length > bytes.len() => break,
                Found::Frame(header) => Some(header),
                Found::TooShort => break,
                Found::Nothing => None,
            };
            let before = bytes.len();
            match header {
                Some(header) => {
                    if to_come == 0
                        && let Some(time) = own.take()
                    {
                        self.since = Some((time, 0, header.rate));
                    }
                    let frame = bytes.split_to(header.length);
                    self.hand_out(*header, frame, each);
                }
                None => {
                    let next = bytes[1..].iter().position(|&byte| byte == 0xff);
                    bytes.advance(next.map_or(bytes.len(), |next| next + 1));
                }
            }
            to_come = to_come.saturating_sub(before - bytes.len());
        }
        self.rest = BytesMut::from(&bytes[..]);
        // A frame that begins here and ends later: its time is known now.
        if let Some(time) = own.filter(|_| to_come == 0 && !self.rest.is_empty()) {
            self.since = Some((time, 0, 1));
        }
    }

    /// Hands out a frame, if it is known when it is heard.
    fn hand_out(&mut self, header: Header, mut frame: Bytes, each: &mut dyn FnMut(Part)) {
        if self.media.as_ref() != Some(&header.media) {
            self.media = Some(header.media);
        }
        let Some((beginning, samples, rate)) = &mut self.since else { return };
        if *rate != header.rate {
            *beginning += lasting(*samples, *rate);
            (*samples, *rate) = (0, header.rate);
        }
        let from = *beginning + lasting(*samples, *rate);
        *samples += u64::from(header.samples);
        let duration = *beginning + lasting(*samples, *rate) - from;
        frame.advance(header.skipped);
        each(Part { decoding: from, presentation: from, duration, is_key: true, data: frame });
    }
}

/// Whether another frame begins where this one ends, as far as its bytes are there: else it was none.
fn is_followed(bytes: &[u8], length: usize) -> bool {
    match bytes.get(length..length + SYNC) {
        Some(next) => next[0] == 0xff && next[1] >> 5 == 7,
        None => true,
    }
}

/// So many samples in nanoseconds.
fn lasting(samples: u64, rate: u32) -> u64 {
    (u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1))) as u64
}
