//! Where a player is told to get media: by what is configured, and where that says nothing, by the host that it asked.
//! So a phone in the same network gets addresses that it can reach.

use super::{Config, authority, complete};

/// The addresses that answers name.
#[derive(Clone, Debug)]
pub struct Addresses(Config);

impl Addresses {
    /// By this configuration, with the ports that are listened on.
    pub fn new(config: &Config) -> Self {
        Self(config.clone())
    }

    /// `host:port` of the media port, the best first; never empty. `asked` is the `Host` of the request.
    pub fn fql(&self, asked: Option<&str>) -> Vec<String> {
        if !self.0.fql.advertise.is_empty() {
            return self.0.media_addresses();
        }
        vec![self.0.derived_address(self.0.fql.listen, host(asked))]
    }

    /// `host:port` of WebTransport, the best first; empty where there is none.
    pub fn webtransport(&self, asked: Option<&str>) -> Vec<String> {
        let keys = &self.0.webtransport;
        match keys.listen {
            None => Vec::new(),
            Some(listen) if keys.advertise.is_empty() => vec![self.0.derived_address(listen, host(asked))],
            Some(listen) => complete(&keys.advertise, listen.port()),
        }
    }

    /// `host:port` of SRT; none where there is none.
    pub fn srt(&self, asked: Option<&str>) -> Option<String> {
        self.0.srt.listen.map(|listen| self.0.derived_address(listen, host(asked)))
    }

    /// `host:port` of RTSP; none where there is none.
    pub fn rtsp(&self, asked: Option<&str>) -> Option<String> {
        self.0.rtsp.listen.map(|listen| self.0.derived_address(listen, host(asked)))
    }

    /// Whether media comes and goes by WebRTC.
    pub fn has_rtc(&self) -> bool {
        self.0.rtc.listen.is_some()
    }

    /// What WebSockets' URLs begin with: `wss://live.example.com`. `secure` is whether the request came by HTTPS.
    pub fn websocket(&self, asked: Option<&str>, secure: bool) -> String {
        // http becomes ws, and https wss.
        self.http(asked, secure).replacen("http", "ws", 1)
    }

    /// What URLs begin with that are answered over HTTP: `https://live.example.com`.
    pub fn http(&self, asked: Option<&str>, secure: bool) -> String {
        let asked = asked.filter(|asked| self.0.http.public_url.is_none() && authority(asked).is_some());
        match asked {
            Some(asked) => format!("{}://{asked}", if secure { "https" } else { "http" }),
            None => self.0.public_url(),
        }
    }
}

/// The host of what a request was sent to, if it is one.
fn host(asked: Option<&str>) -> Option<&str> {
    asked.and_then(authority).map(|(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(change: impl FnOnce(&mut Config)) -> Addresses {
        let mut config = Config::default();
        change(&mut config);
        Addresses::new(&config)
    }

    #[test]
    fn without_configuration_players_get_the_host_that_they_asked() {
        let addresses = addresses(|_| {});
        let asked = Some("192.168.1.5:8080");
        assert_eq!(addresses.fql(asked), ["192.168.1.5:4242"]);
        assert_eq!(addresses.webtransport(asked), ["192.168.1.5:4433"]);
        assert_eq!(addresses.websocket(asked, false), "ws://192.168.1.5:8080");
        assert_eq!(addresses.websocket(asked, true), "wss://192.168.1.5:8080");
        assert_eq!(addresses.webtransport(Some("[fe80::1]:8080")), ["[fe80::1]:4433"]);
        assert_eq!(addresses.webtransport(None), ["127.0.0.1:4433"]);
    }

    #[test]
    fn what_is_no_host_is_not_repeated() {
        let addresses = addresses(|_| {});
        for wrong in ["evil/\"><script>", "a b", "user@host", "a:0", "", "host?x=y"] {
            assert_eq!(addresses.webtransport(Some(wrong)), ["127.0.0.1:4433"], "{wrong}");
            assert_eq!(addresses.websocket(Some(wrong), true), "ws://127.0.0.1:8080", "{wrong}");
        }
    }

    #[test]
    fn what_is_configured_wins() {
        let public = addresses(|config| config.http.public_url = Some("https://live.example.com/tv".into()));
        let asked = Some("10.0.0.1");
        assert_eq!(public.fql(asked), ["live.example.com:4242"]);
        assert_eq!(public.webtransport(asked), ["live.example.com:4433"]);
        assert_eq!(public.websocket(asked, false), "wss://live.example.com/tv");
        let advertised = addresses(|config| {
            config.http.public_url = Some("https://live.example.com".into());
            config.webtransport.advertise = vec!["media.example.com".into(), "[2001:db8::1]:443".into()];
        });
        assert_eq!(advertised.webtransport(asked), ["media.example.com:4433", "[2001:db8::1]:443"]);
        let off = addresses(|config| config.webtransport.listen = None);
        assert!(off.webtransport(asked).is_empty());
    }

    #[test]
    fn one_address_is_that_address_whoever_asks() {
        let addresses = addresses(|config| {
            config.webtransport.listen = Some("127.0.0.1:99".parse().expect("it is an address"));
        });
        assert_eq!(addresses.webtransport(Some("192.168.1.5")), ["127.0.0.1:99"]);
    }
}
