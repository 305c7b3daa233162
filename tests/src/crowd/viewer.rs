use std::time::Duration;

use anyhow::{Context, Result};
use fql_transport::{Receiver, ReceiverConfig, ReceiverEvent, Seed, Time, View};
use fql_unit::{Media, Segment, TrackTable, Unit};

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
    tracks: Option<TrackTable>,
    diary: Option<Vec<Seen>>,
}

/// A picture that came to a viewer.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When.
    pub at: Time,
    /// Pictures just before it that did not come.
    pub lost: u64,
    /// How wide its track is, in luma samples.
    pub width: u32,
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
            tracks: None,
            diary: None,
        })
    }

    /// The same one, who writes down each picture that comes, measured or not.
    pub fn with_diary(self) -> Self {
        Self { diary: Some(Vec::new()), ..self }
    }

    /// What was written down.
    pub fn diary(&self) -> &[Seen] {
        self.diary.as_deref().unwrap_or_default()
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

    /// How wide the pictures of a track are; `None` for sound and data.
    fn width(&self, id: u8) -> Option<u32> {
        let track = self.tracks.as_ref()?.tracks().iter().find(|track| track.id == id)?;
        match &track.media {
            Media::Video(video) => Some(video.width),
            Media::EncodedVideo(video) => Some(video.width),
            _ => None,
        }
    }

    fn see(&mut self, now: Time, unit: &Unit, lost: u64, width: u32) {
        if let Some(diary) = &mut self.diary {
            diary.push(Seen { at: now, lost, width });
        }
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
            match event {
                ReceiverEvent::Tracks(tracks) => self.tracks = Some(tracks),
                ReceiverEvent::Unit { track, unit, lost, .. } => {
                    if let Some(width) = self.width(track) {
                        self.see(now, &unit, lost, width);
                    }
                }
                _ => {}
            }
        }
        datagram.map(|((), datagram)| datagram.to_vec())
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.receiver.as_ref().and_then(Receiver::poll_timeout)
    }
}
