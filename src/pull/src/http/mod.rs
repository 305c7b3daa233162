//! What is fetched over HTTP. Names are looked up here and nowhere else, and so is every redirect.

pub(crate) mod playlist;
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

    /// What is there, or part of it. Where that is elsewhere, it is fetched from there.
    pub async fn get(&self, url: &Url, range: Option<Range<u64>>) -> Result<Response, Error> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.get_once(&url, range.as_ref()).await?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                let next = location.and_then(|location| url.join(location).ok());
                url = next.ok_or_else(|| Error::malformed(format!("{status} leads nowhere")))?;
                continue;
            }
            return if status.is_success() { Ok(response) } else { Err(of_status(status)) };
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
        let mut response = self.get(url, range).await?;
        let mut all = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| of_client(&error))? {
            if all.len() + chunk.len() > most {
                return Err(Error::new(Reason::TooLarge, format!("it is more than {most} bytes")));
            }
            all.extend_from_slice(&chunk);
        }
        Ok((response.url().clone(), all.into()))
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
        "no connection can be made, or its certificate is not trusted".to_owned()
    } else {
        "the connection ended".to_owned()
    };
    let reason = if error.is_connect() || error.is_timeout() { Reason::Unreachable } else { Reason::Lost };
    Error::new(reason, detail)
}
