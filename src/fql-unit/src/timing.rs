/// When a unit is presented, on the clock of its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Presentation time in nanoseconds since the sender's session began. The same clock for all tracks.
    pub pts: u64,
    /// How long the unit is shown or heard, in nanoseconds; 0 where it is not known.
    pub duration: u64,
}
