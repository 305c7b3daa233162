//! Reading JSON as strictly as its description says.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads `T` out of an object. Errors tell the path, with a dot between names, and serde's message.
pub fn read<T: DeserializeOwned>(mut object: Map<String, Value>) -> Result<T, (String, String)> {
    object.values_mut().for_each(write_integers_as_such);
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let path = error.path().to_string();
        (if path == "." { String::new() } else { path }, error.inner().to_string())
    })
}

/// For fields that are objects: serde would take an array for one, too.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Some(map) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    read(map).map(Some).map_err(|(path, message)| match path.as_str() {
        "" => D::Error::custom(message),
        path => D::Error::custom(format!("{path}: {message}")),
    })
}

/// JSON knows one kind of number: 12.0 is the integer 12, which serde does not take for one.
fn write_integers_as_such(value: &mut Value) {
    /// Up to here every integer has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            if float.fract() == 0.0 && float.abs() <= EXACT {
                *number = (float as i64).into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(write_integers_as_such),
        Value::Object(values) => values.values_mut().for_each(write_integers_as_such),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        count: Option<i64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        #[serde(default, deserialize_with = "object")]
        inner: Option<Inner>,
    }

    fn outer(text: &str) -> Result<Outer, (String, String)> {
        read(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer_however_it_is_written() {
        let twelve = Outer { inner: Some(Inner { count: Some(12) }) };
        assert_eq!(outer(r#"{"inner": {"count": 12.0}}"#).unwrap(), twelve);
        assert_eq!(outer(r#"{"inner": {"count": 1.2e1}}"#).unwrap(), twelve);
        assert!(outer(r#"{"inner": {"count": 12.5}}"#).is_err());
        assert!(outer(r#"{"inner": {"count": 1e300}}"#).is_err());
    }

    #[test]
    fn an_array_is_no_object() {
        let (path, message) = outer(r#"{"inner": [12]}"#).unwrap_err();
        assert_eq!((path.as_str(), message.contains("invalid type: sequence")), ("inner", true), "{message}");
    }

    #[test]
    fn an_error_within_an_object_tells_where() {
        let (path, message) = outer(r#"{"inner": {"count": "x"}}"#).unwrap_err();
        assert_eq!(path, "inner");
        assert!(message.starts_with("count: invalid type"), "{message}");
        assert_eq!(outer(r#"{"inner": null}"#).unwrap(), Outer { inner: None });
    }
}
