//! ONVIF cameras on the local network: found by WS-Discovery, and asked which streams they have.
//!
//! [`discover`] sends a probe to a group, from each interface of the machine, and asks those who answer. Anybody on the
//! network may answer anything, so that:
//!
//! - whoever answers is believed about itself only: nothing is connected to but the address that an answer came from, which
//!   has to be in the network of the interface that was asked from and to be allowed by [`Options::may_ask`]; no name is
//!   looked up, no redirect followed, and a stream that is said to be at another address is left out;
//! - everything is bounded: how long it takes, how many devices there are and streams of each, how long an answer is and
//!   what XML may be in it;
//! - a password is never sent, only digests of it (WS-Security, or Digest of HTTP), to those who refuse who shows nothing, and
//!   not again where they do not take it.
//!
//! WS-Discovery is IPv4 here; cameras that have IPv6 alone are not found.

mod camera;
mod interfaces;
mod name;
mod probe;
mod soap;
mod xml;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use interfaces::Error;
pub use name::stream_names;

/// Where devices listen for probes.
pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 3702);
/// The most devices that are told of.
pub const MOST_DEVICES: usize = 64;
/// How long all devices may take together to tell about themselves.
pub const ASKING: Duration = Duration::from_secs(12);

/// How to look for devices.
#[derive(Clone)]
pub struct Options {
    /// Where the probe is sent to.
    pub group: SocketAddrV4,
    /// The addresses of this machine that it is sent from; empty: those of all interfaces that multicast, but for loopback.
    pub interfaces: Vec<Ipv4Addr>,
    /// How long answers are waited for.
    pub timeout: Duration,
    /// The devices' user name and password.
    pub credentials: Option<Credentials>,
    /// The only addresses that are of interest; empty: all.
    pub addresses: Vec<Ipv4Addr>,
    /// Whether a device at this address may be connected to.
    pub may_ask: Arc<dyn Fn(Ipv4Addr) -> bool + Send + Sync>,
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The devices, by their addresses.
    pub devices: Vec<Device>,
    /// Whether more answered than are told of.
    pub is_more: bool,
}

/// A device. Its texts are its own, of one line each.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// What it calls itself among all devices.
    pub id: String,
    /// Where it answered from.
    pub address: Ipv4Addr,
    /// What people call it.
    pub name: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What they made.
    pub model: Option<String>,
    /// Its streams.
    pub sources: Vec<Source>,
    /// Whether it refused who showed no credentials.
    pub needs_credentials: bool,
    /// Why it was not asked, or not to the end.
    pub problem: Option<Problem>,
}

/// A stream of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its place among those of the device, from 1 on: the same where one before it is left out.
    pub place: usize,
    /// What the device calls it.
    pub name: String,
    /// Its address: `rtsp://` or `rtsps://`, at the device, without credentials.
    pub address: String,
    /// Its pictures, as far as the device tells.
    pub video: Option<Video>,
}

/// What a device tells of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// `h264`, `h265`, `jpeg`, or something else.
    pub codec: Option<String>,
    /// Pixels in a line.
    pub width: Option<u32>,
    /// Lines.
    pub height: Option<u32>,
    /// Pictures a second.
    pub frames_per_second: Option<f64>,
}

/// Why a device was not asked, or not to the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Problem {
    /// In a word.
    pub reason: Reason,
    /// For people. It holds nothing secret.
    pub detail: String,
}

/// Why, in a word that programs know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It wants a user name and a password, or others.
    Unauthorized,
    /// It is at an address that may not be connected to.
    PrivateAddress,
    /// Nothing answers there, or not in time.
    Unreachable,
    /// It does not want this.
    Refused,
    /// It has no such service.
    NotFound,
    /// What it answers is not what was asked for.
    Malformed,
    /// It answers more than is taken.
    TooLarge,
    /// It names an address that is not the one that it answered from.
    Elsewhere,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unauthorized,
        Self::PrivateAddress,
        Self::Unreachable,
        Self::Refused,
        Self::NotFound,
        Self::Malformed,
        Self::TooLarge,
        Self::Elsewhere,
    ];

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::PrivateAddress => "private_address",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Problem {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Looks for devices, and asks each for its streams. Dropping the future ends all of it.
///
/// # Errors
/// Says why nobody could be asked. That nobody answers is none.
pub async fn discover(options: &Options) -> Result<Found, Error> {
    let probed = probe::probe(options).await?;
    let client = soap::client().map_err(|error| Error::Client(error.to_string()))?;
    let own = interfaces::own()?;
    let mut addresses = BTreeMap::<_, Vec<_>>::new();
    for matched in probed.matches {
        addresses.entry(matched.address).or_default().push(matched);
    }
    let mut asking = JoinSet::new();
    for matches in addresses.into_values() {
        let (options, client, own) = (options.clone(), client.clone(), own.clone());
        asking.spawn(async move { camera::ask_all(matches, &options, &own, &client).await });
    }
    let mut devices = asking.join_all().await.concat();
    devices.sort_by(|one, other| (one.address, &one.id).cmp(&(other.address, &other.id)));
    Ok(Found { devices, is_more: probed.is_more })
}

/// A device's text on one line, without what a terminal or a page would take for a command; none of an empty one.
pub(crate) fn line(text: &str, most: usize) -> Option<String> {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|&character| !is_invisible(character)));
    }
    let line: String = line.chars().take(most).collect();
    Some(line.trim_end().to_owned()).filter(|line| !line.is_empty())
}

/// Marks that turn the direction of a text, and others that are not seen: one name must not look like another.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_device_is_one_line() {
        assert_eq!(line(" a\r\n\u{1b}[31mb\u{202e}c\0 d ", 20).unwrap(), "a [31mbc d");
        assert_eq!(line("äöü ", 2).unwrap(), "äö");
        assert_eq!(line(" \u{200b}\n", 20), None);
        let unseen = "a\u{61c}b\u{ad}c\u{180e}d\u{fff9}e\u{e0041}f\u{fe0f}\u{3164}g";
        assert_eq!(line(unseen, 20).unwrap(), "abcdefg");
    }

    proptest::proptest! {
        #[test]
        fn no_text_of_a_device_has_control_characters(text in "\\PC{0,20}|.{0,20}", most in 1..9usize) {
            let line = line(&text, most).unwrap_or_default();
            proptest::prop_assert!(line.chars().count() <= most && !line.chars().any(char::is_control));
        }
    }
}
