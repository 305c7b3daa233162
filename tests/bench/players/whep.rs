//! A player of WebRTC: access units as the library puts them together from packets.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use str0m::media::MediaKind;
use str0m::net::{Protocol, Receive};
use str0m::{Event, Input, Output, Rtc};

use super::screen::Screen;
use crate::viewers::whep::{Identity, connect};

/// From access units to H.264.
pub const ELEMENTS: &str =
    "format=time do-timestamp=true caps=video/x-h264,stream-format=byte-stream,alignment=au";
/// For how long the network is waited for, at least and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// Plays until the screen has seen enough.
pub fn play(url: &str, screen: &Screen, is_over: &AtomicBool) -> Result<()> {
    let (mut rtc, socket) = connect(&Identity::new()?, url, &[MediaKind::Video], false)?;
    socket.set_nonblocking(false)?;
    let address = socket.local_addr()?;
    let mut buffer = [0; 2048];
    while !screen.is_done() && !is_over.load(Ordering::SeqCst) {
        let (due, now) = (drain(&mut rtc, &socket, screen)?, Instant::now());
        if due <= now {
            rtc.handle_input(Input::Timeout(now))?;
        }
        socket.set_read_timeout(Some((due - now).clamp(WAIT.0, WAIT.1)))?;
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let datagram = Receive::new(Protocol::Udp, from, address, &buffer[..length])?;
                rtc.handle_input(Input::Receive(Instant::now(), datagram))?;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                rtc.handle_input(Input::Timeout(Instant::now()))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Passes on what came; gives when something is due.
fn drain(rtc: &mut Rtc, socket: &UdpSocket, screen: &Screen) -> Result<Instant> {
    loop {
        ensure!(rtc.is_alive(), "the session of the player ended");
        match rtc.poll_output()? {
            Output::Timeout(at) => return Ok(at),
            Output::Transmit(transmit) => {
                socket.send_to(&transmit.contents, transmit.destination)?;
            }
            Output::Event(Event::MediaData(data)) => screen.push(data.data.to_vec())?,
            Output::Event(_) => {}
        }
    }
}
