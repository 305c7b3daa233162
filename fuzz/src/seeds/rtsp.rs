//! What players of RTSP ask, and what cameras, origins and servers answer.

use crate::input::Output;

/// As ffmpeg asks over the connection, and GStreamer by UDP, from beginning to end.
pub fn players() -> Vec<Vec<u8>> {
    let ffmpeg = [
        "OPTIONS rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
        "DESCRIBE rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nAccept: application/sdp\r\nCSeq: 2\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
        "SETUP rtsp://127.0.0.1:8554/play/abc/track0 RTSP/1.0\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nCSeq: 3\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
        "SETUP rtsp://127.0.0.1:8554/play/abc/track1 RTSP/1.0\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\nCSeq: 4\r\nUser-Agent: Lavf59.27.100\r\nSession: 12345678\r\n\r\n",
        "PLAY rtsp://127.0.0.1:8554/play/abc/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 5\r\nUser-Agent: Lavf59.27.100\r\nSession: 12345678\r\n\r\n",
        "$\x01\0\x08\x01\x02\0\x01\0\0\0\x05",
        "TEARDOWN rtsp://127.0.0.1:8554/play/abc/ RTSP/1.0\r\nCSeq: 6\r\nUser-Agent: Lavf59.27.100\r\nSession: 12345678\r\n\r\n",
    ];
    let gstreamer = [
        "OPTIONS rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: GStreamer/1.22.0\r\n\r\nDESCRIBE rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\nAccept-Language: en\r\n\r\n",
        "SETUP rtsp://127.0.0.1:8554/play/abc/track0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=40000-40001,RTP/AVPF;unicast;client_port=40000-40001\r\n\r\n",
        "PLAY rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 4\r\nSession: 12345678;timeout=60\r\nRange: npt=now-\r\n\r\n",
        "GET_PARAMETER rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 5\r\nSession: 12345678\r\nContent-Length: 0\r\n\r\n",
        "PAUSE rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 6\r\nSession: 12345678\r\n\r\n",
        "SET_PARAMETER rtsp://127.0.0.1:8554/play/abc RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 6\r\n\r\na: b\r\n",
    ];
    let wrong = [
        "DESCRIBE rtsp://127.0.0.1:8554/play/none RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "SETUP * RTSP/2.0\r\nCSeq: 2\r\nRequire: com.example\r\nTransport: RTP/AVP/TCP;interleaved=255-0\r\n\r\n",
    ];
    [(0, &ffmpeg[..]), (1, &gstreamer), (0, &wrong)]
        .map(|(udp, said)| {
            said.iter().fold(Output::default().u8(udp), |output, said| output.bytes(said.as_bytes())).0
        })
        .into()
}

/// A camera's answers in both ways of transport, a header of DTSC, and playlists.
pub fn sources() -> Vec<Vec<u8>> {
    let answers = |transport: &str| {
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        let length = sdp.len();
        format!(
            "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"camera\", nonce=\"17\"\r\n\r\n\
             RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://192.0.2.7/live/\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}\
             RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 27;timeout=60\r\nTransport: {transport}\r\n\r\n\
             RTSP/1.0 200 OK\r\nCSeq: 4\r\nRTP-Info: url=rtsp://192.0.2.7/live/1;seq=1;rtptime=9\r\n\r\n\
             $\0\0\x0e\x02\x60\0\x01\0\0\0\x09\0\0\0\x07\x41\x01\
             OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        )
    };
    let camera = |kind: u8, transport: &str| [&[kind, 7][..], answers(transport).as_bytes()].concat();
    let track = [
        member("trackid", &[&[1][..], &1i64.to_be_bytes()].concat()),
        member("codec", &text("H264")),
        member("width", &[&[1][..], &640i64.to_be_bytes()].concat()),
        member("fpks", &[&[1][..], &25_000i64.to_be_bytes()].concat()),
    ];
    let tracks = object(&[member("video_1", &object(&track))]);
    let header =
        object(&[member("tracks", &tracks), member("version", &text("4")), member("list", b"\x0a\0\0\xee")]);
    let live = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:17\n#EXT-X-MAP:URI=\"init.mp4\"\n\
        #EXTINF:4.000,\n#EXT-X-BYTERANGE:1000@0\n17.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x1\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXTINF:3.96,\n18.m4s\n";
    let master = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"a\"\nv.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI=\"i.m3u8\"\n";
    vec![
        camera(0, "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000007"),
        camera(1, "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=192.0.2.7"),
        [&[2][..], &header].concat(),
        [&[3][..], live.as_bytes()].concat(),
        [&[3][..], master.as_bytes()].concat(),
    ]
}

fn text(text: &str) -> Vec<u8> {
    [&[2][..], &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

fn member(name: &str, value: &[u8]) -> Vec<u8> {
    [&(name.len() as u16).to_be_bytes()[..], name.as_bytes(), value].concat()
}

fn object(members: &[Vec<u8>]) -> Vec<u8> {
    [&[0xe0][..], &members.concat(), &[0, 0, 0xee]].concat()
}
