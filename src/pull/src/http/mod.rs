//! What is fetched over HTTP. Names are looked up here and nowhere else, and so is every redirect.

pub(crate) mod hls;
pub(crate) mod stream;

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};

use crate::address::bare;
use crate::error::{Error, Reason};
use crate::reach::{self, Rules};

/// The most redirects that are followed, one after the other.
const MOST_REDIRECTS: usize = 5;

/// Fetches, within the rules.
pub(crate) struct Client {
    client: reqwest::Client,
    rules: Rules,
}

/// Gives the addresses of a name that may be connected to, and no others.
struct Judged(Rules);

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            // The port is the client's business.
            let found = reach::resolve(name.as_str(), 0, &rules).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Client {
    pub fn new(rules: &Rules) -> Result<Self, Error> {
        // The first one is the process's: whoever was faster has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(Judged(rules.clone()))
            .connect_timeout(rules.patience)
            .read_timeout(rules.patience)
            .user_agent(concat!("streamd/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| Error::new(Reason::Unreachable, error.to_string()))?;
        Ok(Self { client, rules: rules.clone() })
    }

    /// What is there, or part of it, and where that was. Where it is elsewhere, it is fetched from there.
    pub async fn get(&self, url: &Url, range: Option<Range<u64>>) -> Result<(Url, Response), Error> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.get_once(&url, range.as_ref()).await?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                let next = location.and_then(|location| follow(&url, location));
                url = next.ok_or_else(|| Error::malformed(format!("{status} leads nowhere")))?;
                continue;
            }
            return match status {
                // All of it is not the part that was asked for.
                _ if status.is_success() && range.is_some() && status != StatusCode::PARTIAL_CONTENT => {
                    Err(Error::malformed("the server does not give parts of files"))
                }
                _ if status.is_success() => Ok((url, response)),
                _ => Err(of_status(status)),
            };
        }
        Err(Error::malformed(format!("there are more than {MOST_REDIRECTS} redirects")))
    }

    /// All of it, if that is no more than this, and where it was.
    pub async fn all(
        &self,
        url: &Url,
        range: Option<Range<u64>>,
        most: usize,
    ) -> Result<(Url, Bytes), Error> {
        let (url, response) = self.get(url, range).await?;
        Ok((url, body(response, most).await?))
    }

    async fn get_once(&self, url: &Url, range: Option<&Range<u64>>) -> Result<Response, Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::malformed("it leads to something else than http:// and https://"));
        }
        // An address that stands in the URL itself is not looked up.
        if let Some(address) = url.host_str().and_then(|host| bare(host).parse::<IpAddr>().ok()) {
            reach::resolve(&address.to_string(), 0, &self.rules).await?;
        }
        let mut request = self.client.get(url.clone());
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        }
        request.send().await.map_err(|error| of_client(&error))
    }
}

/// All that is answered, if that is no more than this.
async fn body(mut response: Response, most: usize) -> Result<Bytes, Error> {
    // At once what is announced, and not twice as much in the end.
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut all = Vec::with_capacity(announced.unwrap_or(0).min(most));
    while let Some(chunk) = response.chunk().await.map_err(|error| of_client(&error))? {
        if all.len() + chunk.len() > most {
            return Err(Error::new(Reason::TooLarge, format!("it is more than {most} bytes")));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

/// Where a reference leads. What is on the same server is asked for with the same credentials, and nothing else is.
fn follow(base: &Url, reference: &str) -> Option<Url> {
    let mut url = base.join(reference).ok()?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !has_credentials && url.origin() == base.origin() {
        url.set_username(base.username()).ok()?;
        url.set_password(base.password()).ok()?;
    }
    Some(url)
}

fn of_status(status: StatusCode) -> Error {
    let reason = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Unauthorized,
        StatusCode::NOT_FOUND | StatusCode::GONE => Reason::NotFound,
        _ => Reason::Refused,
    };
    Error::new(reason, format!("it answers {status}"))
}

/// What the client failed of, without the URL.
pub(crate) fn of_client(error: &reqwest::Error) -> Error {
    if let Some(untrusted) = Error::untrusted(error) {
        return untrusted;
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(judged) = source.downcast_ref::<Error>() {
            return judged.clone();
        }
        if let Some(error) = source.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            return Error::new(Reason::Refused, "the connection is refused");
        }
        cause = source.source();
    }
    let detail = if error.is_timeout() {
        "nothing is answered in time".to_owned()
    } else if error.is_connect() {
        "no connection can be made".to_owned()
    } else {
        "the connection ended".to_owned()
    };
    let reason = if error.is_connect() || error.is_timeout() { Reason::Unreachable } else { Reason::Lost };
    Error::new(reason, detail)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::reach::Judge;

    struct Anywhere;

    impl Judge for Anywhere {
        fn may_connect(&self, _: IpAddr) -> bool {
            true
        }

        fn may_listen(&self, _: IpAddr) -> bool {
            true
        }
    }

    pub(crate) fn anywhere() -> Rules {
        Rules { judge: Arc::new(Anywhere), patience: std::time::Duration::from_secs(20) }
    }

    /// A server: its host and port, and the requests that came, without what says nothing here.
    pub(crate) struct Server {
        pub host: String,
        pub requests: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        /// Answers to the path, and to whether it is asked with these credentials, with a status and a body.
        pub async fn start(
            credentials: &'static str,
            answer: impl Fn(&str) -> (&'static str, Vec<u8>) + Send + 'static,
        ) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let host = listener.local_addr().unwrap().to_string();
            let requests = Arc::<Mutex<Vec<String>>>::default();
            let log = Arc::clone(&requests);
            tokio::spawn(async move {
                loop {
                    let (mut connection, _) = listener.accept().await.unwrap();
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(connection.read_u8().await.unwrap());
                    }
                    let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    let header = |name: &str| {
                        let line = request.lines().find_map(|line| line.strip_prefix(name));
                        line.map_or_else(String::new, |value| format!(" {}", value.trim()))
                    };
                    let has_credentials =
                        header("authorization:").trim_start().eq_ignore_ascii_case(credentials);
                    let (status, body) = if has_credentials || credentials.is_empty() {
                        answer(&path)
                    } else {
                        ("401 No", vec![])
                    };
                    let of_client = [header("authorization:"), header("range:")].concat();
                    log.lock().unwrap().push(format!("{path}{of_client}"));
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    connection.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
                }
            });
            Self { host, requests }
        }
    }

    #[test]
    fn credentials_go_to_the_same_server_only() {
        let base = Url::parse("http://me:word@origin:81/live/a.m3u8").unwrap();
        for (reference, followed) in [
            ("b.ts", "http://me:word@origin:81/live/b.ts"),
            ("http://origin:81/b.ts", "http://me:word@origin:81/b.ts"),
            ("//origin:81/b.ts", "http://me:word@origin:81/b.ts"),
            ("http://you:say@origin:81/b.ts", "http://you:say@origin:81/b.ts"),
            ("http://origin/b.ts", "http://origin/b.ts"),
            ("https://origin:81/b.ts", "https://origin:81/b.ts"),
            ("//elsewhere:81/b.ts", "http://elsewhere:81/b.ts"),
        ] {
            assert_eq!(follow(&base, reference).unwrap().as_str(), followed, "{reference}");
        }
        assert_eq!(follow(&base, "http://["), None);
    }

    #[tokio::test]
    async fn all_of_a_file_is_not_a_part_of_it() {
        let whole = Server::start("", |_| ("200 OK", vec![1; 9])).await;
        let client = Client::new(&anywhere()).unwrap();
        let url = Url::parse(&format!("http://{}/a", whole.host)).unwrap();
        assert_eq!(client.all(&url, None, 9).await.unwrap().1.len(), 9);
        let large = Server::start("", |_| ("200 OK", vec![1; 100_001])).await;
        let at = Url::parse(&format!("http://{}/a", large.host)).unwrap();
        let body = Vec::from(client.all(&at, None, 1 << 20).await.unwrap().1);
        assert_eq!((body.len(), body.capacity()), (100_001, 100_001), "it takes no more room than it needs");
        assert_eq!(client.all(&url, None, 8).await.unwrap_err().reason, Reason::TooLarge);
        assert_eq!(client.all(&url, Some(3..5), 9).await.unwrap_err().reason, Reason::Malformed);
        assert_eq!(whole.requests.lock().unwrap().last().unwrap(), "/a bytes=3-4");
        let part = Server::start("", |_| ("206 Part", vec![1; 2])).await;
        let url = Url::parse(&format!("http://{}/a", part.host)).unwrap();
        assert_eq!(client.all(&url, Some(3..5), 9).await.unwrap().1.len(), 2);
    }
}
