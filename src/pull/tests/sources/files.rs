use fql_pull::Reason;
use fql_unit::{Media, VideoCodec};
use tempfile::TempDir;

use super::clips::{H264, H265, PICTURES, VP9, clip};
use super::origin::Origin;
use super::recorder::{PLAYED, record, whole};

fn is(codec: VideoCodec) -> impl Fn(&Media) -> bool {
    move |media| matches!(media, Media::EncodedVideo(video) if video.codec == codec)
}

#[tokio::test]
async fn every_picture_of_a_file_comes_once_in_time() {
    let folder = TempDir::new().expect("there is room");
    // The first times of ffmpeg's transport streams are not 0; those of its MP4 with such pictures are put right by a list.
    clip(folder.path(), "late.ts", H264, &["-output_ts_offset", "5000"]);
    clip(folder.path(), "h264.mp4", H264, &["-movflags", "+faststart"]);
    clip(folder.path(), "fragments.mp4", H264, &["-movflags", "+frag_keyframe+delay_moov"]);
    clip(folder.path(), "h265.mp4", H265, &["-tag:v", "hvc1", "-movflags", "+faststart"]);
    clip(folder.path(), "h264.mkv", H264, &[]);
    clip(folder.path(), "h265.mkv", H265, &[]);
    clip(folder.path(), "vp9.webm", VP9, &[]);
    let origin = Origin::of(folder.path(), false).await;
    let check = async |path: &str, codec| {
        let recorder = whole(&origin.url(path)).await;
        assert!(recorder.has(is(codec)), "{path}: {:?}", recorder.tables);
        println!("{path}");
        recorder.is_in_time(PICTURES);
        recorder.took(1.0..PLAYED);
    };
    tokio::join!(
        check("late.ts", VideoCodec::H264),
        check("h264.mp4", VideoCodec::H264),
        check("fragments.mp4", VideoCodec::H264),
        check("h265.mp4", VideoCodec::H265),
        check("h264.mkv", VideoCodec::H264),
        check("h265.mkv", VideoCodec::H265),
        check("vp9.webm", VideoCodec::Vp9),
    );
}

#[tokio::test]
async fn an_index_at_the_end_of_a_file_is_read_first() {
    let folder = TempDir::new().expect("there is room");
    clip(folder.path(), "end.mp4", H264, &[]);
    // Longer than what is read before the index is asked for.
    clip(
        folder.path(),
        "large.mp4",
        H264,
        &["-vf", "noise=alls=80:allf=t,scale=640:360", "-qp", "8", "-bf", "2"],
    );
    let length = std::fs::metadata(folder.path().join("large.mp4")).expect("it is there").len();
    assert!(length > 6 << 20, "{length}");
    let origin = Origin::of(folder.path(), true).await;
    for path in ["end.mp4", "large.mp4"] {
        let recorder = whole(&origin.url(path)).await;
        println!("{path}: {:?}", origin.asked.lock().expect("nobody panics with it"));
        recorder.is_in_time(PICTURES);
    }
    let asked = origin.asked.lock().expect("nobody panics with it").clone();
    let ranges = asked.iter().filter(|asked| asked.starts_with("large.mp4 ")).count();
    assert_eq!(ranges, 2, "the index, and then the media: {asked:?}");

    let whole_only = Origin::of(folder.path(), false).await;
    let (ended, _) = record(&whole_only.url("large.mp4"), None).await;
    let error = ended.expect_err("the server gives no parts");
    assert_eq!((error.reason, error.detail.contains("parts of files")), (Reason::Malformed, true), "{error}");
}
