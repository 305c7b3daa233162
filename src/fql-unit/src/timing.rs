/// When a unit is presented, on the clock of its sender.
///
/// Where the units of an encoded track are decoded in another order than they are presented in, `pts` is when a unit is
/// decoded, so that times never go back within a track; [`Arrived::composition`](crate::encoded::Arrived::composition)
/// says how much later it is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Presentation time in nanoseconds since the sender's session began. The same clock for all tracks.
    pub pts: u64,
    /// How long the unit is shown or heard, in nanoseconds; 0 where it is not known.
    pub duration: u64,
}
