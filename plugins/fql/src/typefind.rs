//! Tells `.fql` files from others by their first bytes.

use fql_file::{HEADER_LENGTH, RecordHeader, RecordKind};
use gst::glib;

use crate::caps;

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let (name, rank, caps) = (caps::FILE, gst::Rank::PRIMARY, caps::file_caps());
    let find = {
        let caps = caps.clone();
        move |find: &mut gst::TypeFind| {
            if let Some(certainty) = find.peek(0, HEADER_LENGTH as u32).and_then(certainty) {
                find.suggest(certainty, &caps);
            }
        }
    };
    gst::TypeFind::register(Some(plugin), name, rank, Some("fql"), Some(&caps), find)
}

/// How sure it is that these are the first bytes of a file. One of which the beginning was cut off begins with another
/// record.
fn certainty(bytes: &[u8]) -> Option<gst::TypeFindProbability> {
    match RecordHeader::from_bytes(bytes)?.kind {
        RecordKind::Head => Some(gst::TypeFindProbability::Maximum),
        _ => Some(gst::TypeFindProbability::Likely),
    }
}

#[cfg(test)]
mod tests {
    use fql_file::{Writer, WriterOptions};

    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let mut file = Writer::new(WriterOptions::default()).finish();
        assert_eq!(certainty(&file), Some(gst::TypeFindProbability::Maximum));
        assert_eq!(certainty(&file[..HEADER_LENGTH - 1]), None);
        file[3] ^= 1;
        assert_eq!(certainty(&file), None);
    }
}
