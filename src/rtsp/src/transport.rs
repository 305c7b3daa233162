//! How a player wants its packets: the header `Transport` (RFC 2326, 12.39).

use rtsp_types::headers::{RtpLowerTransport, RtpProfile, RtpTransport, Transport, Transports};

/// Where packets of a track go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// These channels of the connection itself: for media, and for reports.
    Interleaved(u8, u8),
    /// These UDP ports of the player: for media, and for reports.
    Udp(u16, u16),
}

impl Destination {
    /// The first of those that a player offers that there is here. `number` is that of the track, for players that leave the
    /// channels to the server.
    pub(crate) fn choose(offered: &Transports, number: usize, has_udp: bool) -> Option<Self> {
        offered.iter().find_map(|transport| match transport {
            Transport::Rtp(transport) => {
                Self::of(transport, number).filter(|found| has_udp || !found.is_udp())
            }
            Transport::Other(_) => None,
        })
    }

    fn of(transport: &RtpTransport, number: usize) -> Option<Self> {
        let RtpTransport { profile, lower_transport, params } = transport;
        if *profile != RtpProfile::Avp || params.multicast {
            return None;
        }
        match lower_transport {
            Some(RtpLowerTransport::Tcp) => {
                let first = params.interleaved.map_or(number as u8 * 2, |(first, _)| first);
                let second = match params.interleaved {
                    Some((_, Some(second))) => second,
                    _ => first.checked_add(1)?,
                };
                (first != second).then_some(Self::Interleaved(first, second))
            }
            None | Some(RtpLowerTransport::Udp) => {
                let (media, reports) = params.client_port?;
                let reports = match reports {
                    Some(reports) => reports,
                    None => media.checked_add(1)?,
                };
                (media > 0 && reports > 0).then_some(Self::Udp(media, reports))
            }
            Some(_) => None,
        }
    }

    fn is_udp(self) -> bool {
        matches!(self, Self::Udp(..))
    }

    /// Whether both would go the same way.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        let channels = |destination| match destination {
            Self::Interleaved(media, reports) => [media.into(), reports.into()],
            Self::Udp(media, reports) => [media, reports],
        };
        self.is_udp() == other.is_udp() && channels(self).iter().any(|one| channels(other).contains(one))
    }

    /// What the answer says. `ports` are the UDP ports that packets come from.
    pub(crate) fn answer(self, ports: Option<(u16, u16)>, ssrc: u32) -> String {
        match self {
            Self::Interleaved(media, reports) => {
                format!("RTP/AVP/TCP;unicast;interleaved={media}-{reports};ssrc={ssrc:08X}")
            }
            Self::Udp(media, reports) => {
                let (from, reports_from) = ports.unwrap_or_default();
                format!(
                    "RTP/AVP;unicast;client_port={media}-{reports};server_port={from}-{reports_from};ssrc={ssrc:08X}"
                )
            }
        }
    }
}
