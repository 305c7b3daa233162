//! Reading JSON as strictly as its description says.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// For fields that are objects: serde would take an array for one, too.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Some(map) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    let value = serde_path_to_error::deserialize(Value::Object(map));
    value.map(Some).map_err(|error| match error.path().to_string().as_str() {
        "." => D::Error::custom(error.inner()),
        path => D::Error::custom(format!("{path}: {}", error.inner())),
    })
}
