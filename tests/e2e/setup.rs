//! What the two commands say on a machine that lacks something.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of programs that stands first, or alone, in PATH.
struct Programs(PathBuf);

impl Programs {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fql-setup-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A program that prints `text` whatever it is asked.
    fn that_says(self, name: &str, text: &str) -> Self {
        let file = self.0.join(name);
        fs::write(&file, format!("#!/bin/sh\necho '{text}'\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The system's own program of this name.
    fn with(self, names: &[&str]) -> Self {
        for name in names {
            symlink(Path::new("/usr/bin").join(name), self.0.join(name)).unwrap();
        }
        self
    }

    fn complaint(&self, command: &str, path: &str) -> (bool, Vec<String>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(command);
        let run = Command::new("/bin/bash").arg(script).env("PATH", path).output().unwrap();
        let errors = String::from_utf8_lossy(&run.stderr).lines().map(str::to_owned).collect();
        (run.status.success(), errors)
    }

    fn first(&self) -> String {
        format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap())
    }

    fn alone(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn assert_complains((success, errors): (bool, Vec<String>), complaint: &str) {
    assert!(!success);
    assert_eq!(errors, [complaint]);
}

const COREUTILS: [&str; 6] = ["dirname", "basename", "sort", "head", "cut", "id"];

#[test]
fn an_old_rust_is_named() {
    let programs = Programs::new("old-rust").that_says("rustc", "rustc 1.70.0 (90c541806 2023-05-31)");
    for (command, name) in [("pipelines/quickstart", "quickstart"), ("tests/run", "run")] {
        let complaint = format!("{name}: Rust 1.70.0 is too old: 1.92.0 or newer is needed (rustup update)");
        assert_complains(programs.complaint(command, &programs.first()), &complaint);
    }
}

#[test]
fn a_missing_rust_is_named() {
    let programs = Programs::new("no-rust").with(&COREUTILS);
    let complaint = "quickstart: Rust is missing: install 1.92.0 or newer from https://rustup.rs";
    assert_complains(programs.complaint("pipelines/quickstart", &programs.alone()), complaint);
}

#[test]
fn an_old_gstreamer_is_named() {
    let programs = Programs::new("old-gstreamer").that_says("pkg-config", "1.20.3");
    let complaint = "quickstart: GStreamer 1.20.3 is too old: 1.22.0 or newer is needed";
    assert_complains(programs.complaint("pipelines/quickstart", &programs.first()), complaint);
}

#[test]
fn a_missing_gstreamer_is_named_where_nothing_can_be_installed() {
    let programs = Programs::new("no-gstreamer").with(&COREUTILS);
    let programs = programs.that_says("cargo", "").that_says("rustc", "rustc 1.95.0 (59807616e 2026-04-14)");
    let complaint = "quickstart: pkg-config is missing: install it, it tells where GStreamer is";
    assert_complains(programs.complaint("pipelines/quickstart", &programs.alone()), complaint);
}
