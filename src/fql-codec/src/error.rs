use thiserror::Error;

/// Why samples cannot be coded, or a unit cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A configured value is outside of its range.
    #[error("{what} is {value}, it must be {expected}")]
    OutOfRange {
        /// What the value is.
        what: &'static str,
        /// The value that was given.
        value: u64,
        /// What is allowed, in words.
        expected: &'static str,
    },
    /// A plane's bytes end before its last sample.
    #[error("{what} has {value} bytes, {needed} are needed")]
    TooFewBytes {
        /// Which plane.
        what: &'static str,
        /// How many bytes there are.
        value: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The samples do not have the shape that was configured.
    #[error("{what} has {value} samples, {needed} are needed")]
    TooFewSamples {
        /// Which plane or channel.
        what: &'static str,
        /// How many samples were given.
        value: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A sample is outside of the range of its format.
    #[error("a sample is {value}, which {bits} bits cannot hold")]
    Sample {
        /// The sample.
        value: i32,
        /// How many bits samples have.
        bits: u32,
    },
    /// The codec parameters of a unit are not what this version of the codec writes.
    #[error("the unit's codec parameters: {0}")]
    Params(&'static str),
    /// The unit does not hold what it should.
    #[error(transparent)]
    Unit(#[from] fql_unit::Error),
}

/// Fails where a configured value is outside of its range.
pub(crate) fn check(
    what: &'static str,
    value: impl Into<u64>,
    allowed: std::ops::RangeInclusive<u64>,
    expected: &'static str,
) -> Result<(), Error> {
    let value = value.into();
    if allowed.contains(&value) { Ok(()) } else { Err(Error::OutOfRange { what, value, expected }) }
}
