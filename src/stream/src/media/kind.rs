//! Whether something is media that GStreamer plays, by its first bytes.

use std::io::{self, Read};

/// How many bytes tell what something is.
const ENOUGH: u64 = 64 << 10;
/// A pipe is judged by less: it may be slow.
const ENOUGH_OF_A_PIPE: usize = 4 << 10;

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GStreamer has something that takes it.
    Media,
    /// Lines of UTF-8.
    Text,
    /// Anything else.
    Bytes,
}

/// What a file is.
pub fn of_file(file: &mut impl Read) -> io::Result<Kind> {
    let mut first = Vec::new();
    file.take(ENOUGH).read_to_end(&mut first)?;
    Ok(of(&first))
}

/// What a pipe brings, and what was read of it to know that. Text is known by its first lines.
pub fn of_pipe(pipe: &mut impl Read) -> io::Result<(Kind, Vec<u8>)> {
    let mut first = Vec::new();
    let mut piece = [0; ENOUGH_OF_A_PIPE];
    loop {
        let len = match pipe.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            len => len?,
        };
        first.extend_from_slice(&piece[..len]);
        let kind = of(&first);
        if len == 0 || first.len() >= ENOUGH_OF_A_PIPE || (kind == Kind::Text && first.ends_with(b"\n")) {
            return Ok((kind, first));
        }
    }
}

/// What begins with these bytes.
pub fn of(first: &[u8]) -> Kind {
    if is_media(first) {
        return Kind::Media;
    }
    // The end may cut a character.
    let is_text = match std::str::from_utf8(first) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    if is_text && !first.contains(&0) { Kind::Text } else { Kind::Bytes }
}

fn is_media(first: &[u8]) -> bool {
    let Ok((caps, certain)) = gst_base::type_find_helper_for_data(None::<&gst::Object>, first) else {
        return false;
    };
    if certain < gst::TypeFindProbability::Likely {
        return false;
    }
    gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODABLE, gst::Rank::MARGINAL)
        .iter()
        .any(|factory| factory.can_sink_any_caps(&caps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_text_and_bytes_are_told_apart() {
        gst::init().unwrap();
        let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/bigbuckbunny.mp4");
        assert_eq!(of_file(&mut std::fs::File::open(clip).unwrap()).unwrap(), Kind::Media);
        assert_eq!(of("time,value\n1,2\n".as_bytes()), Kind::Text);
        assert_eq!(of("half a character: é".as_bytes().split_last().unwrap().1), Kind::Text);
        assert_eq!(of(&[0x13, 0x37, 0, 0xff, 0xfe, 7]), Kind::Bytes);
        assert_eq!(of(b""), Kind::Text);
    }

    #[test]
    fn text_in_a_pipe_is_known_by_its_first_line() {
        gst::init().unwrap();
        struct Slow(u8);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                assert_eq!(self.0, 1, "the second line comes in an hour");
                buffer[..6].copy_from_slice(b"first\n");
                Ok(6)
            }
        }
        assert_eq!(of_pipe(&mut Slow(0)).unwrap(), (Kind::Text, b"first\n".to_vec()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_something(first in proptest::collection::vec(0u8.., 0..3_000)) {
            gst::init().unwrap();
            let _ = of(&first);
        }
    }
}
