//! `stream keys`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::args::{CreateKey, Keys};
use crate::client::Client;
use crate::commands::streams::without_nulls;
use crate::failure::{Failure, Kind, Result};
use crate::model::Key;
use crate::output::{Output, read};
use crate::text::{escaped, pairs, table};

/// Runs one of the commands.
pub fn run(client: &Client, output: Output, command: Keys) -> Result<()> {
    match command {
        Keys::Create(create) => self::create(client, output, &create),
        Keys::List => list(client, output),
        Keys::Revoke { id } => revoke(client, output, &id),
    }
}

fn create(client: &Client, output: Output, create: &CreateKey) -> Result<()> {
    let expires = create.expires.as_deref().map(|when| expiry(when, Timestamp::now())).transpose()?;
    let limits = without_nulls(json!({
        "streams": create.max_streams, "layers": create.max_layers, "rate": create.max_rate,
    }));
    let body = without_nulls(json!({
        "name": create.name,
        "scopes": create.scopes,
        "limits": Some(limits).filter(|limits| limits != &json!({})),
        "expiresAt": expires.map(|at| at.to_string()),
    }));
    output.answer(client.post("/v1/keys", &body)?, |key: &Key| {
        let mut lines = vec![("Id", key.id.clone()), ("Scopes", key.scopes.join(", "))];
        lines.extend(key.expires_at.clone().map(|at| ("Expires", at)));
        lines.extend(key.key.clone().map(|secret| ("Key", secret)));
        format!("✓ API key {} created; it is not shown again\n{}", key.name, pairs(2, &lines))
    })
}

fn list(client: &Client, output: Output) -> Result<()> {
    let all = client.get_all("/v1/keys")?;
    if output.is_json() {
        return output.json_document(&all.into());
    }
    let rows = all.into_iter().map(|key| read::<Key>(key).map(row)).collect::<Result<Vec<_>>>()?;
    output.text(&table(&["ID", "NAME", "STATE", "SCOPES", "EXPIRES", "CREATED"], &rows))
}

fn row(key: Key) -> Vec<String> {
    let never = || "never".to_owned();
    let valid = if key.revoked_at.is_some() { "revoked" } else { "valid" };
    vec![
        key.id,
        key.name,
        valid.to_owned(),
        key.scopes.join(","),
        key.expires_at.unwrap_or_else(never),
        key.created_at.unwrap_or_default(),
    ]
}

fn revoke(client: &Client, output: Output, id: &str) -> Result<()> {
    client.delete(&format!("/v1/keys/{}", escaped(id))).map_err(|failure| match failure.kind() {
        Kind::NotFound => {
            Failure::new(Kind::NotFound, format!("there is no API key {id}: stream keys list shows all ids"))
        }
        _ => failure,
    })?;
    output.done(&format!("API key {id} revoked"), &json!({ "revoked": Value::from(id) }))
}

/// A moment of its own, or so many days, hours, minutes from now.
fn expiry(when: &str, now: Timestamp) -> Result<Timestamp> {
    let wrong =
        || Failure::usage(format!("--expires is {when}, it must be like 12h, 30d or 2030-01-31T12:00:00Z"));
    if let Ok(at) = when.parse() {
        return Ok(at);
    }
    let (number, unit) = when.split_at_checked(when.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    let hours = match unit {
        "h" => number,
        "d" => number.checked_mul(24).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let later = hours.checked_mul(3_600).ok_or_else(wrong)?;
    now.checked_add(SignedDuration::from_secs(later)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_expires_after_a_time_or_at_one() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(expiry("12h", now).unwrap().to_string(), "2030-01-01T12:00:00Z");
        assert_eq!(expiry("30d", now).unwrap().to_string(), "2030-01-31T00:00:00Z");
        assert_eq!(expiry("2031-05-06T07:08:09Z", now).unwrap().to_string(), "2031-05-06T07:08:09Z");
        for wrong in ["", "d", "-1d", "0h", "7", "7x", "99999999999999999d", "é", "1é"] {
            assert_eq!(expiry(wrong, now).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_time_is_taken_or_refused_without_a_panic(when in ".*") {
            let _ = expiry(&when, Timestamp::UNIX_EPOCH);
        }
    }
}
