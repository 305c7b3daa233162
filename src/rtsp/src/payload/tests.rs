use super::*;

/// A NAL unit of this head and so many bytes that differ.
fn nal(head: &[u8], length: usize) -> Vec<u8> {
    head.iter().copied().chain((head.len()..length).map(|i| (i % 251) as u8 | 1)).collect()
}

fn access_unit(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
}

fn written(payloads: &[Payload<'_>]) -> Vec<Vec<u8>> {
    let write = |payload: &Payload<'_>| {
        let mut out = Vec::new();
        payload.write(&mut out);
        assert!(out.len() <= MOST_PAYLOAD && out.len() == payload.len());
        out
    };
    payloads.iter().map(write).collect()
}

const FRAMING: Framing = Framing::Lengths(4);

#[test]
fn nal_units_of_h264_are_sent_whole_or_in_fragments_with_parameter_sets_before_key_pictures() {
    let (sps, pps, slice) = (nal(&[0x67], 20), nal(&[0x68], 5), nal(&[0x65], 4000));
    let parameters = vec![sps.clone(), pps.clone()];
    let payloader = Payloader::Nal { codec: VideoCodec::H264, framing: FRAMING, parameters };
    let unit = access_unit(&[&[9, 0xf0], &slice]);
    let all = written(&payloader.cut(&unit, true));
    assert_eq!(all[..2], [sps.clone(), pps], "and no delimiter");
    let fragments = &all[2..];
    assert_eq!(fragments.len(), 3);
    let heads: Vec<_> = fragments.iter().map(|fragment| [fragment[0], fragment[1]]).collect();
    assert_eq!(heads, [[0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]]);
    let body: Vec<u8> = fragments.iter().flat_map(|fragment| fragment[2..].to_vec()).collect();
    assert_eq!(body, slice[1..]);

    let own = access_unit(&[&sps, &slice]);
    assert_eq!(written(&payloader.cut(&own, true))[..1], [sps], "its own ones are enough");
    assert_eq!(payloader.cut(&access_unit(&[&nal(&[0x41], 100)]), false).len(), 1);
}

#[test]
fn nal_units_of_h265_keep_their_layer_in_fragments() {
    let slice = nal(&[0x26, 0x01], 3000);
    let payloader = Payloader::Nal { codec: VideoCodec::H265, framing: FRAMING, parameters: Vec::new() };
    let unit = access_unit(&[&slice]);
    let all = written(&payloader.cut(&unit, true));
    let heads: Vec<_> = all.iter().map(|fragment| [fragment[0], fragment[1], fragment[2]]).collect();
    assert_eq!(heads, [[0x62, 1, 0x93], [0x62, 1, 0x13], [0x62, 1, 0x53]]);
    let body: Vec<u8> = all.iter().flat_map(|fragment| fragment[3..].to_vec()).collect();
    assert_eq!(body, slice[2..]);
}

#[test]
fn frames_of_aac_say_their_length_in_every_piece() {
    let frame = vec![7; 2000];
    let all = written(&Payloader::Aac.cut(&frame, true));
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|payload| payload[..4] == [0, 16, 0x3e, 0x80]));
    assert!(Payloader::Aac.cut(&vec![0; 8192], true).is_empty(), "13 bits cannot say it");
}

#[test]
fn frames_of_vp8_and_vp9_say_where_they_begin_and_end() {
    let frame = vec![1; 3000];
    let first = |payloads: &[Payload<'_>]| written(payloads).iter().map(|all| all[0]).collect::<Vec<_>>();
    assert_eq!(first(&Payloader::Vp8.cut(&frame, true)), [0x10, 0, 0]);
    assert_eq!(first(&Payloader::Vp9.cut(&frame, true)), [0x08, 0, 0x04]);
    assert_eq!(first(&Payloader::Vp9.cut(&frame[..10], false)), [0x4c]);
}

#[test]
fn obus_lose_their_lengths_and_keep_their_order() {
    let header = [0x0a, 2, 5, 6];
    let long: Vec<u8> = (0..2000).map(|i| i as u8).collect();
    // A delimiter, and a frame with its length in two bytes.
    let unit = [&[0x12, 0][..], &[0x32, 0xd0, 0x0f], &long].concat();
    let payloader = Payloader::Av1 { header: header.to_vec() };
    let all = written(&payloader.cut(&unit, true));
    assert_eq!(all[0], [0x18, 0x08, 5, 6], "the sequence header begins a coded video sequence");
    assert_eq!((all[1][0], all[1][1], all[2][0]), (0x50, 0x30, 0x90));
    assert_eq!([&all[1][2..], &all[2][1..]].concat(), long);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(unit: Vec<u8>, config: Vec<u8>, key: bool) {
        let payloaders = [
            Payloader::nal(VideoCodec::H264, &config),
            Payloader::nal(VideoCodec::H265, &config),
            Payloader::nal(VideoCodec::H264, &[]),
            Payloader::nal(VideoCodec::H265, &[]),
            Payloader::Av1 { header: config },
            Payloader::Vp8,
            Payloader::Vp9,
            Payloader::Aac,
            Payloader::Opus,
            Payloader::MpegAudio,
        ];
        for payloader in payloaders {
            written(&payloader.cut(&unit, key));
        }
    }
}
