//! What an encoder was told: by its properties, and by the sender.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use gst::glib;

use crate::rate;
use crate::settings::EncoderSettings;

/// The settings of an encoder and what the sender allows.
#[derive(Default)]
pub struct Control {
    settings: Mutex<EncoderSettings>,
    /// In kbit/s; 0 where the sender has said nothing.
    allowed: AtomicU32,
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

    /// The media rate that holds now, in kbit/s; 0 for the whole ladder.
    pub fn bitrate(&self) -> u32 {
        rate::effective(self.settings.lock().unwrap().bitrate, self.allowed.load(Ordering::Relaxed))
    }

    /// Takes a rate from an event; `None` if it is another event.
    pub fn take_event(&self, event: &gst::EventRef) -> Option<u32> {
        let allowed = rate::of_event(event)?;
        self.allowed.store(allowed, Ordering::Relaxed);
        Some(allowed)
    }

    /// Forgets what the sender allowed.
    pub fn forget_sender(&self) {
        self.allowed.store(0, Ordering::Relaxed);
    }
}
