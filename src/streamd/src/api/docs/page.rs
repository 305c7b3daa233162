//! The page: its operations by tag, the shapes that they speak of, and the problems that they answer with.

use std::fmt::Write;

use serde_json::Value;

use super::schema::{self, resolve};
use super::{escaped, text};
use crate::api::problem::Kind;

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// All that is not HTML on the page.
pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .4rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
h2 { margin-top: 3rem; } h3 { margin-top: 2.2rem; } h3 code { font-size: 1em; }
summary { cursor: pointer; } nav a { margin-right: 1rem; }
";

const HEAD: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The Stream: control API</title>
<link rel="icon" href="/favicon.svg">
<style>"##;

const BODY: &str = r##"</style>
</head>
<body>
<h1>The Stream: control API</h1>
<p>Every request carries <code>Authorization: Bearer ak_…</code> with an API key (or is made by the dashboard, where
somebody is signed in), and a body is JSON.
The same as a document for programs: <a href="/v1/openapi.json">OpenAPI 3.1</a>.</p>
"##;

/// The page of an OpenAPI document.
pub(in crate::api) fn page(document: &Value) -> String {
    let mut page = [HEAD, STYLE, BODY].concat();
    let tags = tags(document);
    page += "<nav>";
    for tag in &tags {
        write_line(&mut page, format_args!("<a href=\"#{}\">{}</a>", anchor(tag), text(tag)));
    }
    page += "<a href=\"#shapes\">Shapes</a> <a href=\"#problems\">Problems</a></nav>\n";
    for tag in &tags {
        write_line(&mut page, format_args!("<h2 id=\"{}\">{}</h2>", anchor(tag), text(tag)));
        for (path, method, operation) in
            operations(document).filter(|(.., operation)| operation["tags"][0] == *tag)
        {
            page += &described(document, path, method, operation);
        }
    }
    page += &schema::shapes(document);
    page += &problems();
    page += "</body>\n</html>\n";
    page
}

fn write_line(page: &mut String, line: std::fmt::Arguments) {
    writeln!(page, "{line}").expect("a string takes everything");
}

fn anchor(tag: &str) -> String {
    tag.to_lowercase().replace(' ', "-")
}

/// Every operation: its path, its method and itself.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| Some((path.as_str(), *method, item.get(method)?)))
    })
}

fn tags(document: &Value) -> Vec<&str> {
    let mut tags = Vec::new();
    for tag in operations(document).filter_map(|(.., operation)| operation["tags"][0].as_str()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn described(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let mut part = String::new();
    let id = operation["operationId"].as_str().unwrap_or_default();
    let summary = operation["summary"].as_str().unwrap_or_default();
    let called = format!("{} {path}", method.to_uppercase());
    write_line(&mut part, format_args!("<h3 id=\"{}\"><code>{}</code></h3>", escaped(id), escaped(&called)));
    write_line(&mut part, format_args!("<p>{}.</p>", text(summary.trim_end_matches('.'))));
    if let Some(description) = operation["description"].as_str() {
        write_line(&mut part, format_args!("<p>{}</p>", text(description)));
    }
    write_line(&mut part, format_args!("<pre>{}</pre>", escaped(&example(path, method, operation))));
    if let Some(parameters) = operation["parameters"].as_array() {
        part += &schema::parameters(parameters);
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        part += &schema::fields(resolve(document, body));
    }
    part += &answers(document, operation);
    part
}

/// What to type.
fn example(path: &str, method: &str, operation: &Value) -> String {
    let security = &operation["security"][0];
    let proof = if security.get("streamKey").is_some() {
        "-H \"Authorization: Bearer $STREAM_KEY\""
    } else if security.get("apiKey").is_some() {
        "-H \"Authorization: Bearer $STREAM_API_KEY\""
    } else {
        "-H 'X-Stream-Dashboard: 1' -b cookies -c cookies"
    };
    let method = if method == "get" { String::new() } else { format!("-X {} ", method.to_uppercase()) };
    let body = match operation.get("requestBody") {
        Some(_) => " \\\n  -H 'Content-Type: application/json' -d '{…}'",
        None => "",
    };
    format!("curl {method}{proof}{body} \\\n  http://127.0.0.1:8080{path}")
}

fn answers(document: &Value, operation: &Value) -> String {
    let mut list = String::from("<p>Answers: ");
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers = answers.map(|(status, answer)| {
        let answer = resolve(document, answer);
        let shape = schema::name(&answer["content"]["application/json"]["schema"]);
        match (status.starts_with('2'), shape) {
            (true, Some(shape)) => format!("<strong>{}</strong> {shape}", escaped(status)),
            (true, None) => format!("<strong>{}</strong>", escaped(status)),
            _ => format!("<a href=\"#problems\">{}</a>", escaped(status)),
        }
    });
    list += &answers.collect::<Vec<_>>().join(", ");
    list + "</p>\n"
}

fn problems() -> String {
    let mut part = String::from(
        "<h2 id=\"problems\">Problems</h2>\n<p>Whatever goes wrong is answered with a problem document (RFC 9457) of \
         type <code>application/problem+json</code>: its <code>type</code> leads here, its <code>detail</code> says \
         what happened, and <code>errors</code> names the fields.</p>\n<table>\n",
    );
    for kind in Kind::ALL {
        write_line(
            &mut part,
            format_args!(
                "<tr id=\"problem-{0}\"><td>{1}</td><td><code>{0}</code></td><td>{2}</td></tr>",
                kind.name(),
                kind.status().as_u16(),
                text(kind.title())
            ),
        );
    }
    part + "</table>\n"
}
