//! Every format and layout there and back through a file, bit for bit.

mod common;

use common::files::Folder;
use common::{Player, pictures};
use gst::prelude::*;

/// The values that a field has in the sink template of an encoder.
fn offered(element: &str, field: &str) -> Vec<String> {
    let factory = gst::ElementFactory::find(element).unwrap();
    let template =
        factory.static_pad_templates().into_iter().find(|t| t.direction() == gst::PadDirection::Sink);
    let caps = template.unwrap().caps();
    let mut all: Vec<String> = Vec::new();
    for structure in caps.iter() {
        match structure.get::<gst::List>(field) {
            Ok(list) => all.extend(list.iter().map(|value| value.get::<String>().unwrap())),
            Err(_) => all.extend(structure.get::<String>(field)),
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The samples that come out of a pipeline that ends in nothing, without padding.
fn run(description: &str) -> Vec<Vec<u16>> {
    let player = Player::new(&format!("{description} ! appsink name=out sync=false"));
    let sink = player.pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let all = std::iter::from_fn(|| sink.pull_sample().ok()).flat_map(|sample| samples(&sample)).collect();
    assert_eq!(player.errors(), Vec::<String>::new(), "{description}");
    all
}

fn samples(sample: &gst::Sample) -> Vec<Vec<u16>> {
    let buffer = sample.buffer_owned().unwrap();
    match gst_video::VideoInfo::from_caps(sample.caps().unwrap()) {
        Ok(info) => pictures::samples(&info, &buffer),
        Err(_) => vec![common::bytes(&buffer).into_iter().map(u16::from).collect()],
    }
}

/// What a source of samples comes to behind an encoder, a file and a decoder.
fn through_file(source: &str, caps: &str, file: &std::path::Path) -> Vec<Vec<u16>> {
    let file = file.display();
    let player = Player::new(&format!(
        "{source} ! {caps} ! fqlenc bitrate=0 layers=15 ! fqlmux ! filesink location={file}"
    ));
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.wait_for_eos();
    run(&format!("filesrc location={file} ! fqldemux ! fqldec ! {caps}"))
}

#[test]
fn every_format_of_video_comes_back_bit_for_bit() {
    common::init();
    let folder = Folder::new("video-formats");
    let formats = offered("fqlvideoenc", "format");
    assert!(formats.len() >= 2 && formats.contains(&"I420".to_owned()), "{formats:?}");
    for format in formats {
        let source = "videotestsrc pattern=colors num-buffers=2";
        let caps = format!("video/x-raw,format={format},width=34,height=18,framerate=25/1");
        let (before, after) =
            (run(&format!("{source} ! {caps}")), through_file(source, &caps, &folder.file("a.fql")));
        assert!(!before.is_empty() && before == after, "{format}: {} planes, {}", before.len(), after.len());
    }
}

#[test]
fn every_format_and_layout_of_sound_comes_back() {
    common::init();
    let folder = Folder::new("sound-formats");
    let file = folder.file("a.fql");
    let masks = ["0x4", "0x3", "0x7", "0x33", "0x37", "0x3f", "0x13f", "0xc3f"];
    for format in offered("fqlaudioenc", "format") {
        for (channels, mask) in (1..).zip(masks) {
            let source = "audiotestsrc wave=sine freq=997 num-buffers=3 samplesperbuffer=1920";
            let caps = format!(
                "audio/x-raw,format={format},layout=interleaved,rate=48000,channels={channels},channel-mask=(bitmask){mask}"
            );
            let caps = if channels == 1 { caps.replace(",channel-mask=(bitmask)0x4", "") } else { caps };
            // Samples of more bits than the codec holds are rounded: there the way through the codec alone is compared.
            let is_exact = ["S16LE", "S24LE", "S24_32LE"].contains(&format.as_str());
            let codec = if is_exact {
                String::new()
            } else {
                format!("fqlenc bitrate=0 layers=15 ! fqldec ! {caps} ! ")
            };
            let before = run(&format!("{source} ! {caps} ! {codec}identity"));
            let after = through_file(source, &caps, &file);
            assert!(!before.is_empty() && before.concat() == after.concat(), "{caps}");
        }
    }
}
