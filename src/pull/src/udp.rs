//! MPEG-TS in UDP datagrams that are sent to this machine, or to a group: as they are, or in RTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::address::Address;
use crate::error::Error;
use crate::out::{Out, Sink};
use crate::reach::{self, Rules};
use crate::transport_stream::TransportStream;

/// What datagrams may be longer than is of no use here.
const LARGEST: usize = 65_536;
/// Room for half a second of 50 Mbit/s that waits for this process.
const RECEIVE_BUFFER: usize = 4 << 20;
const SYNC: u8 = 0x47;
const PACKET: usize = 188;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let listening = reach::listening(address, rules).await?;
    let interface = address.query("interface").and_then(|text| text.parse().ok());
    let socket = open(listening, interface).map_err(|error| Error::connecting(listening, &error))?;
    let mut stream = TransportStream::live();
    let mut datagram = vec![0; LARGEST];
    let mut source = None;
    loop {
        let received = socket.recv_from(&mut datagram).await;
        let (length, from) = received.map_err(|error| Error::connecting(listening, &error))?;
        let Some(packets) = packets(&datagram[..length]) else { continue };
        // Two who send to the same port would make one stream that is neither: the first stays.
        if *source.get_or_insert(from.ip()) != from.ip() {
            continue;
        }
        if stream.is_fresh() {
            out.connected(from);
        }
        stream.push(packets, out).await?;
    }
}

fn open(address: SocketAddr, interface: Option<Ipv4Addr>) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // A smaller buffer than is asked for will do.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    if address.ip().is_multicast() {
        // Several streams, and other programs, may take the same group.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    match address.ip() {
        IpAddr::V4(group) if group.is_multicast() => {
            socket.join_multicast_v4(&group, &interface.unwrap_or(Ipv4Addr::UNSPECIFIED))?;
        }
        IpAddr::V6(group) if group.is_multicast() => socket.join_multicast_v6(&group, 0)?,
        _ => {}
    }
    UdpSocket::from_std(socket.into())
}

/// The packets of a datagram; none where it holds something else.
fn packets(datagram: &[u8]) -> Option<&[u8]> {
    let is_ts = |bytes: &[u8]| bytes.len() >= PACKET && bytes[0] == SYNC;
    if is_ts(datagram) {
        return Some(datagram);
    }
    // RTP (RFC 3550) with payload type 33: a version of 2, the fixed header, contributing sources, an extension.
    let first = *datagram.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut start = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let length = datagram.get(start + 2..start + 4)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    datagram.get(start..).filter(|payload| is_ts(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_with_rtp_and_without() {
        let packet = [&[SYNC][..], &[0; 187]].concat();
        assert_eq!(packets(&packet), Some(&packet[..]));
        let rtp = [&[0x80, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &packet].concat();
        assert_eq!(packets(&rtp), Some(&packet[..]));
        let source_and_extension = [
            &[0x91, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4][..],
            &packet,
        ]
        .concat();
        assert_eq!(packets(&source_and_extension), Some(&packet[..]));
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_makes_it_panic(datagram in proptest::collection::vec(0_u8.., 0..300)) {
            let _ = packets(&datagram);
        }
    }
}
