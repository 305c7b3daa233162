//! The media presentation description of DASH (ISO/IEC 23009-1), over the segments that HLS has.

use std::fmt::Write;

use crate::Packager;
use crate::playlist::{date_time, rates, size};
use crate::rendition::{Rendition, Segment};

/// The segments of one period in one rendition, which follow each other without a gap.
struct Run<'a> {
    rendition: &'a Rendition,
    segments: Vec<&'a Segment>,
}

impl Packager {
    /// The description of the stream; its media is at this address, relative to its own. `None` before there is a first
    /// segment.
    pub fn presentation_description(&self, media: &str) -> Option<String> {
        let target = self.target_duration()?;
        let leader = self.renditions().next()?;
        let last = leader.listed().last()?;
        let published = last.wall + leader.nanos(last.duration);
        let kept: u64 = leader.listed().map(|segment| segment.duration).sum();
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"",
        );
        out.push_str(" profiles=\"urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019\"");
        if self.has_ended() {
            // Times stay what they were: there are players in the midst of it.
            let length = seconds(leader, last.start + last.duration);
            let _ = write!(out, " type=\"static\" mediaPresentationDuration=\"PT{length:.3}S\"");
        } else {
            let begin = date_time(self.first_wall().max(0) as u64);
            let _ = write!(
                out,
                " type=\"dynamic\" availabilityStartTime=\"{begin}\" publishTime=\"{}\" minimumUpdatePeriod=\"PT{target}S\" \
                 timeShiftBufferDepth=\"PT{:.3}S\" suggestedPresentationDelay=\"PT{}S\"",
                date_time(published),
                seconds(leader, kept),
                3 * target,
            );
        }
        let _ = writeln!(out, " maxSegmentDuration=\"PT{target}S\" minBufferTime=\"PT{target}S\">");
        let _ = writeln!(out, "  <BaseURL>{media}</BaseURL>");
        let mut periods: Vec<_> =
            leader.listed().map(|segment| (segment.period, segment.period_begun)).collect();
        periods.dedup();
        for (period, begun) in periods {
            self.write_period(&mut out, period, begun);
        }
        out.push_str("</MPD>\n");
        Some(out)
    }

    /// A period that began at this time on the timeline, in nanoseconds. That never changes, whichever of its segments
    /// are left: players count from it.
    fn write_period(&self, out: &mut String, period: u64, begun: u64) {
        let runs: Vec<_> = self.renditions().filter_map(|rendition| Run::of(rendition, period)).collect();
        if runs.is_empty() {
            return;
        }
        let begun = begun as f64 / 1e9;
        let _ = writeln!(out, "  <Period id=\"{period}\" start=\"PT{begun:.3}S\">");
        for run in runs {
            self.write_set(out, &run, begun);
        }
        out.push_str("  </Period>\n");
    }

    fn write_set(&self, out: &mut String, run: &Run, begun: f64) {
        let rendition = run.rendition;
        let kind = if rendition.is_video() { "video" } else { "audio" };
        let (name, codec, timescale) = (rendition.name(), rendition.codec(), rendition.timescale());
        let bandwidth = rates(rendition).0;
        let _ = writeln!(
            out,
            "    <AdaptationSet id=\"{}\" contentType=\"{kind}\" mimeType=\"{kind}/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\">",
            rendition.id()
        );
        let _ =
            write!(out, "      <Representation id=\"{name}\" codecs=\"{codec}\" bandwidth=\"{bandwidth}\"");
        if let Some((width, height)) = size(rendition) {
            let _ = write!(out, " width=\"{width}\" height=\"{height}\"");
        }
        if rendition.is_video() {
            out.push_str(">\n");
        } else {
            let _ = writeln!(out, " audioSamplingRate=\"{timescale}\">");
        }
        let first = run.segments[0];
        let offset = (begun * f64::from(timescale)).round() as u64;
        let _ = writeln!(
            out,
            "        <SegmentTemplate timescale=\"{timescale}\" presentationTimeOffset=\"{offset}\" startNumber=\"{}\" \
             initialization=\"{name}/init-{}.mp4\" media=\"{name}/seg-$Number$.m4s\">\n          <SegmentTimeline>",
            first.number, first.initialization
        );
        for (i, segment) in run.segments.iter().enumerate() {
            let next = run.segments.get(i + 1);
            let duration = next.map_or(segment.duration, |next| next.start.saturating_sub(segment.start));
            let _ = writeln!(out, "            <S t=\"{}\" d=\"{}\"/>", segment.start, duration.max(1));
        }
        out.push_str("          </SegmentTimeline>\n        </SegmentTemplate>\n      </Representation>\n    </AdaptationSet>\n");
    }
}

impl<'a> Run<'a> {
    /// The last ones without a gap, since their numbers are counted from the first.
    fn of(rendition: &'a Rendition, period: u64) -> Option<Self> {
        let of_period = rendition.listed().filter(|segment| segment.period == period);
        let mut segments: Vec<_> = of_period.rev().take_while(|segment| !segment.parts.is_empty()).collect();
        segments.reverse();
        (!segments.is_empty()).then_some(Self { rendition, segments })
    }
}

fn seconds(rendition: &Rendition, ticks: u64) -> f64 {
    ticks as f64 / f64::from(rendition.timescale())
}
