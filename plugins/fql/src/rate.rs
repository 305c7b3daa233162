//! How a sender tells an encoder what it may use: an upstream event.
//!
//! The event is a custom upstream event whose structure is named [`NAME`], with the field `bitrate`: a `guint`, the
//! media rate in kbit/s (all layers of this track, before error correction and headers) that the link carries at
//! present; 0 means that there is no bound. An encoder uses the smaller one of its `bitrate` property and this,
//! from its next frame on. Any element may send it, and encoders that do not know it ignore it.

/// The name of the event's structure.
pub const NAME: &str = "application/x-fql-rate";

/// The event for a rate in kbit/s; 0 where there is no bound.
pub fn event(kbit_per_second: u32) -> gst::Event {
    gst::event::CustomUpstream::new(gst::Structure::builder(NAME).field("bitrate", kbit_per_second).build())
}

/// The rate in kbit/s that an event tells; `None` if it is another event.
pub fn of_event(event: &gst::EventRef) -> Option<u32> {
    let gst::EventView::CustomUpstream(custom) = event.view() else { return None };
    let structure = custom.structure().filter(|s| s.name() == NAME)?;
    structure.get("bitrate").ok()
}

/// The rate that holds where a property asks for one and an event for another, 0 being no bound; kbit/s.
pub fn effective(property: u32, event: u32) -> u32 {
    match (property, event) {
        (0, other) | (other, 0) => other,
        (a, b) => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_rate_holds_and_nought_is_no_bound() {
        assert_eq!(effective(2000, 500), 500);
        assert_eq!(effective(500, 2000), 500);
        assert_eq!(effective(0, 700), 700);
        assert_eq!(effective(700, 0), 700);
        assert_eq!(effective(0, 0), 0);
    }

    #[test]
    fn an_event_says_its_rate_and_others_say_none() {
        gst::init().unwrap();
        assert_eq!(of_event(&event(1234)), Some(1234));
        let other = gst::event::CustomUpstream::new(gst::Structure::new_empty("application/x-other"));
        assert_eq!(of_event(&other), None);
        assert_eq!(of_event(&gst::event::Latency::new(gst::ClockTime::ZERO)), None);
    }
}
