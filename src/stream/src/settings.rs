//! Where the API is and with which key: from flags, the environment, or the configuration file, in this order.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::args::Global;
use crate::failure::{Failure, Kind, Result};

/// Where streamd listens when nobody says otherwise.
pub const DEFAULT_API_URL: &str = "http://127.0.0.1:8080";

/// An API key is 35 characters; nobody has one of this length.
const MAX_KEY: u64 = 1_024;

/// An API key. It is never shown: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key as somebody typed or stored it; white space around it is not part of it.
    pub fn parse(text: &str) -> Result<Self> {
        let key = text.trim();
        if key.is_empty() {
            return Err(Failure::usage("the API key is empty: it begins with ak_"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage("the API key has characters that no key has: it begins with ak_"));
        }
        Ok(Self(key.to_owned()))
    }

    /// The secret itself, for the request that needs it.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What the configuration file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the API is, as `http://host:port` or `https://host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// The key for that API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
}

impl File {
    /// Reads the file; one that does not exist is an empty one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::failed(format!("cannot read {}: {error}", path.display()))),
        };
        // Not the whole error of the parser: it quotes the line, which may hold the key.
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            let what = error.message();
            let text = format!("{}, line {line}: {what}; correct it, or run stream login", path.display());
            Failure::failed(text)
        })
    }

    /// Writes the file so that only its owner can read it, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Failure::failed(error.to_string()))?;
        write_private(path, &text)
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        // What cannot be renamed must not stay: it holds the key.
        let _ = fs::remove_file(&beside);
    })
}

/// Where the API is and the key for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Without a slash at its end.
    pub api_url: String,
    /// Where there is one.
    pub api_key: Option<ApiKey>,
}

impl Settings {
    /// What the flags and the environment (which clap has put together) and the configuration file say.
    pub fn load(global: &Global) -> Result<Self> {
        let file = match config_path(global) {
            Some(path) => File::read(&path)?,
            None => File::default(),
        };
        let given = global.api_key.as_deref().map(given_key).transpose()?;
        Self::combine(global.api_url.as_deref(), given, file)
    }

    /// The file's key is for the file's API alone: it is never sent to an address that was given in another way.
    fn combine(given_url: Option<&str>, given_key: Option<ApiKey>, file: File) -> Result<Self> {
        let of_file = normal_url(file.api_url.as_deref().unwrap_or(DEFAULT_API_URL))?;
        let api_url = given_url.map_or_else(|| Ok(of_file.clone()), normal_url)?;
        let stored = file.api_key.filter(|_| api_url == of_file);
        Ok(Self { api_url, api_key: given_key.or(stored) })
    }

    /// The key, or what to do to have one.
    pub fn key(&self) -> Result<&ApiKey> {
        let advice = || {
            let text = format!(
                "no API key for {}: run stream login, or set STREAM_API_KEY; streamd prints its first key when it \
                 starts for the first time",
                self.api_url
            );
            Failure::new(Kind::Unauthorised, text)
        };
        self.api_key.as_ref().ok_or_else(advice)
    }
}

/// The key that a flag or the environment gave; `-` is a line of standard input.
fn given_key(text: &str) -> Result<ApiKey> {
    if text == "-" { ApiKey::parse(&line_of_input("API key")?) } else { ApiKey::parse(text) }
}

/// A passphrase that a flag gave; `-` is a line of standard input, which must not be empty.
pub fn given_passphrase(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let line = line_of_input("passphrase")?;
    if line.is_empty() { Err(Failure::usage("there is no passphrase on standard input")) } else { Ok(line) }
}

/// An address of a source that a flag gave; `-` is a line of standard input, which must not be empty.
pub fn given_source(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let line = line_of_input("address")?;
    if line.is_empty() { Err(Failure::usage("there is no address on standard input")) } else { Ok(line) }
}

/// A password that a flag gave; `-` is a line of standard input.
pub fn given_password(text: &str) -> Result<String> {
    if text != "-" { Ok(text.to_owned()) } else { line_of_input("password") }
}

fn line_of_input(what: &str) -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_KEY).read_to_string(&mut text);
    read.map_err(|error| Failure::failed(format!("cannot read the {what} from standard input: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The address of the API without its trailing slash and version.
pub fn normal_url(text: &str) -> Result<String> {
    let text = text.trim();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let plain = |rest: &str| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !rest.contains(['?', '#', '@'])
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !rest.is_some_and(plain) {
        let text =
            format!("{text} is no address of an API: it has to be like {DEFAULT_API_URL} or https://host");
        return Err(Failure::usage(text));
    }
    let trimmed = text.trim_end_matches('/');
    Ok(trimmed.strip_suffix("/v1").unwrap_or(trimmed).to_owned())
}

/// The configuration file: the one that was named, or the one of this user. `None` where there is no home.
pub fn config_path(global: &Global) -> Option<PathBuf> {
    if let Some(path) = &global.config {
        return Some(path.clone());
    }
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let configs = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .or_else(|| folder("APPDATA"))?;
    Some(configs.join("stream").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ApiKey {
        ApiKey::parse(text).unwrap()
    }

    fn file(url: Option<&str>) -> File {
        File { api_url: url.map(str::to_owned), api_key: Some(key("ak_file")) }
    }

    #[test]
    fn a_flag_comes_before_the_file() {
        let settings = Settings::combine(None, Some(key("ak_flag")), file(None)).unwrap();
        assert_eq!(settings.api_key, Some(key("ak_flag")));
        assert_eq!(settings.api_url, DEFAULT_API_URL);
    }

    #[test]
    fn the_key_of_one_server_is_not_sent_to_another() {
        let elsewhere =
            Settings::combine(Some("https://other.example"), None, file(Some("https://a.example"))).unwrap();
        assert_eq!(elsewhere.api_key, None);
        assert!(
            elsewhere.key().unwrap_err().to_string().starts_with("no API key for https://other.example: ")
        );
        let same =
            Settings::combine(Some("https://a.example/"), None, file(Some("https://a.example"))).unwrap();
        assert_eq!(same.api_key, Some(key("ak_file")));
    }

    #[test]
    fn addresses_are_made_normal_and_others_refused() {
        for (given, normal) in [
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            (" https://api.example/v1/ ", "https://api.example"),
            ("https://host/stream", "https://host/stream"),
        ] {
            assert_eq!(normal_url(given).unwrap(), normal);
        }
        for wrong in
            ["", "127.0.0.1:8080", "ftp://host", "http://", "http:///x", "http://u:p@host", "http://a b"]
        {
            assert_eq!(normal_url(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_never_shown_by_accident() {
        let settings = Settings { api_url: DEFAULT_API_URL.into(), api_key: Some(key("ak_secret")) };
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_broken_file_is_an_error_that_names_the_line_and_not_the_key() {
        let folder = std::env::temp_dir().join(format!("stream-cli-broken-{}", std::process::id()));
        let path = folder.join("config.toml");
        write_private(&path, "api_url = \"http://h\"\napi_key = \"ak_secret\n").unwrap();
        let text = File::read(&path).unwrap_err().to_string();
        fs::remove_dir_all(folder).unwrap();
        assert!(text.contains("line 2") && !text.contains("ak_secret"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(url in "https?://[a-z]{1,9}(:[0-9]{2,4})?", secret in "ak_[a-z2-7]{32}") {
            let file = File { api_url: Some(url), api_key: Some(key(&secret)) };
            let text = toml::to_string(&file).unwrap();
            proptest::prop_assert_eq!(toml::from_str::<File>(&text).unwrap(), file);
        }

        #[test]
        fn any_address_is_taken_or_refused_without_a_panic(text in ".*") {
            if let Ok(url) = normal_url(&text) {
                proptest::prop_assert!(url.starts_with("http") && !url.ends_with('/'));
            }
        }
    }
}
