//! What must hold between a playlist and the one that was there before.

use super::{Playlist, Segment};

/// Puts the segments that a delta update left out in their places.
pub(super) fn fill(playlist: &mut Playlist, last: &Playlist, found: &mut Vec<String>) {
    let first = playlist.first_number;
    let skipped = first..first + playlist.skipped;
    let known: Vec<_> =
        last.segments.iter().filter(|segment| skipped.contains(&segment.number)).cloned().collect();
    if known.len() as u64 != playlist.skipped {
        found.push(format!(
            "a delta update skips {} segments, of which {} are known",
            playlist.skipped,
            known.len()
        ));
    }
    // What is said of initialization and discontinuities before the boundary holds after it.
    let (map, steps) = match known.last() {
        Some(segment) => (segment.map.clone(), segment.period - playlist.discontinuities),
        None => (None, 0),
    };
    for segment in &mut playlist.segments {
        segment.map = segment.map.take().or_else(|| map.clone());
        segment.period += steps;
    }
    let after: f64 = playlist.segments.iter().map(Segment::length).sum();
    if playlist.control("CAN-SKIP-UNTIL").is_none_or(|until| after + 0.01 < until) {
        found.push(format!("a delta update begins {after} s from the end, past the skip boundary (6.2.5.1)"));
    }
    playlist.segments.splice(..0, known.into_iter().map(|segment| Segment { parts: Vec::new(), ..segment }));
}

pub(super) fn check(last: &Playlist, now: &Playlist, found: &mut Vec<String>) {
    if now.target != last.target || now.part_target != last.part_target {
        found.push("the target durations have changed (6.2.1)".into());
    }
    if now.first_number < last.first_number {
        found
            .push(format!("the media sequence went back from {} to {}", last.first_number, now.first_number));
    }
    if now.discontinuities < last.discontinuities {
        found.push("the discontinuity sequence went back (6.2.2)".into());
    }
    if last.has_ended && now.segments != last.segments {
        found.push("a playlist that had ended has changed (6.2.1)".into());
    }
    check_removed(last, now, found);
    for old in &last.segments {
        match now.segments.iter().find(|segment| segment.number == old.number) {
            Some(new) => check_same(old, new, found),
            None if old.number < now.first_number => {}
            None => found.push(format!("segment {} went from the end (6.2.1)", old.number)),
        }
    }
    check_hint(last, now, found);
}

/// Segments may only go while three target durations stay.
fn check_removed(last: &Playlist, now: &Playlist, found: &mut Vec<String>) {
    let length: f64 = now.segments.iter().filter_map(|segment| segment.duration).sum();
    if now.first_number > last.first_number && length < 3.0 * now.target {
        found.push(format!("segments went, and {length} s are left (6.2.2)"));
    }
}

fn check_same(old: &Segment, new: &Segment, found: &mut Vec<String>) {
    let number = old.number;
    if old.duration.is_some() && (old.duration != new.duration || old.uri != new.uri) {
        found.push(format!("segment {number} has changed (6.2.1)"));
    }
    if old.map != new.map || old.date != new.date || old.gap != new.gap {
        found.push(format!("what is said of segment {number} has changed (6.2.1)"));
    }
    if old.period != new.period || old.discontinuity != new.discontinuity {
        found.push(format!("segment {number} was of discontinuity {}, and is of {}", old.period, new.period));
    }
    let has_parts = !new.parts.is_empty();
    if has_parts
        && (new.parts.len() < old.parts.len() || old.parts.iter().zip(&new.parts).any(|(a, b)| a != b))
    {
        found.push(format!("parts of segment {number} have changed (6.2.1)"));
    }
}

/// The part that was hinted at is the first new one.
fn check_hint(last: &Playlist, now: &Playlist, found: &mut Vec<String>) {
    let Some(hint) = &last.hint else { return };
    let parts = |playlist: &Playlist| -> Vec<String> {
        let parts = playlist.segments.iter().flat_map(|segment| &segment.parts);
        parts.map(|part| part.uri.clone()).collect()
    };
    let (old, new) = (parts(last), parts(now));
    let Some(newest_old) = old.last() else { return };
    // Where so much is new that the old parts are not listed any more, the hint is not either.
    let Some(at) = new.iter().position(|uri| uri == newest_old) else { return };
    if let Some(next) = new.get(at + 1)
        && next != hint
    {
        found.push(format!("{hint} was hinted at, and {next} came (4.4.5.3)"));
    }
}
