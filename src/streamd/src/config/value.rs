//! Values as they are given, before a key says what it takes.

use std::fmt;
use std::time::Duration;

/// A value as it stands in the file or in the environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text of the environment or the command line, where nothing tells text from numbers.
    Plain(String),
    /// Text in quotes.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Self>),
    /// Something that no key takes: how it is called.
    Other(&'static str),
}

impl Value {
    /// The text that it is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number that it is.
    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Plain(text) => text.parse().ok(),
            Self::Whole(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The truth that it is.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Plain(text) => text.parse().ok(),
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The texts that it is a list of; commas part them where nothing else does.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Plain(text) => {
                Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect())
            }
            Self::List(values) => values.iter().map(Self::text).collect(),
            _ => None,
        }
    }

    /// The length of time that it is: a number with its unit, as `120ms`, `10s`, `5m`, `24h`, `7d`.
    pub fn span(&self) -> Option<Duration> {
        let text = self.text()?;
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..unit_at].parse().ok()?;
        let milliseconds = match &text[unit_at..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(Duration::from_millis(number.checked_mul(milliseconds)?))
    }
}

/// A length of time in the largest unit that says it whole.
pub fn span_text(span: Duration) -> String {
    let milliseconds = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
    let whole = |(length, _): &(u128, &str)| milliseconds >= *length && milliseconds.is_multiple_of(*length);
    match units.into_iter().find(whole) {
        Some((length, unit)) => format!("{}{unit}", milliseconds / length),
        None => "0s".to_owned(),
    }
}

/// As it would stand in the file, cut where it is long.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        match self {
            Self::Plain(text) | Self::Text(text) if text.chars().count() > LONGEST => {
                write!(f, "{:?} and more", text.chars().take(LONGEST).collect::<String>())
            }
            Self::Plain(text) | Self::Text(text) => write!(f, "{text:?}"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(values) => {
                let shown: Vec<String> = values.iter().take(4).map(Self::to_string).collect();
                let more = if values.len() > shown.len() { ", and more" } else { "" };
                write!(f, "[{}{more}]", shown.join(", "))
            }
            Self::Other(what) => f.write_str(what),
        }
    }
}
