use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fql_unit::Media;
use tempfile::TempDir;

use super::clips::{H264, PICTURES, clip, clip_of};
use super::origin::Origin;
use super::recorder::{PLAYED, goes_on, record, whole};

const LIST: &[&str] = &["-f", "hls", "-hls_time", "1", "-hls_list_size", "0"];
const FRAGMENTS: &[&str] = &["-hls_segment_type", "fmp4"];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [LIST, more].concat()
}

#[tokio::test]
async fn segments_that_are_encrypted_come_in_clear() {
    let folder = TempDir::new().expect("there is room");
    let write = |name: &str, what: &[u8]| {
        std::fs::write(folder.path().join(name), what).expect("there is room");
    };
    write("key", b"0123456789abcdef");
    write("numbered", b"key\nkey\n");
    write("told", b"key\nkey\n000102030405060708090a0b0c0d0e0f\n");
    for name in ["numbered", "told"] {
        let segments = format!("{name}%d.ts");
        let more = with(&["-hls_segment_filename"]);
        let more = [&more[..], &[&segments, "-hls_key_info_file", name]].concat();
        clip(folder.path(), &format!("{name}.m3u8"), H264, &more);
    }
    let origin = Origin::of(folder.path(), false).await;
    for name in ["numbered.m3u8", "told.m3u8"] {
        let text = std::fs::read_to_string(folder.path().join(name)).expect("it is there");
        assert!(text.contains("METHOD=AES-128"), "{text}");
        whole(&origin.url(name)).await.is_in_time(PICTURES);
    }
}

#[tokio::test]
async fn sound_that_has_a_playlist_of_its_own_comes_with_the_pictures() {
    let folder = TempDir::new().expect("there is room");
    for (name, kind) in [("ts", &[][..]), ("fragments", FRAGMENTS)] {
        let inside = folder.path().join(name);
        std::fs::create_dir(&inside).expect("there is room");
        let streams =
            ["-map", "0:v", "-map", "1:a", "-var_stream_map", "a:0,agroup:a,default:yes v:0,agroup:a"];
        let more = [&with(kind)[..], &streams, &["-master_pl_name", "all.m3u8"]].concat();
        clip(&inside, "%v.m3u8", H264, &more);
    }
    let origin = Origin::of(folder.path(), false).await;
    for name in ["ts/all.m3u8", "fragments/all.m3u8"] {
        let recorder = whole(&origin.url(name)).await;
        println!("{name}: {:?}", origin.asked.lock().expect("nobody panics with it"));
        recorder.is_in_time(PICTURES);
        let sound = recorder.of(false);
        assert!((85..=110).contains(&sound.len()), "{} of about 94 frames of sound", sound.len());
        recorder.took(1.0..PLAYED);
    }
}

#[tokio::test]
async fn sound_that_comes_after_the_pictures_of_a_segment_goes_with_them() {
    let folder = TempDir::new().expect("there is room");
    // Two segments of which each has all its pictures first.
    let codecs = [H264, &["-g", "150", "-sc_threshold", "0"]].concat();
    let mut more = with(FRAGMENTS);
    more[3] = "6";
    clip_of(12, folder.path(), "long.m3u8", &codecs, &more);
    let origin = Origin::of(folder.path(), false).await;
    let recorder = whole(&origin.url("long.m3u8")).await;
    let asked = origin.asked.lock().expect("nobody panics with it").clone();
    assert_eq!(asked.iter().filter(|path| path.ends_with(".m4s")).count(), 2, "{asked:?}");
    recorder.is_in_time(300);
    recorder.is_together();
    // At half the speed it would be 24.
    recorder.took(11.0..20.0);
}

/// Two clips one after the other, the second of which begins at its own zero.
fn joined(folder: &Path, kind: &'static [&'static str]) -> String {
    let list = |name: &str| {
        let is_ts = kind.is_empty();
        let segments = format!("{name}%d.{}", if is_ts { "ts" } else { "m4s" });
        let head = format!("{name}.mp4");
        let mut more = with(kind);
        more.push("-hls_segment_filename");
        let mut more = [&more[..], &[segments.as_str()]].concat();
        if !is_ts {
            more.extend(["-hls_fmp4_init_filename", &head]);
        }
        clip(folder, &format!("{name}.m3u8"), H264, &more);
        std::fs::read_to_string(folder.join(format!("{name}.m3u8"))).expect("it is there")
    };
    let (first, second) = (list("one"), list("two"));
    let rest =
        &second[second.find(if kind.is_empty() { "#EXTINF" } else { "#EXT-X-MAP" }).expect("it is there")..];
    first.replace("#EXT-X-ENDLIST\n", "#EXT-X-DISCONTINUITY\n") + rest
}

#[tokio::test]
async fn what_begins_anew_follows_what_was_before() {
    for kind in [&[][..], FRAGMENTS] {
        let folder = TempDir::new().expect("there is room");
        let list = joined(folder.path(), kind);
        std::fs::write(folder.path().join("both.m3u8"), &list).expect("there is room");
        let origin = Origin::of(folder.path(), false).await;
        let recorder = whole(&origin.url("both.m3u8")).await;
        let pictures = recorder.of(true);
        assert_eq!(pictures.len(), 2 * PICTURES, "every picture of both came once: {list}");
        // Each is in time by itself, and the second is not given at once.
        goes_on(&pictures[..PICTURES]);
        goes_on(&pictures[PICTURES..]);
        assert!(pictures[PICTURES].dts < pictures[PICTURES - 1].dts, "the second has its own clock");
        recorder.took(2.5..2.0 * PLAYED);
    }
}

#[tokio::test]
async fn a_live_window_is_followed_when_it_slides_jumps_and_begins_anew() {
    let folder = TempDir::new().expect("there is room");
    let more = with(&["-hls_segment_filename", "%d.ts"]);
    clip(
        folder.path(),
        "clip.m3u8",
        &[H264, &["-force_key_frames", "expr:gte(t,n_forced*0.2)"]].concat(),
        &{
            let mut more = more.clone();
            more[3] = "0.2";
            more
        },
    );
    // Ten segments of a fifth of a second, of which each look at the playlist sees some others. At the third the server
    // has begun to number anew.
    let windows: [(u64, std::ops::Range<usize>); 4] = [(100, 0..4), (102, 2..6), (0, 6..8), (40, 8..10)];
    let looks = AtomicUsize::new(0);
    let files = folder.path().to_owned();
    let origin = Origin::answering(false, move |path| {
        if path != "live.m3u8" {
            return std::fs::read(files.join(path)).ok();
        }
        let look = looks.fetch_add(1, Ordering::SeqCst);
        let (first, segments) = windows[look.min(windows.len() - 1)].clone();
        let mut list =
            format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for segment in segments {
            list += &format!("#EXTINF:0.2,\n{segment}.ts\n");
        }
        // It ends after a while, so that nothing waits for more.
        list += if look > windows.len() { "#EXT-X-ENDLIST\n" } else { "" };
        Some(list.into_bytes())
    })
    .await;
    let (ended, recorder) = record(&origin.url("live.m3u8"), None).await;
    assert_eq!(ended, Ok(()));
    let asked = origin.asked.lock().expect("nobody panics with it").clone();
    let segments: Vec<_> = asked.iter().filter_map(|path| path.strip_suffix(".ts")).collect();
    // Three before the end of the first; then each once.
    assert_eq!(segments, ["1", "2", "3", "4", "5", "6", "7", "8", "9"], "{asked:?}");
    let pictures = recorder.of(true);
    assert_eq!(pictures.len(), PICTURES - 5);
    goes_on(&pictures);
    assert!(recorder.has(Media::is_audio));
}
