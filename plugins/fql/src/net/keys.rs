//! The key of a passphrase, derived once.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use fql_transport::{Error, Key};

/// Derives keys and remembers the last one: a pipeline that restarts does not have to wait again.
#[derive(Default)]
pub struct Keys {
    last: Mutex<Option<(String, Key)>>,
}

impl Keys {
    /// The key of a passphrase; slow where it is not the one of the last time.
    pub fn get(&self, passphrase: &str) -> Result<Key, Error> {
        if passphrase.is_empty() {
            return Ok(Key::OPEN);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = last.as_ref().filter(|(of, _)| of == passphrase) {
            return Ok(key.clone());
        }
        let key = Key::from_passphrase(passphrase)?;
        *last = Some((passphrase.to_owned(), key.clone()));
        Ok(key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}
