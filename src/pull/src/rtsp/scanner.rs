//! What a server says by RTSP (RFC 2326), taken apart into messages and packets of media, and put together anew.

use super::message::{Halt, Head, Way};

/// The longest line: GStreamer's client cuts those of 4096 bytes.
const LONGEST_LINE: usize = 4000;
/// All lines of a message.
const LONGEST_HEAD: usize = 16 << 10;
/// What begins a packet of media.
const INTERLEAVED: u8 = b'$';

/// Stands between a server and the client.
#[derive(Debug)]
pub(super) struct Scanner {
    way: Way,
    state: State,
    /// The lines of the message so far, and how long they are in all.
    lines: Vec<Vec<u8>>,
    length: usize,
    /// The line that is being read.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A message, or a packet, begins.
    Begin,
    /// In the lines of a message.
    Head,
    /// So many bytes are a body, or media.
    Whole(usize),
    /// In the head of a packet: so many bytes were read, and its length so far.
    Packet(u8, u16),
}

impl Scanner {
    pub fn new(way: Way) -> Self {
        Self { way, state: State::Begin, lines: Vec::new(), length: 0, line: Vec::new() }
    }

    /// Takes bytes, and writes what goes on; gives the statuses of the answers that are complete with them.
    pub fn take(&mut self, mut bytes: &[u8], on: &mut Vec<u8>) -> Result<Vec<u16>, Halt> {
        let mut statuses = Vec::new();
        while let Some(&byte) = bytes.first() {
            if let State::Whole(left) = self.state {
                let passed = left.min(bytes.len());
                on.extend_from_slice(&bytes[..passed]);
                bytes = &bytes[passed..];
                self.state = whole(left - passed);
                continue;
            }
            bytes = &bytes[1..];
            match self.state {
                State::Begin if byte == INTERLEAVED => {
                    on.push(byte);
                    self.state = State::Packet(1, 0);
                }
                // Empty lines between messages are ignored.
                State::Begin if matches!(byte, b'\r' | b'\n') => {}
                State::Packet(read, length) => {
                    on.push(byte);
                    let length = if read >= 2 { length << 8 | u16::from(byte) } else { 0 };
                    self.state =
                        if read == 3 { whole(length.into()) } else { State::Packet(read + 1, length) };
                }
                _ if byte == b'\n' => statuses.extend(self.line(on)?),
                _ => {
                    self.state = State::Head;
                    self.line.push(byte);
                    self.length += 1;
                    if self.line.len() > LONGEST_LINE || self.length > LONGEST_HEAD {
                        return Err(Halt::NoRtsp);
                    }
                }
            }
        }
        Ok(statuses)
    }

    /// A line is complete: the empty one ends the message's.
    fn line(&mut self, on: &mut Vec<u8>) -> Result<Option<u16>, Halt> {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            self.lines.push(line);
            return Ok(None);
        }
        self.length = 0;
        let Head { status, text, body } = Head::of(&std::mem::take(&mut self.lines), self.way)?;
        on.extend_from_slice(&text);
        self.state = whole(body);
        Ok(status)
    }
}

fn whole(left: usize) -> State {
    if left == 0 { State::Begin } else { State::Whole(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: &str = "RTSP/1.0 302 Moved\r\nLocation: rtsp://10.0.0.1/\r\n\r\n";

    /// What goes on of it, and which answers it was.
    fn pass(said: &[u8]) -> Result<(String, Vec<u16>), Halt> {
        let (mut scanner, mut on) = (Scanner::new(Way::Connection), Vec::new());
        let statuses = scanner.take(said, &mut on)?;
        Ok((String::from_utf8_lossy(&on).into_owned(), statuses))
    }

    #[test]
    fn answers_are_found_between_media_and_bodies() {
        let talk = "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n\
            \r\nRTSP/1.0 200 OK\nContent-length: 22\n\nRTSP/1.0 302 no answer\
            $\x00\x00\x05RTSP/$\x01\x00\x00\
            OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n\
            RTSP/1.0 404 Not Found\r\nLocation: rtsp://10.0.0.1/\r\n\r\n";
        let written = "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n\
            RTSP/1.0 200 OK\r\nContent-Length: 22\r\n\r\nRTSP/1.0 302 no answer\
            $\x00\x00\x05RTSP/$\x01\x00\x00\
            OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n\
            RTSP/1.0 404 Not Found\r\n\r\n";
        assert_eq!(pass(talk.as_bytes()), Ok((written.to_owned(), vec![401, 200, 404])));
        let (mut scanner, mut on) = (Scanner::new(Way::Connection), Vec::new());
        let each = talk.bytes().map(|byte| scanner.take(&[byte], &mut on).unwrap());
        assert_eq!(each.collect::<Vec<_>>().concat(), [401, 200, 404], "byte by byte");
        assert_eq!(String::from_utf8(on).unwrap(), written);
    }

    #[test]
    fn another_protocol_is_none() {
        assert_eq!(pass(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Halt::NoRtsp));
        assert_eq!(pass(&[b'a'; LONGEST_LINE + 1]), Err(Halt::NoRtsp));
        assert_eq!(pass(&b"a: b\n".repeat(LONGEST_HEAD)), Err(Halt::NoRtsp));
    }

    #[test]
    fn a_redirect_is_found_however_it_is_written() {
        assert_eq!(pass(MOVED.as_bytes()), Err(Halt::Redirect(302)));
        for before in [
            "\r\r\n",
            "RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "RTSP/1.0 200 OK\r\n\r\n$\x00\x00\x01$",
        ] {
            let said = format!("{before}{MOVED}");
            assert_eq!(pass(said.as_bytes()), Err(Halt::Redirect(302)), "{said:?}");
        }
        for said in [
            "RTSP/1.0\t302 200\r\nLocation: rtsp://10.0.0.1/\r\n\r\n".to_owned(),
            format!("RTSP/1.0 200 OK\r\nContent-Length: 0\r\nContent-Length: 200\r\n\r\n{MOVED}"),
            format!("RTSP/1.0 200 OK\r\nContent-Length: 200\r\nContent-Length: 0\r\n\r\n{MOVED}"),
            format!("RTSP/1.0 200 OK\r\nContent-Length : 200\r\n\r\n{MOVED}"),
            format!("RTSP/1.0 200 OK\r\nServer: a\r\n Content-Length: 200\r\n\r\n{MOVED}"),
            format!("RTSP/1.0 200 OK\r\r{MOVED}"),
            format!("RTSP/1.0 200 OK\r\nCSeq: 1\0\r\n\r\n{MOVED}"),
        ] {
            assert_eq!(pass(said.as_bytes()), Err(Halt::NoRtsp), "{said:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in proptest::collection::vec(0_u8.., 0..2000)) {
            let (mut scanner, mut on) = (Scanner::new(Way::Connection), Vec::new());
            let _ = scanner.take(&bytes, &mut on);
            proptest::prop_assert!(on.len() <= 2 * bytes.len() && scanner.length <= LONGEST_HEAD + 1);
        }

        /// Whatever is written on is read the same when it is read again.
        #[test]
        fn what_goes_on_is_read_in_one_way(
            said in "(RTSP/1.0 [1-5][0-9]{2}[ a-z]{0,4}\r?\n([A-Za-z]{1,4}: ?[ -~]{0,9}\r?\n){0,3}(CSeq: 1\r\n)?\r?\n){1,3}"
        ) {
            if let Ok((written, statuses)) = pass(said.as_bytes()) {
                let again = pass(written.as_bytes());
                proptest::prop_assert_eq!(again, Ok((written, statuses)));
            }
        }
    }
}
