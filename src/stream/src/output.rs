//! What commands print on standard output: text for people, or JSON for programs.

use std::io::Write;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Failure, Result};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For programs where `json` is set, otherwise for people.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer of the API: as it came, or as `describe` puts it for people.
    pub fn answer<T: DeserializeOwned>(self, answer: Value, describe: impl Fn(&T) -> String) -> Result<()> {
        if self.json {
            return self.json_document(&answer);
        }
        self.text(&describe(&read(answer)?))
    }

    /// Prints a JSON document over some lines.
    pub fn json_document(self, document: &Value) -> Result<()> {
        self.text(&format!("{document:#}\n"))
    }

    /// Prints a JSON document on one line, for a row of them.
    pub fn json_line(self, document: &Value) -> Result<()> {
        self.text(&format!("{document}\n"))
    }

    /// Prints text at once.
    pub fn text(self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Prints that something was done, with a check mark; for programs `document`.
    pub fn done(self, sentence: &str, document: &Value) -> Result<()> {
        if self.json {
            return self.json_document(document);
        }
        self.text(&format!("✓ {sentence}\n"))
    }
}

/// An answer of the API as what it should be.
pub fn read<T: DeserializeOwned>(answer: Value) -> Result<T> {
    serde_json::from_value(answer).map_err(|error| {
        let text =
            format!("the server's answer is not what this version understands ({error}): update stream");
        Failure::failed(text)
    })
}
