//! Which part of a file is played, how fast, and what its times are in the pipeline.

use fql_file::StoredUnit;
use fql_unit::Media;

/// A file that begins within this time begins at 0 all the same: its times are kept as they are.
const NEAR_ZERO: i64 = 1_000_000_000;
/// Decoders of encoded sound need so much before the first sample that is right.
const SOUND_LEAD: i64 = 100_000_000;
/// While only refresh points are shown, so many are shown in a second.
const SHOWN_A_SECOND: f64 = 10.0;

/// Which part of a file is played.
#[derive(Clone, Debug)]
pub struct Course {
    /// The part, in times of the pipeline.
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    /// That of the seek that asked for it.
    pub seqnum: gst::Seqnum,
    /// The time in the file that is 0 in the pipeline.
    pub origin: i64,
}

impl Default for Course {
    fn default() -> Self {
        Self { segment: gst::FormattedSegment::new(), seqnum: gst::Seqnum::next(), origin: 0 }
    }
}

impl Course {
    /// The file's first time becomes 0 where it is far from that.
    pub fn begin_at(&mut self, first: i64) {
        self.origin = if (0..NEAR_ZERO).contains(&first) { 0 } else { first };
    }

    /// A time of the file in the pipeline. Those before the origin are that.
    pub fn time(&self, nanos: i64) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(u64::try_from(nanos.saturating_sub(self.origin)).unwrap_or(0))
    }

    /// A time of the pipeline in the file.
    pub fn file_time(&self, time: gst::ClockTime) -> i64 {
        self.origin.saturating_add_unsigned(time.nseconds())
    }

    /// Where what is played begins in the file.
    pub fn start(&self) -> i64 {
        self.file_time(self.segment.start().unwrap_or_default())
    }

    /// Where what is played ends in the file.
    pub fn stop(&self) -> Option<i64> {
        self.segment.stop().map(|stop| self.file_time(stop))
    }

    /// Moves the beginning to a refresh point.
    pub fn land(&mut self, nanos: i64) {
        let time = self.time(nanos);
        self.segment.set_start(time);
        self.segment.set_time(time);
        self.segment.set_position(time);
    }

    /// Whether a unit ends before what is played, and nothing that is played needs it.
    pub fn is_before(&self, unit: &StoredUnit, media: &Media) -> bool {
        let lead = match media {
            Media::EncodedVideo(_) => return false,
            Media::EncodedAudio(_) => SOUND_LEAD,
            _ => 0,
        };
        // One of which nobody knows how long it lasts is over at once.
        unit.end().max(unit.pts.saturating_add(1)) <= self.start().saturating_sub(lead)
    }

    /// Whether a unit and all that follow on its track lie after what is played.
    pub fn is_after(&self, unit: &StoredUnit) -> bool {
        self.stop().is_some_and(|stop| unit.pts.min(unit.decoding_time()) >= stop)
    }

    /// Whether this unit is left out because the file is played fast: only some refresh points are shown, and no
    /// sound is heard.
    pub fn is_skipped(&self, unit: &StoredUnit, media: &Media, last: Option<i64>) -> bool {
        let flags = self.segment.flags();
        if media.is_audio() {
            return flags.contains(gst::SegmentFlags::TRICKMODE_NO_AUDIO);
        }
        if !media.is_video() || !flags.contains(gst::SegmentFlags::TRICKMODE_KEY_UNITS) {
            return false;
        }
        let step = (self.segment.rate().abs().max(1.0) * 1e9 / SHOWN_A_SECOND) as i64;
        !unit.flags.key || last.is_some_and(|last| unit.pts < last.saturating_add(step))
    }
}

#[cfg(test)]
mod tests {
    use fql_file::StoredFlags;
    use fql_unit::DataInfo;

    use super::*;

    fn course(start: u64, stop: Option<u64>) -> Course {
        gst::init().unwrap();
        let mut course = Course::default();
        course.segment.set_start(gst::ClockTime::from_mseconds(start));
        course.segment.set_stop(stop.map(gst::ClockTime::from_mseconds));
        course
    }

    fn unit(millis: i64) -> StoredUnit {
        let flags = StoredFlags { key: true, ..StoredFlags::default() };
        let duration = Some(40_000_000);
        StoredUnit { track: 0, pts: millis * 1_000_000, dts: None, duration, flags, unit: Default::default() }
    }

    fn data() -> Media {
        Media::Data(DataInfo { caps: "a/b".into() })
    }

    #[test]
    fn times_of_a_file_that_begins_far_from_zero_are_moved() {
        let mut course = course(0, None);
        for (first, time, moved) in
            [(0, 40, 40), (500, 540, 540), (5_000, 5_040, 40), (-80, -40, 40), (0, -40, 0)]
        {
            course.begin_at(first * 1_000_000);
            let time = course.time(time * 1_000_000);
            assert_eq!(time.mseconds(), moved, "{first}");
        }
    }

    #[test]
    fn units_that_touch_what_is_played_are_inside() {
        let course = course(100, Some(200));
        let tell = |millis| (course.is_before(&unit(millis), &data()), course.is_after(&unit(millis)));
        assert_eq!([40, 60, 61].map(tell), [(true, false), (true, false), (false, false)]);
        assert_eq!([100, 199, 200].map(tell), [(false, false), (false, false), (false, true)]);
        assert_eq!(course.file_time(gst::ClockTime::from_mseconds(100)), course.start());
    }

    #[test]
    fn played_fast_some_refresh_points_are_shown() {
        let mut course = course(0, None);
        course.segment.set_flags(gst::SegmentFlags::TRICKMODE_KEY_UNITS);
        course.segment.set_rate(4.0);
        let info = fql_unit::EncodedVideoInfo {
            codec: fql_unit::VideoCodec::H264,
            width: 1,
            height: 1,
            frame_rate: (25, 1),
            config: vec![],
            caps: String::new(),
        };
        let video = Media::EncodedVideo(info);
        let mut last = None;
        let mut shown = Vec::new();
        for n in 0..30 {
            if !course.is_skipped(&unit(n * 40), &video, last) {
                last = Some(n * 40_000_000);
                shown.push(n);
            }
        }
        assert_eq!(shown, [0, 10, 20]);
        assert!(!course.is_skipped(&unit(0), &data(), None));
    }
}
