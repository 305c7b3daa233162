//! `stream discover`: cameras on the server's network, and streams of them.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::ask;
use super::streams::{addresses, without_nulls, without_secrets};
use crate::args::Discover;
use crate::client::Client;
use crate::failure::{Failure, Kind, Result};
use crate::model::{Camera, CameraSource, CameraVideo, Discovered, Stream};
use crate::output::{Output, read};
use crate::settings::given_password;
use crate::text::{escaped, one_line, pairs, table};

/// `stream discover`.
pub fn discover(client: &Client, output: Output, arguments: &Discover) -> Result<()> {
    if arguments.new_name.is_some() && arguments.add.len() > 1 {
        return Err(Failure::usage("--as names one stream, and --add is given several times"));
    }
    let addresses = wanted_addresses(arguments)?;
    let credentials = credentials(arguments)?;
    let question = json!({
        "timeoutMs": u32::from(arguments.wait) * 1000,
        "username": credentials.as_ref().map(|(user, _)| user),
        "password": credentials.as_ref().map(|(_, password)| password),
        "addresses": Some(&addresses).filter(|addresses| !addresses.is_empty()),
    });
    if console::user_attended_stderr() {
        eprintln!("Looking for cameras for {} seconds, and asking those that answer …", arguments.wait);
    }
    let answer = client.post("/v1/discover", &without_nulls(question))?;
    if arguments.add.is_empty() {
        return output.answer(answer, |found: &Discovered| list(found, arguments));
    }
    let found: Discovered = read(answer)?;
    // All of them first: where one is not there nothing is made.
    let wanted = arguments.add.iter().map(|name| source(&found, name)).collect::<Result<Vec<_>>>()?;
    let mut made = Vec::new();
    let mut failed = None;
    for Wanted { name, source, camera } in wanted {
        let name = arguments.new_name.as_deref().unwrap_or(name);
        // Whoever answers without a user is not to be told one.
        let credentials = credentials.as_ref().filter(|_| camera.needs_credentials);
        let source = credentials.map_or_else(|| source.clone(), |credentials| with(credentials, source));
        let stream = json!({
            "name": name, "type": "pull", "source": source, "always": arguments.always.then_some(true),
        });
        match client.post("/v1/streams", &without_nulls(stream)).map(without_secrets) {
            Ok(stream) if output.is_json() => made.push(stream),
            Ok(stream) => output.answer(stream, created)?,
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    // Those that were made before another failed are there.
    if output.is_json() && (failed.is_none() || !made.is_empty()) {
        output.json_document(&Value::Array(made))?;
    }
    failed.map_or(Ok(()), Err)
}

/// The only addresses that are asked; none: all. Names are told anew by whoever answers: what is added is to come of a camera
/// at an address that was given.
fn wanted_addresses(arguments: &Discover) -> Result<Vec<Ipv4Addr>> {
    let mut addresses = arguments.address.clone();
    for wanted in &arguments.add {
        match address_of(wanted) {
            Some(address) if !addresses.contains(&address) => addresses.push(address),
            None if arguments.address.is_empty() => {
                let text = format!(
                    "--add {} is the name that a camera gives, and another may give the same: add --address with the \
                     camera's, as stream discover lists it",
                    one_line(wanted)
                );
                return Err(Failure::usage(text));
            }
            _ => {}
        }
    }
    Ok(addresses)
}

/// The address of a camera, or that in the address of a stream.
fn address_of(wanted: &str) -> Option<Ipv4Addr> {
    let Some((_, rest)) = wanted.split_once("://") else { return wanted.parse().ok() };
    let place = rest.split(['/', '?', '#']).next()?;
    place.split(':').next()?.parse().ok()
}

fn created(stream: &Stream) -> String {
    let mut lines = addresses(stream);
    lines.extend(stream.source.clone().map(|source| ("Source", source)));
    format!("✓ Stream {} created\n{}", one_line(&stream.name), pairs(2, &lines))
}

/// The user and the password, which is asked for where there is somebody.
fn credentials(arguments: &Discover) -> Result<Option<(String, String)>> {
    let Some(user) = &arguments.user else { return Ok(None) };
    let password = match &arguments.password {
        Some(text) => given_password(text)?,
        None if ask::can_ask() => ask::secret(&format!("Password of {user}"))?,
        None => {
            return Err(Failure::usage(
                "there is no password: add --password -, which reads it from standard input",
            ));
        }
    };
    Ok(Some((user.clone(), password)))
}

/// The address of a source with a user and a password in it.
fn with((user, password): &(String, String), source: &str) -> String {
    match source.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}:{}@{rest}", escaped(user), escaped(password)),
        None => source.to_owned(),
    }
}

/// What a stream is made of.
struct Wanted<'a> {
    name: &'a str,
    source: &'a String,
    camera: &'a Camera,
}

/// What is listed so.
fn source<'a>(found: &'a Discovered, wanted: &'a str) -> Result<Wanted<'a>> {
    let sources =
        || found.devices.iter().flat_map(|camera| camera.sources.iter().map(move |source| (camera, source)));
    let by_name = sources().find(|(_, source)| source.stream_name == wanted);
    let by_name = by_name.or_else(|| sources().find(|(camera, source)| is_called(camera, source, wanted)));
    if let Some((camera, source)) = by_name {
        return Ok(Wanted { name: wanted, source: &source.source, camera });
    }
    let by_address = sources().find(|(camera, source)| source.source == wanted || camera.address == wanted);
    if let Some((camera, source)) = by_address {
        return Ok(Wanted { name: &source.stream_name, source: &source.source, camera });
    }
    let camera = found.devices.iter().find(|camera| camera.address == wanted);
    let why = camera.and_then(|camera| camera.problem.as_ref()).map(|problem| problem.detail.clone());
    let text = match why {
        Some(why) => format!("the camera at {wanted} has told of no stream: {why}"),
        None => format!("no camera has told of a stream {wanted}: stream discover lists those that answer"),
    };
    Err(Failure::new(Kind::NotFound, text))
}

/// Where others are called the same, the address is in the name; where the others are not asked it is not.
fn is_called(camera: &Camera, source: &CameraSource, wanted: &str) -> bool {
    let address = format!("-{}", camera.address.replace('.', "-"));
    wanted.replacen(&address, "", 1) == source.stream_name
}

fn list(found: &Discovered, arguments: &Discover) -> String {
    if found.devices.is_empty() {
        return "No camera has answered. ONVIF may have to be switched on in them, and they have to be in the server's own \
                network.\n"
            .to_owned();
    }
    let rows: Vec<_> = found.devices.iter().flat_map(rows).collect();
    let mut text = table(&["ADDRESS", "CAMERA", "STREAM", "VIDEO", "SOURCE"], &rows);
    for camera in &found.devices {
        if let Some(problem) = &camera.problem {
            text += &format!("{}: {}\n", one_line(&camera.address), one_line(&problem.detail));
        }
    }
    if found.is_more {
        text += "More have answered: --address tells of some alone.\n";
    }
    let problems = found.devices.iter().filter_map(|camera| camera.problem.as_ref());
    if arguments.user.is_none() && problems.into_iter().any(|problem| problem.reason == "unauthorized") {
        text += "stream discover --user NAME asks as a user of the cameras.\n";
    }
    if let Some((camera, source)) =
        found.devices.iter().find_map(|camera| Some((camera, camera.sources.first()?)))
    {
        let user =
            arguments.user.as_ref().map(|user| format!(" --user {}", one_line(user))).unwrap_or_default();
        let (address, name) = (one_line(&camera.address), one_line(&source.stream_name));
        text += &format!("To make a stream of one: stream discover{user} --address {address} --add {name}\n");
        if arguments.user.is_some() {
            text += "A camera that asks for a user is given the password then: by Basic of RTSP in clear.\n";
        }
    }
    text
}

fn rows(camera: &Camera) -> Vec<Vec<String>> {
    let made =
        [&camera.manufacturer, &camera.model].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let called = match &camera.name {
        Some(name) if made.is_empty() => name.clone(),
        Some(name) => format!("{name} ({made})"),
        None => made,
    };
    let first = vec![camera.address.clone(), called];
    if camera.sources.is_empty() {
        return vec![first];
    }
    let rows = camera.sources.iter().enumerate().map(|(number, source)| {
        let mut row = if number == 0 { first.clone() } else { vec![String::new(); 2] };
        let video = source.video.as_ref().map(video).unwrap_or_default();
        row.extend([source.stream_name.clone(), video, source.source.clone()]);
        row
    });
    rows.collect()
}

fn video(video: &CameraVideo) -> String {
    let size = video.width.zip(video.height).map(|(width, height)| format!("{width}x{height}"));
    let rate = video.frames_per_second.map(|rate| format!("{rate}/s"));
    [video.codec.clone(), size, rate].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_stays_in_its_place() {
        let credentials = ("ad:min".to_owned(), "p@ss/w?rd#%".to_owned());
        let source = with(&credentials, "rtsp://192.168.7.20:554/a?b=c");
        assert_eq!(source, "rtsp://ad%3Amin:p%40ss%2Fw%3Frd%23%25@192.168.7.20:554/a?b=c");
    }
}
