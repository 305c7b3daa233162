//! What JavaScript reads as JSON: tracks and statistics, in the shapes of `web/types.ts`.

use fql_transport::ReceiverStats;
use fql_unit::{AudioCodec, Chroma, Media, Track, TrackTable, VideoCodec};
use serde::Serialize;

use crate::reduce::RGB_COLORIMETRY;

#[derive(Serialize)]
struct Described<'a> {
    id: u8,
    name: &'a str,
    layers: u8,
    #[serde(flatten)]
    media: DescribedMedia<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum DescribedMedia<'a> {
    Video {
        width: u32,
        height: u32,
        chroma: &'static str,
        alpha: bool,
        bits: u8,
        frame_rate: f64,
        pixel_aspect: f64,
        colorimetry: &'a str,
    },
    Audio {
        sample_rate: u32,
        channels: u8,
        bits: u32,
    },
    Data {
        caps: &'a str,
    },
    EncodedVideo {
        codec: &'static str,
        width: u32,
        height: u32,
        frame_rate: f64,
        config: &'a [u8],
        caps: &'a str,
    },
    EncodedAudio {
        codec: &'static str,
        sample_rate: u32,
        channels: u8,
        config: &'a [u8],
        caps: &'a str,
    },
}

/// The tracks as a JSON array of `Track`; a decoder's configuration as an array of numbers.
pub(crate) fn tracks(tracks: &TrackTable) -> Vec<u8> {
    let described: Vec<_> = tracks.tracks().iter().map(describe).collect();
    to_json(&described)
}

fn describe(track: &Track) -> Described<'_> {
    let media = match &track.media {
        Media::Video(video) => DescribedMedia::Video {
            width: video.width,
            height: video.height,
            chroma: match video.chroma {
                Chroma::Grey => "grey",
                Chroma::Yuv420 => "420",
                Chroma::Yuv422 => "422",
                Chroma::Yuv444 => "444",
                Chroma::Rgb => "rgb",
            },
            alpha: video.alpha,
            bits: video.bits,
            frame_rate: ratio(video.frame_rate),
            pixel_aspect: ratio(video.pixel_aspect),
            // That of the pictures as they are drawn.
            colorimetry: match video.chroma {
                Chroma::Rgb => RGB_COLORIMETRY,
                _ => &video.colorimetry,
            },
        },
        Media::Audio(audio) => DescribedMedia::Audio {
            sample_rate: audio.rate,
            channels: audio.channels,
            bits: audio.format.bits(),
        },
        Media::Data(data) => DescribedMedia::Data { caps: &data.caps },
        Media::EncodedVideo(video) => DescribedMedia::EncodedVideo {
            codec: match video.codec {
                VideoCodec::H264 => "h264",
                VideoCodec::H265 => "h265",
                VideoCodec::Av1 => "av1",
                VideoCodec::Vp8 => "vp8",
                VideoCodec::Vp9 => "vp9",
            },
            width: video.width,
            height: video.height,
            frame_rate: ratio(video.frame_rate),
            config: &video.config,
            caps: &video.caps,
        },
        Media::EncodedAudio(audio) => DescribedMedia::EncodedAudio {
            codec: match audio.codec {
                AudioCodec::Aac => "aac",
                AudioCodec::Opus => "opus",
            },
            sample_rate: audio.rate,
            channels: audio.channels,
            config: &audio.config,
            caps: &audio.caps,
        },
    };
    Described { id: track.id, name: &track.name, layers: track.layers, media }
}

fn ratio((numerator, denominator): (u32, u32)) -> f64 {
    f64::from(numerator) / f64::from(denominator.max(1))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats<'a> {
    packets_received: u64,
    packets_lost: u64,
    packets_recovered: u64,
    packets_late: u64,
    rate: u64,
    queueing_delay_ms: f64,
    units_complete: u64,
    units_partial: u64,
    units_lost: u64,
    layers_live: u8,
    layers_possible: u8,
    layer_rates: &'a [u64],
}

/// The statistics as JSON, in the shape of `SessionStats` without its transport.
pub(crate) fn stats(stats: &ReceiverStats, tracks: &TrackTable) -> Vec<u8> {
    let main = main_track(tracks);
    let of_main = main.and_then(|main| stats.tracks.iter().find(|track| track.id == main.id));
    to_json(&Stats {
        packets_received: stats.received,
        packets_lost: stats.lost,
        packets_recovered: stats.recovered,
        packets_late: stats.late,
        rate: stats.delivered_rate,
        queueing_delay_ms: stats.queueing_delay.as_secs_f64() * 1e3,
        units_complete: stats.units_complete,
        units_partial: stats.units_partial,
        units_lost: stats.units_lost,
        layers_live: of_main.map_or(0, |track| track.last_layers),
        layers_possible: main.map_or(0, |track| track.layers),
        layer_rates: of_main.map_or(&[], |track| &track.layer_rates),
    })
}

/// The track whose layers are shown: the first picture, or the first sound where there is none, those in layers first.
fn main_track(tracks: &TrackTable) -> Option<&Track> {
    let kinds: [fn(&Media) -> bool; 4] = [
        |media| media.is_video() && !media.is_encoded(),
        Media::is_video,
        |media| media.is_audio() && !media.is_encoded(),
        Media::is_audio,
    ];
    kinds.iter().find_map(|is_kind| tracks.tracks().iter().find(|track| is_kind(&track.media)))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Numbers and texts in structs and arrays: nothing of that fails.
    serde_json::to_vec(value).unwrap_or_default()
}
