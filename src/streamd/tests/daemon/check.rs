//! The command line.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::program::command;

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("it was built")
}

fn check(file: &Path, text: &str) -> Output {
    std::fs::write(file, text).expect("there is room");
    run(&["check", "--config", file.to_str().expect("it is text")])
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn a_valid_file_is_said_to_be_valid() {
    let folder = TempDir::new().expect("there is room");
    let output = check(&folder.path().join("a.toml"), "[ring]\nseconds = 30\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the configuration is valid\n");
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let folder = TempDir::new().expect("there is room");
    let file = folder.path().join("a.toml");
    let output = check(&file, "[ring]\nseconds = 0\nbites = 5\n");
    assert_eq!(output.status.code(), Some(1));
    let name = file.display();
    let expected = format!(
        "{name}:3:1: ring.bites: no such key; did you mean ring.bytes?\n\
         {name}:2:11: ring.seconds: expected a whole number from 1 to 3600, got 0"
    );
    assert_eq!(said(&output), expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = run(&["check", "--config", "/nowhere/streamd.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("/nowhere/streamd.toml"), "{}", said(&output));
}

#[test]
fn a_certificate_that_cannot_be_used_is_found() {
    let folder = TempDir::new().expect("there is room");
    let pem = folder.path().join("a.pem");
    std::fs::write(&pem, "nothing").expect("there is room");
    let text = format!("[http.tls]\ncertificate = {pem:?}\nkey = {pem:?}\n");
    let output = check(&folder.path().join("a.toml"), &text);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("a.pem holds no certificate in PEM"), "{}", said(&output));
}

#[test]
fn an_option_that_is_wrong_is_named_before_anything_starts() {
    let output = run(&["--http", "8080"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).starts_with("option --http: http.listen: expected an address"),
        "{}",
        said(&output)
    );
    assert_eq!(run(&["--ring", "5"]).status.code(), Some(2));
}

#[test]
fn version_and_help_say_what_this_is() {
    let version = run(&["--version"]);
    let expected = format!("streamd {} (FQL protocol 0.4)\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version.stdout), expected);
    let help = run(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout);
    for word in [
        "Examples:",
        "--config",
        "--data",
        "--http",
        "--fql",
        "--rtmp",
        "--srt",
        "--rtsp",
        "--rtc",
        "--webtransport",
        "check",
    ] {
        assert!(help.contains(word), "{word}");
    }
}
