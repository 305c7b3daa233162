//! What a viewer is sent: which of the negotiated media carries which track, and at what RTP time.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Frequency, MediaKind, MediaTime, Mid, Pt};
use str0m::rtp::Ssrc;

use crate::prepare::{Prepared, Preparer};
use crate::session::Agreed;

/// Times of RTP begin this much after zero, so that a track may begin a little before the first one.
const MARGIN: u64 = 10_000_000_000;
/// How far times may go back, or forward at once, before the clock counts as begun anew.
const JUMP: u64 = 5_000_000_000;
/// How much earlier than the first unit others may come without moving what reports say. GStreamer's client leaves reports
/// aside whose time of RTP is a second after that of the last packet.
const AHEAD: Duration = Duration::from_millis(200);
/// How late units may be before the clock follows them.
const LATEST: Duration = Duration::from_millis(500);
/// The clock follows by this part of the time that passes.
const SLEW: u32 = 50;

/// Everything that one viewer is sent.
#[derive(Debug)]
pub(crate) struct Viewer {
    /// The tracks that are to be carried, and their codecs.
    tracks: Vec<(u8, Codec)>,
    lines: Vec<Line>,
    clock: Option<Clock>,
}

#[derive(Debug)]
struct Line {
    mid: Mid,
    kind: MediaKind,
    track: u8,
    pt: Pt,
    rate: Frequency,
    /// Whether there was a key unit.
    has_begun: bool,
    /// What it is sent as, and repaired as, until it is sent: the library would send reports before the first packet,
    /// and say in them that it is time 0 now.
    unsent: Option<(Ssrc, Option<Ssrc>)>,
}

/// A moment of the stream, and the instant that stands for it in reports.
///
/// Reports tell which times of sound and of picture are of one moment. They have to come of the stream's own times: when
/// packets are sent tells less, since one medium may come later than the other, and B-frames make pictures come early.
#[derive(Debug, Clone, Copy)]
struct Clock {
    pts: u64,
    instant: Instant,
    /// When the clock began.
    sent: Instant,
    /// When it was last looked at whether it has to follow.
    moved: Instant,
    latest: u64,
    /// What is added to times, so that they go on where the stream's clock begins anew.
    margin: u64,
}

impl Viewer {
    pub(crate) fn new(preparer: &Preparer) -> Self {
        Self { tracks: preparer.codecs().collect(), lines: Vec::new(), clock: None }
    }

    /// Takes a medium that can be sent in one of these formats.
    pub(crate) fn add(&mut self, rtc: &mut Rtc, added: &Agreed, formats: &[PayloadParams]) {
        let wanted = |codec: Codec| codec.kind() == added.kind;
        let Some(&(track, codec)) = self.tracks.iter().find(|(_, codec)| wanted(*codec)) else { return };
        let has_one = self.lines.iter().any(|line| line.kind == added.kind);
        if has_one || !added.direction.is_sending() {
            return;
        }
        let formats = formats.iter().filter(|format| format.spec().codec == codec);
        let Some(best) = formats.max_by_key(|format| preference(format)) else { return };
        let mut streams = rtc.direct_api();
        let unsent = streams.stream_tx_by_mid(added.mid, None).map(|stream| (stream.ssrc(), stream.rtx()));
        unsent.map(|(source, _)| streams.remove_stream_tx(source));
        self.lines.push(Line {
            mid: added.mid,
            kind: added.kind,
            track,
            pt: best.pt(),
            rate: best.spec().clock_rate,
            has_begun: false,
            unsent,
        });
    }

    /// Whether nothing can be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Which medium a key unit is asked of.
    pub(crate) fn is_video(&self, mid: Mid) -> bool {
        self.lines.iter().any(|line| line.mid == mid && line.kind == MediaKind::Video)
    }

    /// Sends a unit as if it were presented so much earlier or later than it is; `false` where it is of no use to this
    /// viewer.
    pub(crate) fn send(&mut self, rtc: &mut Rtc, now: Instant, unit: &Prepared, earlier: Duration) -> bool {
        let Some(line) = self.lines.iter_mut().find(|line| line.track == unit.track) else { return false };
        line.has_begun |= unit.key || !unit.is_video;
        if !line.has_begun {
            return false;
        }
        let shift = u64::try_from(earlier.as_nanos()).unwrap_or(0);
        let clock = self.clock.get_or_insert_with(|| Clock::new(now, unit.pts, MARGIN));
        let (nanos, wall) = clock.at(now, unit.pts);
        let nanos = nanos.saturating_sub(shift);
        let time = MediaTime::new(ticks(nanos, line.rate.get()), line.rate);
        if let Some((source, repairs)) = line.unsent.take() {
            rtc.direct_api().declare_stream_tx(source, repairs, line.mid, None);
        }
        let Some(writer) = rtc.writer(line.mid) else { return false };
        writer.write(line.pt, wall.checked_sub(earlier).unwrap_or(wall), time, unit.data.clone()).is_ok()
    }
}

impl Clock {
    fn new(now: Instant, pts: u64, margin: u64) -> Self {
        Self {
            pts,
            instant: now.checked_sub(AHEAD).unwrap_or(now),
            sent: now,
            moved: now,
            latest: pts,
            margin,
        }
    }

    /// The time on the viewer's clock in nanoseconds, and the instant that goes with it, which is never in the future: the
    /// library has no time to report then.
    fn at(&mut self, now: Instant, pts: u64) -> (u64, Instant) {
        if pts.abs_diff(self.latest) > JUMP {
            let passed = now.saturating_duration_since(self.sent);
            let margin = self.margin + u64::try_from(passed.as_nanos()).unwrap_or(0);
            *self = Self::new(now, pts, margin);
        }
        self.latest = pts;
        let nanos = (self.margin + pts).saturating_sub(self.pts);
        let after = Duration::from_nanos(pts.saturating_sub(self.pts));
        let before = Duration::from_nanos(self.pts.saturating_sub(pts));
        let instant = self.instant + after;
        let instant = instant.checked_sub(before).unwrap_or(instant);
        let early = instant.saturating_duration_since(now);
        self.instant = self.instant.checked_sub(early).unwrap_or(self.instant);
        // A source whose clock is slow, or whose way has become longer, would have its reports ahead of its packets.
        let late = now.saturating_duration_since(instant).saturating_sub(LATEST);
        self.instant += late.min(now.saturating_duration_since(self.moved) / SLEW);
        self.moved = now;
        (nanos, instant.min(now))
    }
}

/// The nearest time of RTP, so that sound whose times went through nanoseconds follows itself without a gap.
fn ticks(nanos: u64, rate: u32) -> u64 {
    let ticks = (u128::from(nanos) * u128::from(rate) + 500_000_000) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(0)
}

/// Which payload type is best where there are several of a codec: H.264 in packets of parts (packetization mode 1), and
/// the highest profile, which has the most tools.
fn preference(params: &PayloadParams) -> (u8, u32) {
    let format = params.spec().format;
    (format.packetization_mode.unwrap_or(0), format.profile_level_id.unwrap_or(0) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn times_of_the_stream_and_of_the_wall_pass_alike() {
        let now = Instant::now();
        let mut clock = Clock::new(now, 500 * MS, MARGIN);
        let begin = now - AHEAD;
        assert_eq!(clock.at(now, 500 * MS), (MARGIN, begin));
        assert_eq!(clock.at(now, 540 * MS), (MARGIN + 40 * MS, begin + Duration::from_millis(40)));
        assert_eq!(clock.at(now, 480 * MS), (MARGIN - 20 * MS, begin - Duration::from_millis(20)));
    }

    #[test]
    fn what_comes_early_never_stands_for_the_future() {
        let now = Instant::now();
        let mut clock = Clock::new(now, 500 * MS, MARGIN);
        assert_eq!(clock.at(now, 800 * MS), (MARGIN + 300 * MS, now));
        assert_eq!(clock.at(now, 700 * MS), (MARGIN + 200 * MS, now - Duration::from_millis(100)));
    }

    #[test]
    fn reports_stay_near_the_packets_of_a_source_whose_clock_is_slow() {
        let begin = Instant::now();
        let mut clock = Clock::new(begin, 0, MARGIN);
        let mut last = Duration::ZERO;
        // Three hours of a picture every 40 ms, each of which takes 100 ppm longer.
        for picture in 0..270_000u64 {
            let now = begin + Duration::from_nanos(picture * 40_004_000);
            let (_, instant) = clock.at(now, picture * 40 * MS);
            last = now - instant;
            assert!(last < LATEST + Duration::from_millis(100), "{last:?} at {picture}");
        }
        assert!(last > Duration::from_millis(400), "{last:?}: it was not slow");
        // Later all at once: it is followed little by little.
        let late = begin + Duration::from_nanos(270_000 * 40_004_000) + Duration::from_secs(1);
        let (_, instant) = clock.at(late, 270_000 * 40 * MS);
        assert!(late - instant > Duration::from_secs(1));
        let second = |number: u32| late + Duration::from_secs(number.into());
        let behind: Vec<_> = (1..=60)
            .map(|number| {
                second(number) - clock.at(second(number), (270_000 + 25 * u64::from(number)) * 40 * MS).1
            })
            .collect();
        assert!(behind[10] > Duration::from_secs(1), "{behind:?}");
        assert!(behind[59] < LATEST + Duration::from_millis(100), "{behind:?}");
    }

    #[test]
    fn packets_of_sound_follow_each_other_without_a_gap() {
        // 20 ms at 48 kHz, with a start that is no whole number of nanoseconds.
        let nanos = |packet: u64| (packet * 960 + 7) * 1_000_000_000 / 48_000;
        let times: Vec<_> = (0..1000).map(|packet| ticks(nanos(packet), 48_000)).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 960), "{times:?}");
    }

    #[test]
    fn times_go_on_where_the_stream_begins_anew() {
        let now = Instant::now();
        let mut clock = Clock::new(now, 900_000 * MS, MARGIN);
        let later = now + Duration::from_secs(3);
        assert_eq!(clock.at(later, 0), (MARGIN + 3_000 * MS, later - AHEAD));
        assert_eq!(clock.at(later, 40 * MS).0, MARGIN + 3_040 * MS);
    }
}
