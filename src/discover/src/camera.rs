//! What an ONVIF camera is asked: its clock, what it is, where its media service is, its profiles and their streams.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use reqwest::Client;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::probe::{Match, own_service};
use crate::soap::{Asker, malformed};
use crate::xml::{Element, escaped};
use crate::{ASKING, Device, Options, Problem, Reason, Source, Video, line};

/// The most streams of a device.
const MOST_SOURCES: usize = 16;
/// The longest address of a stream, as everywhere.
const LONGEST_ADDRESS: usize = 2048;
/// The longest of its names.
const LONGEST_NAME: usize = 128;

const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
const MEDIA_2: &str = "http://www.onvif.org/ver20/media/wsdl";
const SCHEMA: &str = "http://www.onvif.org/ver10/schema";

/// Asks the devices of one address for their streams, one after the other: they are one camera to those who count failed
/// logins, and where one does not take the user none is shown it any more.
pub(crate) async fn ask_all(
    matches: Vec<Match>,
    options: &Options,
    own: &[Ipv4Addr],
    client: &Client,
) -> Vec<Device> {
    let end = Instant::now() + ASKING;
    let mut credentials = options.credentials.as_ref();
    let mut devices = Vec::new();
    for matched in matches {
        let asker = Asker::new(client.clone(), credentials);
        let device = ask(matched, options, own, asker, end).await;
        if device.problem.as_ref().is_some_and(|problem| problem.reason == Reason::Unauthorized) {
            credentials = None;
        }
        devices.push(device);
    }
    devices
}

/// Asks a device for its streams, as far as it may be asked and in the time that there is.
async fn ask(matched: Match, options: &Options, own: &[Ipv4Addr], asker: Asker<'_>, end: Instant) -> Device {
    let Match { id, address, name, hardware, service } = matched;
    let mut device = Device {
        id,
        address,
        name,
        manufacturer: None,
        model: hardware,
        sources: Vec::new(),
        needs_credentials: false,
        problem: None,
    };
    // Somebody else may pretend to be this machine, to have it asked what it has for itself alone.
    if own.contains(&address) {
        let detail = "it is at an address of the machine that looks, and was not asked";
        device.problem = Some(Problem::new(Reason::PrivateAddress, detail));
        return device;
    }
    if !(options.may_ask)(address) {
        let detail = "it is not at a public address, and was not asked; pull.allow_private and pull.allowed_networks allow others";
        device.problem = Some(Problem::new(Reason::PrivateAddress, detail));
        return device;
    }
    let Some(service) = service else {
        let detail = format!("it names no service at {address}, from where it answered");
        device.problem = Some(Problem::new(Reason::Elsewhere, detail));
        return device;
    };
    let mut camera = Camera { asker, address, device: &mut device };
    let asked = timeout_at(end, camera.ask(&service)).await;
    camera.device.needs_credentials = camera.asker.wants_user();
    let late = || Problem::new(Reason::Unreachable, "it does not answer in time");
    if let Err(problem) = asked.unwrap_or_else(|_| Err(late())) {
        // What was found before stays.
        device.problem = Some(problem);
    }
    device
}

/// A media service: the newer one tells of H.265, the older one is in older cameras.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Media {
    One(Url),
    Two(Url),
}

/// A set of settings of a camera, which is a stream.
struct Profile {
    /// Its place among all of them, from 1 on.
    place: usize,
    token: String,
    name: String,
    video: Option<Video>,
}

struct Camera<'a> {
    asker: Asker<'a>,
    address: Ipv4Addr,
    device: &'a mut Device,
}

impl Camera<'_> {
    async fn ask(&mut self, service: &Url) -> Result<(), Problem> {
        // Everybody may ask for the time; where a device has none, its clock is taken to be right.
        let question = format!(r#"<GetSystemDateAndTime xmlns="{DEVICE}"/>"#);
        match self.asker.ask_openly(service, &question).await {
            Ok(answer) => {
                if let Some(theirs) = clock(&answer) {
                    self.asker.set_clock(theirs);
                }
            }
            Err(Problem { reason: Reason::Refused | Reason::NotFound | Reason::Unauthorized, .. }) => {}
            Err(problem) => return Err(problem),
        }
        let question = format!(r#"<GetDeviceInformation xmlns="{DEVICE}"/>"#);
        match self.asker.ask(service, &question).await {
            Ok(answer) => self.describe(&answer),
            // It says no more about itself, and may have streams.
            Err(Problem { reason: Reason::Refused | Reason::NotFound, .. }) => {}
            // Who is not known is not known to the rest, and many devices lock out who tries again.
            Err(problem) => return Err(problem),
        }
        let mut last = Problem::new(Reason::NotFound, "it has no media service");
        for media in self.media(service).await? {
            match self.streams(&media).await {
                Ok(()) if !self.device.sources.is_empty() => return Ok(()),
                Ok(()) => last = Problem::new(Reason::NotFound, "it has no stream"),
                Err(problem) if problem.reason == Reason::Unauthorized => return Err(problem),
                Err(problem) if !self.device.sources.is_empty() => return Err(problem),
                Err(problem) => last = problem,
            }
        }
        Err(last)
    }

    fn describe(&mut self, answer: &Element) {
        let text = |name: &str| answer.first(name).and_then(|found| line(found.text(), LONGEST_NAME));
        self.device.manufacturer = text("Manufacturer");
        if let Some(model) = text("Model") {
            self.device.model = Some(model);
        }
    }

    /// Its media services, the best first.
    async fn media(&mut self, service: &Url) -> Result<Vec<Media>, Problem> {
        let question = format!(
            r#"<GetServices xmlns="{DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>"#
        );
        let (two, one) = match self.asker.ask(service, &question).await {
            Ok(answer) => {
                let services = answer.all("Service");
                let found = |namespace: &str| -> Option<String> {
                    let is_it = |service: &&&Element| {
                        service.child("Namespace").is_some_and(|found| found.text() == namespace)
                    };
                    Some(services.iter().find(is_it)?.child("XAddr")?.text().to_owned())
                };
                (found(MEDIA_2), found(MEDIA))
            }
            Err(problem) if problem.reason == Reason::Unauthorized => return Err(problem),
            // Older ones know another question.
            Err(_) => (None, None),
        };
        let one = match (one, &two) {
            (None, None) => {
                let question = format!(
                    r#"<GetCapabilities xmlns="{DEVICE}"><Category>Media</Category></GetCapabilities>"#
                );
                let answer = self.asker.ask(service, &question).await?;
                let media = answer.first("Capabilities").and_then(|found| found.at(&["Media", "XAddr"]));
                media.map(|found| found.text().to_owned())
            }
            (one, _) => one,
        };
        let own = |text: &String| {
            own_service(self.address, text).map_err(|place| {
                let place = line(&place, 80).unwrap_or_default();
                let detail = format!(
                    "it says that its media service is at {place}, and answered from {}",
                    self.address
                );
                Problem::new(Reason::Elsewhere, detail)
            })
        };
        let two = two.as_ref().map(|text| own(text).map(Media::Two));
        let one = one.as_ref().map(|text| own(text).map(Media::One));
        let (mut services, mut elsewhere) = (Vec::new(), None);
        for service in two.into_iter().chain(one) {
            match service {
                Ok(service) => services.push(service),
                Err(problem) => elsewhere = Some(problem),
            }
        }
        elsewhere.filter(|_| services.is_empty()).map_or(Ok(services), Err)
    }

    /// Finds the stream of each profile.
    async fn streams(&mut self, media: &Media) -> Result<(), Problem> {
        let (service, question) = match media {
            Media::One(service) => (service, format!(r#"<GetProfiles xmlns="{MEDIA}"/>"#)),
            Media::Two(service) => (
                service,
                format!(r#"<GetProfiles xmlns="{MEDIA_2}"><Type>VideoEncoder</Type></GetProfiles>"#),
            ),
        };
        let answer = self.asker.ask(service, &question).await?;
        let profiles = (1..).zip(answer.all("Profiles")).take(MOST_SOURCES);
        let profiles: Vec<_> = profiles.filter_map(|(place, found)| profile(place, found)).collect();
        drop(answer);
        let mut problem = None;
        for profile in profiles {
            let token = escaped(&profile.token);
            let question = match media {
                Media::One(_) => format!(
                    r#"<GetStreamUri xmlns="{MEDIA}"><StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream><Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup><ProfileToken>{token}</ProfileToken></GetStreamUri>"#
                ),
                Media::Two(_) => format!(
                    r#"<GetStreamUri xmlns="{MEDIA_2}"><Protocol>RTSP</Protocol><ProfileToken>{token}</ProfileToken></GetStreamUri>"#
                ),
            };
            let answered = self.asker.ask(service, &question).await;
            match answered.and_then(|answer| stream(self.address, &answer)) {
                Ok(address) => {
                    let Profile { place, name, video, .. } = profile;
                    self.device.sources.push(Source { place, name, address, video });
                }
                // Of several, one may be switched off.
                Err(found) if matches!(found.reason, Reason::Unauthorized | Reason::Unreachable) => {
                    return Err(found);
                }
                Err(found) => problem = Some(found),
            }
        }
        problem.map_or(Ok(()), Err)
    }
}

/// The time that a device says it is.
fn clock(answer: &Element) -> Option<Timestamp> {
    let utc = answer.first("UTCDateTime")?;
    let number = |path: [&str; 2]| utc.at(&path)?.text().parse::<i16>().ok();
    let small = |path: [&str; 2]| i8::try_from(number(path)?).ok();
    let (month, day) = (small(["Date", "Month"])?, small(["Date", "Day"])?);
    let (hour, minute, second) =
        (small(["Time", "Hour"])?, small(["Time", "Minute"])?, small(["Time", "Second"])?);
    let told = DateTime::new(number(["Date", "Year"])?, month, day, hour, minute, second.min(59), 0).ok()?;
    TimeZone::UTC.to_timestamp(told).ok()
}

fn profile(place: usize, found: &Element) -> Option<Profile> {
    // It is sent back as it came.
    let token = found.attribute("token").filter(|token| (1..=256).contains(&token.len()))?.to_owned();
    let name = found.child("Name").and_then(|name| line(name.text(), LONGEST_NAME));
    let name = name.or_else(|| line(&token, LONGEST_NAME)).unwrap_or_default();
    let encoder =
        found.child("VideoEncoderConfiguration").or_else(|| found.at(&["Configurations", "VideoEncoder"]));
    Some(Profile { place, token, name, video: encoder.and_then(video) })
}

fn video(encoder: &Element) -> Option<Video> {
    let size = |name: &str| encoder.at(&["Resolution", name])?.text().parse().ok().filter(|size| *size > 0);
    let codec = encoder.child("Encoding").map(|encoding| encoding.text().to_ascii_lowercase());
    let is_plain = |codec: &String| {
        (1..=32).contains(&codec.len())
            && codec.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let rate =
        encoder.at(&["RateControl", "FrameRateLimit"]).and_then(|rate| rate.text().parse::<f64>().ok());
    let video = Video {
        codec: codec.filter(is_plain),
        width: size("Width"),
        height: size("Height"),
        frames_per_second: rate.filter(|rate| (0.0..=1000.0).contains(rate) && *rate > 0.0),
    };
    let is_any = video.codec.is_some() || video.width.is_some() || video.height.is_some();
    is_any.then_some(video)
}

/// The address of a stream, which has to be the device's own: whoever makes a stream of it puts in a password.
fn stream(address: Ipv4Addr, answer: &Element) -> Result<String, Problem> {
    let text = answer.first("Uri").map(Element::text).unwrap_or_default();
    if text.len() > LONGEST_ADDRESS {
        return Err(Problem::new(Reason::TooLarge, "the address of a stream is too long"));
    }
    let mut url = Url::parse(text).map_err(|_| malformed("the address of a stream is none"))?;
    if !matches!(url.scheme(), "rtsp" | "rtsps") {
        return Err(malformed("the address of a stream is not one of RTSP"));
    }
    let host = url.host_str().unwrap_or_default();
    if host.parse() != Ok(address) {
        let host = line(host, 80).unwrap_or_default();
        let detail = format!("it says that a stream is at {host}, and answered from {address}");
        return Err(Problem::new(Reason::Elsewhere, detail));
    }
    // What everybody on the network may be told is no secret; nobody is to take it for the one that was given.
    let without = url.set_username("").and_then(|()| url.set_password(None));
    without.map_err(|()| malformed("the address of a stream is none"))?;
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 20);

    #[test]
    fn a_stream_is_at_the_device() {
        let found = |uri: &str| {
            let answer = format!("<E><B><R><MediaUri><Uri>{uri}</Uri></MediaUri></R></B></E>");
            stream(ADDRESS, &Element::parse(&answer).unwrap()).map_err(|problem| problem.reason)
        };
        let good = "rtsp://192.168.7.20:554/Streaming/Channels/101?transportmode=unicast&amp;profile=1";
        assert_eq!(found(good).unwrap(), good.replace("&amp;", "&"));
        assert_eq!(found("rtsp://me:word@192.168.7.20/a").unwrap(), "rtsp://192.168.7.20/a");
        for elsewhere in
            ["rtsp://192.168.7.21/a", "rtsp://camera.local/a", "rtsp://192.168.7.20.example/a", "rtsp:///a"]
        {
            assert_eq!(found(elsewhere), Err(Reason::Elsewhere), "{elsewhere}");
        }
        for malformed in ["", "http://192.168.7.20/a.ts", "file:///etc/passwd", "rtsp"] {
            assert_eq!(found(malformed), Err(Reason::Malformed), "{malformed}");
        }
        assert_eq!(found(&format!("rtsp://192.168.7.20/{}", "a".repeat(3000))), Err(Reason::TooLarge));
    }

    #[tokio::test]
    async fn this_machine_is_not_asked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let service = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let options = Options {
            group: crate::GROUP,
            interfaces: Vec::new(),
            timeout: std::time::Duration::ZERO,
            credentials: None,
            addresses: Vec::new(),
            may_ask: std::sync::Arc::new(|_| true),
        };
        let (id, address) = ("urn:uuid:1".to_owned(), Ipv4Addr::LOCALHOST);
        let matched = Match { id, address, name: None, hardware: None, service: Some(service) };
        let client = crate::soap::client().unwrap();
        let devices = ask_all(vec![matched], &options, &[address], &client).await;
        let reasons: Vec<_> =
            devices.iter().map(|device| device.problem.as_ref().map(|problem| problem.reason)).collect();
        assert_eq!(reasons, [Some(Reason::PrivateAddress)]);
        assert!(listener.accept().is_err(), "nobody has connected");
    }

    #[test]
    fn a_clock_is_read_as_it_is_told() {
        let answer = |hour: &str, second: &str| {
            let text = format!(
                "<a><UTCDateTime><Time><Hour>{hour}</Hour><Minute>4</Minute><Second>{second}</Second></Time>
                <Date><Year>2031</Year><Month>2</Month><Day>3</Day></Date></UTCDateTime></a>"
            );
            clock(&Element::parse(&text).unwrap()).map(|time| time.to_string())
        };
        assert_eq!(answer("23", "5").unwrap(), "2031-02-03T23:04:05Z");
        assert_eq!(answer("23", "60").unwrap(), "2031-02-03T23:04:59Z", "a leap second");
        assert_eq!((answer("24", "5"), answer("", "5"), answer("99999", "5")), (None, None, None));
    }

    #[test]
    fn profiles_are_read_of_both_services() {
        let one = r#"<p token="1"><Name>Main</Name><VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution>
            <Width>1920</Width><Height>1080</Height></Resolution><RateControl><FrameRateLimit>25</FrameRateLimit>
            </RateControl></VideoEncoderConfiguration></p>"#;
        let found = profile(1, &Element::parse(one).unwrap()).unwrap();
        let whole = Video {
            codec: Some("h264".to_owned()),
            width: Some(1920),
            height: Some(1080),
            frames_per_second: Some(25.0),
        };
        assert_eq!((found.token.as_str(), found.name.as_str(), found.video), ("1", "Main", Some(whole)));
        let two = r#"<p token="b"><Configurations><VideoEncoder><Encoding>H265</Encoding><Resolution><Width>-1</Width>
            <Height>99999999999</Height></Resolution><RateControl><FrameRateLimit>NaN</FrameRateLimit></RateControl>
            </VideoEncoder></Configurations></p>"#;
        let found = profile(1, &Element::parse(two).unwrap()).unwrap();
        let little =
            Video { codec: Some("h265".to_owned()), width: None, height: None, frames_per_second: None };
        assert_eq!((found.name.as_str(), found.video), ("b", Some(little)));
        assert!(profile(1, &Element::parse("<p><Name>Main</Name></p>").unwrap()).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(inner in "(<(Name|Uri|Encoding|Width|Year|UTCDateTime|Profiles token=\"a\")>|\\PC|</[A-Z]>){0,9}") {
            for text in [format!("<a>{inner}</a>"), format!("<a><Uri>rtsp://{inner}</Uri></a>")] {
                if let Ok(root) = Element::parse(&text) {
                    let _ = (clock(&root), profile(1, &root), video(&root), stream(ADDRESS, &root));
                }
            }
        }
    }
}
