//! The lines of the README, pasted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fql_tests::pipeline::plugin_folder;

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

/// A pasted line, stopped when it is dropped.
struct Pasted(Child);

impl Pasted {
    fn start(line: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {line}")]).current_dir(repository());
        shell.env("GST_PLUGIN_PATH", plugin_folder().unwrap()).stdin(Stdio::null());
        Self(shell.spawn().unwrap())
    }

    fn ends_well(&mut self, line: &str) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < LIMIT, "still running: {line}");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}: {line}");
    }
}

impl Drop for Pasted {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to stop.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
        Pasted::start(&line).ends_well(&line);
    }
    // The two of the network meet; the camera of the one that sends stops, and so both end.
    let receiver = network.iter().find(|line| line.contains("fqlsrc ")).unwrap();
    let sender = network.iter().find(|line| line.contains("fqlfecsink ")).unwrap();
    assert!(sender.contains("is-live=true"), "{sender}");
    let sender = sender.replace("is-live=true", "is-live=true num-buffers=60");
    let mut receiving = Pasted::start(receiver);
    Pasted::start(&sender).ends_well(&sender);
    receiving.ends_well(receiver);
}
