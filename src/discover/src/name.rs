//! Names for streams.

use std::collections::HashSet;

use crate::{Device, Source};

/// The longest name of a stream.
const LONGEST: usize = 63;

/// A name for the stream of each source of each device, in their order: 1 to 63 of `a` to `z`, `0` to `9` and `-`, each
/// but once. The first source of a device has its name, the second the same with `-2`, also where the first is left out; devices that are called the same
/// have their addresses in it, too.
pub fn stream_names(devices: &[Device]) -> Vec<Vec<String>> {
    let plain: Vec<_> = devices.iter().map(of_device).collect();
    let mut taken = HashSet::new();
    let mut names = Vec::new();
    for (device, name) in devices.iter().zip(&plain) {
        let is_shared = plain.iter().filter(|other| *other == name).count() > 1;
        let address = device.address.to_string().replace('.', "-");
        let name = if is_shared { with_suffix(name, &address) } else { name.clone() };
        let of_source = |source: &Source| {
            let mut number = source.place;
            loop {
                let tried = if number == 1 { name.clone() } else { with_suffix(&name, &number.to_string()) };
                if taken.insert(tried.clone()) {
                    return tried;
                }
                number += 1;
            }
        };
        names.push(device.sources.iter().map(of_source).collect());
    }
    names
}

fn of_device(device: &Device) -> String {
    let called = device.name.as_deref().and_then(slug).or_else(|| device.model.as_deref().and_then(slug));
    called.unwrap_or_else(|| "camera".to_owned())
}

fn with_suffix(name: &str, suffix: &str) -> String {
    let room = LONGEST - suffix.len() - 1;
    format!("{}-{suffix}", name[..name.len().min(room)].trim_end_matches('-'))
}

/// What of a text may stand in a name.
fn slug(text: &str) -> Option<String> {
    let mut name = String::new();
    for character in text.chars() {
        match character.to_ascii_lowercase() {
            plain @ ('a'..='z' | '0'..='9') => name.push(plain),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(LONGEST);
    Some(name.trim_end_matches('-').to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn device(name: &str, last: u8, sources: usize) -> Device {
        let source = |place| Source { place, name: String::new(), address: String::new(), video: None };
        Device {
            id: String::new(),
            address: Ipv4Addr::new(192, 168, 7, last),
            name: Some(name.to_owned()),
            manufacturer: None,
            model: Some("DS-2CD".to_owned()),
            sources: (1..=sources).map(source).collect(),
            needs_credentials: false,
            problem: None,
        }
    }

    #[test]
    fn streams_are_called_as_the_cameras_are() {
        let devices =
            [device("Front Door!", 1, 2), device("Küche", 2, 1), device("№", 3, 1), device("", 4, 0)];
        let names = stream_names(&devices);
        let expected: [&[&str]; 4] =
            [&["front-door", "front-door-2"], &["k-che"], &["ds-2cd-192-168-7-3"], &[]];
        assert_eq!(names, expected);
        let same = [device("IPC", 1, 2), device("ipc", 2, 1), device("ipc 192 168 7 1", 3, 2)];
        let names = stream_names(&same);
        let expected: [&[&str]; 3] = [
            &["ipc-192-168-7-1", "ipc-192-168-7-1-2"],
            &["ipc-192-168-7-2"],
            &["ipc-192-168-7-1-3", "ipc-192-168-7-1-4"],
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_stream_keeps_its_name_where_one_before_it_is_left_out() {
        let mut camera = device("Front Door", 1, 3);
        camera.sources.remove(0);
        assert_eq!(stream_names(&[camera]), [["front-door-2", "front-door-3"]]);
    }

    proptest::proptest! {
        #[test]
        fn every_name_is_one_of_a_stream(texts in proptest::collection::vec("\\PC{0,80}|[a-b-]{60,70}", 0..6)) {
            let devices: Vec<_> = texts.iter().zip(1..).map(|(text, last)| device(text, last, 3)).collect();
            let names: Vec<_> = stream_names(&devices).into_iter().flatten().collect();
            let all: HashSet<_> = names.iter().collect();
            proptest::prop_assert_eq!(all.len(), names.len());
            for name in &names {
                proptest::prop_assert!((1..=63).contains(&name.len()), "{}", name);
                let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
                proptest::prop_assert!(plain, "{}", name);
            }
        }
    }
}
