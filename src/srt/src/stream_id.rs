/// What a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To send a stream.
    Publish,
    /// To receive one.
    Request,
}

/// What a caller's stream id says, by the form of SRT's access control (`#!::r=name,m=publish`), or as a name alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StreamId<'a> {
    /// What it wants it of: a stream key or a playback ID.
    pub resource: &'a str,
    /// What it wants; `None` where it does not say.
    pub mode: Option<Mode>,
}

/// Its resource may be a secret.
impl std::fmt::Debug for StreamId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("StreamId").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Why a stream id is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It names nothing.
    #[error("a stream id names a stream: streamid=KEY, or #!::r=KEY,m=publish")]
    NoResource,
    /// A part of it is no `key=value`.
    #[error("a stream id that begins with #!:: goes on with key=value, separated by commas")]
    NoPair,
    /// It asks for what there is not.
    #[error("the mode of a stream id is publish or request")]
    Mode,
}

impl<'a> StreamId<'a> {
    /// Reads a stream id. Keys that are not known are skipped, as the host (`h`) and the user (`u`) are.
    pub fn of(text: &'a str) -> Result<Self, Wrong> {
        let Some(pairs) = text.strip_prefix("#!::") else {
            let resource = text.trim();
            return if resource.is_empty() {
                Err(Wrong::NoResource)
            } else {
                Ok(Self { resource, mode: None })
            };
        };
        let (mut resource, mut mode) = ("", None);
        for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or(Wrong::NoPair)? {
                ("r", name) => resource = name.trim_start_matches('/'),
                ("m", "publish") => mode = Some(Mode::Publish),
                ("m", "request") => mode = Some(Mode::Request),
                ("m", _) => return Err(Wrong::Mode),
                _ => {}
            }
        }
        if resource.is_empty() { Err(Wrong::NoResource) } else { Ok(Self { resource, mode }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(resource: &str, mode: Option<Mode>) -> Result<StreamId<'_>, Wrong> {
        Ok(StreamId { resource, mode })
    }

    #[test]
    fn a_name_alone_says_no_mode() {
        assert_eq!(StreamId::of("sk_abc"), id("sk_abc", None));
        assert_eq!(StreamId::of(""), Err(Wrong::NoResource));
        assert_eq!(StreamId::of("  "), Err(Wrong::NoResource));
    }

    #[test]
    fn the_standard_form_says_what_is_wanted_of_what() {
        assert_eq!(StreamId::of("#!::r=abc,m=publish"), id("abc", Some(Mode::Publish)));
        assert_eq!(StreamId::of("#!::h=host,u=me,m=request,r=/abc,t=stream"), id("abc", Some(Mode::Request)));
        assert_eq!(StreamId::of("#!::r=a=b"), id("a=b", None));
        assert_eq!(StreamId::of("#!::m=publish"), Err(Wrong::NoResource));
        assert_eq!(StreamId::of("#!::r=abc,m=bidirectional"), Err(Wrong::Mode));
        assert_eq!(StreamId::of("#!::r=abc,publish"), Err(Wrong::NoPair));
    }

    #[test]
    fn a_key_is_not_in_what_is_printed() {
        let id = StreamId::of("#!::r=secret,m=publish").unwrap();
        assert!(!format!("{id:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".*", pairs in "(#!::)[rmh=,a-z]*") {
            let _ = (StreamId::of(&text).is_ok(), StreamId::of(&pairs).is_ok());
        }
    }
}
