//! `stream discover`: cameras on the server's network, and streams of them.

use serde_json::{Value, json};

use super::ask;
use super::streams::{addresses, without_nulls, without_secrets};
use crate::args::Discover;
use crate::client::Client;
use crate::failure::{Failure, Kind, Result};
use crate::model::{Camera, CameraVideo, Discovered, Stream};
use crate::output::{Output, read};
use crate::settings::given_password;
use crate::text::{escaped, one_line, pairs, table};

/// `stream discover`.
pub fn discover(client: &Client, output: Output, arguments: &Discover) -> Result<()> {
    if arguments.new_name.is_some() && arguments.add.len() > 1 {
        return Err(Failure::usage("--as names one stream, and --add is given several times"));
    }
    let credentials = credentials(arguments)?;
    let question = json!({
        "timeoutMs": u32::from(arguments.wait) * 1000,
        "username": credentials.as_ref().map(|(user, _)| user),
        "password": credentials.as_ref().map(|(_, password)| password),
        "addresses": Some(&arguments.address).filter(|addresses| !addresses.is_empty()),
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
    for (name, source) in wanted {
        let name = arguments.new_name.as_ref().unwrap_or(name);
        let source =
            credentials.as_ref().map_or_else(|| source.clone(), |credentials| with(credentials, source));
        let stream = json!({
            "name": name, "type": "pull", "source": source, "always": arguments.always.then_some(true),
        });
        let stream = without_secrets(client.post("/v1/streams", &without_nulls(stream))?);
        if output.is_json() {
            made.push(stream);
        } else {
            output.answer(stream, created)?;
        }
    }
    if output.is_json() { output.json_document(&Value::Array(made)) } else { Ok(()) }
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

/// The name and the address of what is listed so.
fn source<'a>(found: &'a Discovered, wanted: &str) -> Result<(&'a String, &'a String)> {
    let sources = found.devices.iter().flat_map(|camera| &camera.sources);
    let by_name = sources.into_iter().find(|source| source.stream_name == wanted);
    let camera = found.devices.iter().find(|camera| camera.address == wanted);
    let source = by_name.or_else(|| camera?.sources.first());
    if let Some(source) = source {
        return Ok((&source.stream_name, &source.source));
    }
    let why = camera.and_then(|camera| camera.problem.as_ref()).map(|problem| problem.detail.clone());
    let text = match why {
        Some(why) => format!("the camera at {wanted} has told of no stream: {why}"),
        None => format!("no camera has told of a stream {wanted}: stream discover lists those that answer"),
    };
    Err(Failure::new(Kind::NotFound, text))
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
    let mut names = found.devices.iter().flat_map(|camera| &camera.sources).map(|source| &source.stream_name);
    if let Some(name) = names.next() {
        let user =
            arguments.user.as_ref().map(|user| format!(" --user {}", one_line(user))).unwrap_or_default();
        text += &format!("To make a stream of one: stream discover{user} --add {}\n", one_line(name));
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
