//! Units and track tables survive the trip through bytes, and no bytes at all make the parsers misbehave.

use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use fql_unit::{
    AudioCodec, AudioFormat, AudioInfo, Chroma, ContentLight, DataInfo, EncodedAudioInfo, EncodedVideoInfo,
    Error, FieldOrder, HdrInfo, Interlace, MasteringDisplay, Media, Orientation, Segment, Track, TrackTable,
    Unit, UnitFlags, VideoCodec, VideoInfo,
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
        reference_layers in 0..=layers,
        segments in vec(segment(), usize::from(layers) * usize::from(slices)),
        (key, discont, attached) in any::<(bool, bool, bool)>(),
        (layers, slices, params) in Just((layers, slices, params)),
    ) -> Unit {
        let mut unit = Unit::new(layers, slices, params).unwrap();
        unit.flags = UnitFlags { key, discont, attached };
        unit.set_coded_layers(coded);
        unit.set_reference_layers(reference_layers);
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
    let codecs = [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9];
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

fn hdr() -> impl Strategy<Value = HdrInfo> {
    let point = || any::<(u16, u16)>();
    let mastering = ([point(), point(), point()], point(), any::<u32>(), any::<u32>()).prop_map(
        |(primaries, white_point, max_luminance, min_luminance)| MasteringDisplay {
            primaries,
            white_point,
            max_luminance,
            min_luminance,
        },
    );
    let light =
        any::<(u16, u16)>().prop_map(|(max_content, max_average)| ContentLight { max_content, max_average });
    (prop::option::of(mastering), prop::option::of(light))
        .prop_map(|(mastering, light)| HdrInfo { mastering, light })
}

fn video() -> impl Strategy<Value = Media> {
    let chromas = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];
    let format =
        (prop::sample::select(chromas.to_vec()), any::<bool>(), prop::sample::select(vec![8, 10, 12]));
    let fields = prop::sample::select(vec![
        (Interlace::Progressive, FieldOrder::Unknown),
        (Interlace::Interleaved, FieldOrder::TopFirst),
        (Interlace::Interleaved, FieldOrder::BottomFirst),
        (Interlace::Mixed, FieldOrder::Unknown),
    ]);
    let orientation = prop::sample::select(vec![
        Orientation::Rotate0,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
        Orientation::FlipRotate0,
        Orientation::FlipRotate90,
        Orientation::FlipRotate180,
        Orientation::FlipRotate270,
    ]);
    let ratio = || (any::<u32>(), 1..=u32::MAX);
    let size = (1u32..=8192, 1u32..=8192);
    let texts = ("[a-z0-9:]{0,20}", "[a-z0-9+]{0,20}");
    (size, format, (ratio(), ratio()), fields, orientation, texts, hdr()).prop_map(
        |(size, (chroma, alpha, bits), (frame_rate, pixel_aspect), fields, orientation, texts, hdr)| {
            Media::Video(VideoInfo {
                width: size.0,
                height: size.1,
                chroma,
                alpha,
                bits,
                frame_rate,
                pixel_aspect,
                interlace: fields.0,
                field_order: fields.1,
                colorimetry: texts.0,
                chroma_site: texts.1,
                hdr,
                orientation,
            })
        },
    )
}

fn media() -> impl Strategy<Value = Media> {
    let audio = (8_000u32..=192_000, 1u8..=8, any::<bool>(), any::<u64>()).prop_map(
        |(rate, channels, fine, channel_mask)| {
            let format = if fine { AudioFormat::S24 } else { AudioFormat::S16 };
            Media::Audio(AudioInfo { rate, channels, format, channel_mask })
        },
    );
    let data = "[a-z/, =-]{0,100}".prop_map(|caps| Media::Data(DataInfo { caps }));
    prop_oneof![video(), audio, data, encoded_video(), encoded_audio()]
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
fn reference_layers_stay_when_layers_are_taken_away() {
    let mut unit = Unit::new(4, 2, []).unwrap();
    assert!(unit.reference_layers() == 0 && unit.has_whole_reference());
    unit.set_reference_layers(3);
    for (layer, slice) in (0..3).flat_map(|layer| [(layer, 0), (layer, 1)]) {
        unit.set(layer, slice, Segment::complete("x"));
    }
    assert!(unit.has_whole_reference());
    unit.set_coded_layers(2);
    assert!(unit.reference_layers() == 3 && !unit.has_whole_reference());
}

#[test]
fn errors_name_what_is_wrong() {
    let text = |bytes: &[u8]| Unit::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(text(&[]), "the bytes end inside the unit's header");
    assert_eq!(text(b"RIFF"), "the unit's first byte is 82, it must be 244 (a unit of FQL 0.4)");
    assert_eq!(text(&[0xf4, 1, 16, 1, 0, 0, 0]), "the number of layers is 16, it must be 1 to 15");
    assert_eq!(
        text(&[0xf4, 1, 2, 1, 3, 0, 0]),
        "the number of coded layers is 3, it must be at most the number of layers"
    );
    assert_eq!(
        text(&[0xf4, 1, 2, 1, 0, 3, 0]),
        "the number of reference layers is 3, it must be at most the number of layers"
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

fn camera() -> VideoInfo {
    VideoInfo {
        alpha: true,
        bits: 10,
        frame_rate: (25, 1),
        pixel_aspect: (16, 15),
        interlace: Interlace::Interleaved,
        field_order: FieldOrder::BottomFirst,
        orientation: Orientation::FlipRotate90,
        colorimetry: "bt2100-pq".into(),
        chroma_site: "mpeg2".into(),
        hdr: HdrInfo {
            mastering: Some(MasteringDisplay {
                primaries: [(34_000, 16_000), (13_250, 34_500), (7_500, 3_000)],
                white_point: (15_635, 16_450),
                max_luminance: 10_000_000,
                min_luminance: 50,
            }),
            light: Some(ContentLight { max_content: 1000, max_average: 400 }),
        },
        ..VideoInfo::new(720, 576, Chroma::Yuv422)
    }
}

fn video_track(info: VideoInfo) -> Result<TrackTable, Error> {
    TrackTable::new(vec![Track { id: 9, name: String::new(), layers: 12, media: Media::Video(info) }])
}

#[test]
fn the_bytes_of_a_video_track_are_those_of_the_specification() {
    #[rustfmt::skip]
    let expected = [
        1,
        62, 9, 12, 0, 0, 0xd0, 5, 0xc0, 4, 2, 10, 7, 25, 1, 16, 15, 1, 2, 5,
        9, b'b', b't', b'2', b'1', b'0', b'0', b'-', b'p', b'q', 5, b'm', b'p', b'e', b'g', b'2',
        0x84, 0xd0, 0x3e, 0x80, 0x33, 0xc2, 0x86, 0xc4, 0x1d, 0x4c, 0x0b, 0xb8, 0x3d, 0x13, 0x40, 0x42,
        0x00, 0x98, 0x96, 0x80, 0, 0, 0, 50, 0x03, 0xe8, 0x01, 0x90,
    ];
    assert_eq!(video_track(camera()).unwrap().to_bytes(), expected);
    #[rustfmt::skip]
    let plain = [1, 18, 9, 12, 0, 0, 64, 48, 0, 8, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0];
    let bytes = video_track(VideoInfo::new(64, 48, Chroma::Grey)).unwrap().to_bytes();
    assert_eq!(bytes, plain);
}

#[test]
fn values_of_a_video_track_that_are_out_of_range_are_named() {
    let refused = |info| video_track(info).unwrap_err().to_string();
    for bits in [0, 7, 9, 11, 13, 16] {
        let expected = format!("a video's bits a sample is {bits}, it must be 8, 10 or 12");
        assert_eq!(refused(VideoInfo { bits, ..camera() }), expected);
    }
    assert_eq!(
        refused(VideoInfo { chroma_site: "x".repeat(65), ..camera() }),
        "the length of a chroma site is 65, it must be at most 64 bytes"
    );
    assert_eq!(
        refused(VideoInfo { chroma_site: "a\0b".into(), ..camera() }),
        "a chroma site is not UTF-8 text without zero bytes"
    );
    let bytes = video_track(camera()).unwrap().to_bytes();
    for (at, complaint) in [
        (10, "a chroma format is 99, it must be 0 (grey), 1 (4:2:0), 2 (4:2:2), 3 (4:4:4) or 4 (RGB)"),
        (11, "a video's bits a sample is 99, it must be 8, 10 or 12"),
        (17, "a kind of interlacing is 99, it must be 0 (progressive), 1 (interleaved) or 2 (mixed)"),
        (18, "an order of fields is 99, it must be 0 (unknown), 1 (top first) or 2 (bottom first)"),
        (19, "an orientation is 99, it must be 0 to 7"),
    ] {
        let mut bytes = bytes.clone();
        bytes[at] = 99;
        assert_eq!(TrackTable::from_bytes(&bytes).unwrap_err().to_string(), complaint);
    }
}
