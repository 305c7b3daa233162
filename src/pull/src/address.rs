//! The address of a source: which protocol it is, what of it may be shown.

use std::fmt;

use url::Url;

/// The longest address that is taken.
const LONGEST: usize = 2048;
/// What stands in place of what is not shown.
const HIDDEN: &str = "***";

/// The address of a source. It may hold credentials, and its path may be a secret: shown and logged is only
/// [`Address::redacted`].
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    scheme: Scheme,
}

/// The protocol of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `rtsp://`
    Rtsp,
    /// `rtsps://`: the same over TLS.
    Rtsps,
    /// `srt://`: MPEG-TS of a listener that is called.
    Srt,
    /// `rist://`: MPEG-TS that is sent to this machine.
    Rist,
    /// `tsudp://`: the same without anything that repairs it, to this machine or to a group.
    Udp,
    /// `dtsc://`: a stream of MistServer's.
    Dtsc,
    /// `fql://`: a stream of another daemon.
    Fql,
    /// A playlist over HTTP.
    Hls,
    /// MPEG-TS over HTTP.
    TransportStream,
    /// Matroska, WebM or MP4 over HTTP.
    Container,
}

/// Why a text is no address of a source. The texts do not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not a URL with a host.
    #[error("is not a URL with a host")]
    Unreadable,
    /// It is longer than anybody needs.
    #[error("is longer than {LONGEST} characters")]
    TooLong,
    /// It is another protocol.
    #[error(
        "begins with none of rtsp://, rtsps://, srt://, rist://, tsudp://, dtsc://, fql://, http:// and https://"
    )]
    Scheme,
    /// It is something else over HTTP.
    #[error("is HTTP and ends with none of .m3u8, .ts, .mkv, .webm and .mp4")]
    File,
    /// Where there is no default.
    #[error("has no port")]
    NoPort,
    /// It is no stream of a daemon.
    #[error("is not fql://host:port/play/<playback ID>?server-key=<key>")]
    Play,
    /// A passphrase of SRT that cannot be one.
    #[error("has a passphrase that is not 10 to 79 bytes")]
    Passphrase,
}

impl Scheme {
    /// Its name where protocols are told apart.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
            Self::Srt => "srt",
            Self::Rist => "rist",
            Self::Udp => "tsudp",
            Self::Dtsc => "dtsc",
            Self::Fql => "fql",
            Self::Hls => "hls",
            Self::TransportStream => "ts",
            Self::Container => "file",
        }
    }
}

impl Address {
    /// Of this text.
    ///
    /// # Errors
    /// Says what is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        if text.len() > LONGEST {
            return Err(Wrong::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Wrong::Unreadable)?;
        let scheme = match url.scheme() {
            "rtsp" => Scheme::Rtsp,
            "rtsps" => Scheme::Rtsps,
            "srt" => Scheme::Srt,
            "rist" => Scheme::Rist,
            "tsudp" => Scheme::Udp,
            "dtsc" => Scheme::Dtsc,
            "fql" => Scheme::Fql,
            "http" | "https" => of_file(&url)?,
            _ => return Err(Wrong::Scheme),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Wrong::Unreadable);
        }
        let address = Self { url, scheme };
        let (_, port) = address.host_and_port();
        if port == 0 {
            return Err(Wrong::NoPort);
        }
        if scheme == Scheme::Srt
            && address.query("passphrase").is_some_and(|text| !(10..=79).contains(&text.len()))
        {
            return Err(Wrong::Passphrase);
        }
        if scheme == Scheme::Fql && crate::fql::stream(&address).is_none() {
            return Err(Wrong::Play);
        }
        Ok(address)
    }

    /// Its protocol.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The whole of it.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// All that may be shown: no credentials, no query, not the last part of the path.
    pub fn redacted(&self) -> String {
        let mut shown = format!("{}://", self.url.scheme());
        if !self.url.username().is_empty() || self.url.password().is_some() {
            shown += HIDDEN;
            shown.push('@');
        }
        shown += self.url.host_str().unwrap_or_default();
        if let Some(port) = self.url.port() {
            shown += &format!(":{port}");
        }
        // What ends with a slash has its last part before that.
        let path = self.url.path().trim_end_matches('/');
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", ""));
        shown += folder;
        if !last.is_empty() {
            shown += "/";
            shown += HIDDEN;
        }
        if self.url.query().is_some() {
            shown += "?";
            shown += HIDDEN;
        }
        shown
    }

    /// The host without brackets, and the port.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.url.host_str().unwrap_or_default();
        let default = match self.scheme {
            Scheme::Rtsp => 554,
            Scheme::Rtsps => 322,
            Scheme::Dtsc => 4200,
            Scheme::Fql => 4242,
            _ => self.url.port_or_known_default().unwrap_or(0),
        };
        (bare(host), self.url.port().unwrap_or(default))
    }

    /// A member of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

/// A host without the brackets of IPv6.
pub(crate) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn of_file(url: &Url) -> Result<Scheme, Wrong> {
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let (_, ending) = name.rsplit_once('.').ok_or(Wrong::File)?;
    match ending.to_ascii_lowercase().as_str() {
        "m3u8" => Ok(Scheme::Hls),
        "ts" => Ok(Scheme::TransportStream),
        "mkv" | "webm" | "mp4" => Ok(Scheme::Container),
        _ => Err(Wrong::File),
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.redacted()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_protocol() {
        for (text, scheme) in [
            ("rtsp://camera.local/live", Scheme::Rtsp),
            ("rtsps://camera.local/live", Scheme::Rtsps),
            ("srt://origin:9000?streamid=a", Scheme::Srt),
            ("rist://0.0.0.0:5000", Scheme::Rist),
            ("tsudp://239.1.1.1:5000", Scheme::Udp),
            ("dtsc://origin/live", Scheme::Dtsc),
            ("fql://a/play/b?server-key=5-efa-ETDZIlF2SYoLA-b0ZDAgFZ_9h_t3mehdkU73o", Scheme::Fql),
            ("https://origin/live/index.m3u8?token=a", Scheme::Hls),
            ("http://origin/a.TS", Scheme::TransportStream),
            ("http://origin/a.webm", Scheme::Container),
        ] {
            assert_eq!(Address::parse(text).unwrap().scheme(), scheme, "{text}");
        }
        for (text, wrong) in [
            ("camera", Wrong::Unreadable),
            ("rtsp:///live", Wrong::Unreadable),
            ("file:///etc/passwd", Wrong::Scheme),
            ("ftp://a/b.ts", Wrong::Scheme),
            ("http://a/b", Wrong::File),
            ("tsudp://239.1.1.1", Wrong::NoPort),
            ("srt://a", Wrong::NoPort),
            ("srt://a:1?passphrase=short", Wrong::Passphrase),
            ("fql://a/play/b", Wrong::Play),
            ("fql://a/b?server-key=5-efa-ETDZIlF2SYoLA-b0ZDAgFZ_9h_t3mehdkU73o", Wrong::Play),
        ] {
            assert_eq!(Address::parse(text), Err(wrong), "{text}");
        }
        assert_eq!(Address::parse(&format!("rtsp://a/{}", "a".repeat(LONGEST))), Err(Wrong::TooLong));
    }

    #[test]
    fn nothing_secret_is_shown() {
        for (text, shown) in [
            ("rtsp://me:word@camera.local:8554/a/secret", "rtsp://***@camera.local:8554/a/***"),
            ("https://origin/live/index.m3u8?token=a", "https://origin/live/***?***"),
            ("srt://[::1]:9000?streamid=a&passphrase=abcdefghijkl", "srt://[::1]:9000?***"),
            ("tsudp://239.1.1.1:5000", "tsudp://239.1.1.1:5000"),
            ("rtsp://camera/secret/", "rtsp://camera/***"),
            ("rtsp://camera/a/secret//?b", "rtsp://camera/a/***?***"),
            ("rtsp://camera/", "rtsp://camera"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.redacted(), shown);
            assert_eq!(format!("{address:?}"), format!("Address({shown:?})"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([a-z]{3,5}://)?\\PC{0,60}") {
            let _ = Address::parse(&text).map(|address| (address.redacted(), address.host_and_port().1));
        }
    }
}
