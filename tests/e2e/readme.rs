//! The lines of the README, pasted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fql_tests::daemon::{Daemon, text, until};
use fql_tests::program::Program;

const LIMIT: Duration = Duration::from_secs(60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The gst-launch lines of the README's table of elements, with what needs a desktop replaced.
fn lines(elements: &str) -> Vec<String> {
    let text = readme();
    let cells = text.lines().filter(|line| line.starts_with(elements)).flat_map(|row| row.split('`'));
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
    let lines = lines("| `fql");
    let names = [
        "fqlenc",
        "fqldec",
        "fqlfecsink",
        "fqlsrc",
        "fqlmux",
        "fqldemux",
        "fqlthin",
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

/// The command line's lines under a heading, and what the text says that they answer.
fn commands(heading: &str) -> (Vec<String>, String) {
    let text = readme();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let blocks: Vec<_> = section.split("```").skip(1).step_by(2).collect();
    let lines = blocks.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("stream "));
    let answer = blocks.iter().find(|block| block.contains('✓')).unwrap();
    (lines.map(str::to_owned).collect(), answer.trim().to_owned())
}

#[test]
fn the_quick_start_works_as_typed() {
    let daemon = Daemon::start("").unwrap();
    let (lines, answer) = commands("Quick start");
    let words =
        |line: &str| line.split_whitespace().skip(1).map(|word| word.replace('"', "")).collect::<Vec<_>>();
    let find = |start: &str| words(lines.iter().find(|line| line.starts_with(start)).unwrap());
    let run = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = daemon.command(&words).unwrap();
        command.current_dir(repository());
        command
    };

    let said = run(&find("stream new ")).output().unwrap();
    let answer = answer
        .replace("127.0.0.1:4242", &daemon.fql().to_string())
        .replace("http://127.0.0.1:8080", &daemon.url());
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), answer);

    let push = Program::spawn("stream push", &mut run(&find("stream push "))).unwrap();
    let state = || text(&daemon.api().get("/v1/streams/my-first-stream")?, "state");
    until("the stream is live", || Ok(state()? == "live")).unwrap();
    // A window needs a desktop; a file does not.
    let file = daemon.data().join("played.mkv");
    let more = ["--output", file.to_str().unwrap(), "--duration", "3"].map(str::to_owned);
    let play = [find("stream play "), more.to_vec()].concat();
    Program::spawn("stream play", &mut run(&play)).unwrap().ends_well(LIMIT).unwrap();
    let len = fs::metadata(&file).unwrap().len();
    assert!(len > 100_000, "three seconds were played to {len} bytes");
    let stats = run(&find("stream stats ")[..2]).output().unwrap();
    assert!(String::from_utf8_lossy(&stats.stdout).contains("live"), "{stats:?}");
    drop(push);
}

#[test]
fn any_pipeline_is_connected_to_a_stream() {
    let daemon = Daemon::start("").unwrap();
    let stream = daemon.api().create_stream("pasted").unwrap();
    let [line] = lines("| `streamapi").try_into().unwrap();
    let line = line
        .replace("http://127.0.0.1:8080", &daemon.url())
        .replace("$STREAM_KEY", &text(&stream, "streamKey").unwrap());
    let camera = paste(&line);
    let state = || text(&daemon.api().get("/v1/streams/pasted")?, "state");
    until("the stream is live", || Ok(state()? == "live")).unwrap();
    drop(camera);
    until("the stream is offline", || Ok(state()? == "offline")).unwrap();
}

#[test]
fn what_ffmpeg_publishes_plays_in_ordinary_players() {
    let daemon = Daemon::start("").unwrap();
    let stream = daemon.api().create_stream("ordinary").unwrap();
    let readme = readme();
    let section = readme.split("\n### ").find(|section| section.starts_with("With what you have")).unwrap();
    let line = |program: &str| {
        let line = section.lines().find(|line| line.starts_with(program)).unwrap();
        line.replace("rtmp://localhost/live", &text(&stream["ingest"], "rtmp").unwrap())
            .replace("http://localhost:8080", &daemon.url())
            .replace("$STREAM_KEY", &text(&stream, "streamKey").unwrap())
            .replace("$PLAYBACK_ID", &text(&stream, "playbackId").unwrap())
    };
    let camera = paste(&line("ffmpeg "));
    let state = || text(&daemon.api().get("/v1/streams/ordinary")?, "state");
    until("the stream is live", || Ok(state()? == "live")).unwrap();
    // A window needs a desktop; a file does not.
    let file = daemon.data().join("played.ts");
    let play = line("ffplay ").replace("ffplay ", "ffmpeg -v error -i ");
    paste(&format!("{play} -t 3 -c copy {}", file.display())).ends_well(LIMIT).unwrap();
    let len = fs::metadata(&file).unwrap().len();
    assert!(len > 100_000, "three seconds were played to {len} bytes");
    drop(camera);
}
