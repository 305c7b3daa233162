//! What the kind of a track means to GStreamer.

use fql_unit::{Media, Orientation, Track};

use crate::{caps, orientation};

/// What the names of its pads begin with.
pub fn name(media: &Media) -> &'static str {
    match media {
        media if media.is_video() => "video",
        media if media.is_audio() => "audio",
        _ => "data",
    }
}

/// The type of its stream.
pub fn stream_type(media: &Media) -> gst::StreamType {
    match name(media) {
        "video" => gst::StreamType::VIDEO,
        "audio" => gst::StreamType::AUDIO,
        _ => gst::StreamType::UNKNOWN,
    }
}

/// Data may come rarely.
pub fn flags(media: &Media) -> gst::StreamFlags {
    match media {
        Media::Data(_) => gst::StreamFlags::SPARSE,
        _ => gst::StreamFlags::empty(),
    }
}

/// The stream of a track of a sender or a file with this id.
pub fn stream(upstream_id: &str, track: &Track) -> gst::Stream {
    let id = format!("{upstream_id}/{}_{:03}", name(&track.media), track.id);
    let caps = caps::of_media(&track.media, track.layers);
    gst::Stream::new(Some(&id), Some(&caps), stream_type(&track.media), flags(&track.media))
}

/// The templates of source pads for each kind of track.
pub fn source_templates() -> Vec<gst::PadTemplate> {
    let sometimes = |name, caps: &gst::Caps| {
        crate::templates::template(name, gst::PadDirection::Src, gst::PadPresence::Sometimes, caps)
    };
    let with = |mut caps: gst::Caps, others| {
        caps.merge(others);
        caps
    };
    vec![
        sometimes("video_%u", &with(caps::video_template(), caps::encoded_video_template())),
        sometimes("audio_%u", &with(caps::audio_template(), caps::encoded_audio_template())),
        sometimes("data_%u", &gst::Caps::new_any()),
    ]
}

/// What is to be told of a track in tags: its name, and how pictures are to be turned, where that is not upright or
/// was not.
pub fn tags(track: &Track, before: Option<&Track>) -> Option<gst::Event> {
    let mut tags = gst::TagList::new();
    if !track.name.is_empty() {
        tags.make_mut().add::<gst::tags::Title>(&track.name.as_str(), gst::TagMergeMode::Append);
    }
    let was_turned = before.is_some_and(|before| turned(before).is_some());
    if let Some(orientation) = turned(track).or(was_turned.then(Orientation::default)) {
        orientation::add_to_tags(orientation, tags.make_mut());
    }
    (tags.n_tags() > 0).then(|| gst::event::Tag::new(tags))
}

/// How pictures of a track are to be turned, where they are.
fn turned(track: &Track) -> Option<Orientation> {
    match &track.media {
        Media::Video(video) => Some(video.orientation).filter(|turn| *turn != Orientation::default()),
        _ => None,
    }
}
