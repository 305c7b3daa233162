//! The stream key in what a publisher connects to and publishes as.
//!
//! `rtmp://host/live/<streamKey>` is the form. Clients cut it differently: into the application `live` and the name
//! `<streamKey>`, or into `live/<streamKey>` and an empty name, with slashes and queries of their own.

/// The application.
const APPLICATION: &str = "live";

/// Whether what the client connects to is here.
pub(crate) fn is_here(application: &str) -> bool {
    parts(application).next() == Some(APPLICATION)
}

/// The stream key; `None` where there is none, or more than one could be.
pub(crate) fn stream_key(application: &str, name: &str) -> Option<String> {
    let mut rest = parts(application).skip(1).chain(parts(name));
    let key = rest.next()?;
    rest.next().is_none().then(|| key.to_owned())
}

/// What stands between slashes, up to the query.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('?').next().unwrap_or_default().split('/').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_however_the_client_cuts_the_address() {
        for (application, name) in [
            ("live", "abc"),
            ("live/", "abc"),
            ("/live", "/abc"),
            ("live/abc", ""),
            ("live/abc/", "?x=1"),
            ("live", "abc?token=1/2"),
            ("live?a=b", "abc/"),
        ] {
            assert!(is_here(application), "{application}");
            assert_eq!(stream_key(application, name).as_deref(), Some("abc"), "{application} {name}");
        }
    }

    #[test]
    fn other_applications_and_names_without_one_key_are_refused() {
        for application in ["", "/", "vod", "lives/abc", "?live"] {
            assert!(!is_here(application), "{application}");
        }
        for (application, name) in [("live", ""), ("live/", "/"), ("live/a", "b"), ("live", "a/b")] {
            assert_eq!(stream_key(application, name), None, "{application} {name}");
        }
    }
}
