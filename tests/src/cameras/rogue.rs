//! A camera that misbehaves: a real one behind a connection that does something else to every client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How long one connection goes on at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages and packets of the camera that pass before it does what it does.
const GOOD: usize = 60;
/// Copies of each packet that a flood consists of.
const FLOOD: usize = 2000;
/// First byte of a packet of media between the messages of RTSP (RFC 2326, 10.12).
const INTERLEAVED: u8 = b'$';
/// The longest body of a message that passes.
const LONGEST_BODY: usize = 65_536;

/// What it does to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    /// Closes the connection at once.
    Closes,
    /// Says nothing.
    KeepsSilent,
    /// Answers what is not RTSP.
    TalksNoise,
    /// Answers with headers that do not end.
    NeverEnds,
    /// Plays for a while and closes.
    GoesAway,
    /// Plays for a while, and then nothing comes any more.
    Freezes,
    /// Sends packets of media that are none.
    Garbles,
    /// Sends each packet very often.
    Floods,
    /// Sends packets with a length that is not theirs.
    MissesItsLength,
}

const ALL: [Misdeed; 9] = [
    Misdeed::Closes,
    Misdeed::KeepsSilent,
    Misdeed::TalksNoise,
    Misdeed::NeverEnds,
    Misdeed::GoesAway,
    Misdeed::Freezes,
    Misdeed::Garbles,
    Misdeed::Floods,
    Misdeed::MissesItsLength,
];

/// A camera that does one misdeed after the other, a connection each.
#[derive(Debug)]
pub struct Rogue {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Rogue {
    /// Starts it in front of the camera at this port of the loopback address. It goes on until the program ends.
    pub fn start(camera: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::Builder::new().name("rogue".into()).spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let misdeed = ALL[count.fetch_add(1, Ordering::SeqCst) % ALL.len()];
                // Each has its own thread: a client that comes again need not wait for the one before.
                thread::spawn(move || misdeed.happens_to(client, camera));
            }
        })?;
        Ok(Self { port, connections })
    }

    /// Its port of the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often it was connected to.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections after which it has done everything once.
    pub const fn repertoire() -> usize {
        ALL.len()
    }
}

impl Misdeed {
    /// Whatever ends it, the client goes: that is what it is for.
    fn happens_to(self, mut client: TcpStream, camera: u16) -> io::Result<()> {
        client.set_write_timeout(Some(PATIENCE))?;
        client.set_read_timeout(Some(PATIENCE))?;
        let end = Instant::now() + PATIENCE;
        match self {
            Self::Closes => Ok(()),
            Self::KeepsSilent => io::copy(&mut client, &mut io::sink()).map(drop),
            Self::TalksNoise => {
                let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(65_536).collect();
                repeat(&mut client, &noise, end)
            }
            Self::NeverEnds => {
                client.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")?;
                repeat(&mut client, &b"X-More: and more\r\n".repeat(1000), end)
            }
            _ => self.happens_between(client, camera, end),
        }
    }

    /// Lets a real camera answer at first.
    fn happens_between(self, mut client: TcpStream, camera: u16, end: Instant) -> io::Result<()> {
        let camera = TcpStream::connect((Ipv4Addr::LOCALHOST, camera))?;
        camera.set_read_timeout(Some(PATIENCE))?;
        let (mut asks, mut asked) = (client.try_clone()?, camera.try_clone()?);
        let asking = thread::spawn(move || io::copy(&mut asks, &mut asked).map(drop));
        let mut answers = BufReader::new(camera.try_clone()?);
        let mut passed = 0;
        let result = loop {
            if Instant::now() > end {
                break Ok(());
            }
            let mut message = match read_message(&mut answers) {
                Ok(Some(message)) => message,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let is_packet = message[0] == INTERLEAVED;
            passed += usize::from(is_packet);
            let copies = match self {
                _ if !is_packet || passed <= GOOD => 1,
                Self::GoesAway => break Ok(()),
                Self::Freezes => 0,
                Self::Floods => FLOOD,
                Self::MissesItsLength => {
                    message[2] ^= 1;
                    1
                }
                _ => {
                    message[4..].iter_mut().for_each(|byte| *byte ^= fastrand::u8(..));
                    1
                }
            };
            if let Err(error) = (0..copies).try_for_each(|_| client.write_all(&message)) {
                break Err(error);
            }
        };
        let _ = client.shutdown(Shutdown::Both);
        let _ = camera.shutdown(Shutdown::Both);
        let _ = asking.join();
        result
    }
}

fn repeat(client: &mut TcpStream, bytes: &[u8], end: Instant) -> io::Result<()> {
    while Instant::now() < end {
        client.write_all(bytes)?;
    }
    Ok(())
}

/// The next message of RTSP, or packet of media among them, as it is. `None` at the end.
fn read_message(camera: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let Some(&first) = camera.fill_buf()?.first() else { return Ok(None) };
    let mut message = Vec::new();
    let body = if first == INTERLEAVED {
        message.resize(4, 0);
        camera.read_exact(&mut message)?;
        usize::from(u16::from_be_bytes([message[2], message[3]]))
    } else {
        read_head(camera, &mut message)?
    };
    let head = message.len();
    message.resize(head + body.min(LONGEST_BODY), 0);
    camera.read_exact(&mut message[head..])?;
    Ok(Some(message))
}

/// Reads up to the empty line; gives the length of what follows it.
fn read_head(camera: &mut impl BufRead, message: &mut Vec<u8>) -> io::Result<usize> {
    let mut body = 0;
    loop {
        let begin = message.len();
        if camera.by_ref().take(LONGEST_BODY as u64).read_until(b'\n', message)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&message[begin..]);
        match line.trim().split_once(':') {
            _ if line.trim().is_empty() => return Ok(body),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                body = value.trim().parse().unwrap_or(0);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_packets_are_told_apart() {
        let text = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-length: 3\r\n\r\nabc$\x01\x00\x02xyRTSP/1.0 200 OK\r\n\r\n";
        let mut camera = &text[..];
        let mut messages = Vec::new();
        while let Some(message) = read_message(&mut camera).unwrap() {
            messages.push(message);
        }
        assert_eq!(messages.len(), 3);
        assert!(messages[0].ends_with(b"\r\n\r\nabc") && messages[1] == b"$\x01\x00\x02xy");
        assert_eq!(messages.concat(), text);
        assert!(read_message(&mut &b"$\x01\x00\x09short"[..]).is_err());
    }
}
