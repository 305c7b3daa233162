//! The lines of the README, pasted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fql_tests::program::Program;

const LIMIT: Duration = Duration::from_secs(60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The gst-launch lines of the README's table of elements, with what needs a desktop replaced.
fn lines() -> Vec<String> {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let cells = text.lines().filter(|line| line.starts_with("| `fql")).flat_map(|row| row.split('`'));
    let lines = cells.filter(|cell| cell.starts_with("gst-launch-1.0 "));
    lines
        .map(|line| line.replace("autovideosink", "fakevideosink").replace("autoaudiosink", "fakeaudiosink"))
        .collect()
}

/// Pastes a line into a shell.
fn paste(line: &str) -> Program {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {line}")]).current_dir(repository());
    Program::start(line, &mut shell).unwrap()
}

#[test]
fn every_element_has_a_line_and_every_line_works() {
    let lines = lines();
    let names = [
        "fqlenc",
        "fqldec",
        "fqlfecsink",
        "fqlsrc",
        "fqlvideoenc",
        "fqlvideodec",
        "fqlaudioenc",
        "fqlaudiodec",
    ];
    for name in names {
        assert!(lines.iter().any(|line| line.contains(&format!("{name} "))), "no line with {name}");
    }
    let (network, local): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.contains("fqlsrc ") || line.contains("fqlfecsink "));
    for line in local {
        paste(&line).ends_well(LIMIT).unwrap();
    }
    // The two of the network meet; the camera of the one that sends stops, and so both end.
    let receiver = network.iter().find(|line| line.contains("fqlsrc ")).unwrap();
    let sender = network.iter().find(|line| line.contains("fqlfecsink ")).unwrap();
    assert!(sender.contains("is-live=true"), "{sender}");
    let sender = sender.replace("is-live=true", "is-live=true num-buffers=60");
    let receiving = paste(receiver);
    paste(&sender).ends_well(LIMIT).unwrap();
    receiving.ends_well(LIMIT).unwrap();
}
