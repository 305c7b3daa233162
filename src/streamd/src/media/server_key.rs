use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};
use fql_transport::ServerKey;

use crate::store::write_key;

const FILE: &str = "server.key";

/// The key by which viewers know this server: that in the data folder, or a new one where there is none. Addresses for
/// playback hold its public half, so it has to outlive the process.
pub fn server_key(data: &Path) -> Result<ServerKey> {
    let path = data.join(FILE);
    let about = || path.display().to_string();
    match fs::read(&path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(key) => Ok(ServerKey::from_bytes(key)),
            Err(_) => bail!("{} does not hold 32 bytes", path.display()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = crate::random::bytes();
            write_key(&path, &key).with_context(about)?;
            Ok(ServerKey::from_bytes(key))
        }
        Err(error) => Err(error).with_context(about),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_stays() {
        let data = std::env::temp_dir().join(format!("streamd-server-key-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let first = server_key(&data).unwrap().public();
        assert_eq!(server_key(&data).unwrap().public(), first);
        fs::write(data.join(FILE), "short").unwrap();
        let error = server_key(&data).map(|_| ()).unwrap_err().to_string();
        assert!(error.ends_with("server.key does not hold 32 bytes"), "{error}");
        fs::remove_dir_all(data).unwrap();
    }
}
