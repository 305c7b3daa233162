use std::time::Duration;

use anyhow::{Context, Result};
use fql_transport::{Receiver, ReceiverConfig, ReceiverEvent, Seed, Time, View};
use fql_unit::{Segment, Unit};

use super::Session;

/// A latency budget for two hops.
const LATENCY: Duration = Duration::from_millis(200);

/// Watches a stream, and counts what comes.
pub struct Viewer {
    view: View,
    receiver: Option<Receiver<()>>,
    measures: bool,
    pictures: u64,
    new_pictures: u64,
    layers: u64,
    kbits: f64,
}

impl Viewer {
    /// A viewer of `fql://host:port/play/<playback ID>?server-key=<key>`.
    pub fn new(uri: &str) -> Result<Self> {
        let (path, key) = uri.split_once("?server-key=").context("an address without a server's key")?;
        let (_, playback_id) = path.rsplit_once('/').context("an address without a playback ID")?;
        let view = View { server: key.parse()?, playback_id: playback_id.to_owned(), token: None };
        Ok(Self {
            view,
            receiver: None,
            measures: false,
            pictures: 0,
            new_pictures: 0,
            layers: 0,
            kbits: 0.0,
        })
    }

    /// Pictures that were to come.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Those of them that came: all of layer 0, in every slice.
    pub fn new_pictures(&self) -> u64 {
        self.new_pictures
    }

    /// The mean number of complete layers of those that came.
    pub fn mean_layers(&self) -> f64 {
        self.layers as f64 / self.new_pictures.max(1) as f64
    }

    /// The rate on the wire at the end.
    pub fn kbits(&self) -> f64 {
        self.kbits
    }

    fn see(&mut self, unit: &Unit, lost: u64) {
        if !self.measures {
            return;
        }
        self.pictures += lost + 1;
        if (0..unit.slices()).all(|slice| unit.segment(0, slice).is_some_and(Segment::is_complete)) {
            self.new_pictures += 1;
            self.layers += u64::from(unit.complete_layers_everywhere());
        }
    }
}

impl Session for Viewer {
    fn begin(&mut self, now: Time) -> Result<()> {
        let config = ReceiverConfig { latency: LATENCY, ..ReceiverConfig::default() };
        self.receiver = Some(Receiver::viewing(config, self.view.clone(), (), Seed::from_os()?, now)?);
        Ok(())
    }

    fn measure(&mut self) {
        self.measures = true;
    }

    fn handle_datagram(&mut self, now: Time, datagram: &[u8]) {
        if let Some(receiver) = &mut self.receiver {
            receiver.handle_datagram(now, (), datagram);
        }
    }

    fn poll_transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        let receiver = self.receiver.as_mut()?;
        let datagram = receiver.poll_transmit(now);
        let events: Vec<_> = std::iter::from_fn(|| receiver.poll_event()).collect();
        if !events.is_empty() {
            self.kbits = receiver.stats(now).delivered_rate as f64 / 1e3;
        }
        for event in events {
            if let ReceiverEvent::Unit { unit, lost, .. } = event {
                self.see(&unit, lost);
            }
        }
        datagram.map(|((), datagram)| datagram.to_vec())
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.receiver.as_ref().and_then(Receiver::poll_timeout)
    }
}
