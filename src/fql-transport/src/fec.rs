use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::Error;
use crate::rs::MAX_PARITY;

/// Source shards for which `equal` and `unequal` count their parity: every started ten.
const TEN: usize = 10;
/// With more parity than source, a fixed setting would be better off with repetition.
const MAX_FIXED: u8 = 10;
const DEFAULT_MAX_PERCENT: u8 = 60;

/// How much forward error correction the layers get; written the same way everywhere:
///
/// - `none`
/// - `equal:R`: R parity shards (0 to 10) for every started 10 source shards
/// - `unequal:a,b,c,...`: the same for layers 0, 1, 2, ...; the last number holds for all further layers
/// - `adaptive`, `adaptive:MAX%`: parity from the loss and the burst length that the receiver reports, at most MAX
///   percent (1 to 90, 60 by default) of the rate; one way, where nobody reports, for a loss of 8 %
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fec {
    /// No parity.
    None,
    /// This many parity shards for every started 10 source shards, 0 to 10.
    Equal(u8),
    /// The same for each layer; the last number holds for all further layers. One number at least, 15 at most.
    Unequal(Vec<u8>),
    /// Parity as the reported losses need it.
    Adaptive {
        /// The most that parity may take of the rate, in percent, 1 to 90.
        max_percent: u8,
    },
}

impl Fec {
    /// The parity shards for `sources` source shards of a layer, where the setting fixes them.
    pub(crate) fn fixed_parity(&self, layer: u8, sources: usize) -> Option<usize> {
        let ratio = match self {
            Self::None => 0,
            Self::Equal(ratio) => *ratio,
            Self::Unequal(ratios) => *ratios.get(usize::from(layer)).or(ratios.last())?,
            Self::Adaptive { .. } => return None,
        };
        Some((usize::from(ratio) * sources.div_ceil(TEN)).min(MAX_PARITY))
    }
}

impl Default for Fec {
    /// `adaptive`, with a return path and without one: pictures are predicted from all of their layers, so that a layer
    /// without parity would make them drift at any loss. Where nobody reports a constant loss is assumed.
    fn default() -> Self {
        Self::Adaptive { max_percent: DEFAULT_MAX_PERCENT }
    }
}

impl FromStr for Fec {
    type Err = Error;

    fn from_str(setting: &str) -> Result<Self, Error> {
        let wrong = |problem| Error::Fec { setting: setting.to_owned(), problem };
        let (name, value) = match setting.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (setting, None),
        };
        let number = |text: &str| match text.trim().parse::<u8>() {
            Ok(number) if number <= MAX_FIXED => Ok(number),
            _ => Err(wrong("has a number of parity shards that is not 0 to 10")),
        };
        match (name, value) {
            ("none", None) => Ok(Self::None),
            ("equal", Some(value)) => Ok(Self::Equal(number(value)?)),
            ("unequal", Some(value)) => {
                let ratios = value.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
                if ratios.len() > usize::from(fql_unit::MAX_LAYERS) {
                    return Err(wrong("has more than 15 layers"));
                }
                Ok(Self::Unequal(ratios))
            }
            ("adaptive", None) => Ok(Self::default()),
            ("adaptive", Some(value)) => {
                match value.strip_suffix('%').unwrap_or(value).trim().parse::<u8>() {
                    Ok(max_percent @ 1..=90) => Ok(Self::Adaptive { max_percent }),
                    _ => Err(wrong("has a share of parity that is not 1% to 90%")),
                }
            }
            _ => Err(wrong("is not none, equal:R, unequal:a,b,c,..., adaptive or adaptive:MAX%")),
        }
    }
}

impl Display for Fec {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Equal(ratio) => write!(f, "equal:{ratio}"),
            Self::Unequal(ratios) => {
                let ratios = ratios.iter().map(u8::to_string).collect::<Vec<_>>();
                write!(f, "unequal:{}", ratios.join(","))
            }
            Self::Adaptive { max_percent: DEFAULT_MAX_PERCENT } => f.write_str("adaptive"),
            Self::Adaptive { max_percent } => write!(f, "adaptive:{max_percent}%"),
        }
    }
}

#[cfg(test)]
mod tests;
