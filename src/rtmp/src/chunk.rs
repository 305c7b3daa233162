//! Messages out of chunks (Adobe's RTMP specification 1.0, 5.3).
//!
//! The chunk reader of scuffle-rtmp is not used: it subtracts and adds what the sender says without a check, lets
//! timestamps stand still where they pass 32 bits, takes no chunks of more than 64 KiB, which encoders send, and holds
//! 40 MiB for everyone who connects.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

/// How large chunks are until the sender says otherwise.
const FIRST_CHUNK_SIZE: usize = 128;
/// Chunk streams that a connection may use: encoders use four.
const MOST_STREAMS: usize = 32;
/// A timestamp of this value says that the real one follows the header.
const EXTENDED: u32 = 0xff_ffff;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// Milliseconds, modulo 2^32.
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

/// Why chunks cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The first chunk of a chunk stream leaves out what only chunks before it can have said.
    #[error("a chunk refers to one before it, which there is not")]
    NoneBefore,
    /// More chunk streams than any encoder uses.
    #[error("more than {MOST_STREAMS} chunk streams")]
    TooManyStreams,
    /// A message, or the beginnings of several, are too long.
    #[error("a message of {0} bytes, where at most {1} are taken")]
    TooLong(usize, usize),
    /// A chunk size of 0.
    #[error("chunks of no bytes")]
    NoChunkSize,
}

/// Reads chunks.
pub(crate) struct ChunkReader {
    streams: HashMap<u32, ChunkStream>,
    chunk_size: usize,
    /// The most bytes of a message, and of the beginnings of all messages together.
    most: usize,
    /// Bytes of messages that are not whole yet.
    held: usize,
    /// The chunk of which the payload is being read: its chunk stream, and how many bytes of it are to come.
    open: Option<(u32, usize)>,
    repeats: Repeats,
}

/// Whether the sender repeats an extended timestamp in chunks without a header, as 5.3.1.3 of the specification has it
/// and FFmpeg, OBS and nginx-rtmp do; older ones (librtmp before 2024, and what follows the draft of 2009) leave it out,
/// and nothing says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// So far it did wherever it had to: what looks like it is it.
    Yes,
    /// Once it did not: whatever the payload looks like, it never does.
    No,
}

/// What the last chunk of a chunk stream said.
#[derive(Debug, Clone, Default)]
struct ChunkStream {
    timestamp: u32,
    /// What a message without any header adds to the timestamp.
    delta: u32,
    is_extended: bool,
    length: usize,
    kind: u8,
    partial: BytesMut,
}

impl ChunkReader {
    /// Reads messages of at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            streams: HashMap::new(),
            chunk_size: FIRST_CHUNK_SIZE,
            most,
            held: 0,
            open: None,
            repeats: Repeats::Yes,
        }
    }

    /// Takes messages of at most so many bytes from now on.
    pub(crate) fn take_at_most(&mut self, most: usize) {
        self.most = most;
    }

    /// The sender makes chunks of so many bytes from now on. No message is longer than 24 bits can say.
    pub(crate) fn set_chunk_size(&mut self, size: u32) -> Result<(), ChunkError> {
        self.chunk_size = (size & 0x7fff_ffff) as usize;
        if self.chunk_size == 0 { Err(ChunkError::NoChunkSize) } else { Ok(()) }
    }

    /// Forgets the beginning of the message on this chunk stream.
    pub(crate) fn abort(&mut self, stream: u32) {
        if self.open.is_some_and(|(open, _)| open == stream) {
            return;
        }
        if let Some(stream) = self.streams.get_mut(&stream) {
            self.held -= stream.partial.len();
            stream.partial.clear();
        }
    }

    /// The next message, of which the bytes are taken from `input`; `None` where more bytes are needed.
    pub(crate) fn read(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ChunkError> {
        loop {
            let (id, left) = match self.open {
                Some(open) => open,
                None => match self.begin(input)? {
                    Some(open) => open,
                    None => return Ok(None),
                },
            };
            let stream = self.streams.get_mut(&id).ok_or(ChunkError::NoneBefore)?;
            let taken = left.min(input.len());
            if self.held + taken > self.most {
                return Err(ChunkError::TooLong(self.held + taken, self.most));
            }
            stream.partial.extend_from_slice(&input[..taken]);
            input.advance(taken);
            self.held += taken;
            if taken < left {
                self.open = Some((id, left - taken));
                return Ok(None);
            }
            self.open = None;
            if stream.partial.len() == stream.length {
                let payload = std::mem::take(&mut stream.partial).freeze();
                self.held -= payload.len();
                return Ok(Some(Message { kind: stream.kind, timestamp: stream.timestamp, payload }));
            }
        }
    }

    /// Reads the header of a chunk; gives the chunk stream and how many bytes of payload follow.
    fn begin(&mut self, input: &mut BytesMut) -> Result<Option<(u32, usize)>, ChunkError> {
        let mut reader = HeaderReader { input, repeats: self.repeats };
        let Some((format, id)) = reader.basic() else { return Ok(None) };
        let known = self.streams.get(&id);
        if known.is_none() && format != 0 {
            return Err(ChunkError::NoneBefore);
        }
        if known.is_none() && self.streams.len() >= MOST_STREAMS {
            return Err(ChunkError::TooManyStreams);
        }
        let before = known.map(ChunkStream::header).unwrap_or_default();
        let is_going_on = known.is_some_and(|stream| !stream.partial.is_empty());
        let Some(header) = reader.message(format, &before, is_going_on) else { return Ok(None) };
        if header.length > self.most {
            return Err(ChunkError::TooLong(header.length, self.most));
        }
        let (consumed, repeats) = (input.len() - reader.input.len(), reader.repeats);
        self.repeats = repeats;
        input.advance(consumed);
        let stream = self.streams.entry(id).or_default();
        if format != 3 {
            // A header in the midst of a message begins another.
            self.held -= stream.partial.len();
            stream.partial.clear();
        }
        let partial = std::mem::take(&mut stream.partial);
        let left = (header.length - partial.len()).min(self.chunk_size);
        *stream = ChunkStream { partial, ..header };
        Ok(Some((id, left)))
    }
}

impl ChunkStream {
    /// Without the payload.
    fn header(&self) -> Self {
        Self { partial: BytesMut::new(), ..*self }
    }
}

/// Reads the fields of a header; `None` where it is not whole yet.
struct HeaderReader<'a> {
    input: &'a [u8],
    repeats: Repeats,
}

impl HeaderReader<'_> {
    fn big_endian(&mut self, size: usize) -> Option<u32> {
        let (bytes, rest) = self.input.split_at_checked(size)?;
        self.input = rest;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// The format and the chunk stream (5.3.1.1).
    fn basic(&mut self) -> Option<(u8, u32)> {
        let byte = self.big_endian(1)?;
        let id = match byte & 0x3f {
            0 => 64 + self.big_endian(1)?,
            1 => 64 + self.big_endian(1)? + 256 * self.big_endian(1)?,
            id => id,
        };
        Some(((byte >> 6) as u8, id))
    }

    /// The message header and the extended timestamp (5.3.1.2, 5.3.1.3).
    fn message(&mut self, format: u8, before: &ChunkStream, is_going_on: bool) -> Option<ChunkStream> {
        let mut header = before.header();
        if format == 3 {
            self.skip_repeated(before)?;
            if !is_going_on {
                header.timestamp = before.timestamp.wrapping_add(before.delta);
            }
            return Some(header);
        }
        let time = self.big_endian(3)?;
        if format <= 1 {
            header.length = self.big_endian(3)? as usize;
            header.kind = self.big_endian(1)? as u8;
        }
        if format == 0 {
            // The message stream: there is one.
            self.big_endian(4)?;
        }
        header.is_extended = time == EXTENDED;
        header.delta = if header.is_extended { self.big_endian(4)? } else { time };
        let base = if format == 0 { 0 } else { before.timestamp };
        header.timestamp = base.wrapping_add(header.delta);
        Some(header)
    }

    /// Passes over the repeated extended timestamp of a chunk without a header, where the sender repeats it. That it does
    /// not is known by the first payload that is neither the field itself nor, as some have it, the time of the message.
    fn skip_repeated(&mut self, before: &ChunkStream) -> Option<()> {
        if !before.is_extended || self.repeats == Repeats::No {
            return Some(());
        }
        let begun = &self.input[..self.input.len().min(4)];
        let next = before.timestamp.wrapping_add(before.delta);
        let values = [before.delta, before.timestamp, next].map(u32::to_be_bytes);
        if !values.iter().any(|value| value.starts_with(begun)) {
            self.repeats = Repeats::No;
        } else if begun.len() == 4 {
            self.input = &self.input[4..];
        } else {
            return None;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> ChunkReader {
        ChunkReader::new(1 << 20)
    }

    fn all(reader: &mut ChunkReader, bytes: &[u8]) -> Vec<(u32, usize)> {
        let mut input = BytesMut::from(bytes);
        let mut messages = Vec::new();
        while let Some(message) = reader.read(&mut input).unwrap() {
            messages.push((message.timestamp, message.payload.len()));
        }
        assert!(input.is_empty());
        messages
    }

    /// A header of format 0 on chunk stream 4 for video.
    fn whole(timestamp: u32, length: u8) -> Vec<u8> {
        let mut bytes = vec![4];
        bytes.extend(&timestamp.min(EXTENDED).to_be_bytes()[1..]);
        bytes.extend([0, 0, length, 9, 1, 0, 0, 0]);
        if timestamp >= EXTENDED {
            bytes.extend(timestamp.to_be_bytes());
        }
        bytes.resize(bytes.len() + usize::from(length), 7);
        bytes
    }

    #[test]
    fn headers_leave_out_what_is_the_same_as_before() {
        let mut bytes = whole(100, 2);
        bytes.extend([0x44, 0, 0, 40, 0, 0, 1, 8, 9]);
        bytes.extend([0x84, 0, 0, 20, 9]);
        bytes.extend([0xc4, 9]);
        assert_eq!(all(&mut reader(), &bytes), [(100, 2), (140, 1), (160, 1), (180, 1)]);
    }

    #[test]
    fn timestamps_pass_32_bits_and_go_on() {
        let mut bytes = whole(u32::MAX - 10, 1);
        bytes.extend([0x84, 0, 0, 20, 9]);
        bytes.extend([0xc4, 9]);
        assert_eq!(all(&mut reader(), &bytes), [(u32::MAX - 10, 1), (9, 1), (29, 1)]);
    }

    #[test]
    fn a_long_timestamp_is_repeated_in_every_chunk_or_not() {
        let time: u32 = 0x0123_4567;
        let message = whole(time, 200);
        let (first, rest) = message.split_at(16 + 128);
        for repeated in [&time.to_be_bytes()[..], &[]] {
            let bytes = [first, &[0xc4], repeated, rest].concat();
            assert_eq!(all(&mut reader(), &bytes), [(time, 200)]);
        }
    }

    #[test]
    fn payload_that_looks_like_the_time_is_payload_where_the_sender_does_not_repeat_it() {
        let time: u32 = 0x0123_4567;
        let mut message = whole(time, 200);
        let plain = message.clone();
        // The second chunk of the second message begins as the repeated time would.
        message[16 + 128..][..4].copy_from_slice(&time.to_be_bytes());
        let in_chunks = |message: &[u8]| {
            let (first, rest) = message.split_at(16 + 128);
            [first, &[0xc4], rest].concat()
        };
        let mut reader = reader();
        let bytes = [in_chunks(&plain), in_chunks(&message), in_chunks(&plain)].concat();
        assert_eq!(all(&mut reader, &bytes), [(time, 200); 3]);
    }

    #[test]
    fn a_sender_that_does_not_repeat_the_time_is_not_waited_for() {
        let time: u32 = 0x0123_4567;
        let message = whole(time, 129);
        let (first, last) = message.split_at(16 + 128);
        assert_eq!(all(&mut reader(), &[first, &[0xc4], last].concat()), [(time, 129)]);
    }

    #[test]
    fn the_time_of_the_message_may_be_repeated_in_place_of_its_difference() {
        let (time, difference) = (100, 0x0100_0000u32);
        let mut bytes = whole(time, 1);
        bytes.extend([0x44, 0xff, 0xff, 0xff, 0, 0, 200, 9]);
        bytes.extend(difference.to_be_bytes());
        bytes.extend([7; 128]);
        bytes.push(0xc4);
        bytes.extend((time + difference).to_be_bytes());
        bytes.extend([7; 72]);
        assert_eq!(all(&mut reader(), &bytes), [(time, 1), (time + difference, 200)]);
    }

    #[test]
    fn bytes_may_come_one_by_one_and_chunk_streams_in_turns() {
        let long = whole(5, 130);
        let mut audio = vec![6, 0, 0, 7, 0, 0, 1, 8, 1, 0, 0, 0, 3];
        let mut bytes = long[..12 + 128].to_vec();
        bytes.append(&mut audio);
        bytes.extend([0xc4, 1, 2]);
        let mut reader = reader();
        let mut messages = Vec::new();
        let mut input = BytesMut::new();
        for byte in bytes {
            input.extend_from_slice(&[byte]);
            messages.extend(reader.read(&mut input).unwrap().map(|m| (m.kind, m.timestamp, m.payload.len())));
        }
        assert_eq!(messages, [(8, 7, 1), (9, 5, 130)]);
        assert_eq!(reader.held, 0);
    }

    #[test]
    fn what_is_too_much_is_an_error_that_says_so() {
        let error = |bytes: &[u8]| ChunkReader::new(1000).read(&mut BytesMut::from(bytes)).unwrap_err();
        assert_eq!(error(&[0xc4]), ChunkError::NoneBefore);
        assert_eq!(
            error(&[4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0]),
            ChunkError::TooLong(0xff_ffff, 1000)
        );
        let mut streams = Vec::new();
        for id in 3..=60 {
            streams.extend([id, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0]);
        }
        let mut input = BytesMut::from(&streams[..]);
        let mut reader = reader();
        let result = std::iter::repeat_with(|| reader.read(&mut input)).find(Result::is_err);
        assert_eq!(result, Some(Err(ChunkError::TooManyStreams)));
    }

    #[test]
    fn the_beginnings_of_many_messages_count_together() {
        let mut reader = ChunkReader::new(1000);
        let mut input = BytesMut::new();
        for id in 3..20 {
            input.extend_from_slice(&[id, 0, 0, 0, 0, 3, 0xe0, 9, 1, 0, 0, 0]);
            input.extend_from_slice(&[0; 128]);
        }
        assert_eq!(reader.read(&mut input), Err(ChunkError::TooLong(1024, 1000)));
    }

    #[test]
    fn any_bytes_are_messages_or_an_error() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2000 {
            let mut reader = ChunkReader::new(4096);
            let bytes: Vec<u8> = (0..random.usize(..600)).map(|_| random.u8(..) & random.u8(..)).collect();
            let mut input = BytesMut::from(&bytes[..]);
            for _ in 0..700 {
                match reader.read(&mut input) {
                    Ok(Some(message)) if message.kind == 1 => {
                        let _ = reader.set_chunk_size(random.u32(1..300));
                    }
                    Ok(Some(_)) => reader.abort(random.u32(..64)),
                    Ok(None) | Err(_) => break,
                }
                assert!(reader.held <= 4096);
            }
        }
    }
}
