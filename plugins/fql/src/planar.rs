//! Lets an encoder take sound whose channels lie one after the other, although its base class knows none: on the way
//! into its sink pad, caps and buffers become those of interleaved samples.

use std::sync::Mutex;

use gst::prelude::*;
use gst::{PadProbeData, PadProbeInfo, PadProbeReturn, PadProbeType};

use crate::samples;

/// Interleaves what comes to this pad from now on, where it is not interleaved.
pub fn interleave(pad: &gst::Pad) {
    // What comes, while it is not interleaved.
    let planar = Mutex::new(None);
    pad.add_probe(PadProbeType::BUFFER | PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let mut planar = planar.lock().unwrap();
        replace(&mut planar, info);
        PadProbeReturn::Ok
    });
}

fn replace(planar: &mut Option<gst_audio::AudioInfo>, info: &mut PadProbeInfo) {
    match &mut info.data {
        Some(PadProbeData::Event(event)) => {
            if let gst::EventView::Caps(caps) = event.view() {
                let caps = caps.caps_owned();
                *planar = planar_info(&caps);
                if planar.is_some() {
                    *event =
                        gst::event::Caps::builder(&interleaved_caps(caps)).seqnum(event.seqnum()).build();
                }
            }
        }
        Some(PadProbeData::Buffer(buffer)) => {
            if let Some(planar) = planar {
                *buffer = interleaved(buffer, planar);
            }
        }
        _ => (),
    }
}

fn planar_info(caps: &gst::CapsRef) -> Option<gst_audio::AudioInfo> {
    let info = gst_audio::AudioInfo::from_caps(caps).ok()?;
    (info.layout() == gst_audio::AudioLayout::NonInterleaved).then_some(info)
}

fn interleaved_caps(mut caps: gst::Caps) -> gst::Caps {
    caps.make_mut().set("layout", "interleaved");
    caps
}

/// The samples of a buffer interleaved. A buffer that cannot be read, or that is shorter than it says, gives fewer.
fn interleaved(buffer: &gst::Buffer, info: &gst_audio::AudioInfo) -> gst::Buffer {
    let width = (info.width() / 8) as usize;
    let channels = info.channels() as usize;
    let map = buffer.map_readable();
    let bytes = map.as_deref().unwrap_or_default();
    let planes: Vec<&[u8]> = match buffer.meta::<gst_audio::AudioMeta>() {
        Some(meta) => {
            let len = meta.samples().saturating_mul(width);
            let plane =
                |start: &usize| &bytes[(*start).min(bytes.len())..start.saturating_add(len).min(bytes.len())];
            meta.offsets().iter().take(channels).map(plane).collect()
        }
        None => bytes.chunks_exact((bytes.len() / channels).max(1)).take(channels).collect(),
    };
    let mut out = gst::Buffer::from_mut_slice(samples::interleave(&planes, width));
    let metadata = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
    if let Some(out) = out.get_mut() {
        // Without memory there is nothing to copy that could fail.
        let _ = buffer.copy_into(out, metadata, ..);
    }
    out
}
