//! A Debian of its own, as small as they come, in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fql_tests::installed::{as_root, run};
use tempfile::TempDir;

/// A root folder; it is gone when it is dropped.
pub struct Root {
    folder: TempDir,
}

impl Root {
    /// The Debian of this machine anew, from where this machine has its own packages.
    pub fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let codename =
            run(Command::new("sh").args(["-c", ". /etc/os-release && printf %s \"$VERSION_CODENAME\""]))?;
        let indexes = run(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(CODENAME) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages",
        ]))?;
        let wanted = format!("{codename} main ");
        // Without one debootstrap takes its own.
        let mirror = indexes.lines().find_map(|line| line.strip_prefix(&wanted));
        let root = Self { folder };
        run(as_root("debootstrap").arg("--variant=minbase").arg(&codename).arg(root.path()).args(mirror))?;
        Ok(root)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A file of it, as this machine sees it.
    pub fn file(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.path().join(inside.as_ref().strip_prefix("/").unwrap_or(inside.as_ref()))
    }

    /// A command in it, of its root, with an environment that is empty but for PATH.
    pub fn command(&self, program: &str) -> Command {
        let mut command = as_root("chroot");
        command.arg(self.path()).args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", program]);
        command
    }

    /// Runs a command in it. Gives what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run(self.command(program).args(arguments))
    }

    /// Installs packages: names, or paths in it.
    pub fn install(&self, packages: &[&str]) -> Result<()> {
        let apt =
            ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"];
        run(self.command(apt[0]).args(&apt[1..]).args(packages)).map(drop)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Files of root, which the folder's own end may not be able to remove. Nothing is mounted in it.
        let _ = as_root("rm").arg("-rf").arg("--one-file-system").arg(self.path()).status();
    }
}
