//! How a sender tells an encoder what it may use: an upstream event.
//!
//! The event is a custom upstream event whose structure is named [`NAME`], with the fields `bitrate`: a `guint`, the
//! media rate in kbit/s (all layers of this track, before error correction and headers) that the link carries at
//! present, 0 where there is no bound; and `burst`: a `guint`, how many milliseconds of that rate one frame may have at
//! once, [`LONGEST_BURST`] where it is missing. An encoder uses the smaller one of its `bitrate` property and this,
//! from its next frame on. Any element may send it, and encoders that do not know it ignore it.

/// The name of the event's structure.
pub const NAME: &str = "application/x-fql-rate";
/// The most milliseconds of a rate that a frame has at once, whatever is allowed.
pub const LONGEST_BURST: u32 = 200;

/// What a sender allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Media rate in kbit/s; 0 where there is no bound.
    pub bitrate: u32,
    /// How many milliseconds of that rate one frame may have at once.
    pub burst: u32,
}

impl Default for Allowance {
    /// That of a sender that has said nothing.
    fn default() -> Self {
        Self { bitrate: 0, burst: LONGEST_BURST }
    }
}

impl Allowance {
    /// The event that tells it.
    pub fn to_event(self) -> gst::Event {
        let structure =
            gst::Structure::builder(NAME).field("bitrate", self.bitrate).field("burst", self.burst).build();
        gst::event::CustomUpstream::new(structure)
    }

    /// What an event tells; `None` if it is another event.
    pub fn of_event(event: &gst::EventRef) -> Option<Self> {
        let gst::EventView::CustomUpstream(custom) = event.view() else { return None };
        let structure = custom.structure().filter(|s| s.name() == NAME)?;
        let burst = structure.get("burst").unwrap_or(LONGEST_BURST);
        Some(Self { bitrate: structure.get("bitrate").ok()?, burst: burst.clamp(1, LONGEST_BURST) })
    }

    /// What holds for an encoder that is asked for a rate by its property, in kbit/s, 0 being no bound. Where that is
    /// the smaller one, the bytes that are allowed at once are more milliseconds of it.
    pub fn with_property(self, bitrate: u32) -> Self {
        match (bitrate, self.bitrate) {
            (0, _) => self,
            (_, 0) => Self { bitrate, burst: LONGEST_BURST },
            (asked, allowed) if asked < allowed => {
                let burst = u64::from(self.burst) * u64::from(allowed) / u64::from(asked);
                Self { bitrate: asked, burst: burst.min(LONGEST_BURST.into()) as u32 }
            }
            _ => self,
        }
    }
}

/// The event for a rate in kbit/s, 0 where there is no bound, with the usual bursts.
pub fn event(kbit_per_second: u32) -> gst::Event {
    Allowance { bitrate: kbit_per_second, ..Allowance::default() }.to_event()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(property: u32, event: u32) -> u32 {
        Allowance { bitrate: event, ..Allowance::default() }.with_property(property).bitrate
    }

    #[test]
    fn the_smaller_rate_holds_and_nought_is_no_bound() {
        assert_eq!(effective(2000, 500), 500);
        assert_eq!(effective(500, 2000), 500);
        assert_eq!(effective(0, 700), 700);
        assert_eq!(effective(700, 0), 700);
        assert_eq!(effective(0, 0), 0);
    }

    #[test]
    fn bytes_that_are_allowed_at_once_stay_what_they_are_at_a_smaller_rate() {
        let allowed = Allowance { bitrate: 2000, burst: 100 };
        assert_eq!(allowed.with_property(3000), allowed);
        assert_eq!(allowed.with_property(0), allowed);
        assert_eq!(allowed.with_property(1600), Allowance { bitrate: 1600, burst: 125 });
        assert_eq!(allowed.with_property(1), Allowance { bitrate: 1, burst: LONGEST_BURST });
        assert_eq!(Allowance::default().with_property(9), Allowance { bitrate: 9, burst: LONGEST_BURST });
    }

    #[test]
    fn an_event_says_its_rate_and_others_say_none() {
        gst::init().unwrap();
        let allowed = Allowance { bitrate: 1234, burst: 102 };
        assert_eq!(Allowance::of_event(&allowed.to_event()), Some(allowed));
        assert_eq!(Allowance::of_event(&event(9)), Some(Allowance { bitrate: 9, burst: 200 }));
        let other = gst::event::CustomUpstream::new(gst::Structure::new_empty("application/x-other"));
        assert_eq!(Allowance::of_event(&other), None);
        assert_eq!(Allowance::of_event(&gst::event::Latency::new(gst::ClockTime::ZERO)), None);
    }

    #[test]
    fn a_burst_that_is_missing_or_out_of_range_is_the_nearest_that_may_be() {
        gst::init().unwrap();
        let told = |burst: Option<u32>| {
            let structure =
                gst::Structure::builder(NAME).field("bitrate", 5u32).field_if_some("burst", burst);
            Allowance::of_event(&gst::event::CustomUpstream::new(structure.build())).unwrap().burst
        };
        assert_eq!([None, Some(0), Some(80), Some(u32::MAX)].map(told), [200, 1, 80, 200]);
    }
}
