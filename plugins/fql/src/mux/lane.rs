//! From the buffers of a pad to units with the times of the file.

use fql_file::{StoredFlags, StoredUnit};
use fql_unit::Media;

use crate::units::{self, Units};

/// What is known of a pad.
#[derive(Default)]
pub struct Lane {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    units: Units,
    /// Where the last unit ended, in running time.
    end: Option<i64>,
}

impl Lane {
    /// What the pad's track is from here on.
    pub fn describe(&mut self, media: &Media, layers: u8) {
        self.units.describe(media, layers);
    }

    /// Whether buffers may come rarely.
    pub fn is_sparse(&self) -> bool {
        self.units.is_data()
    }

    /// Whether no unit came yet.
    pub fn is_new(&self) -> bool {
        self.end.is_none()
    }

    /// The segment of the buffers that follow; `false` where it is none of times.
    pub fn set_segment(&mut self, segment: &gst::Segment) -> bool {
        self.segment = segment.downcast_ref::<gst::ClockTime>().cloned();
        self.segment.is_some()
    }

    /// The running time of a time of buffers.
    pub fn running(&self, time: gst::ClockTime) -> Option<i64> {
        match self.segment.as_ref()?.to_running_time_full(time)? {
            gst::Signed::Positive(time) => i64::try_from(time.nseconds()).ok(),
            gst::Signed::Negative(time) => i64::try_from(time.nseconds()).ok().map(|nanos| -nanos),
        }
    }

    /// The unit of a buffer, with running times.
    pub fn unit(&mut self, track: u8, buffer: &gst::Buffer) -> Result<StoredUnit, String> {
        let running = |time: Option<gst::ClockTime>| time.and_then(|time| self.running(time));
        let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
        let composition = match self.units.are_presented_in_order() {
            true => None,
            false => dts.zip(pts).map(|(dts, pts)| pts.saturating_sub(dts)),
        };
        let unit = self.units.make(buffer, composition)?;
        // Those of an encoder of layers stay as they are: what the buffer's flags say is in the file beside them.
        let bytes = match self.units.are_layered() {
            true => units::shared(buffer.clone())?,
            false => unit.to_bytes().into(),
        };
        let is_flagged = |flag| buffer.flags().contains(flag);
        let pts = pts.or(dts).or(self.end).unwrap_or(0);
        let stored = StoredUnit {
            track,
            pts,
            dts: composition.map(|composition| pts.saturating_sub(composition)),
            duration: buffer.duration().map(gst::ClockTime::nseconds),
            flags: StoredFlags {
                key: unit.flags.key,
                discont: unit.flags.discont,
                corrupt: is_flagged(gst::BufferFlags::CORRUPTED),
                header: is_flagged(gst::BufferFlags::HEADER),
            },
            unit: bytes,
        };
        self.end = Some(stored.end());
        Ok(stored)
    }
}
