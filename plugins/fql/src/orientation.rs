//! How pictures are to be turned: GStreamer's tag, and the same in caps and in the track table.

use fql_unit::Orientation;
use gst::tags::ImageOrientation;

const NAMES: [(Orientation, &str); 8] = [
    (Orientation::Rotate0, "rotate-0"),
    (Orientation::Rotate90, "rotate-90"),
    (Orientation::Rotate180, "rotate-180"),
    (Orientation::Rotate270, "rotate-270"),
    (Orientation::FlipRotate0, "flip-rotate-0"),
    (Orientation::FlipRotate90, "flip-rotate-90"),
    (Orientation::FlipRotate180, "flip-rotate-180"),
    (Orientation::FlipRotate270, "flip-rotate-270"),
];

/// From the value of the tag; `None` for others.
pub fn of_text(text: &str) -> Option<Orientation> {
    NAMES.iter().find(|(_, name)| *name == text).map(|(orientation, _)| *orientation)
}

/// The value of the tag.
pub fn text(orientation: Orientation) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == orientation).map_or("rotate-0", |(_, name)| name)
}

/// The value of the tag, and nothing for pictures that are upright as they are.
pub fn text_unless_upright(orientation: Orientation) -> &'static str {
    if orientation == Orientation::Rotate0 { "" } else { text(orientation) }
}

/// What a list of tags says.
pub fn of_tags(tags: &gst::TagListRef) -> Option<Orientation> {
    of_text(tags.get::<ImageOrientation>()?.get())
}

/// Adds the tag to a list.
pub fn add_to_tags(orientation: Orientation, tags: &mut gst::TagListRef) {
    tags.add::<ImageOrientation>(&text(orientation), gst::TagMergeMode::Replace);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_survives_the_way_through_a_tag() {
        gst::init().unwrap();
        for (orientation, name) in NAMES {
            let mut tags = gst::TagList::new();
            add_to_tags(orientation, tags.make_mut());
            assert_eq!(of_tags(&tags), Some(orientation));
            assert_eq!((of_text(name), text(orientation)), (Some(orientation), name));
        }
        assert_eq!(of_text("upside down"), None);
        assert_eq!(of_tags(&gst::TagList::new()), None);
    }
}
