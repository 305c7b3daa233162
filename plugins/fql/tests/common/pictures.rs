//! Raw pictures of any format, and what is in them.

use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use gstfql::formats::{self, BitPacking, Packing};

use super::Player;

/// Caps of raw video at 25 frames a second.
pub fn info(format: VideoFormat, width: u32, height: u32) -> VideoInfo {
    VideoInfo::builder(format, width, height).fps((25, 1)).build().unwrap()
}

/// All samples of a picture, component by component, without padding and without bits that mean nothing.
pub fn samples(info: &VideoInfo, buffer: &gst::Buffer) -> Vec<Vec<u16>> {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let (_, layout) = formats::of_raw(info.format()).unwrap();
    let (places, shift, bytes) = match layout.packing {
        Packing::Bytes(places) => (places, 0, 1),
        Packing::Words(places, shift) => (places, shift, 2),
        Packing::Bits(_) => return unpacked(info, &frame),
    };
    let plane = |(component, place): (usize, &formats::Place)| {
        let data = frame.plane_data(place.plane as u32).unwrap();
        let stride = frame.plane_stride()[place.plane] as usize;
        let component = if info.is_rgb() { 0 } else { component as u8 };
        let (width, height) = (info.comp_width(component) as usize, info.comp_height(component) as usize);
        let at = |x: usize, y: usize| y * stride + (place.offset + x * place.step) * bytes;
        let sample = |at: usize| match bytes {
            1 => u16::from(data[at]),
            _ => u16::from_le_bytes([data[at], data[at + 1]]) >> shift,
        };
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| sample(at(x, y))).collect()
    };
    places.iter().enumerate().map(plane).collect()
}

/// What GStreamer unpacks from a format whose samples share bytes.
fn unpacked(info: &VideoInfo, frame: &gst_video::VideoFrameRef<&gst::BufferRef>) -> Vec<Vec<u16>> {
    let (width, stride) = (info.width() as i32, frame.plane_stride()[0]);
    let data = frame.plane_data(0).unwrap();
    let mut row = vec![0; info.width() as usize * 8];
    let mut all = Vec::new();
    for y in 0..info.height() as usize {
        let source = &data[y * stride as usize..][..stride as usize];
        info.format_info().unpack(
            gst_video::VideoPackFlags::empty(),
            &mut row,
            &[source],
            &[stride],
            0,
            0,
            width,
        );
        all.extend(row.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])));
    }
    vec![all]
}

/// A buffer of which every bit that may mean something is random, its padding and unused bits included where a
/// format leaves these open.
pub fn noise(info: &VideoInfo, seed: u64) -> gst::Buffer {
    let (class, layout) = formats::of_raw(info.format()).unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.set_pts(gst::ClockTime::from_mseconds(seed * 40));
        buffer.set_duration(gst::ClockTime::from_mseconds(40));
        let mut map = buffer.map_writable().unwrap();
        let largest = (1u32 << class.samples.bits) - 1;
        match layout.packing {
            Packing::Words(_, 0) => {
                map.chunks_exact_mut(2)
                    .for_each(|pair| pair.copy_from_slice(&((next() & largest) as u16).to_le_bytes()));
            }
            Packing::Bits(BitPacking::V210 | BitPacking::Grey10) => {
                map.chunks_exact_mut(4)
                    .for_each(|word| word.copy_from_slice(&(next() & 0x3fff_ffff).to_le_bytes()));
            }
            _ => map.iter_mut().for_each(|byte| *byte = next() as u8),
        }
    }
    buffer
}

/// A source of test pictures, slow enough for many beside each other.
pub fn source(format: VideoFormat, width: u32, height: u32, frames: u32) -> String {
    format!(
        "videotestsrc num-buffers={frames} pattern=smpte ! \
         video/x-raw,format={},width={width},height={height},framerate=5/1",
        format.to_str()
    )
}

/// The pictures that come out of the end of a pipeline, with their caps.
pub fn pictures(description: &str) -> Vec<(VideoInfo, gst::Buffer)> {
    let player = Player::new(&format!("{description} ! appsink name=out sync=false"));
    let sink = player.pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let all = std::iter::from_fn(|| sink.pull_sample().ok());
    let picture = |sample: gst::Sample| {
        (VideoInfo::from_caps(sample.caps().unwrap()).unwrap(), sample.buffer_owned().unwrap())
    };
    let all = all.map(picture).collect();
    assert_eq!(player.errors(), Vec::<String>::new(), "{description}");
    all
}
