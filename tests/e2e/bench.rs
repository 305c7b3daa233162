//! The measurements of `tests/bench`, on hardly anything: whether they run to their end, and what they write.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Makes a page with the markers of these parts, and lets the program measure them on two frames of one clip.
fn measured(parts: &[&str], folder: &Path) -> String {
    let page = folder.join("page.md");
    let markers =
        parts.iter().chain(&["targets"]).map(|part| format!("<!-- bench:{part} -->\n<!-- /bench -->\n"));
    fs::write(&page, format!("before\n{}after\n", markers.collect::<String>())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--quick", "--frames", "2", "--clips", "car-detection", "--page"])
        .arg(&page)
        .args(parts)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(&page).unwrap()
}

/// The cells of all rows that begin with this one.
fn rows<'a>(page: &'a str, first: &str) -> Vec<Vec<&'a str>> {
    let rows = page.lines().map(|line| line.split('|').skip(1).map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| cells.first() == Some(&first)).collect()
}

#[test]
fn pictures_are_measured_beside_their_peers_and_written_into_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = measured(&["rate", "lossless"], folder.path());
    assert!(page.starts_with("before\n") && page.ends_with("after\n"));

    let exact = rows(&page, "9");
    assert_eq!(&exact[0][1..], ["exact", exact[0][2], "exact", ""], "the last layer is exact: {page}");
    let ours = &rows(&page, "FQL")[0];
    let peer = &rows(&page, "FFV1")[0];
    let bytes = |row: &[&str]| row[1].replace(',', "").parse::<f64>().unwrap();
    let ratio: f64 = ours[2].parse().unwrap();
    assert!((bytes(ours) / bytes(peer) - ratio).abs() < 0.01, "{ours:?} {peer:?}");
    assert!((0.5..2.0).contains(&ratio), "{ratio}");

    let plot = fs::read_to_string(folder.path().join("images/bench-rate-car-detection.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("JPEG 2000") && !plot.contains("NaN"));
    assert!(page.contains("](images/bench-rate-car-detection.svg)"));
}

#[test]
fn motion_is_measured_beside_x264_with_targets() {
    let folder = tempfile::tempdir().unwrap();
    let page = measured(&["motion"], folder.path());
    let low = rows(&page, "with motion over x264, car-detection up to 2.5 Mbit/s");
    let [_, target, measured, peer, stands, ..] = low[0][..] else { panic!("{low:?}") };
    let measured: f64 = measured.parse().unwrap();
    assert!(target == "at least -3.0 dB" && peer.starts_with("x264: "), "{low:?}");
    assert_eq!(stands.starts_with("met"), measured >= -3.0, "{low:?}");
    assert!(page.contains("BD-rate against x264") && page.contains("% at constant quality"), "{page}");
}

#[test]
fn sound_is_measured_beside_flac() {
    let folder = tempfile::tempdir().unwrap();
    let page = measured(&["sound"], folder.path());
    let stereo = rows(&page, "stereo, 16 bits");
    let [ours, flac] = [&stereo[0], &stereo[1]];
    assert_eq!((ours[1], flac[1], flac[3]), ("FQL", "FLAC", "1.000"));
    assert!((0.5..1.5).contains(&ours[3].parse::<f64>().unwrap()), "{ours:?}");
    for (codec, most) in [("FQL 96", 100.0), ("Opus 64", 66.0), ("layer II 96", 98.0), ("SBC 96", 100.0)] {
        let row = &rows(&page, codec)[0];
        let [kbits, grade] = [row[1], row[2]].map(|cell| cell.parse::<f64>().unwrap());
        assert!(kbits <= most && (-4.0..0.2).contains(&grade), "{row:?}");
    }
}

#[test]
fn a_clip_or_a_marker_that_is_not_there_is_named() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = run(&["--print", "--clips", "nothing", "rate"]);
    assert!(error.contains("nothing") && error.contains("car-detection"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    fs::write(&page, "no marker").unwrap();
    let error =
        run(&["--quick", "--clips", "bbbs", "--frames", "1", "--page", page.to_str().unwrap(), "fec"]);
    assert!(error.contains("bench:fec"), "{error}");
}
