//! Ordinary encoders in, ordinary players out: each way in is published once and read by every way out at the same
//! time, by programs of others. All have to get the clip's pictures and its sound, both at the same time, and an end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fql_tests::ordinary::check::{Expected, check};
use fql_tests::ordinary::clip::Clip;
use fql_tests::ordinary::encoders::{self, AAC, AV1, H264, H264_B_FRAMES, H264_BASELINE, H265, OPUS, VP9};
use fql_tests::ordinary::folder::Folder;
use fql_tests::ordinary::players::{End, Kind, Player};
use fql_tests::ordinary::stage::Stage;
use fql_tests::pipeline::{load_plugin, load_webrtc_plugin};
use fql_tests::program::Program;

/// Seconds of a publication.
const SECONDS: u32 = 12;
/// How long a program may take to end when it should, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A way out, as it is read.
struct Way {
    name: &'static str,
    player: Player,
    expected: Expected,
    end: End,
}

impl Way {
    fn new(name: &'static str, player: Player) -> Self {
        Self { name, player, expected: Expected::ALL, end: End::Itself }
    }

    fn expecting(self, change: impl FnOnce(&mut Expected)) -> Self {
        let mut expected = self.expected;
        change(&mut expected);
        Self { expected, ..self }
    }

    fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// Those that can wait for a stream that is not live yet.
fn early(stage: &Stage) -> Result<Vec<Way>> {
    let srt = stage.srt()?;
    let id = format!("#!::r={},m=request", stage.playback_id());
    let ffmpeg = Player::ffmpeg(&["-srt_streamid", &id, "-i", &srt], Kind::Both)?;
    Ok(vec![Way::new("SRT, ffmpeg", ffmpeg)])
}

/// Those that ask when it is.
fn late(stage: &Stage, clip: &Arc<Clip>, codec: Codec) -> Result<Vec<Way>> {
    let ffmpeg = |protocol: &str, options: &[&str], kind| -> Result<Player> {
        Player::ffmpeg(&[options, &["-i", &stage.source(protocol)?]].concat(), kind)
    };
    let hls = stage.source("hls")?;
    let gst = |uri: &str| Player::gst(&format!("uridecodebin3 name=media uri={uri}"), clip);
    let fqlsrc = format!("fqlsrc name=media uri=\"{}\" latency=500", stage.source("fql")?);
    let fql_pads = ["media.video_0", "media.audio_0"];
    let mut ways = vec![
        Way::new("HLS, ffmpeg", ffmpeg("hls", &[], Kind::Both)?),
        // Where a playlist has its end, that of GStreamer 1.22 counts times anew, and takes the last segment for played.
        Way::new("HLS, hlsdemux2", gst(&hls)?).expecting(|it| it.tail = 60),
        Way::new("LL-HLS, parts", Player::parts(&hls)?),
        Way::new(".mp4, ffmpeg", ffmpeg("mp4", &[], Kind::Both)?),
        Way::new("FQL, fqlsrc", Player::gst_of_pads(&fqlsrc, fql_pads, clip)?)
            .ending(End::StandsStill)
            .expecting(|it| (it.settles, it.uneven) = (50, 0.2)),
        Way::new(".aac, ffmpeg", ffmpeg("aac", &[], Kind::Sound)?).expecting(|it| it.pictures = false),
    ];
    // It begins with all pictures since the last key picture, at once, and puts sound and picture together by reports.
    let whep = Player::whep(&whep(&stage.source("whep")?, codec), clip)?;
    let whep = Way::new("WHEP, whepsrc", whep).ending(End::StandsStill);
    ways.push(whep.expecting(|it| {
        (it.settles, it.uneven, it.gap) = (75, 0.1, 0.1);
        // Where the machine is too slow for an encoder, pictures are left out.
        it.every = codec.is_as_it_is_by_webrtc();
    }));
    if codec.is_in_transport_streams() {
        ways.push(Way::new(".ts, ffmpeg", ffmpeg("ts", &[], Kind::Both)?));
    }
    if codec != Codec::Av1 {
        // What unpacks it is newer than Debian 12.
        let rtsp = |transport| ffmpeg("rtsp", &["-rtsp_transport", transport], Kind::Both);
        // ffmpeg 5.1 has no time of the first picture where there are B-frames.
        let late_first = |it: &mut Expected| it.settles = 1;
        ways.push(Way::new("RTSP, ffmpeg, TCP", rtsp("tcp")?).expecting(late_first));
        // The goodbye comes by a port of its own, and may overtake what is last.
        let udp = Way::new("RTSP, ffmpeg, UDP", rtsp("udp")?).expecting(late_first);
        ways.push(udp.expecting(|it| it.tail = 8));
    }
    Ok(ways)
}

/// GStreamer's client of WHEP, which offers Opus and the pictures that Debian 12 can take out of RTP.
fn whep(address: &str, codec: Codec) -> String {
    let (name, decode) = match codec {
        Codec::Vp9 => ("VP9", "vp9dec"),
        _ => ("H264", "h264parse ! avdec_h264"),
    };
    let unpack = format!("rtp{}depay", name.to_lowercase());
    format!(
        "whepsrc name=in whep-endpoint={address}
         video-caps=\"application/x-rtp,media=video,payload=103,clock-rate=90000,encoding-name={name}\"
         audio-caps=\"application/x-rtp,media=audio,payload=96,clock-rate=48000,encoding-name=OPUS,encoding-params=(string)2\"
         {unpack} name=pictures-in wait-for-keyframe=true request-keyframe=true ! {decode} ! videoconvert ! video/x-raw,format=I420 ! appsink name=pictures sync=false
         rtpopusdepay name=sound-in ! opusdec ! audioconvert ! audioresample !
         audio/x-raw,format=F32LE,rate=48000,channels=1 ! appsink name=sound sync=false"
    )
}

/// The one that asks when it is over, for what is still kept: of a live description, ffmpeg asks for segments that are
/// not there yet and then leaves them out, and dashdemux2 of GStreamer 1.22 never comes to its end.
fn afterwards(dash: &str) -> Result<Way> {
    Ok(Way::new("DASH afterwards, ffmpeg", Player::ffmpeg(&["-i", dash], Kind::Both)?))
}

/// How players get the pictures coded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    H264,
    H264BFrames,
    H265,
    Vp9,
    Av1,
}

impl Codec {
    fn is_in_transport_streams(self) -> bool {
        matches!(self, Self::H264 | Self::H264BFrames | Self::H265)
    }

    /// Whether players of WebRTC, as they are here, get the pictures as they are: in the order in which they are shown, in
    /// a codec that Debian 12 takes out of RTP.
    fn is_as_it_is_by_webrtc(self) -> bool {
        matches!(self, Self::H264 | Self::Vp9)
    }
}

/// A way in.
struct In {
    name: &'static str,
    /// How the clip is coded.
    coding: [&'static [&'static str]; 2],
    publish: fn(&Path, &Stage) -> Result<Program>,
    /// How players get the pictures.
    codec: Codec,
    /// The last pictures that may be lost with the connection.
    tail: u32,
    /// What is read elsewhere: its own viewers get as many of the layers as they can take, and that is not all.
    leaves_out: Option<&'static str>,
    /// What else is expected of players.
    adjust: fn(&mut Expected),
}

impl In {
    /// One that says goodbye when all has arrived.
    const fn new(
        name: &'static str,
        coding: [&'static [&'static str]; 2],
        publish: fn(&Path, &Stage) -> Result<Program>,
    ) -> Self {
        Self { name, coding, publish, codec: Codec::H264, tail: 0, leaves_out: None, adjust: |_| {} }
    }

    /// Publishes the clip, and reads it in every way.
    fn plays_everywhere(self) -> Result<()> {
        load_plugin()?;
        load_webrtc_plugin()?;
        let folder = Folder::new("ordinary")?;
        let (clip, file) = (Arc::new(Clip::new(SECONDS)), folder.file("clip.mkv"));
        clip.write(&file, &self.coding.concat())?;
        let stage = Stage::new()?;
        let mut ways = if self.codec.is_in_transport_streams() { early(&stage)? } else { Vec::new() };
        let publisher = (self.publish)(&file, &stage)?;
        stage.is_live()?;
        ways.extend(late(&stage, &clip, self.codec)?);
        ways.retain(|way| Some(way.name) != self.leaves_out);
        let dash = stage.source("dash")?;
        publisher.ends_well(Duration::from_secs(SECONDS.into()) + PATIENCE)?;
        stage.is_offline()?;
        ways.push(afterwards(&dash)?);
        let mut wrong = Vec::new();
        for mut way in ways {
            way.expected.tail += self.tail;
            (self.adjust)(&mut way.expected);
            let ends = way.player.ends(way.end, PATIENCE, &clip, way.expected.tail).context("its end");
            let checked = ends.and_then(|recording| check(&recording, &clip, way.expected));
            match checked {
                Ok(figures) => println!("{} -> {}: {figures}", self.name, way.name),
                Err(error) => wrong.push(format!("{} -> {}: {error:#}", self.name, way.name)),
            }
        }
        if !wrong.is_empty() {
            bail!("{}\n{}", wrong.join("\n"), stage.daemon().log()?);
        }
        Ok(())
    }
}

#[test]
fn what_ffmpeg_sends_by_rtmp_with_b_frames_plays_everywhere() -> Result<()> {
    let rtmp = In::new("RTMP, ffmpeg", [H264_B_FRAMES, AAC], encoders::ffmpeg_rtmp);
    In { codec: Codec::H264BFrames, ..rtmp }.plays_everywhere()
}

#[test]
fn what_gstreamer_sends_by_rtmp_plays_everywhere() -> Result<()> {
    In::new("RTMP, rtmp2sink", [H264, AAC], encoders::gst_rtmp).plays_everywhere()
}

/// An encoder that ends its connection does not wait until all of it has arrived, and libsrt gives nothing out before its
/// time has come.
const LOST_WITH_SRT: u32 = 8;

#[test]
fn what_ffmpeg_sends_by_srt_plays_everywhere() -> Result<()> {
    let srt = In::new("SRT, ffmpeg", [H264, AAC], encoders::ffmpeg_srt);
    In { tail: LOST_WITH_SRT, ..srt }.plays_everywhere()
}

#[test]
fn what_gstreamer_sends_by_srt_plays_everywhere() -> Result<()> {
    let srt = In::new("SRT, srtsink", [H264, AAC], encoders::gst_srt);
    In { tail: LOST_WITH_SRT, ..srt }.plays_everywhere()
}

#[test]
fn h264_that_is_sent_by_fql_plays_everywhere() -> Result<()> {
    In::new("FQL with H.264, streamapisink", [H264, AAC], encoders::gst_fql).plays_everywhere()
}

#[test]
fn layers_that_are_sent_by_fql_play_everywhere() -> Result<()> {
    let fql = In::new("FQL in layers, streamapisink", [H264, AAC], encoders::gst_fql_layers);
    In { leaves_out: Some("FQL, fqlsrc"), adjust: layers, ..fql }.plays_everywhere()
}

/// A sender gives few layers until it knows what the way carries, and where an encoder does not keep up, pictures are left
/// out.
fn layers(expected: &mut Expected) {
    (expected.every, expected.psnr, expected.uneven) = (false, 20.0, expected.uneven.max(0.2));
    expected.tail += 5;
}

/// Until the first reports of a publisher, its times are those at which packets came.
fn by_whip(expected: &mut Expected) {
    (expected.uneven, expected.tail) = (expected.uneven.max(0.06), expected.tail + 5);
}

#[test]
fn what_ffmpeg_sends_by_whip_plays_everywhere() -> Result<()> {
    let whip = In::new("WHIP, ffmpeg", [H264_BASELINE, OPUS], encoders::ffmpeg_whip);
    In { adjust: by_whip, ..whip }.plays_everywhere()
}

#[test]
fn h265_that_ffmpeg_sends_by_enhanced_rtmp_plays_everywhere() -> Result<()> {
    let rtmp = In::new("E-RTMP with H.265, ffmpeg", [H265, AAC], encoders::ffmpeg_enhanced_rtmp);
    In { codec: Codec::H265, ..rtmp }.plays_everywhere()
}

#[test]
fn vp9_that_ffmpeg_sends_by_enhanced_rtmp_plays_everywhere() -> Result<()> {
    let rtmp = In::new("E-RTMP with VP9, ffmpeg", [VP9, AAC], encoders::ffmpeg_enhanced_rtmp);
    In { codec: Codec::Vp9, ..rtmp }.plays_everywhere()
}

#[test]
fn av1_and_opus_that_ffmpeg_sends_by_enhanced_rtmp_play_everywhere() -> Result<()> {
    let rtmp = In::new("E-RTMP with AV1 and Opus, ffmpeg", [AV1, OPUS], encoders::ffmpeg_enhanced_rtmp);
    In { codec: Codec::Av1, ..rtmp }.plays_everywhere()
}
