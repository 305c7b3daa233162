//! What an encoder was told: by its properties, and by the sender.

use std::collections::VecDeque;
use std::sync::Mutex;

use gst::glib;

use crate::acknowledgement::Acknowledgement;
use crate::rate::Allowance;
use crate::settings::EncoderSettings;

/// How many acknowledgements wait for the encoder's next frame; where frames come that seldom, the oldest say nothing
/// of use any more.
const MAX_WAITING: usize = 256;

/// The settings of an encoder and what the sender says. Nothing here waits for a frame that is being coded.
#[derive(Default)]
pub struct Control {
    settings: Mutex<EncoderSettings>,
    allowed: Mutex<Allowance>,
    acknowledged: Mutex<VecDeque<Acknowledgement>>,
}

impl Control {
    /// The settings at present.
    pub fn settings(&self) -> EncoderSettings {
        self.settings.lock().unwrap().clone()
    }

    /// Sets a property of [`EncoderSettings`].
    pub fn set_property(&self, name: &str, value: &glib::Value) {
        self.settings.lock().unwrap().set(name, value);
    }

    /// The value of a property of [`EncoderSettings`].
    pub fn property(&self, name: &str) -> glib::Value {
        self.settings.lock().unwrap().get(name).expect("one of the properties of encoders")
    }

    /// The media rate that holds now, in kbit/s, 0 for the whole ladder; and how much of it a frame may have at once.
    pub fn allowance(&self) -> Allowance {
        let asked = self.settings.lock().unwrap().bitrate;
        self.allowed.lock().unwrap().with_property(asked)
    }

    /// Takes what a sender says in an event; `false` if it is another event.
    pub fn take_event(&self, event: &gst::EventRef) -> bool {
        if let Some(allowed) = Allowance::of_event(event) {
            *self.allowed.lock().unwrap() = allowed;
            return true;
        }
        let Some(acknowledgement) = Acknowledgement::of_event(event) else { return false };
        let mut waiting = self.acknowledged.lock().unwrap();
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(acknowledgement);
        true
    }

    /// What was acknowledged since the last time that this was asked, oldest first.
    pub fn take_acknowledged(&self) -> VecDeque<Acknowledgement> {
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }

    /// Forgets what the sender said.
    pub fn forget_sender(&self) {
        *self.allowed.lock().unwrap() = Allowance::default();
        self.acknowledged.lock().unwrap().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_that_nobody_takes_do_not_pile_up() {
        gst::init().unwrap();
        let control = Control::default();
        for n in 0..1_000 {
            let running_time = gst::ClockTime::from_mseconds(n);
            assert!(control.take_event(&Acknowledgement { running_time, layers: 1 }.to_event()));
        }
        let taken = control.take_acknowledged();
        assert_eq!(taken.len(), MAX_WAITING);
        assert_eq!(taken.back().unwrap().running_time, gst::ClockTime::from_mseconds(999));
        assert!(control.take_acknowledged().is_empty());
        assert!(!control.take_event(&gst::event::Latency::new(gst::ClockTime::ZERO)));
    }
}
