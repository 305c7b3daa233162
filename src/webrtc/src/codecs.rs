//! Codecs of RTP and those of the track table.

use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, VideoCodec};
use str0m::RtcConfig;
use str0m::format::Codec;

/// What a codec of RTP is in the track table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Video(VideoCodec),
    Audio(AudioCodec),
}

/// `None` for a codec that is not carried.
pub(crate) fn known(codec: Codec) -> Option<Known> {
    Some(match codec {
        Codec::H264 => Known::Video(VideoCodec::H264),
        Codec::H265 => Known::Video(VideoCodec::H265),
        Codec::Av1 => Known::Video(VideoCodec::Av1),
        Codec::Vp8 => Known::Video(VideoCodec::Vp8),
        Codec::Vp9 => Known::Video(VideoCodec::Vp9),
        Codec::Opus => Known::Audio(AudioCodec::Opus),
        _ => return None,
    })
}

/// The codec of RTP that carries a track as it is; `None` where browsers have none.
pub(crate) fn of_media(media: &Media) -> Option<Codec> {
    Some(match media {
        Media::EncodedVideo(info) => match info.codec {
            VideoCodec::H264 => Codec::H264,
            VideoCodec::H265 => Codec::H265,
            VideoCodec::Av1 => Codec::Av1,
            VideoCodec::Vp8 => Codec::Vp8,
            VideoCodec::Vp9 => Codec::Vp9,
        },
        Media::EncodedAudio(info) if info.codec == AudioCodec::Opus => Codec::Opus,
        _ => return None,
    })
}

/// Lets a session have this codec.
pub(crate) fn enable(config: RtcConfig, codec: Codec) -> RtcConfig {
    match codec {
        Codec::H264 => config.enable_h264(true),
        Codec::H265 => config.enable_h265(true),
        Codec::Av1 => config.enable_av1(true),
        Codec::Vp8 => config.enable_vp8(true),
        Codec::Vp9 => config.enable_vp9(true),
        Codec::Opus => config.enable_opus(true, false),
        _ => config,
    }
}

/// The codecs that publishers may send, the best known first.
pub(crate) const TAKEN: [Codec; 6] =
    [Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H265, Codec::Opus];

/// What the track table says of video from RTP.
pub(crate) fn video(codec: VideoCodec, (width, height): (u32, u32)) -> Media {
    let caps = match codec {
        VideoCodec::H264 => "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au",
        VideoCodec::H265 => "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au",
        VideoCodec::Av1 => "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu",
        VideoCodec::Vp8 => "video/x-vp8",
        VideoCodec::Vp9 => "video/x-vp9, alignment=(string)super-frame",
    };
    let caps = format!("{caps}, width=(int){width}, height=(int){height}");
    Media::EncodedVideo(EncodedVideoInfo {
        codec,
        width,
        height,
        frame_rate: (0, 1),
        config: Vec::new(),
        caps,
    })
}

/// What the track table says of Opus from RTP, which is always of 48 kHz and says in each packet whether it is stereo.
pub(crate) fn opus() -> Media {
    let config = [b"OpusHead".as_slice(), &[1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]].concat();
    let caps = "audio/x-opus, rate=(int)48000, channels=(int)2, channel-mapping-family=(int)0";
    Media::EncodedAudio(EncodedAudioInfo {
        codec: AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config,
        caps: caps.into(),
    })
}
