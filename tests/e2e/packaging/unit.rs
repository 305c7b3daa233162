//! A unit of systemd, read far enough to start its command without systemd.

use std::path::Path;

use anyhow::{Context, Result};

/// What a service unit says.
pub struct Unit {
    lines: Vec<(String, String)>,
}

impl Unit {
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let setting =
            |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(Self { lines: text.lines().filter(|line| !line.starts_with('#')).filter_map(setting).collect() })
    }

    /// The values of a setting, with the specifier of the state folder in its place.
    pub fn all(&self, key: &str) -> Vec<String> {
        let values = self.lines.iter().filter(|(name, _)| name == key);
        values.map(|(_, value)| value.replace("%S", "/var/lib")).collect()
    }

    /// A setting that stands there once.
    pub fn one(&self, key: &str) -> Result<String> {
        let [value] = &self.all(key)[..] else { anyhow::bail!("{key} does not stand in the unit once") };
        Ok(value.clone())
    }
}
