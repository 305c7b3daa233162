//! Questions to a device: SOAP over HTTP, with the digest of a password in the message or, where the device asks for that,
//! in HTTP.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use data_encoding::BASE64;
use http_auth::digest::DigestClient;
use http_auth::{PasswordParams, parse_challenges};
use jiff::{SignedDuration, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use sha1::{Digest, Sha1};
use url::Url;

use crate::xml::{Element, escaped};
use crate::{Credentials, Problem, Reason, line};

/// How long connecting to a device may take.
const CONNECTING: Duration = Duration::from_secs(3);
/// How long an answer may take, to its end.
const ANSWERING: Duration = Duration::from_secs(5);
/// The most bytes of an answer.
const LARGEST: usize = 256 << 10;
/// How far a device's clock may be before ours, which is what a wrong time zone makes. A digest of a later time would be good
/// for whoever got it when that time has come; one of the past is good nowhere but at clocks that are as wrong.
const FARTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(26);

const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PASSWORD_DIGEST: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";
const BASE64_BINARY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// Knows no name: whoever gets here has an address.
struct NoNames;

impl Resolve for NoNames {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err::<Addrs, _>(io::Error::from(io::ErrorKind::Unsupported).into()) })
    }
}

/// What asks all devices.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    // The first one is the process's: whoever was faster has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .dns_resolver(NoNames)
        .connect_timeout(CONNECTING)
        .timeout(ANSWERING)
        .user_agent(concat!("streamd/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Asks one device.
pub(crate) struct Asker<'a> {
    client: Client,
    credentials: Option<&'a Credentials>,
    /// The device refuses who shows nothing.
    wants_user: bool,
    /// It has taken the credentials.
    is_user: bool,
    /// How far the device's clock is before ours.
    ahead: SignedDuration,
    /// The device wants the digest in HTTP.
    digest: Option<DigestClient>,
}

impl<'a> Asker<'a> {
    pub fn new(client: Client, credentials: Option<&'a Credentials>) -> Self {
        Self {
            client,
            credentials,
            wants_user: false,
            is_user: false,
            ahead: SignedDuration::ZERO,
            digest: None,
        }
    }

    /// Whether the device refuses who shows nothing.
    pub fn wants_user(&self) -> bool {
        self.wants_user
    }

    /// The device's clock stands so. It takes no digest of another time. A camera that has forgotten what day it is says some
    /// day of 1970.
    pub fn set_clock(&mut self, theirs: Timestamp) {
        let ahead = theirs.duration_since(Timestamp::now());
        if ahead <= FARTHEST_AHEAD {
            self.ahead = ahead;
        }
    }

    /// Asks without showing who asks.
    pub async fn ask_openly(&mut self, service: &Url, question: &str) -> Result<Element, Problem> {
        read(self.send(service, &envelope("", question), None).await?).await
    }

    /// Asks without showing who asks and, where that is refused and there is a user, as the user. A device that does not take
    /// the user counts one failed login, and is shown no more: devices lock users out.
    pub async fn ask(&mut self, service: &Url, question: &str) -> Result<Element, Problem> {
        if self.is_user {
            return self.ask_as_user(service, question).await;
        }
        let response = self.send(service, &envelope("", question), None).await?;
        let is_asked = response.status() == StatusCode::UNAUTHORIZED;
        let offered = is_asked.then(|| challenge(response.headers())).flatten();
        let refused = match read(response).await {
            // Some have words of their own for it.
            Err(problem) if matches!(problem.reason, Reason::Unauthorized | Reason::Refused) => problem,
            answered => return answered,
        };
        self.wants_user |= refused.reason == Reason::Unauthorized;
        if self.credentials.is_none() {
            return Err(refused);
        }
        self.digest = offered;
        let answered = self.ask_as_user(service, question).await;
        match &answered {
            Err(problem) if matches!(problem.reason, Reason::Unauthorized | Reason::Refused) => {
                self.credentials = None;
            }
            _ => (self.wants_user, self.is_user) = (true, true),
        }
        answered
    }

    async fn ask_as_user(&mut self, service: &Url, question: &str) -> Result<Element, Problem> {
        let credentials = self.credentials.ok_or_else(unauthorized)?;
        if self.digest.is_none() {
            let now = Timestamp::now();
            let security = security(credentials, now.checked_add(self.ahead).unwrap_or(now));
            return read(self.send(service, &envelope(&security, question), None).await?).await;
        }
        let body = envelope("", question);
        let shown = self.respond(credentials, service, &body)?;
        let response = self.send(service, &body, Some(shown)).await?;
        // Once more where a challenge has grown old by which the user was known.
        let is_refused = self.is_user && response.status() == StatusCode::UNAUTHORIZED;
        let renewed = is_refused.then(|| challenge(response.headers())).flatten().filter(DigestClient::stale);
        if renewed.is_none() {
            return read(response).await;
        }
        self.digest = renewed;
        let shown = self.respond(credentials, service, &body)?;
        read(self.send(service, &body, Some(shown)).await?).await
    }

    fn respond(&mut self, credentials: &Credentials, service: &Url, body: &str) -> Result<String, Problem> {
        let query = service.query().map(|query| format!("?{query}")).unwrap_or_default();
        let parameters = PasswordParams {
            username: &credentials.username,
            password: &credentials.password,
            uri: &format!("{}{query}", service.path()),
            method: "POST",
            body: Some(body.as_bytes()),
        };
        let digest = self.digest.as_mut().ok_or_else(unauthorized)?;
        digest.respond(&parameters).map_err(|_| malformed("its challenge cannot be answered"))
    }

    async fn send(&self, service: &Url, body: &str, shown: Option<String>) -> Result<Response, Problem> {
        // Whoever calls has seen to it that it is the device; a name would be a way round that.
        if service.host_str().is_none_or(|host| host.parse::<IpAddr>().is_err()) {
            return Err(malformed("its service has no address"));
        }
        let kind = "application/soap+xml; charset=utf-8";
        let mut request = self.client.post(service.clone()).header(CONTENT_TYPE, kind).body(body.to_owned());
        if let Some(shown) = shown {
            request = request.header(AUTHORIZATION, shown);
        }
        request.send().await.map_err(|error| of_client(&error))
    }
}

/// The answer in a response, or why there is none.
async fn read(response: Response) -> Result<Element, Problem> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Problem::new(Reason::Elsewhere, "it redirects, which is not followed"));
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(unauthorized());
    }
    let text = body(response).await?;
    let answer = Element::parse(&text);
    if let Some(fault) = answer.as_ref().ok().and_then(|answer| answer.at(&["Body", "Fault"])) {
        return Err(of_fault(fault));
    }
    match status {
        _ if status.is_success() => {}
        StatusCode::NOT_FOUND => return Err(Problem::new(Reason::NotFound, "it has no such service")),
        _ => return Err(Problem::new(Reason::Refused, format!("it answers {}", status.as_u16()))),
    }
    answer.map_err(|wrong| malformed(wrong.to_string()))
}

/// All that is answered, if that is no more than is taken.
async fn body(mut response: Response) -> Result<String, Problem> {
    let mut all = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| of_client(&error))? {
        if all.len() + chunk.len() > LARGEST {
            return Err(Problem::new(Reason::TooLarge, format!("it answers more than {LARGEST} bytes")));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

/// What a device says it failed of.
fn of_fault(fault: &Element) -> Problem {
    let codes: Vec<_> = fault.all("Value").into_iter().chain(fault.all("Code")).collect();
    let codes = codes.iter().flat_map(|code| {
        let inner = code.all("Value").into_iter().map(Element::text);
        std::iter::once(code.text()).chain(inner)
    });
    let codes: Vec<_> = codes.map(|code| code.rsplit(':').next().unwrap_or(code)).collect();
    if codes.iter().any(|code| matches!(*code, "NotAuthorized" | "FailedAuthentication" | "FailedCheck")) {
        return unauthorized();
    }
    let said = fault.first("Text").or_else(|| fault.first("faultstring"));
    let said = said.and_then(|said| line(said.text(), 160)).unwrap_or_else(|| "no reason given".to_owned());
    if is_about_who_asks(&said) {
        return unauthorized();
    }
    let is_unknown = codes.iter().any(|code| matches!(*code, "ActionNotSupported" | "NoSuchService"));
    let reason = if is_unknown { Reason::NotFound } else { Reason::Refused };
    Problem::new(reason, format!("it says: {said}"))
}

/// Some devices have a code of their own for it.
fn is_about_who_asks(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["not authorized", "unauthorized", "authentication failed", "not authorised"]
        .iter()
        .any(|words| text.contains(words))
}

/// The challenge by Digest among those of a response. By Basic the password itself would be sent.
fn challenge(headers: &HeaderMap) -> Option<DigestClient> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| parse_challenges(text).unwrap_or_default()).find_map(|challenge| {
        let is_digest = challenge.scheme.eq_ignore_ascii_case("digest");
        is_digest.then(|| DigestClient::try_from(&challenge).ok()).flatten()
    })
}

fn envelope(header: &str, question: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>{header}</s:Header><s:Body>{question}</s:Body></s:Envelope>"#
    )
}

/// Shows who asks, at a time of the device's clock: a digest of the password, of something random and of the time.
fn security(credentials: &Credentials, now: Timestamp) -> String {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).expect("the system has random numbers");
    // In whole seconds: some devices read no others.
    let created = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let digest = digest(&nonce, &created, &credentials.password);
    let (username, nonce) = (escaped(&credentials.username), BASE64.encode(&nonce));
    format!(
        r#"<Security s:mustUnderstand="1" xmlns="{SECURITY}"><UsernameToken><Username>{username}</Username><Password Type="{PASSWORD_DIGEST}">{digest}</Password><Nonce EncodingType="{BASE64_BINARY}">{nonce}</Nonce><Created xmlns="{UTILITY}">{created}</Created></UsernameToken></Security>"#
    )
}

fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let digest = Sha1::new().chain_update(nonce).chain_update(created).chain_update(password).finalize();
    BASE64.encode(&digest)
}

fn unauthorized() -> Problem {
    Problem::new(Reason::Unauthorized, "it wants the user name and the password of a user of its own")
}

pub(crate) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::Malformed, detail)
}

/// What the client failed of, without the URL.
fn of_client(error: &reqwest::Error) -> Problem {
    let mut cause = error.source();
    while let Some(source) = cause {
        let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if source.downcast_ref::<io::Error>().is_some_and(is_refused) {
            return Problem::new(Reason::Unreachable, "the connection is refused");
        }
        cause = source.source();
    }
    let detail = match error {
        _ if error.is_timeout() => "it does not answer in time",
        _ if error.is_connect() => "no connection can be made, or its certificate is not trusted",
        _ => "the connection ended, or what came is not HTTP",
    };
    Problem::new(Reason::Unreachable, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // The example of ONVIF's Application Programmer's Guide, 6.1.1.3.
        let nonce = BASE64.decode(b"LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        let digest = digest(&nonce, "2010-09-16T07:50:45Z", "userpassword");
        assert_eq!(digest, "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
    }

    #[test]
    fn a_password_is_not_in_what_is_sent() {
        let credentials = Credentials { username: "a<b".to_owned(), password: "secret".to_owned() };
        let sent = envelope(&security(&credentials, Timestamp::UNIX_EPOCH), "");
        assert!(!sent.contains("secret") && sent.contains("1970-01-01T00:00:00Z"), "{sent}");
        let token = Element::parse(&sent).unwrap();
        assert_eq!(token.first("Username").unwrap().text(), "a<b");
        assert_eq!(format!("{credentials:?}"), "Credentials");
    }

    #[test]
    fn no_digest_is_of_a_time_far_ahead() {
        let client = client().unwrap();
        let ahead = |hours: i64| {
            let mut asker = Asker::new(client.clone(), None);
            asker.set_clock(Timestamp::now() + SignedDuration::from_hours(hours));
            asker.ahead.as_secs_f64() / 3600.0
        };
        for hours in [0, 25, -26, -24 * 365 * 50] {
            assert!((ahead(hours) - hours as f64).abs() < 0.1, "{hours}");
        }
        for hours in [27, 48, 24 * 365 * 50] {
            assert_eq!(ahead(hours), 0.0, "{hours}");
        }
    }

    #[test]
    fn only_digest_is_answered() {
        let headers = |texts: &[&str]| -> HeaderMap {
            texts.iter().map(|text| (WWW_AUTHENTICATE, text.parse().unwrap())).collect()
        };
        assert!(challenge(&headers(&["Basic realm=\"a\""])).is_none());
        let both = headers(&["Basic realm=\"a\"", "Digest realm=\"a\", nonce=\"b\", qop=\"auth\""]);
        assert_eq!(challenge(&both).unwrap().nonce(), "b");
        let in_one = headers(&["Basic realm=\"a\", Digest realm=\"a\", nonce=\"c\", algorithm=MD5"]);
        assert_eq!(challenge(&in_one).unwrap().nonce(), "c");
        assert!(challenge(&headers(&["Digest", "Digest realm=", ","])).is_none());
    }

    #[test]
    fn faults_say_what_they_are_about() {
        let fault =
            |inner: &str| of_fault(&Element::parse(&format!("<Fault>{inner}</Fault>")).unwrap()).reason;
        let code = |subcode: &str| {
            format!(
                "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>
                 <s:Reason><s:Text>Text</s:Text></s:Reason>"
            )
        };
        assert_eq!(fault(&code("ter:NotAuthorized")), Reason::Unauthorized);
        assert_eq!(fault(&code("wsse:FailedAuthentication")), Reason::Unauthorized);
        assert_eq!(fault(&code("ter:ActionNotSupported")), Reason::NotFound);
        assert_eq!(fault(&code("ter:InvalidArgVal")), Reason::Refused);
        assert_eq!(fault("<faultstring>Sender not authorized</faultstring>"), Reason::Unauthorized);
        assert_eq!(fault(""), Reason::Refused);
    }

    proptest::proptest! {
        #[test]
        fn no_challenge_makes_it_panic(text in "(Digest|Basic|[a-z]{1,3})( ?[a-z]{1,9}=[\"a\\\\, ]{0,5}){0,5}[ -~]{0,20}") {
            if let Ok(value) = text.parse() {
                let _ = challenge(&[(WWW_AUTHENTICATE, value)].into_iter().collect());
            }
        }
    }
}
