//! UTC of what is captured: from what comes with buffers, or from the system's clock beside the pipeline's.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use gst::prelude::*;

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// How long a look at both clocks holds, in nanoseconds.
const LOOK: u64 = 1_000_000_000;
/// A look that took no longer than this is a good one, in nanoseconds; a busy machine gets this many.
const QUICK: u64 = 50_000;
const LOOKS: usize = 5;

static UNIX: LazyLock<gst::Caps> = LazyLock::new(|| reference("timestamp/x-unix"));
static NTP: LazyLock<gst::Caps> = LazyLock::new(|| reference("timestamp/x-ntp"));

/// Caps that live as long as the process, which GStreamer's search for leaks is told.
fn reference(name: &str) -> gst::Caps {
    let mut caps = gst::Caps::new_empty_simple(name);
    caps.make_mut().mark_may_be_leaked();
    caps
}

/// The UTC in nanoseconds since 1970 that comes with a buffer, if one does.
pub fn of_buffer(buffer: &gst::BufferRef) -> Option<u64> {
    let mut ntp = None;
    for meta in buffer.iter_meta::<gst::ReferenceTimestampMeta>() {
        let nanos = meta.timestamp().nseconds();
        if meta.reference().can_intersect(UNIX.as_ref()) {
            return Some(nanos);
        }
        if meta.reference().can_intersect(NTP.as_ref()) {
            ntp = nanos.checked_sub(NTP_TO_UNIX * 1_000_000_000);
        }
    }
    ntp
}

/// A time that is later by so many nanoseconds; `None` for what GStreamer has no time for.
pub fn moved(utc: u64, by: i64) -> Option<u64> {
    utc.checked_add_signed(by).filter(|utc| i64::try_from(*utc).is_ok())
}

/// Says with a buffer what UTC it was captured at, in nanoseconds since 1970.
pub fn attach(buffer: &mut gst::BufferRef, utc: u64, duration: Option<gst::ClockTime>) {
    let utc = gst::ClockTime::from_nseconds(utc);
    gst::ReferenceTimestampMeta::add(buffer, &UNIX, utc, duration);
}

/// How long ago a time in nanoseconds since 1970 was, by the system's clock; negative where that is to come.
pub fn age(utc: u64) -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
    i64::try_from(i128::try_from(now).ok()? - i128::from(utc)).ok()
}

/// How far the system's UTC is ahead of a pipeline's clock. It is looked at now and again, because clocks drift apart.
#[derive(Default)]
pub struct SystemUtc {
    last: Option<(gst::Clock, u64, i64)>,
}

impl SystemUtc {
    /// UTC in nanoseconds since 1970 less the clock's time; `None` where the system's clock says nothing that can be.
    pub fn ahead_of(&mut self, clock: &gst::Clock) -> Option<i64> {
        let now = clock.time().nseconds();
        if let Some((of, at, ahead)) = &self.last
            && of == clock
            && (*at..*at + LOOK).contains(&now)
        {
            return Some(*ahead);
        }
        let ahead = look(clock)?;
        self.last = Some((clock.clone(), now, ahead));
        Some(ahead)
    }
}

/// Looks at both clocks, one right after the other, until nothing came between.
fn look(clock: &gst::Clock) -> Option<i64> {
    let mut best = None;
    for _ in 0..LOOKS {
        let before = clock.time().nseconds();
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let took = clock.time().nseconds().saturating_sub(before);
        let ahead = i64::try_from(i128::try_from(utc).ok()? - i128::from(before + took / 2)).ok()?;
        if best.is_none_or(|(least, _)| took < least) {
            best = Some((took, ahead));
        }
        if took < QUICK {
            break;
        }
    }
    best.map(|(_, ahead)| ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_comes_with_a_buffer_by_unix_and_by_ntp_time() {
        gst::init().unwrap();
        let with = |name: &str, nanos: u64| {
            let mut buffer = gst::Buffer::new();
            let caps = gst::Caps::new_empty_simple(name);
            let time = gst::ClockTime::from_nseconds(nanos);
            gst::ReferenceTimestampMeta::add(buffer.get_mut().unwrap(), &caps, time, None);
            of_buffer(&buffer)
        };
        assert_eq!(with("timestamp/x-unix", 7), Some(7));
        assert_eq!(with("timestamp/x-ntp", 2_208_988_800_000_000_007), Some(7));
        assert_eq!(with("timestamp/x-ntp", 7), None, "before 1970");
        assert_eq!(with("timestamp/x-ptp", 7), None);
        assert_eq!(of_buffer(&gst::Buffer::new()), None);
        let mut buffer = gst::Buffer::new();
        attach(buffer.get_mut().unwrap(), 9, None);
        assert_eq!(of_buffer(&buffer), Some(9));
    }

    #[test]
    fn an_age_is_that_by_the_system_s_clock() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let age_of = |utc| age(utc).unwrap();
        assert!((0..60_000_000_000).contains(&age_of(now)));
        assert!(
            age_of(now + 3_600_000_000_000) < 0 && age_of(0) >= now as i64 && age_of(i64::MAX as u64) < 0
        );
    }

    #[test]
    fn what_is_no_time_is_none() {
        assert_eq!(moved(7, -7), Some(0));
        assert_eq!((moved(6, -7), moved(1 << 62, i64::MAX), moved(u64::MAX, 0)), (None, None, None));
    }

    #[test]
    fn the_system_s_utc_is_as_far_ahead_as_both_clocks_say() {
        gst::init().unwrap();
        let clock = gst::SystemClock::obtain();
        let mut system = SystemUtc::default();
        let ahead = system.ahead_of(&clock).unwrap();
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
        let reckoned = clock.time().nseconds() as i64 + ahead;
        assert!(reckoned - utc < 1_000_000_000 && utc - reckoned < 1_000_000, "{reckoned} instead of {utc}");
        assert_eq!(system.ahead_of(&clock), Some(ahead), "one look holds for a while");
    }
}
