//! Every raw video format, in and out of the elements without a conversion, from any memory.

mod common;

use std::os::fd::OwnedFd;

use common::pictures::{self, noise, pictures, samples, source};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoInfo, VideoMeta};
use gstfql::formats;

const CODED: &str = "fqlenc bitrate=0 layers=15 threads=1 ! fqldec";

/// An encoder of the whole ladder.
fn encoder() -> Harness {
    let element = gst::ElementFactory::make("fqlenc").property("bitrate", 0u32).property("layers", 15u32);
    Harness::with_element(&element.build().unwrap(), Some("sink"), Some("src"))
}

/// What a picture becomes in an encoder and a decoder, with caps that may tell more than its format.
fn coded(caps: &gst::Caps, picture: &gst::Buffer) -> (VideoInfo, gst::Buffer) {
    let mut encoder = encoder();
    encoder.set_src_caps(caps.clone());
    assert_eq!(encoder.push(picture.clone()), Ok(gst::FlowSuccess::Ok), "{caps}");
    let unit = encoder.pull().unwrap();
    let mut decoder = Harness::new("fqldec");
    // In the format that it came in.
    let format = VideoInfo::from_caps(caps).unwrap().format();
    decoder.set_sink_caps(gst_video::VideoCapsBuilder::new().format(format).build());
    decoder.set_src_caps(encoder.sinkpad().unwrap().current_caps().unwrap());
    assert_eq!(decoder.push(unit), Ok(gst::FlowSuccess::Ok));
    let caps = decoder.sinkpad().unwrap().current_caps().unwrap();
    (VideoInfo::from_caps(&caps).unwrap(), decoder.pull().unwrap())
}

#[test]
fn every_format_comes_back_bit_for_bit() {
    common::init();
    for format in formats::all_raw() {
        for (n, (width, height)) in [(33, 17), (1, 1), (2, 3), (7, 1)].into_iter().enumerate() {
            let info = pictures::info(format, width, height);
            let before = noise(&info, n as u64);
            let (raw, after) = coded(&info.to_caps().unwrap(), &before);
            assert_eq!(raw.format(), format);
            assert!(samples(&info, &before) == samples(&raw, &after), "{format} {width}x{height}");
            assert_eq!((after.pts(), after.duration()), (before.pts(), before.duration()));
        }
    }
}

#[test]
fn pictures_of_one_source_are_the_same_in_all_formats_with_the_same_samples() {
    common::init();
    for class in formats::CLASSES {
        let formats: Vec<VideoFormat> = class.raw_formats().collect();
        let Some(&first) = formats.first() else { continue };
        let plain = pictures(&source(first, 46, 27, 1));
        let canonical = format!("video/x-raw,format={}", first.to_str());
        for format in formats {
            let native = source(format, 46, 27, 1);
            let other = format!("video/x-raw,format={}", format.to_str());
            // Once from the format, and once to it and from it.
            for chain in [
                format!("{native} ! {CODED} ! {canonical}"),
                format!("{} ! {CODED} ! {other} ! {CODED} ! {canonical}", source(first, 46, 27, 1)),
            ] {
                let coded = pictures(&chain);
                assert_eq!(coded.len(), plain.len(), "{chain}");
                for ((info, before), (raw, after)) in plain.iter().zip(&coded) {
                    assert!(samples(info, before) == samples(raw, after), "{chain}");
                }
            }
        }
    }
}

#[test]
fn a_source_that_can_give_all_formats_gives_plain_video_and_no_element_converts() {
    common::init();
    for between in ["", "! videoconvert"] {
        let coded = pictures(&format!("videotestsrc num-buffers=3 {between} ! {CODED}"));
        let formats: Vec<VideoFormat> = coded.iter().map(|(info, _)| info.format()).collect();
        assert_eq!(formats, [VideoFormat::I420; 3], "{between}");
    }
    for (wanted, format) in [("NV12", VideoFormat::Nv12), ("{ RGB, NV21 }", VideoFormat::Nv21)] {
        let coded = pictures(&format!("videotestsrc num-buffers=1 ! {CODED} ! video/x-raw,format={wanted}"));
        assert_eq!(coded[0].0.format(), format);
    }
}

#[test]
fn a_format_that_is_not_taken_is_refused() {
    common::init();
    let mut encoder = encoder();
    encoder.play();
    for format in [VideoFormat::Rgb16, VideoFormat::Argb64, VideoFormat::I42010be] {
        let caps = pictures::info(format, 32, 16).to_caps().unwrap();
        assert!(!encoder.srcpad().unwrap().peer_query_accept_caps(&caps), "{format}");
    }
}

/// The same picture in a buffer with other strides and offsets than the caps tell.
fn padded(info: &VideoInfo, picture: &gst::Buffer) -> gst::Buffer {
    let count = info.n_planes() as usize;
    let strides: Vec<i32> = info.stride()[..count].iter().map(|stride| stride + 24).collect();
    let mut offsets = Vec::new();
    let mut end = 40;
    for stride in &strides {
        offsets.push(end);
        end += *stride as usize * info.height() as usize + 56;
    }
    let mut buffer = gst::Buffer::with_size(end).unwrap();
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.map_writable().unwrap().fill(0xee);
        let (flags, format) = (gst_video::VideoFrameFlags::empty(), info.format());
        VideoMeta::add_full(buffer, flags, format, info.width(), info.height(), &offsets, &strides).unwrap();
        let mut target = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info).unwrap();
        let source = gst_video::VideoFrameRef::from_buffer_ref_readable(picture, info).unwrap();
        source.copy(&mut target).unwrap();
    }
    buffer
}

#[test]
fn padded_rows_and_planes_anywhere_are_read_where_the_video_meta_says() {
    common::init();
    for format in formats::all_raw() {
        let info = pictures::info(format, 30, 22);
        let picture = noise(&info, 3);
        let (raw, after) = coded(&info.to_caps().unwrap(), &padded(&info, &picture));
        assert!(samples(&info, &picture) == samples(&raw, &after), "{format}");
    }
}

#[test]
fn upstream_hears_that_rows_may_be_padded() {
    common::init();
    let info = pictures::info(VideoFormat::I420, 30, 22);
    let mut encoder = encoder();
    encoder.set_src_caps(info.to_caps().unwrap());
    let mut query = gst::query::Allocation::new(Some(&info.to_caps().unwrap()), true);
    assert!(encoder.srcpad().unwrap().peer_query(&mut query));
    assert!(query.find_allocation_meta::<VideoMeta>().is_some());
}

#[test]
fn a_picture_is_decoded_to_padded_rows_where_downstream_wants_these() {
    common::init();
    let info = pictures::info(VideoFormat::Nv12, 30, 22);
    let picture = noise(&info, 4);
    let mut encoder = encoder();
    encoder.set_src_caps(info.to_caps().unwrap());
    encoder.push(picture.clone()).unwrap();
    let mut decoder = Harness::new("fqldec");
    let raw = gst_video::VideoCapsBuilder::new().format(VideoFormat::Nv12).width(30).height(22);
    let raw = raw.framerate((25, 1).into()).build();
    let pool = padding_pool(&raw, info.size() as u32);
    decoder.sinkpad().unwrap().add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        let Some(gst::PadProbeData::Query(query)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        let gst::QueryViewMut::Allocation(query) = query.view_mut() else { return gst::PadProbeReturn::Ok };
        query.add_allocation_meta::<VideoMeta>(None);
        query.add_allocation_pool(Some(&pool), 0, 0, 0);
        gst::PadProbeReturn::Handled
    });
    decoder.set_sink_caps(raw);
    decoder.set_src_caps(encoder.sinkpad().unwrap().current_caps().unwrap());
    decoder.push(encoder.pull().unwrap()).unwrap();
    let after = decoder.pull().unwrap();
    let strides = after.meta::<VideoMeta>().expect("downstream has the meta").stride().to_vec();
    assert!(strides.iter().all(|stride| *stride >= 30 + 12 + 16), "{strides:?}");
    assert!(samples(&info, &picture) == samples(&info, &after));
}

/// A pool whose pictures have something around them.
fn padding_pool(caps: &gst::Caps, size: u32) -> gst::BufferPool {
    let pool = gst_video::VideoBufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(caps), size, 0, 0);
    config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
    config.set_video_alignment(&gst_video::VideoAlignment::new(4, 8, 12, 16, &[0; 4]));
    pool.set_config(config).unwrap();
    pool.upcast()
}

#[test]
fn planes_in_memories_of_their_own_are_read() {
    common::init();
    for format in [VideoFormat::Nv12, VideoFormat::I42010le, VideoFormat::A420, VideoFormat::Gbr] {
        let info = pictures::info(format, 34, 18);
        let picture = noise(&info, 5);
        let bytes = common::bytes(&picture);
        let count = info.n_planes() as usize;
        let ends = info.offset()[1..count].iter().copied().chain([info.size()]);
        let mut scattered = gst::Buffer::new();
        {
            let scattered = scattered.get_mut().unwrap();
            for (from, to) in info.offset()[..count].iter().copied().zip(ends) {
                scattered.append_memory(gst::Memory::from_slice(bytes[from..to].to_vec()));
            }
            let (flags, offsets) = (gst_video::VideoFrameFlags::empty(), &info.offset()[..count]);
            let strides = &info.stride()[..count];
            VideoMeta::add_full(scattered, flags, format, 34, 18, offsets, strides).unwrap();
        }
        assert_eq!(scattered.n_memory(), count);
        let (raw, after) = coded(&info.to_caps().unwrap(), &scattered);
        assert!(samples(&info, &picture) == samples(&raw, &after), "{format}");
    }
}

/// A file in memory with these bytes.
fn memory_file(bytes: &[u8]) -> OwnedFd {
    let fd = rustix::fs::memfd_create("picture", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, bytes.len() as u64).unwrap();
    assert_eq!(rustix::io::write(&fd, bytes).unwrap(), bytes.len());
    fd
}

#[test]
fn memory_of_devices_is_mapped() {
    use gst_allocators::prelude::*;
    common::init();
    let allocator = gst_allocators::DmaBufAllocator::new();
    for format in [VideoFormat::Nv12, VideoFormat::Yuy2, VideoFormat::P01010le, VideoFormat::Bgrx] {
        let info = pictures::info(format, 48, 20);
        let picture = noise(&info, 8);
        let fd = memory_file(&common::bytes(&picture));
        // SAFETY: the descriptor is an open one that can be mapped, has this many bytes, and is given away.
        let memory = unsafe { allocator.alloc_dmabuf(fd, info.size()) }.unwrap();
        assert!(memory.is_memory_type::<gst_allocators::DmaBufMemory>());
        let mut buffer = gst::Buffer::new();
        buffer.get_mut().unwrap().append_memory(memory);
        let mut caps = info.to_caps().unwrap();
        let features = gst::CapsFeatures::new([gst_allocators::CAPS_FEATURE_MEMORY_DMABUF.as_str()]);
        caps.make_mut().set_features_simple(Some(features));
        let (raw, after) = coded(&caps, &buffer);
        assert!(samples(&info, &picture) == samples(&raw, &after), "{format}");
    }
}
