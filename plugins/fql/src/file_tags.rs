//! Tags of GStreamer as those of a file, and back.

use fql_file::Tags;
use gst::prelude::*;

/// The tags that a file keeps: what people want to know of it, and no other element finds out by itself.
const KEPT: [&str; 10] = [
    "title",
    "artist",
    "album",
    "comment",
    "description",
    "copyright",
    "organization",
    "keywords",
    "genre",
    "location",
];

/// Takes over what a list says. `true` where something is new.
pub fn take(tags: &mut Tags, list: &gst::TagListRef) -> bool {
    let before = tags.clone();
    for key in KEPT {
        let Some(value) = list.generic(key).and_then(|value| value.get::<String>().ok()) else {
            continue;
        };
        // One that is too long is left out; a file has room for all that people write.
        let _ = tags.set(key, &value);
    }
    *tags != before
}

/// The list that a file's tags are.
pub fn to_list(tags: &Tags) -> gst::TagList {
    let mut list = gst::TagList::new();
    for (key, value) in tags.iter().filter(|(key, _)| KEPT.contains(key)) {
        let value = value.to_send_value();
        let added = list.make_mut().add_value(key, &value, gst::TagMergeMode::Append);
        debug_assert!(added.is_ok(), "all that is kept is text: {key}");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_the_way_through_a_file() {
        gst::init().unwrap();
        let mut list = gst::TagList::new();
        {
            let list = list.make_mut();
            list.add::<gst::tags::Title>(&"A day at the sea", gst::TagMergeMode::Append);
            list.add::<gst::tags::Comment>(&"windy", gst::TagMergeMode::Append);
            list.add::<gst::tags::VideoCodec>(&"FQL", gst::TagMergeMode::Append);
        }
        let mut tags = Tags::default();
        assert!(take(&mut tags, &list));
        assert!(!take(&mut tags, &list));
        let again = to_list(&tags);
        assert_eq!(again.get::<gst::tags::Title>().unwrap().get(), "A day at the sea");
        assert_eq!(again.n_tags(), 2);
    }

    #[test]
    fn every_tag_that_is_kept_is_text() {
        gst::init().unwrap();
        for key in KEPT {
            let mut tags = Tags::default();
            tags.set(key, "words").unwrap();
            assert_eq!(to_list(&tags).n_tags(), 1, "{key}");
        }
    }
}
