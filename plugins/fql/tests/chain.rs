//! Every raw video format, and all that travels with a picture, through the whole chain: encoder, sink, UDP, source,
//! decoder; and encoder, muxer, file, demuxer, decoder.

mod common;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use common::files::{Folder, record};
use common::pictures::{noise, pictures, samples, source};
use common::{Player, wait_for};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use gstfql::formats;

/// Enough that a busy machine loses nothing.
const PATIENT: &str = "latency=2000";
const FRAMES: u32 = 3;

/// What came out of the decoders of a receiver, by the number of the track.
type Decoded = Arc<Mutex<BTreeMap<usize, Vec<gst::Sample>>>>;

/// The tags that came out of an element.
type Tags = Arc<Mutex<Vec<(&'static str, gst::TagList)>>>;

/// A source of layered video, of which every track is decoded to the format that is given for it.
struct Receiver {
    player: Player,
    decoded: Decoded,
    tags: Tags,
}

impl Receiver {
    /// Listens at a free port.
    fn start(format: impl Fn(usize) -> Option<VideoFormat> + Send + Sync + 'static) -> Self {
        Self::of(&format!("fqlsrc name=source uri=udp://127.0.0.1:0 {PATIENT}"), format)
    }

    /// Decodes what comes out of the element `source`.
    fn of(description: &str, format: impl Fn(usize) -> Option<VideoFormat> + Send + Sync + 'static) -> Self {
        let player = Player::new(description);
        let (decoded, tags) = (Decoded::default(), Tags::default());
        let pipeline = player.pipeline.downgrade();
        let (for_pads, for_tags) = (decoded.clone(), tags.clone());
        player.pipeline.by_name("source").unwrap().connect_pad_added(move |_, pad| {
            let number: usize = pad.name().rsplit('_').next().unwrap().parse().unwrap();
            collect_tags("source", pad, &for_tags);
            let raw = decode(&pipeline.upgrade().unwrap(), pad, format(number), number, for_pads.clone());
            collect_tags("decoder", &raw, &for_tags);
        });
        player.pipeline.set_state(gst::State::Playing).unwrap();
        Self { player, decoded, tags }
    }

    fn uri(&self) -> String {
        let source = self.player.pipeline.by_name("source").unwrap();
        let local: String = source.property::<gst::Structure>("stats").get("local-address").unwrap();
        format!("udp://127.0.0.1:{}", local.rsplit_once(':').unwrap().1)
    }

    fn wait_for_pictures(&self, tracks: usize, each: u32) {
        wait_for("all pictures of all tracks", || {
            let decoded = self.decoded.lock().unwrap();
            decoded.len() == tracks && decoded.values().all(|samples| samples.len() >= each as usize)
        });
    }
}

fn collect_tags(who: &'static str, pad: &gst::Pad, tags: &Tags) {
    let tags = tags.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Tag(event)) = info.event().map(|event| event.view()) {
            tags.lock().unwrap().push((who, event.tag_owned()));
        }
        gst::PadProbeReturn::Ok
    });
}

fn decode(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    format: Option<VideoFormat>,
    number: usize,
    decoded: Decoded,
) -> gst::Pad {
    let decoder = gst::ElementFactory::make("fqldec").property("threads", 1u32).build().unwrap();
    let sink = gst_app::AppSink::builder().sync(false).async_(false).build();
    sink.set_caps(format.map(|format| gst_video::VideoCapsBuilder::new().format(format).build()).as_ref());
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        decoded.lock().unwrap().entry(number).or_default().push(sample);
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    // So that no track waits for another one's decoder.
    let queue = gst::ElementFactory::make("queue").build().unwrap();
    pipeline.add_many([&queue, &decoder, sink.upcast_ref()]).unwrap();
    gst::Element::link_many([&queue, &decoder, sink.upcast_ref()]).unwrap();
    for element in [sink.upcast_ref(), &decoder, &queue] {
        element.sync_state_with_parent().unwrap();
    }
    pad.link(&queue.static_pad("sink").unwrap()).unwrap();
    decoder.static_pad("src").unwrap()
}

/// An encoder of test pictures of a format.
fn encoded(format: VideoFormat) -> String {
    format!("{} ! fqlenc bitrate=0 layers=15 threads=1 ! queue", source(format, 32, 18, FRAMES))
}

fn assert_exact(receiver: &Receiver, formats: &[VideoFormat]) {
    let decoded = receiver.decoded.lock().unwrap();
    for (track, format) in formats.iter().enumerate() {
        let sent = pictures(&source(*format, 32, 18, FRAMES));
        assert_eq!(decoded[&track].len(), sent.len(), "{format}");
        for ((info, before), after) in sent.iter().zip(&decoded[&track]) {
            let raw = VideoInfo::from_caps(after.caps().unwrap()).unwrap();
            assert_eq!(raw.format(), *format);
            assert!(samples(info, before) == samples(&raw, &after.buffer_owned().unwrap()), "{format}");
        }
    }
    assert_eq!(receiver.player.errors(), Vec::<String>::new());
}

#[test]
fn every_video_format_crosses_the_network_bit_for_bit() {
    common::init();
    let formats = formats::all_raw();
    let wanted = formats.clone();
    let receiver = Receiver::start(move |track| Some(wanted[track]));
    let track = |(n, format): (usize, &VideoFormat)| format!("{} ! sink.sink_{n} ", encoded(*format));
    let tracks: String = formats.iter().enumerate().map(track).collect();
    let uri = receiver.uri();
    let sender = Player::new(&format!("fqlfecsink name=sink uri={uri} congestion-control=false {tracks}"));
    sender.pipeline.set_state(gst::State::Playing).unwrap();
    receiver.wait_for_pictures(formats.len(), FRAMES);
    assert_exact(&receiver, &formats);
    assert_eq!(sender.errors(), Vec::<String>::new());
}

#[test]
fn every_video_format_comes_out_of_a_file_bit_for_bit() {
    common::init();
    let folder = Folder::new("formats");
    let file = folder.file("all.fql");
    let formats = formats::all_raw();
    let tracks: Vec<String> = formats.iter().map(|format| encoded(*format)).collect();
    record(&file, "", &tracks.iter().map(String::as_str).collect::<Vec<_>>());
    let wanted = formats.clone();
    let description = format!("filesrc location={} ! fqldemux name=source", file.display());
    let receiver = Receiver::of(&description, move |track| Some(wanted[track]));
    receiver.wait_for_pictures(formats.len(), FRAMES);
    assert_exact(&receiver, &formats);
}

/// Interlaced video for a bright display, turned, with all that caps can say.
const RICH: &str = "video/x-raw, format=P010_10LE, width=64, height=48, framerate=30000/1001, \
    pixel-aspect-ratio=12/11, interlace-mode=interleaved, field-order=bottom-field-first, \
    colorimetry=(string)bt2100-pq, chroma-site=(string)v-cosited, \
    mastering-display-info=(string)35400:14600:8500:39850:6550:2300:15635:16450:10000000:50, \
    content-light-level=(string)1000:400";

const CAPTIONS: [(gst_video::VideoCaptionType, &[u8]); 4] = [
    (gst_video::VideoCaptionType::Cea608Raw, &[0x94, 0x2c]),
    (gst_video::VideoCaptionType::Cea608S3341a, &[0x80, 0x94, 0x2c]),
    (gst_video::VideoCaptionType::Cea708Raw, &[0xfc, 0x94, 0x2c, 0xf9, 0, 0]),
    (
        gst_video::VideoCaptionType::Cea708Cdp,
        &[0x96, 0x69, 0x10, 0x8f, 0x43, 0, 0, 0x72, 0xf1, 0xfc, 0x94, 0x2c, 0x74, 0, 0, 0x27],
    ),
];

/// The timecode of a frame: it drops, and knows its jam.
fn timecode(frame: u32) -> gst_video::ValidVideoTimeCode {
    let flags = gst_video::VideoTimeCodeFlags::DROP_FRAME | gst_video::VideoTimeCodeFlags::INTERLACED;
    let jam = gst::glib::DateTime::from_utc(2024, 2, 29, 23, 59, 58.5).unwrap();
    let rate = gst::Fraction::new(30_000, 1001);
    gst_video::VideoTimeCode::new(rate, Some(&jam), flags, 10, 20, 30, 5 + frame, 2).try_into().unwrap()
}

/// Which flags the frame with this number has beside those of all.
fn field_flags(frame: u32) -> gst_video::VideoBufferFlags {
    use gst_video::VideoBufferFlags as Flags;
    Flags::INTERLACED | [Flags::TFF, Flags::RFF | Flags::TFF, Flags::ONEFIELD][frame as usize % 3]
}

fn rich_picture(info: &VideoInfo, frame: u32) -> gst::Buffer {
    let mut picture = noise(info, frame.into());
    let buffer = picture.get_mut().unwrap();
    buffer.set_pts(gst::ClockTime::from_mseconds(33) * u64::from(frame));
    for (kind, data) in CAPTIONS {
        gst_video::VideoCaptionMeta::add(buffer, kind, data);
    }
    gst_video::VideoTimeCodeMeta::add(buffer, &timecode(frame));
    buffer.set_video_flags(field_flags(frame));
    picture
}

/// The pictures that are sent.
fn rich_pictures() -> Vec<gst::Buffer> {
    let info = VideoInfo::from_caps(&gst::Caps::from_str(RICH).unwrap()).unwrap();
    (0..FRAMES).map(|frame| rich_picture(&info, frame)).collect()
}

/// Sends them, coded, to the end of a pipeline, until all is sent.
fn send_rich_pictures(target: &str) -> Player {
    let sender = Player::new(&format!("appsrc name=in format=time max-bytes=0 ! {target}"));
    let source = sender.pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().unwrap();
    source.set_caps(Some(&gst::Caps::from_str(RICH).unwrap()));
    sender.pipeline.set_state(gst::State::Playing).unwrap();
    let mut tags = gst::TagList::new();
    tags.make_mut().add::<gst::tags::ImageOrientation>(&"flip-rotate-90", gst::TagMergeMode::Append);
    source.send_event(gst::event::Tag::new(tags));
    for picture in rich_pictures() {
        source.push_buffer(picture).unwrap();
    }
    source.end_of_stream().unwrap();
    sender.wait_for_eos();
    sender
}

const ENCODER: &str = "fqlenc bitrate=0 layers=15";

#[test]
fn all_that_travels_with_a_picture_crosses_the_network() {
    common::init();
    let receiver = Receiver::start(|_| Some(VideoFormat::P01010le));
    send_rich_pictures(&format!("{ENCODER} ! fqlfecsink congestion-control=false uri={}", receiver.uri()));
    assert_all_arrived(&receiver);
}

#[test]
fn all_that_travels_with_a_picture_comes_out_of_a_file() {
    common::init();
    let folder = Folder::new("rich");
    let file = folder.file("rich.fql");
    send_rich_pictures(&format!("{ENCODER} ! fqlmux ! filesink location={}", file.display()));
    let description = format!("filesrc location={} ! fqldemux name=source", file.display());
    assert_all_arrived(&Receiver::of(&description, |_| Some(VideoFormat::P01010le)));
}

#[test]
fn nothing_comes_twice_where_the_decoder_follows_the_encoder() {
    common::init();
    let player = Player::new(&format!(
        "appsrc name=in format=time max-bytes=0 ! {ENCODER} ! fqldec ! appsink name=out sync=false"
    ));
    let source = player.pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().unwrap();
    let sink = player.pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
    source.set_caps(Some(&gst::Caps::from_str(RICH).unwrap()));
    player.pipeline.set_state(gst::State::Playing).unwrap();
    for (frame, picture) in rich_pictures().into_iter().enumerate() {
        source.push_buffer(picture).unwrap();
        assert_attached(frame as u32, &sink.pull_sample().unwrap().buffer_owned().unwrap());
    }
}

/// Waits for the pictures of [`send_rich_pictures`] and looks at all that there is to see.
fn assert_all_arrived(receiver: &Receiver) {
    receiver.wait_for_pictures(1, FRAMES);
    let sent_caps = gst::Caps::from_str(RICH).unwrap();
    let info = VideoInfo::from_caps(&sent_caps).unwrap();
    let decoded = receiver.decoded.lock().unwrap();
    for (frame, (before, sample)) in rich_pictures().iter().zip(&decoded[&0]).enumerate() {
        let (caps, after) = (sample.caps().unwrap(), sample.buffer_owned().unwrap());
        // With every field, and its value.
        assert!(caps.is_subset(&sent_caps), "{caps}");
        let raw = VideoInfo::from_caps(caps).unwrap();
        assert!(samples(&info, before) == samples(&raw, &after));
        assert_attached(frame as u32, &after);
    }
    let orientation =
        |tags: &gst::TagList| tags.get::<gst::tags::ImageOrientation>().map(|tag| tag.get().to_owned());
    let tags = receiver.tags.lock().unwrap();
    for what in ["source", "decoder"] {
        let told = tags.iter().filter(|(who, _)| *who == what).filter_map(|(_, tags)| orientation(tags));
        let told: Vec<String> = told.collect();
        assert!(told.iter().all(|told| told == "flip-rotate-90") && !told.is_empty(), "{what}: {told:?}");
    }
}

/// Captions, timecode and flags of fields are those of the frame with this number.
fn assert_attached(frame: u32, after: &gst::Buffer) {
    let captions: Vec<_> = after.iter_meta::<gst_video::VideoCaptionMeta>().collect();
    assert_eq!(captions.len(), CAPTIONS.len());
    for (meta, (kind, data)) in captions.iter().zip(CAPTIONS) {
        assert_eq!((meta.caption_type(), meta.data()), (kind, data));
    }
    let timecodes: Vec<_> = after.iter_meta::<gst_video::VideoTimeCodeMeta>().map(|meta| meta.tc()).collect();
    let ([after_code], expected) = (&timecodes[..], timecode(frame)) else { panic!("{timecodes:?}") };
    assert_eq!((after_code.to_string(), after_code.flags()), (expected.to_string(), expected.flags()));
    assert_eq!((after_code.fps(), after_code.field_count()), (expected.fps(), expected.field_count()));
    assert_eq!(after_code.latest_daily_jam(), expected.latest_daily_jam());
    assert_eq!(after.video_flags(), field_flags(frame), "frame {frame}");
}
