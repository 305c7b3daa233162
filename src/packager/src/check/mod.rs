//! Checks media playlists against the rules of RFC 8216bis, as a server must keep them: each by itself, and each as what
//! a player finds that loads the same playlist again.
//!
//! ```
//! let mut checker = fql_packager::check::Checker::default();
//! let found = checker.check("#EXTM3U\n#EXT-X-VERSION:9\n#EXTINF:2.6,\na.m4s\n");
//! assert!(found.iter().any(|rule| rule.contains("EXT-X-TARGETDURATION")), "{found:?}");
//! ```

mod parse;
mod reload;

pub use parse::{Part, Playlist, Segment};

/// What a date and the durations before it may be apart, in seconds.
const DATE_TOLERANCE: f64 = 0.1;
/// What sums of rounded durations may be apart, in seconds.
const SUM_TOLERANCE: f64 = 0.01;
/// What a duration is rounded by when it is written.
const ROUNDING: f64 = 0.0005;

/// Follows one media playlist.
#[derive(Debug, Default)]
pub struct Checker {
    last: Option<Playlist>,
}

impl Checker {
    /// Checks the playlist that was loaded now. Gives the rules that it breaks, none where it is right.
    pub fn check(&mut self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut playlist = parse::parse(text, &mut found);
        if playlist.skipped > 0 {
            match &self.last {
                Some(last) => reload::fill(&mut playlist, last, &mut found),
                None => found.push("a delta update came before the whole playlist".into()),
            }
        }
        check_alone(&playlist, &mut found);
        if let Some(last) = &self.last {
            reload::check(last, &playlist, &mut found);
        }
        self.last = Some(playlist);
        found
    }

    /// The playlist as it was loaded last, with the segments that a delta update left out.
    pub fn playlist(&self) -> Option<&Playlist> {
        self.last.as_ref()
    }
}

fn check_alone(playlist: &Playlist, found: &mut Vec<String>) {
    let target = playlist.target;
    for segment in &playlist.segments {
        check_segment(playlist, segment, found);
    }
    check_order(playlist, found);
    let part_target = playlist.part_target;
    let has_parts = playlist.segments.iter().any(|segment| !segment.parts.is_empty());
    if has_parts && part_target.is_none() {
        found.push("EXT-X-PART without EXT-X-PART-INF (4.4.3.7)".into());
    }
    if let (Some(part), Some(back)) = (part_target, playlist.control("PART-HOLD-BACK"))
        && back + ROUNDING < 3.0 * part
    {
        found.push(format!("PART-HOLD-BACK of {back} is less than three parts of {part} (4.4.3.8)"));
    }
    if has_parts && playlist.control("PART-HOLD-BACK").is_none() {
        found.push("EXT-X-PART without PART-HOLD-BACK (4.4.3.8)".into());
    }
    if playlist.control("CAN-SKIP-UNTIL").is_some_and(|until| until < 6.0 * target) {
        found.push("CAN-SKIP-UNTIL is less than six target durations (4.4.3.8)".into());
    }
    if playlist.has_ended && playlist.hint.is_some() {
        found.push("a hint in a playlist that has ended (6.2.2)".into());
    }
    if playlist.version < 9 && playlist.skipped > 0 {
        found.push(format!("EXT-X-SKIP in version {} (8)", playlist.version));
    }
}

fn check_segment(playlist: &Playlist, segment: &Segment, found: &mut Vec<String>) {
    let (number, target) = (segment.number, playlist.target);
    if let Some(duration) = segment.duration {
        if duration.round() > target {
            found.push(format!(
                "segment {number} lasts {duration} s, more than the target of {target} (4.4.4.1)"
            ));
        }
        let parts: f64 = segment.parts.iter().map(|part| part.duration).sum();
        if !segment.parts.is_empty() && (parts - duration).abs() > SUM_TOLERANCE {
            found.push(format!("segment {number} lasts {duration} s, its parts {parts}"));
        }
    }
    // Segments of MPEG-2 transport streams have their tables in themselves (3.1.1).
    if segment.map.is_none() && !segment.uri.ends_with(".ts") {
        found.push(format!("segment {number} has no EXT-X-MAP (3.1.2)"));
    }
    let Some(part_target) = playlist.part_target else { return };
    let last = segment.parts.len().saturating_sub(1);
    for (i, part) in segment.parts.iter().enumerate() {
        if part.duration > part_target + ROUNDING {
            found.push(format!(
                "part {} lasts {} s, more than {part_target} (4.4.4.9)",
                part.uri, part.duration
            ));
        }
        let is_last = i == last;
        if !is_last && !part.independent && part.duration < 0.85 * part_target - ROUNDING {
            found.push(format!(
                "part {} lasts {} s, less than 85 % of {part_target} (4.4.4.9)",
                part.uri, part.duration
            ));
        }
    }
}

/// What holds between neighbours, and of the place in the playlist.
fn check_order(playlist: &Playlist, found: &mut Vec<String>) {
    for pair in playlist.segments.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if let (Some(a), Some(b), Some(duration)) = (before.date, after.date, before.duration)
            && !after.discontinuity
            && (b - a - duration).abs() > DATE_TOLERANCE
        {
            found.push(format!(
                "the date of segment {} is {} s after the one before, which lasts {duration}",
                after.number,
                b - a
            ));
        }
        if before.map != after.map && !after.discontinuity {
            found.push(format!("segment {} has another EXT-X-MAP and no discontinuity", after.number));
        }
        if before.duration.is_none() {
            found.push(format!("segment {} is not whole, and another follows (4.4.4.9)", before.number));
        }
    }
    let mut until_end = 0.0;
    for segment in playlist.segments.iter().rev() {
        if !segment.parts.is_empty() && until_end > 3.0 * playlist.target {
            found.push(format!(
                "parts of segment {} are listed {until_end} s from the end (4.4.4.9)",
                segment.number
            ));
        }
        until_end += segment.length();
    }
}
