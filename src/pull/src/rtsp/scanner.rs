//! What a server says by RTSP (RFC 2326), as far as it decides whether to go on: the status of each answer. Media in
//! between, and what answers hold, is passed over.

/// The longest line of a header.
const LONGEST_LINE: usize = 16 << 10;
/// What begins a packet of media.
const INTERLEAVED: u8 = b'$';

/// Reads along.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    /// The line that is being read.
    line: Vec<u8>,
    /// Bytes of the body that the header has announced.
    body: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A message, or a packet, begins.
    #[default]
    Begin,
    /// In the first line.
    First,
    /// In the header.
    Header,
    /// So many bytes are passed over.
    Skip(usize),
    /// In the head of a packet: so many bytes were read, and its length so far.
    Packet(u8, usize),
}

/// A server that says something else than RTSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRtsp;

impl Scanner {
    /// Takes bytes; gives the statuses of the answers that begin in them.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<Vec<u16>, NoRtsp> {
        let mut statuses = Vec::new();
        while let Some(&byte) = bytes.first() {
            if let State::Skip(left) = self.state {
                let passed = left.min(bytes.len());
                bytes = &bytes[passed..];
                self.state = if passed == left { State::Begin } else { State::Skip(left - passed) };
                continue;
            }
            bytes = &bytes[1..];
            match self.state {
                State::Begin if byte == INTERLEAVED => self.state = State::Packet(1, 0),
                // Empty lines between messages are ignored.
                State::Begin if matches!(byte, b'\r' | b'\n') => {}
                State::Packet(read, length) => {
                    let length = if read >= 2 { length << 8 | usize::from(byte) } else { 0 };
                    self.state =
                        if read == 3 { State::Skip(length) } else { State::Packet(read + 1, length) };
                }
                _ => {
                    if self.state == State::Begin {
                        self.state = State::First;
                    }
                    if byte != b'\n' {
                        self.line.push(byte);
                        if self.line.len() > LONGEST_LINE {
                            return Err(NoRtsp);
                        }
                        continue;
                    }
                    statuses.extend(self.line()?);
                }
            }
        }
        Ok(statuses)
    }

    /// A line is complete.
    fn line(&mut self) -> Result<Option<u16>, NoRtsp> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
        if self.state == State::First {
            (self.state, self.body) = (State::Header, 0);
            if let Some(answer) = line.strip_prefix("RTSP/") {
                let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.map(Some).ok_or(NoRtsp);
            }
            // Servers may ask something, too.
            return if line.contains(" RTSP/") { Ok(None) } else { Err(NoRtsp) };
        }
        if line.is_empty() {
            self.state = State::Skip(self.body);
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            self.body = value.trim().parse().map_err(|_| NoRtsp)?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALK: &[u8] = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n\
        RTSP/1.0 200 OK\r\nContent-length: 21\r\n\r\nRTSP/1.0 302 no answer\
        $\x00\x00\x05RTSP/\
        OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n\
        RTSP/1.0 302 Moved\r\nLocation: rtsp://10.0.0.1/\r\n\r\n";

    #[test]
    fn answers_are_found_between_media_and_bodies() {
        // The body is one byte shorter than the text after it: what follows begins with a packet all the same.
        let talk = [&TALK[..TALK.len()]].concat();
        let talk = String::from_utf8_lossy(&talk).replace("Content-length: 21", "Content-length: 22");
        assert_eq!(Scanner::default().take(talk.as_bytes()), Ok(vec![401, 200, 302]));
        let mut scanner = Scanner::default();
        let each = talk.bytes().map(|byte| scanner.take(&[byte]).unwrap());
        assert_eq!(each.flatten().collect::<Vec<_>>(), [401, 200, 302], "byte by byte");
    }

    #[test]
    fn another_protocol_is_none() {
        assert_eq!(Scanner::default().take(b"HTTP/1.1 200 OK\r\n"), Err(NoRtsp));
        assert_eq!(Scanner::default().take(&[b'a'; LONGEST_LINE + 1]), Err(NoRtsp));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in proptest::collection::vec(0_u8.., 0..2000)) {
            let mut scanner = Scanner::default();
            let _ = scanner.take(&bytes);
            proptest::prop_assert!(scanner.line.len() <= LONGEST_LINE + 1);
        }
    }
}
