//! The Debian packages, installed and started in a root of their own.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fql_tests::installed::{as_root, run};
use fql_tests::lossy_run::free_port;

use super::root::Root;
use super::unit::Unit;

const UNIT: &str = "/usr/lib/systemd/system/streamd.service";
/// Of the users that systemd makes for DynamicUser.
const USER: &str = "61184";
/// Ten times the exposure that systemd counts the unit at, of 100.
const EXPOSURE: &str = "--threshold=20";

#[test]
fn the_packages_install_start_and_leave_nothing_behind() {
    let root = Root::make().unwrap();
    install(&root).unwrap();
    plugins_and_programs_are_found(&root).unwrap();
    the_unit_is_valid(&root).unwrap();
    the_service_runs(&root).unwrap();
    they_are_removed(&root).unwrap();
}

fn install(root: &Root) -> Result<()> {
    let packages = tempfile::tempdir()?;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let build = repository.join("packaging/debian/build");
    run(Command::new(build).arg("--debug").arg("--out").arg(packages.path()))?;
    let mut inside = Vec::new();
    for package in fs::read_dir(packages.path())? {
        let path = package?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a package without a name")?;
        run(as_root("cp").arg(&path).arg(root.file(name)))?;
        inside.push(format!("/{name}"));
    }
    ensure!(inside.len() == 3, "there are other packages than three: {inside:?}");
    let names: Vec<&str> = inside.iter().map(String::as_str).collect();
    root.install(&[&names[..], &["gstreamer1.0-tools", "systemd"]].concat())
}

fn plugins_and_programs_are_found(root: &Root) -> Result<()> {
    for element in ["fqlenc", "fqlsrc", "fqldemux", "streamapisink"] {
        root.run("gst-inspect-1.0", &[element])?;
    }
    let version = root.run("stream", &["--version"])?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    Ok(())
}

fn the_unit_is_valid(root: &Root) -> Result<()> {
    root.run("systemd-analyze", &["verify", "--man=no", "streamd.service"])?;
    root.run("systemd-analyze", &["security", "--offline=true", EXPOSURE, "streamd.service"])?;
    let enabled = root.file("/etc/systemd/system/multi-user.target.wants/streamd.service");
    ensure!(enabled.symlink_metadata().is_ok(), "the service is not enabled");
    Ok(())
}

/// Starts the unit's command as the unit says, and waits until it tells the service manager that it is ready.
fn the_service_runs(root: &Root) -> Result<()> {
    let unit = Unit::read(&root.file(UNIT))?;
    ensure!(unit.one("DynamicUser")? == "yes" && unit.one("Type")? == "notify");
    let key = administrator_key(root, &unit.one("EnvironmentFile")?)?;
    let state = format!("/var/lib/{}", unit.one("StateDirectory")?);
    root.run("install", &["-d", "-m", &unit.one("StateDirectoryMode")?, "-o", USER, "-g", USER, &state])?;
    root.run("install", &["-d", "-m", "777", "/run/notify"])?;
    let manager = UnixDatagram::bind(root.file("/run/notify/socket"))?;
    root.run("chmod", &["666", "/run/notify/socket"])?;
    manager.set_read_timeout(Some(Duration::from_secs(30)))?;

    let http = free_tcp_port()?;
    let mut command = root.command("NOTIFY_SOCKET=/run/notify/socket");
    command.arg(format!("STREAMD_ADMIN_KEY={key}")).args(unit.all("Environment"));
    // All else is as it is configured; a test takes no port that somebody may have.
    command.arg(format!("STREAMD_HTTP=127.0.0.1:{http}"));
    command.arg(format!("STREAMD_FQL=127.0.0.1:{}", free_port()?));
    command.arg(format!("STREAMD_WEBTRANSPORT=127.0.0.1:{}", free_port()?));
    command.args(["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs"]);
    command.args(["--inh-caps=-all", "--bounding-set=-all"]);
    command.args(unit.one("ExecStart")?.split_whitespace());
    let mut daemon = Running(command.spawn()?);

    ensure!(told(&manager)? == "READY=1");
    let url = format!("http://127.0.0.1:{http}");
    ensure!(ureq::get(format!("{url}/healthz")).call()?.status() == 200);
    let streams = ureq::get(format!("{url}/v1/streams")).header("Authorization", format!("Bearer {key}"));
    ensure!(streams.call()?.status() == 200);
    let owner = root.run("stat", &["-c", "%u", &format!("{state}/streamd.db")])?;
    ensure!(owner.trim() == USER, "the store is of {owner}");

    run(as_root("kill").arg(daemon.0.id().to_string()))?;
    ensure!(told(&manager)? == "STOPPING=1");
    let status = fql_tests::program::wait(&mut daemon.0, Duration::from_secs(15))?;
    ensure!(status.success(), "streamd ended with {status}");
    Ok(())
}

/// The key that the installation made, which nobody but root may read.
fn administrator_key(root: &Root, file: &str) -> Result<String> {
    let mode = root.run("stat", &["-c", "%a %u", file])?;
    ensure!(mode.trim() == "600 0", "{file} has the mode and owner {mode}");
    let text = root.run("cat", &[file])?;
    let key = text.trim().strip_prefix("STREAMD_ADMIN_KEY=").context("there is no key in the environment")?;
    Ok(key.to_owned())
}

fn told(manager: &UnixDatagram) -> Result<String> {
    let mut text = [0; 64];
    let len = manager.recv(&mut text).context("the service manager is told nothing")?;
    Ok(String::from_utf8(text[..len].to_vec())?)
}

fn they_are_removed(root: &Root) -> Result<()> {
    root.run("dpkg", &["--purge", "streamd", "stream-cli", "gstreamer1.0-fql"])?;
    for file in ["/etc/streamd", "/var/lib/streamd", "/usr/bin/streamd", UNIT] {
        ensure!(!root.file(file).exists(), "{file} is left");
    }
    Ok(())
}

fn free_tcp_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
