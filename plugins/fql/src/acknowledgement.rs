//! How a sender tells an encoder what the receiver has: an upstream event a unit.
//!
//! The event is a custom upstream event whose structure is named [`NAME`], with the fields `running-time`, a
//! `guint64`: the running time of the unit's buffer in nanoseconds, and `layers`, a `guint`: how many of its layers
//! the receiver has complete in every slice, 0 where it came not at all, 15 where it has all there are. Each unit is
//! told of once, when the receiver has spoken of it or is given up on. An encoder that predicts pictures from earlier
//! ones then leaves those out that the receiver lacks. Any element may send it, and encoders that do not know it
//! ignore it.

use std::collections::VecDeque;

use fql_unit::MAX_LAYERS;

/// The name of the event's structure.
pub const NAME: &str = "application/x-fql-acknowledgement";

/// How many frames are remembered while nobody has spoken of them; fewer than the 256 that a frame's number tells
/// apart, and more than two seconds of any usual frame rate.
const MAX_AWAITED: usize = 128;
/// How far a running time may be off that went through the clocks of a session, which count microseconds.
const TOLERANCE: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// What the receiver has of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The running time of the unit's buffer.
    pub running_time: gst::ClockTime,
    /// How many layers are complete there in every slice, 0 to 15.
    pub layers: u8,
}

impl Acknowledgement {
    /// The event that tells it.
    pub fn to_event(self) -> gst::Event {
        let structure = gst::Structure::builder(NAME)
            .field("running-time", self.running_time.nseconds())
            .field("layers", u32::from(self.layers))
            .build();
        gst::event::CustomUpstream::new(structure)
    }

    /// What an event tells; `None` if it is another event, or one whose fields are not as they should be.
    pub fn of_event(event: &gst::EventRef) -> Option<Self> {
        let gst::EventView::CustomUpstream(custom) = event.view() else { return None };
        let structure = custom.structure().filter(|s| s.name() == NAME)?;
        let nanoseconds: u64 = structure.get("running-time").ok()?;
        let layers: u32 = structure.get("layers").ok()?;
        Some(Self {
            running_time: gst::ClockTime::try_from(nanoseconds).ok()?,
            layers: u8::try_from(layers).ok().filter(|&layers| layers <= MAX_LAYERS)?,
        })
    }
}

/// The frames that an encoder gave, until somebody says what became of them: at most the last 128.
#[derive(Debug, Default)]
pub struct Awaited {
    /// Running time and number, oldest first.
    frames: VecDeque<(gst::ClockTime, u8)>,
}

impl Awaited {
    /// A frame of this number, as the codec counts them modulo 256, left the encoder with this running time.
    pub fn push(&mut self, running_time: gst::ClockTime, number: u8) {
        if self.frames.len() == MAX_AWAITED {
            self.frames.pop_front();
        }
        self.frames.push_back((running_time, number));
    }

    /// The number of the frame of this running time, which is then not awaited any more, and how many left after it.
    /// `None` for one that was told of before, never left, or left too long ago.
    pub fn take(&mut self, running_time: gst::ClockTime) -> Option<(u8, usize)> {
        let distance = |(time, _): &(gst::ClockTime, u8)| time.absdiff(running_time);
        let (at, frame) = self.frames.iter().enumerate().min_by_key(|(_, frame)| distance(frame))?;
        if distance(frame) > TOLERANCE {
            return None;
        }
        let later = self.frames.len() - at - 1;
        self.frames.remove(at).map(|(_, number)| (number, later))
    }

    /// Forgets all: running times begin anew.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> gst::ClockTime {
        gst::ClockTime::from_useconds(micros)
    }

    fn event(running_time: u64, layers: u32) -> gst::Event {
        let structure =
            gst::Structure::builder(NAME).field("running-time", running_time).field("layers", layers);
        gst::event::CustomUpstream::new(structure.build())
    }

    #[test]
    fn an_event_says_what_arrived_and_others_say_nothing() {
        gst::init().unwrap();
        let told = Acknowledgement { running_time: at(1_234_567), layers: 7 };
        assert_eq!(Acknowledgement::of_event(&told.to_event()), Some(told));
        assert_eq!(Acknowledgement::of_event(&crate::rate::event(1)), None);
        assert_eq!(Acknowledgement::of_event(&gst::event::Latency::new(gst::ClockTime::ZERO)), None);
    }

    #[test]
    fn an_event_of_other_fields_says_nothing() {
        gst::init().unwrap();
        assert!(Acknowledgement::of_event(&event(0, 15)).is_some());
        assert_eq!(Acknowledgement::of_event(&event(0, 16)), None);
        assert_eq!(Acknowledgement::of_event(&event(u64::MAX, 3)), None);
        let empty = gst::event::CustomUpstream::new(gst::Structure::new_empty(NAME));
        assert_eq!(Acknowledgement::of_event(&empty), None);
    }

    #[test]
    fn a_frame_is_found_by_its_running_time_once() {
        let mut awaited = Awaited::default();
        for number in 250..=260u64 {
            awaited.push(at(number * 40_000), number as u8);
        }
        assert_eq!(awaited.take(at(253 * 40_000)), Some((253, 7)));
        assert_eq!(awaited.take(at(253 * 40_000)), None);
        assert_eq!(awaited.take(at(258 * 40_000 + 1)), Some((2, 2)), "times are rounded on the way");
        assert_eq!(awaited.take(at(254 * 40_000 + 20_000)), None, "between two frames");
        assert_eq!(awaited.take(at(9_000_000_000)), None);
        awaited.clear();
        assert_eq!(awaited.take(at(250 * 40_000)), None);
    }

    #[test]
    fn frames_that_nobody_speaks_of_are_forgotten_in_the_end() {
        let mut awaited = Awaited::default();
        for number in 0..10_000u64 {
            awaited.push(at(number * 1_500), number as u8);
        }
        assert_eq!(awaited.frames.len(), MAX_AWAITED);
        assert_eq!(awaited.take(at(0)), None);
        assert_eq!(awaited.take(at(9_999 * 1_500)), Some((9_999u64 as u8, 0)));
    }
}
