//! The TOML file: each value in it goes to the key of its name; what is wrong is named with line and column.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key};
use super::{Config, Place, Problem, Value, set};

/// Sets what the file says and adds what is wrong with it to `problems`.
pub fn apply(config: &mut Config, path: &Path, text: &str, problems: &mut Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = place(path, text, error.span().unwrap_or(0..0));
        problems.push(Problem { place, key: None, message: error.message().to_owned() });
    }
    // What a broken file seems to say is not worth more messages.
    if errors.is_empty() {
        Walk { config, path, text, problems }.table(table.get_ref(), "");
    }
}

struct Walk<'a> {
    config: &'a mut Config,
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    /// The keys of a table whose own name and a dot are `prefix`.
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            self.entry(&format!("{prefix}{}", name.get_ref()), name.span(), value);
        }
    }

    fn entry(&mut self, name: &str, name_at: Range<usize>, value: &Spanned<DeValue<'_>>) {
        if let Some(key) = keys::find(name) {
            return self.key(key, value);
        }
        let problem = match value.get_ref() {
            DeValue::Table(table) if keys::is_section(name) => return self.table(table, &format!("{name}.")),
            _ if keys::is_section(name) => "is a section: write it as a table with keys in it".to_owned(),
            _ => format!("no such key; did you mean {}?", keys::nearest(name)),
        };
        let place = place(self.path, self.text, name_at);
        self.problems.push(Problem { place, key: Some(name.to_owned()), message: problem });
    }

    fn key(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) {
        let place = place(self.path, self.text, value.span());
        set(self.config, key, &read(value.get_ref()), place, self.problems);
    }
}

/// The value as keys take it.
pub fn read(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number that is too large"),
        },
        DeValue::Float(_) => Value::Other("a number with a decimal point"),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(values) => Value::List(values.iter().map(|value| read(value.get_ref())).collect()),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn place(path: &Path, text: &str, at: Range<usize>) -> Place {
    let before = text.get(..at.start).unwrap_or(text);
    let line_begins = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place::File {
        path: path.to_owned(),
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before[line_begins..].chars().count() + 1,
    }
}
