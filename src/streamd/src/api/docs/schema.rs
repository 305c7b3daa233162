//! The shapes of a description as tables.

use std::fmt::Write;

use serde_json::Value;

use super::{escaped, text};

const REFERENCE: &str = "#/components/schemas/";

/// What a reference stands for; anything else stands for itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// A table of what a request takes in its path, its query and its headers.
pub(super) fn parameters(parameters: &[Value]) -> String {
    table(parameters.iter().map(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        let required = parameter["required"] == true;
        let kind = format!("{place}: {}", kind(&parameter["schema"]));
        row(name, required, &kind, parameter["description"].as_str())
    }))
}

/// A table of the fields of an object.
pub(super) fn fields(object: &Value) -> String {
    let required = object["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = object["properties"].as_object().into_iter().flatten();
    table(fields.map(|(name, field)| {
        let is_required = required.iter().any(|required| required == name);
        row(name, is_required, &kind(field), field["description"].as_str())
    }))
}

/// All shapes that answers have.
pub(super) fn shapes(document: &Value) -> String {
    let mut part = String::from("<h2 id=\"shapes\">Shapes</h2>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let name = escaped(name);
        let description = text(schema["description"].as_str().unwrap_or_default());
        write!(part, "<h3 id=\"shape-{name}\">{name}</h3>\n<p>{description}</p>\n")
            .expect("a string takes everything");
        part += &all_fields(document, schema);
    }
    part
}

/// The fields of an object, or of the objects that it is put together from.
fn all_fields(document: &Value, schema: &Value) -> String {
    match schema["allOf"].as_array() {
        Some(parts) => parts.iter().map(|part| fields(resolve(document, part))).collect(),
        None if schema["properties"].is_object() => fields(schema),
        None => format!("<p>{}</p>\n", kind(schema)),
    }
}

/// The name of a shape, as a link to it; of an array, that of what it holds.
pub(super) fn name(schema: &Value) -> Option<String> {
    if schema["type"] == "array" {
        return Some(format!("list of {}", name(&schema["items"])?));
    }
    let name = escaped(schema["$ref"].as_str()?.strip_prefix(REFERENCE)?);
    Some(format!("<a href=\"#shape-{name}\">{name}</a>"))
}

fn table(rows: impl Iterator<Item = String>) -> String {
    let rows = rows.collect::<String>();
    if rows.is_empty() { rows } else { format!("<table>\n{rows}</table>\n") }
}

fn row(name: &str, required: bool, kind: &str, description: Option<&str>) -> String {
    let required = if required { " (required)" } else { "" };
    let description = text(description.unwrap_or_default());
    format!(
        "<tr><td><code>{}</code>{required}</td><td>{kind}</td><td>{description}</td></tr>\n",
        escaped(name)
    )
}

/// What a value may be, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = name(schema) {
        return name;
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let choices = choices.iter().filter(|choice| choice["type"] != "null");
            return choices.map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter(|value| !value.is_null());
        return values
            .map(|value| format!("<code>{}</code>", escaped(&plain(value))))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let named = match &schema["type"] {
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter(|kind| *kind != "null").map(plain);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        kind => plain(kind),
    };
    let named =
        if named == "array" { format!("list of {}", kind(&schema["items"])) } else { escaped(&named) };
    let range = match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (least, Value::Null) => format!(", {} and more", plain(least)),
        (Value::Null, most) => format!(", up to {}", plain(most)),
        (least, most) => format!(", {} to {}", plain(least), plain(most)),
    };
    format!("{named}{range}")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
