//! Data tracks: text by lines, anything else in pieces.

use std::io::{self, BufRead, BufReader, Read};

use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::media::feed::Feed;

/// Bytes of a unit; a longer line is cut.
pub const PIECE: usize = 4 << 10;
/// How much of a file may wait.
const AHEAD: u64 = 256 << 10;

/// How a data track is cut into units, and when they belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// UTF-8 text: a unit is a line, its end included.
    pub text: bool,
    /// bit/s at which a file is sent; `None` sends what comes when it comes.
    pub rate: Option<u64>,
}

impl Shape {
    fn caps(self) -> gst::Caps {
        match self.text {
            true => gst::Caps::builder("text/x-raw").field("format", "utf8").build(),
            false => gst::Caps::new_empty_simple("application/octet-stream"),
        }
    }
}

/// Opens the input again, for an input that repeats.
pub type Again = Box<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send>;

/// Sends what is read as a data track.
pub fn start(
    feed: &Feed,
    name: &str,
    from: Box<dyn Read + Send>,
    shape: Shape,
    again: Option<Again>,
) -> Result<()> {
    let source = gst_app::AppSrc::builder()
        .format(gst::Format::Time)
        .caps(&shape.caps())
        .block(true)
        .max_bytes(AHEAD)
        .is_live(shape.rate.is_none())
        .do_timestamp(shape.rate.is_none())
        .build();
    feed.pipeline()?.add(&source).map_err(|error| Failure::failed(error.to_string()))?;
    let pad = source.static_pad("src").ok_or_else(|| Failure::failed("appsrc has no pad"))?;
    feed.attach(&pad, "")?;
    let name = name.to_owned();
    std::thread::spawn(move || {
        let mut pace = Pace { rate: shape.rate, bits: 0 };
        let sent = send(&source, from, shape.text, &mut pace, again);
        match sent {
            // Where it does not take the end, it has ended before.
            Ok(()) => {
                let _ = source.end_of_stream();
            }
            Err(error) => gst::element_error!(source, gst::ResourceError::Read, ("{name}: {error}")),
        }
    });
    Ok(())
}

fn send(
    source: &gst_app::AppSrc,
    first: Box<dyn Read + Send>,
    text: bool,
    pace: &mut Pace,
    again: Option<Again>,
) -> io::Result<()> {
    let mut from = BufReader::new(first);
    loop {
        let before = pace.bits;
        while let Some(unit) = next_unit(&mut from, text)? {
            let mut buffer = gst::Buffer::from_slice(unit);
            pace.time(buffer.make_mut());
            if source.push_buffer(buffer).is_err() {
                return Ok(());
            }
        }
        match &again {
            // What is empty would repeat without end and without time.
            Some(again) if pace.bits > before => from = BufReader::new(again()?),
            _ => return Ok(()),
        }
    }
}

/// When the bytes of a file belong, at a constant rate.
struct Pace {
    rate: Option<u64>,
    bits: u64,
}

impl Pace {
    fn time(&mut self, buffer: &mut gst::BufferRef) {
        let begin = self.bits;
        self.bits += buffer.size() as u64 * 8;
        let Some(rate) = self.rate else { return };
        let at = |bits: u64| {
            let ns = u128::from(bits) * 1_000_000_000 / u128::from(rate.max(1));
            gst::ClockTime::from_nseconds(u64::try_from(ns).unwrap_or(u64::MAX - 1))
        };
        buffer.set_pts(at(begin));
        buffer.set_duration(at(self.bits).saturating_sub(at(begin)));
    }
}

/// The next unit; `None` at the end.
fn next_unit(from: &mut impl BufRead, text: bool) -> io::Result<Option<Vec<u8>>> {
    let mut unit = Vec::new();
    loop {
        let held = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            held => held?,
        };
        if held.is_empty() {
            return Ok(Some(unit).filter(|unit| !unit.is_empty()));
        }
        let room = &held[..held.len().min(PIECE - unit.len())];
        let line = room.iter().position(|&byte| text && byte == b'\n').map(|at| at + 1);
        let taken = line.unwrap_or(room.len());
        unit.extend_from_slice(&room[..taken]);
        from.consume(taken);
        // Binary data from a pipe is sent as it comes.
        if line.is_some() || unit.len() == PIECE || !text {
            return Ok(Some(unit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(content: &[u8], text: bool) -> Vec<Vec<u8>> {
        let mut from = BufReader::with_capacity(100, content);
        std::iter::from_fn(|| next_unit(&mut from, text).unwrap()).collect()
    }

    #[test]
    fn text_is_cut_into_lines_and_a_line_too_long_into_pieces() {
        let long = [b'x'; PIECE + 7];
        let content = [b"one\n\ntwo\n", &long[..], b"\nlast"].concat();
        let units = units(&content, true);
        let lengths: Vec<usize> = units.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4, 1, 4, PIECE, 8, 4]);
        assert_eq!(units.concat(), content);
    }

    proptest::proptest! {
        #[test]
        fn units_are_the_content_and_never_empty(content in proptest::collection::vec(0u8.., 0..20_000), text: bool) {
            let units = units(&content, text);
            proptest::prop_assert!(units.iter().all(|unit| (1..=PIECE).contains(&unit.len())));
            proptest::prop_assert_eq!(units.concat(), content);
        }
    }

    #[test]
    fn a_file_is_sent_at_its_rate() {
        gst::init().unwrap();
        let mut pace = Pace { rate: Some(8_000), bits: 0 };
        let times: Vec<_> = [1_000, 500, 1]
            .map(|size| {
                let mut buffer = gst::Buffer::with_size(size).unwrap();
                pace.time(buffer.make_mut());
                (buffer.pts().unwrap().mseconds(), buffer.duration().unwrap().mseconds())
            })
            .into();
        assert_eq!(times, [(0, 1_000), (1_000, 500), (1_500, 1)]);
    }
}
