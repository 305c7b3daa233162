//! Media fetched from where it cannot be pushed: cameras, origins, files.
//!
//! [`pull`] opens a source and gives what comes to a [`Sink`], as tracks and access units, whatever the protocol is, until
//! the source ends or fails; dropping the future lets go of the source at once. When to open one, and when again, is
//! for others to say.
//!
//! An address says nothing about where it leads. So each name is looked up here, what it leads to is judged, and no
//! protocol ever connects to anything but an address that was found good: see [`Judge`].

mod address;
mod container;
mod decoding;
mod describe;
mod dtsc;
mod error;
mod fql;
mod gather;
mod http;
mod merge;
mod out;
mod pace;
mod reach;
mod rist;
mod rtsp;
mod srt;
mod tap;
mod transport_stream;
mod udp;

pub use address::{Address, Scheme, Wrong};
pub use error::{Error, Reason};
pub use out::{Sink, Stopped, Unit};
pub use reach::{Judge, Rules};

use out::Out;

/// Fetches from a source until it ends or fails.
///
/// # Errors
/// Says why it is over. That it ended by itself is none.
pub async fn pull<S: Sink>(address: &Address, rules: &Rules, sink: &mut S) -> Result<(), Error> {
    let (mut out, heard) = Out::new(sink);
    let fetching = async {
        match address.scheme() {
            Scheme::Rtsp | Scheme::Rtsps => rtsp::pull(address, rules, &mut out).await,
            Scheme::Srt => srt::pull(address, rules, &mut out).await,
            Scheme::Rist => rist::pull(address, rules, &mut out).await,
            Scheme::Udp => udp::pull(address, rules, &mut out).await,
            Scheme::Fql => fql::pull(address, rules, &mut out).await,
            Scheme::Dtsc => dtsc::pull(address, rules, &mut out).await,
            Scheme::Hls => http::hls::pull(address, rules, &mut out).await,
            Scheme::TransportStream => http::stream::transport_stream(address, rules, &mut out).await,
            Scheme::Container => http::stream::container(address, rules, &mut out).await,
        }
    };
    tokio::select! {
        ended = fetching => ended,
        silence = heard.watch(rules) => Err(silence),
    }
}
