//! Recoverable secrets at rest: XChaCha20-Poly1305 under a key file that only the daemon's user can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;

use super::{Error, Result};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals secrets before they are stored, and opens them again.
pub struct Vault(XChaCha20Poly1305);

impl Vault {
    /// The vault of the key file at `path`, which is made (mode 0600) when there is none and `fresh` says that there
    /// are no secrets yet.
    pub(super) fn open(path: &Path, fresh: bool) -> Result<Self> {
        let at = |error| Error::File { path: path.to_owned(), error };
        match fs::read(path) {
            Ok(key) => {
                let cipher = XChaCha20Poly1305::new_from_slice(&key);
                cipher.map(Self).map_err(|_| Error::KeyMalformed(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && fresh => {
                let key = crate::random::bytes::<KEY_BYTES>();
                write_key(path, &key).map_err(at)?;
                Ok(Self(XChaCha20Poly1305::new(&key.into())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::KeyMissing(path.to_owned())),
            Err(error) => Err(at(error)),
        }
    }

    /// Seals `secret` for the row `id`: in another row it does not open.
    pub fn seal(&self, id: &str, secret: &[u8]) -> String {
        let nonce = crate::random::bytes::<NONCE_BYTES>();
        let payload = Payload { msg: secret, aad: id.as_bytes() };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("XChaCha20-Poly1305 seals anything shorter than 256 GiB");
        BASE64.encode(&[&nonce[..], &sealed].concat())
    }

    /// What `seal` was given for the row `id`.
    pub fn open_sealed(&self, id: &str, sealed: &str) -> Result<Vec<u8>> {
        let wrong = || Error::Sealed(id.to_owned());
        let bytes = BASE64.decode(sealed.as_bytes()).map_err(|_| wrong())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let payload = Payload { msg: sealed, aad: id.as_bytes() };
        self.0.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| wrong())
    }

    /// `open_sealed` for secrets that are text.
    pub fn open_text(&self, id: &str, sealed: &str) -> Result<String> {
        String::from_utf8(self.open_sealed(id, sealed)?).map_err(|_| Error::Sealed(id.to_owned()))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// Writes the key beside its place, and moves it there when it is on the disk: a crash leaves a whole key or none.
pub(crate) fn write_key(path: &Path, key: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("key.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
