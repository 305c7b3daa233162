//! Cameras and microphones of this machine.

use gst::prelude::*;
use serde_json::json;

use crate::failure::{Failure, Kind, Result};
use crate::media::plugins::{element, start};
use crate::output::Output;
use crate::text::table;

/// A device and how it is named.
struct Found {
    /// What stands after `device://`.
    name: String,
    kind: &'static str,
    device: gst::Device,
}

/// Prints the devices.
pub fn list(output: Output) -> Result<()> {
    start()?;
    let all = all()?;
    if output.is_json() {
        let describe = |found: &Found| json!({"input": format!("device://{}", found.name), "kind": found.kind, "name": found.device.display_name().as_str()});
        return output.json_document(&all.iter().map(describe).collect());
    }
    if all.is_empty() {
        return output.text("GStreamer finds no camera and no microphone on this machine.\n");
    }
    let row = |found: &Found| {
        vec![
            format!("device://{}", found.name),
            found.kind.to_owned(),
            found.device.display_name().to_string(),
        ]
    };
    output.text(&table(&["INPUT", "KIND", "DEVICE"], &all.iter().map(row).collect::<Vec<_>>()))
}

/// The source for a device: `video0` is /dev/video0; other names are those of the list.
pub fn source(name: &str) -> Result<gst::Element> {
    let path = std::path::Path::new("/dev").join(name);
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain && name.starts_with("video") && path.exists() {
        let source = element("v4l2src")?;
        source.set_property("device", path.to_string_lossy().as_ref());
        return Ok(source);
    }
    let found = all()?.into_iter().find(|found| found.name == name || found.device.display_name() == name);
    let found = found.ok_or_else(|| {
        let text = format!(
            "there is no device {name}: stream push NAME --input device:// lists those that are there"
        );
        Failure::new(Kind::NotFound, text)
    })?;
    found
        .device
        .create_element(None)
        .map_err(|error| Failure::failed(format!("{name} cannot be opened: {error}")))
}

fn all() -> Result<Vec<Found>> {
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    monitor.add_filter(Some("Audio/Source"), None);
    // Where no provider of devices starts there is no device.
    if monitor.start().is_err() {
        return Ok(Vec::new());
    }
    let mut all: Vec<Found> = Vec::new();
    for device in monitor.devices() {
        let kind = if device.has_classes("Video/Source") { "video" } else { "audio" };
        let name = name_of(&device, all.len());
        all.push(Found { name, kind, device });
    }
    monitor.stop();
    Ok(all)
}

/// The name under /dev where there is one, otherwise a number.
fn name_of(device: &gst::Device, number: usize) -> String {
    let path = device.properties().and_then(|properties| {
        ["device.path", "api.v4l2.path"].iter().find_map(|name| properties.get::<String>(*name).ok())
    });
    path.and_then(|path| path.strip_prefix("/dev/").map(str::to_owned)).unwrap_or_else(|| format!("{number}"))
}
