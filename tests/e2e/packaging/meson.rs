//! `meson install`, to a folder that stands for the root of a system.

use std::path::{Path, PathBuf};
use std::process::Command;

use fql_tests::installed::run;
use tempfile::TempDir;

const ELEMENTS: [&str; 8] =
    ["fqlenc", "fqldec", "fqlfecsink", "fqlsrc", "fqlmux", "fqldemux", "fqlthin", "streamapisink"];

/// The repository, built and installed with these options.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let build = folder.path().join("build");
        // As tests/run has built it already.
        let common = ["--prefix=/usr", "--libdir=lib", "--buildtype=debug", "-Dpages=false"];
        run(Command::new("meson")
            .arg("setup")
            .arg(&build)
            .args(common)
            .args(options)
            .current_dir(repository))
        .unwrap();
        run(Command::new("meson").arg("compile").arg("-C").arg(&build)).unwrap();
        let root = folder.path().join("root");
        run(Command::new("meson")
            .args(["install", "--no-rebuild", "-C"])
            .arg(&build)
            .arg("--destdir")
            .arg(&root))
        .unwrap();
        Self { folder }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join("root").join(inside)
    }

    /// What GStreamer says of an element, with these plugins and no others of ours.
    fn inspect(&self, element: &str) -> anyhow::Result<String> {
        run(Command::new("gst-inspect-1.0")
            .arg(element)
            .env("GST_PLUGIN_PATH", self.path("usr/lib/gstreamer-1.0"))
            .env("GST_REGISTRY", self.folder.path().join("registry")))
    }

    fn pkg_config(&self, arguments: &[&str]) -> String {
        let found = Command::new("pkg-config")
            .args(arguments)
            .env("PKG_CONFIG_PATH", self.path("usr/lib/pkgconfig"))
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn meson_installs_plugins_that_gstreamer_finds_and_programs_that_run() {
    let installed = Installed::with(&[]);
    for element in ELEMENTS {
        let said = installed.inspect(element).unwrap();
        let from = installed.path("usr/lib/gstreamer-1.0");
        assert!(said.contains(from.to_str().unwrap()), "{element} is another plugin's:\n{said}");
    }
    for plugin in ["gstfql", "gststreamapi"] {
        assert_eq!(installed.pkg_config(&["--modversion", plugin]), env!("CARGO_PKG_VERSION"));
        assert_eq!(installed.pkg_config(&["--variable=pluginsdir", plugin]), "/usr/lib/gstreamer-1.0");
    }
    for program in ["streamd", "stream"] {
        let said = run(Command::new(installed.path("usr/bin").join(program)).arg("--version")).unwrap();
        assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    }
    for file in [
        "etc/streamd/streamd.toml",
        "usr/lib/systemd/system/streamd.service",
        "usr/share/doc/the-stream/configuration.md",
        "usr/share/doc/the-stream/pipelines/one-way",
        "usr/share/man/man8/streamd.8",
    ] {
        assert!(installed.path(file).is_file(), "{file} is missing");
    }
}

#[test]
fn meson_installs_what_was_asked_for_and_nothing_else() {
    let plugin = Installed::with(&["-Dplugins=fql", "-Dprograms="]);
    assert!(plugin.inspect("fqlenc").is_ok());
    for file in
        ["usr/lib/gstreamer-1.0/libgststreamapi.so", "usr/lib/pkgconfig/gststreamapi.pc", "usr/bin", "etc"]
    {
        assert!(!plugin.path(file).exists(), "{file} is there");
    }
    let daemon = Installed::with(&["-Dplugins=", "-Dprograms=streamd"]);
    assert!(daemon.path("usr/bin/streamd").is_file());
    for file in ["usr/lib/gstreamer-1.0", "usr/lib/pkgconfig", "usr/bin/stream"] {
        assert!(!daemon.path(file).exists(), "{file} is there");
    }
}
