//! The npm package: packed, installed from the packed file, and run.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::Folder;

fn npm() -> Command {
    let mut command = Command::new("npm");
    // It asks nobody for updates, and needs no network.
    command.env("npm_config_update_notifier", "false").env("npm_config_offline", "true");
    command
}

fn packed(folder: &Path) -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/build");
    let packed = Command::new(build)
        .args(["--program", env!("CARGO_BIN_EXE_stream"), "--to"])
        .arg(folder)
        .env("npm_config_cache", folder.join("cache"))
        .output()
        .unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    String::from_utf8(packed.stdout).unwrap().trim().into()
}

#[test]
fn the_packed_file_installs_a_program_that_runs() {
    let folder = Folder::new("npm");
    let packed = packed(&folder.0);
    let prefix = folder.0.join("installed");
    let cache = folder.0.join("cache");
    let installed = npm()
        .args(["install", "-g", "--prefix"])
        .arg(&prefix)
        .arg(&packed)
        .env("npm_config_cache", &cache)
        .output();
    let installed = installed.unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let run = |arguments: &[&str]| Command::new(prefix.join("bin/stream")).args(arguments).output().unwrap();

    let version = run(&["--version"]);
    let expected = format!("stream-cli v{} (FQL protocol 0.4)\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
    // Exit codes are those of the program.
    assert_eq!(run(&["--no-such-option"]).status.code(), Some(2));
}

#[test]
fn a_platform_without_a_program_is_told_so() {
    let folder = Folder::new("npm-other");
    let package = folder.0.join("package");
    let status =
        Command::new("tar").arg("-xf").arg(packed(&folder.0)).arg("-C").arg(&folder.0).status().unwrap();
    assert!(status.success());
    let programs = package.join("programs");
    let there = std::fs::read_dir(&programs).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(&there, programs.join("plan9-mips")).unwrap();
    let run = Command::new("node").arg(package.join("bin/stream.js")).output().unwrap();
    let text = String::from_utf8(run.stderr).unwrap();
    assert!(
        text.starts_with("stream: this package has no program for ") && text.contains("plan9-mips"),
        "{text}"
    );
    assert_eq!(run.status.code(), Some(1));
}
