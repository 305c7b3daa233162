use std::time::Duration;

/// How a stream is cut.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The number of the first segment, from which the numbers of parts and initialization segments follow too. Seconds
    /// since 1970: then no number comes again when a stream is packaged anew, whatever caches still hold.
    pub first_number: u64,
    /// A segment ends at the first key frame after this time.
    pub shortest_segment: Duration,
    /// The longest that the first segment may be, and with it the target duration: a segment without another key frame
    /// ends there all the same.
    pub longest_segment: Duration,
    /// How long a part is where the frames allow it.
    pub part: Duration,
    /// How many whole segments a playlist lists. As many more can still be fetched.
    pub window: usize,
    /// The most bytes of media that are kept; the window is shorter where it would hold more, but not below
    /// [`LEAST_WINDOW`](crate::LEAST_WINDOW) segments.
    pub most_bytes: usize,
}

/// The fewest whole segments that a playlist lists when it has so many: three target durations (RFC 8216bis, 6.2.2),
/// and one that is on its way out.
pub const LEAST_WINDOW: usize = 4;

impl Default for Settings {
    /// Segments of about 2 s and parts of about 0.33 s, 10 segments in the playlist.
    fn default() -> Self {
        Self {
            first_number: 0,
            shortest_segment: Duration::from_millis(1500),
            longest_segment: Duration::from_secs(6),
            part: Duration::from_millis(334),
            window: 10,
            most_bytes: 128 << 20,
        }
    }
}
