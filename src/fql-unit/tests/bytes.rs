//! Units and track tables survive the trip through bytes, and no bytes at all make the parsers misbehave.

use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use fql_unit::{
    AudioCodec, AudioFormat, AudioInfo, Chroma, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Error, Media,
    Segment, Track, TrackTable, Unit, UnitFlags, VideoCodec, VideoInfo,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn segment() -> impl Strategy<Value = Segment> {
    (vec(any::<u8>(), 0..40), any::<bool>()).prop_map(|(data, complete)| {
        if complete { Segment::complete(data) } else { Segment::truncated(data) }
    })
}

prop_compose! {
    fn unit()(layers in 1u8..=15, slices in 1u8..=32, params in vec(any::<u8>(), 0..=24))(
        coded in 0..=layers,
        segments in vec(segment(), usize::from(layers) * usize::from(slices)),
        (key, discont) in any::<(bool, bool)>(),
        (layers, slices, params) in Just((layers, slices, params)),
    ) -> Unit {
        let mut unit = Unit::new(layers, slices, params).unwrap();
        unit.flags = UnitFlags { key, discont };
        unit.set_coded_layers(coded);
        for layer in 0..coded {
            for slice in 0..slices {
                let i = usize::from(layer) * usize::from(slices) + usize::from(slice);
                unit.set(layer, slice, segments[i].clone());
            }
        }
        unit
    }
}

fn encoded_video() -> impl Strategy<Value = Media> {
    let codecs = [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1];
    let fields = (prop::sample::select(codecs.to_vec()), 1u32..=8192, any::<u32>(), 1..=u32::MAX);
    (fields, vec(any::<u8>(), 0..=1024), "[a-z/, =-]{0,200}").prop_map(|(fields, config, caps)| {
        let (codec, width, rate, rate_den) = fields;
        let (height, frame_rate) = (width, (rate, rate_den));
        Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps })
    })
}

fn encoded_audio() -> impl Strategy<Value = Media> {
    let codecs = prop::sample::select(vec![AudioCodec::Aac, AudioCodec::Opus]);
    (codecs, 7_350u32..=192_000, 1u8..=8, vec(any::<u8>(), 0..40), "[a-z/, =-]{0,200}").prop_map(
        |(codec, rate, channels, config, caps)| {
            Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps })
        },
    )
}

fn media() -> impl Strategy<Value = Media> {
    let video = (1u32..=8192, 1u32..=8192, any::<bool>(), any::<u32>(), 1..=u32::MAX, "[a-z0-9:]{0,20}")
        .prop_map(|(width, height, grey, rate, rate_den, colorimetry)| {
            let chroma = if grey { Chroma::Grey } else { Chroma::Yuv420 };
            let (frame_rate, pixel_aspect) = ((rate, rate_den), (1, 1));
            Media::Video(VideoInfo { width, height, chroma, bits: 8, frame_rate, pixel_aspect, colorimetry })
        });
    let audio = (8_000u32..=192_000, 1u8..=8, any::<u64>()).prop_map(|(rate, channels, channel_mask)| {
        Media::Audio(AudioInfo { rate, channels, format: AudioFormat::S16, channel_mask })
    });
    let data = "[a-z/, =-]{0,100}".prop_map(|caps| Media::Data(DataInfo { caps }));
    prop_oneof![video, audio, data, encoded_video(), encoded_audio()]
}

fn table() -> impl Strategy<Value = TrackTable> {
    vec(("\\PC{0,16}", 1u8..=15, media()), 0..8).prop_map(|tracks| {
        let track = |(id, (name, layers, media))| Track { id: id as u8, name, layers, media };
        TrackTable::new(tracks.into_iter().enumerate().map(track).collect()).unwrap()
    })
}

proptest! {
    #[test]
    fn a_unit_survives_the_trip_through_bytes(unit in unit()) {
        let bytes = unit.to_bytes();
        prop_assert_eq!(&Unit::from_bytes(&bytes).unwrap(), &unit);
        prop_assert_eq!(&Unit::from_shared(&Bytes::from(bytes)).unwrap(), &unit);
    }

    #[test]
    fn a_unit_cut_off_anywhere_is_an_error(unit in unit(), cut in any::<prop::sample::Index>()) {
        let bytes = unit.to_bytes();
        prop_assert!(Unit::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_a_unit_or_an_error(mut bytes in vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        if magic && !bytes.is_empty() {
            bytes[0] = 0xf4;
        }
        if let Ok(unit) = Unit::from_bytes(&bytes) {
            prop_assert!(unit.payload_len() <= bytes.len());
        }
    }

    #[test]
    fn a_track_table_survives_the_trip_through_bytes(table in table()) {
        prop_assert_eq!(TrackTable::from_bytes(&table.to_bytes()).unwrap(), table);
    }

    #[test]
    fn any_bytes_are_a_track_table_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = TrackTable::from_bytes(&bytes);
    }

    #[test]
    fn a_damaged_track_table_is_a_table_or_an_error(table in table(), at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = table.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(table) = TrackTable::from_bytes(&bytes) {
            prop_assert!(table.tracks().len() <= 64);
        }
    }

    #[test]
    fn an_integer_survives_the_trip_through_bytes(value: u64) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.varint("it").unwrap(), value);
        reader.finish().unwrap();
    }
}

#[test]
fn an_integer_of_more_than_64_bits_is_an_error() {
    for bytes in
        [[0xff; 10].as_slice(), &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2], &[0x80; 11]]
    {
        assert!(matches!(Reader::new(bytes).varint("it"), Err(Error::OutOfRange { .. })), "{bytes:?}");
    }
}

#[test]
fn holes_end_the_complete_layers_of_their_slice_only() {
    let mut unit = Unit::new(4, 2, []).unwrap();
    for (layer, slice) in [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)] {
        unit.set(layer, slice, Segment::complete("x"));
    }
    assert_eq!((unit.complete_layers(0), unit.complete_layers(1)), (3, 1));
    assert_eq!(unit.complete_layers_everywhere(), 1);
    assert!(unit.has_picture() && !unit.is_complete());
    unit.set(0, 1, Segment::missing());
    assert!(!unit.has_picture());
}

#[test]
fn errors_name_what_is_wrong() {
    let text = |bytes: &[u8]| Unit::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(text(&[]), "the bytes end inside the unit's header");
    assert_eq!(text(b"RIFF"), "the unit's first byte is 82, it must be 244 (a unit of FQL 0.4)");
    assert_eq!(text(&[0xf4, 1, 16, 1, 0, 0]), "the number of layers is 16, it must be 1 to 15");
    assert_eq!(
        text(&[0xf4, 1, 2, 1, 3, 0]),
        "the number of coded layers is 3, it must be at most the number of layers"
    );
    let two = vec![
        Track {
            id: 7,
            name: String::new(),
            layers: 1,
            media: Media::Data(DataInfo { caps: String::new() })
        };
        2
    ];
    assert_eq!(TrackTable::new(two).unwrap_err().to_string(), "two tracks have the id 7");
}

#[test]
fn text_with_a_zero_byte_is_an_error() {
    let data = |name: &str, caps: &str| Track {
        id: 0,
        name: name.into(),
        layers: 1,
        media: Media::Data(DataInfo { caps: caps.into() }),
    };
    let bytes = TrackTable::new(vec![data("captions", "text")]).unwrap().to_bytes();
    for (track, complaint) in [
        (data("cap\0ions", "text"), "a track's name is not UTF-8 text without zero bytes"),
        (data("captions", "te\0t"), "the text of a data track's caps is not UTF-8 text without zero bytes"),
    ] {
        assert_eq!(TrackTable::new(vec![track]).unwrap_err().to_string(), complaint);
    }
    let damaged: Vec<u8> = bytes.iter().map(|&byte| if byte == b'x' { 0 } else { byte }).collect();
    assert!(TrackTable::from_bytes(&damaged).is_err());
}

#[test]
fn a_table_that_would_not_fit_in_its_parts_is_an_error() {
    let track = |id| Track {
        id,
        name: String::new(),
        layers: 3,
        media: Media::EncodedVideo(EncodedVideoInfo {
            codec: VideoCodec::H265,
            width: 1920,
            height: 1080,
            frame_rate: (50, 1),
            config: vec![7; 1024],
            caps: "x".repeat(1024),
        }),
    };
    assert!(TrackTable::new((0..11).map(track).collect()).is_ok());
    let err = TrackTable::new((0..12).map(track).collect()).unwrap_err().to_string();
    assert_eq!(err, "the length of the track table is 24781, it must be at most 24576 bytes");
}

#[test]
fn the_bytes_of_encoded_tracks_are_those_of_the_specification() {
    let video = EncodedVideoInfo {
        codec: VideoCodec::H264,
        width: 1280,
        height: 720,
        frame_rate: (25, 1),
        config: vec![1, 2],
        caps: "v".into(),
    };
    let audio = EncodedAudioInfo {
        codec: AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config: vec![],
        caps: "a".into(),
    };
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    let tracks = vec![track(0, 3, Media::EncodedVideo(video)), track(5, 1, Media::EncodedAudio(audio))];
    let bytes = TrackTable::new(tracks).unwrap().to_bytes();
    #[rustfmt::skip]
    let expected = [
        2,
        16, 0, 3, 0, 3, 0, 0x80, 10, 0xd0, 5, 25, 1, 2, 1, 2, 1, b'v',
        12, 5, 1, 0, 4, 1, 0x80, 0xf7, 2, 2, 0, 1, b'a',
    ];
    assert_eq!(bytes, expected);
}
