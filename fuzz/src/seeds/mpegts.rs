//! Transport streams as their writer makes them.

use bytes::Bytes;
use fql_mpegts::{Muxer, Unit};
use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{
    AudioCodec, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec,
};

use super::shapes::H264_SETS;
use crate::input::Output;

/// Pictures of H.264 with AAC and KLV, and Opus alone: in packets, and as they are.
pub fn streams() -> Vec<Vec<u8>> {
    let picture =
        [&[0, 0, 0, 1][..], H264_SETS[0], &[0, 0, 0, 1], H264_SETS[1], &[0, 0, 0, 1, 0x65, 0x88, 9]].concat();
    let three =
        [(1, picture.clone()), (2, vec![1; 300]), (3, b"\x06\x0e\x2b\x34\x02\x0b\x01\x01\0".to_vec())];
    let both = muxed(&[h264(), sound(AudioCodec::Aac), klv()], &three);
    let alone = muxed(&[sound(AudioCodec::Opus)], &[(2, vec![0xfc, 1, 2]), (2, vec![0xfc; 400])]);
    let packets = |stream: &[u8]| {
        stream.chunks(188).fold(Output::default(), |output, packet| output.u8(1).bytes(&packet[1..])).0
    };
    vec![packets(&both), packets(&alone), Output::default().u8(0).bytes(&both).0]
}

fn muxed(tracks: &[Track], units: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let table = TrackTable::new(tracks.to_vec()).expect("the tracks are in range");
    let mut muxer = Muxer::new(&table).expect("a transport stream carries them");
    let mut out = Vec::new();
    for time in (0..3).map(|number| 1_000_000_000 + number * 40_000_000) {
        for (track, data) in units {
            let data = Bytes::copy_from_slice(data);
            let (decoding, presentation) = (time, time + 80_000_000 * u64::from(*track == 1));
            let (track, duration, key, discont) = (*track, 40_000_000, true, false);
            muxer.write(&Unit { track, decoding, presentation, duration, key, discont, data }, &mut out);
        }
    }
    out
}

fn h264() -> Track {
    let media = Media::EncodedVideo(EncodedVideoInfo {
        codec: VideoCodec::H264,
        width: 320,
        height: 176,
        frame_rate: (25, 1),
        config: Vec::new(),
        caps: "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au".to_owned(),
    });
    Track { id: 1, name: String::new(), layers: ENCODED_VIDEO_LAYERS, media }
}

fn sound(codec: AudioCodec) -> Track {
    let config = match codec {
        AudioCodec::Aac => vec![0x11, 0x90],
        _ => b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec(),
    };
    let caps = "audio/x-any".to_owned();
    let media = Media::EncodedAudio(EncodedAudioInfo { codec, rate: 48_000, channels: 2, config, caps });
    Track { id: 2, name: String::new(), layers: ENCODED_AUDIO_LAYERS, media }
}

fn klv() -> Track {
    let media = Media::Data(DataInfo { caps: "meta/x-klv, parsed=(boolean)true".to_owned() });
    Track { id: 3, name: String::new(), layers: 1, media }
}
