//! What the fuzz targets run, each a function of bytes: libFuzzer calls it (`fuzz_targets/`), and a test calls it with
//! every file of the corpora (`tests/corpus.rs`).

pub mod input;
pub mod media;
pub mod noise;
pub mod sealing;
pub mod seeds;
pub mod targets;
pub mod units;

/// The address parsers of the plugin, without GStreamer.
#[path = "../../plugins/fql/src/net"]
pub mod net {
    pub mod address;
    pub mod play;

    pub use address::Address;
}

/// What takes apart what cameras say by RTSP, without GStreamer.
#[path = "../../src/pull/src/rtsp"]
pub mod camera {
    mod message;
    mod scanner;

    use std::net::{IpAddr, Ipv4Addr};

    /// What goes on of what a camera says in these pieces, and the statuses of its answers; none where it is not listened
    /// to any more.
    pub fn heard<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        by_udp: bool,
    ) -> Option<(Vec<u8>, Vec<u16>)> {
        let camera = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let way = if by_udp { message::Way::Datagrams(camera) } else { message::Way::Connection };
        let (mut scanner, mut on, mut statuses) = (scanner::Scanner::new(way), Vec::new(), Vec::new());
        for piece in pieces {
            statuses.extend(scanner.take(piece, &mut on).ok()?);
        }
        Some((on, statuses))
    }
}

/// The values of DTSC.
#[path = "../../src/pull/src/dtsc"]
pub mod origin {
    #[allow(dead_code, reason = "a part of it is written, too")]
    mod packed;

    /// How many members an object has, where these bytes begin with a value.
    pub fn members(bytes: Vec<u8>) -> Option<usize> {
        packed::Value::read(&bytes.into()).ok().map(|value| value.members().len())
    }
}
