use fql_transport::Time;

const NANOS: f64 = 1e6;

/// The instant of a time in milliseconds since the epoch; what is before it, or no number, is the epoch.
pub(crate) fn from_millis(millis: f64) -> Time {
    // A cast saturates, and makes zero of what is no number.
    Time::from_nanos((millis * NANOS) as u64)
}

/// Milliseconds since the epoch.
pub(crate) fn to_millis(time: Time) -> f64 {
    nanos_to_millis(time.as_nanos())
}

/// Nanoseconds as milliseconds.
pub(crate) fn nanos_to_millis(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}
