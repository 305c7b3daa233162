use std::sync::Arc;

use anyhow::Result;
use fql_transport::{Seed, Sender, SenderConfig, SenderEvent, StreamKey, Time};
use fql_unit::Timing;

use super::Session;
use super::{FRAME, Material};

/// Publishes the material again and again, in real time.
pub struct Publisher {
    material: Arc<Material>,
    config: SenderConfig,
    sender: Option<Sender>,
    next: u64,
    /// When the first unit was due; the streams do not all send at the same moment.
    began: Time,
}

impl Publisher {
    /// A publisher with this stream key.
    pub fn new(stream_key: &str, material: Arc<Material>) -> Result<Self> {
        let config = SenderConfig::publishing(&StreamKey::parse(stream_key)?);
        Ok(Self { material, config, sender: None, next: 0, began: Time::ZERO })
    }

    /// Whether it has a session.
    pub fn is_connected(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.stats(Time::ZERO).connected)
    }

    fn due(&self) -> Time {
        self.began + FRAME * u32::try_from(self.next).unwrap_or(u32::MAX)
    }

    /// Pushes the units whose time has come.
    fn push(&mut self, now: Time) {
        while self.due() <= now {
            let timing = Timing { pts: self.due().as_nanos(), duration: FRAME.as_nanos() as u64 };
            let unit = &self.material.units[self.next as usize % self.material.units.len()];
            self.next += 1;
            if let Some(sender) = &mut self.sender {
                sender.push_unit(now, 0, timing, unit).expect("the track is in the table, its units fit it");
            }
        }
    }
}

impl Session for Publisher {
    fn begin(&mut self, now: Time) -> Result<()> {
        let mut sender = Sender::new(self.config.clone(), Seed::from_os()?, now)?;
        sender.set_tracks(now, self.material.tracks.clone());
        self.sender = Some(sender);
        self.began = now + FRAME.mul_f64(fastrand::f64());
        Ok(())
    }

    fn handle_datagram(&mut self, now: Time, datagram: &[u8]) {
        if let Some(sender) = &mut self.sender {
            sender.handle_datagram(now, datagram);
        }
    }

    fn poll_transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        self.push(now);
        let sender = self.sender.as_mut()?;
        while let Some(event) = sender.poll_event() {
            if let SenderEvent::Closed = event {
                return None;
            }
        }
        Some(sender.poll_transmit(now)?.to_vec())
    }

    fn poll_timeout(&self) -> Option<Time> {
        let session = self.sender.as_ref().and_then(Sender::poll_timeout);
        Some(session.map_or(self.due(), |time| time.min(self.due())))
    }
}
