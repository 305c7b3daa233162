//! Takes what comes from a source, and looks at its times.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fql_pull::{Address, Error, Judge, Rules, Sink, Stopped, Unit, pull};
use fql_transport::ReceiverEvent;
use fql_unit::{Media, TrackTable};
use tokio::time::{Instant, timeout};

use super::PATIENCE;

/// A time of media that is this far from another is the same to who sees and hears it.
const CLOSE: i64 = 60_000_000;

/// In fewer seconds than this a clip of two is played, also where it waits for its server.
pub const PLAYED: f32 = 5.0;

/// All that came.
#[derive(Default)]
pub struct Recorder {
    pub tables: Vec<TrackTable>,
    pub units: Vec<Unit>,
    /// When the first unit came, and the last.
    pub spent: Option<(Instant, Instant)>,
    /// How many units are enough.
    enough: Option<usize>,
}

impl Sink for Recorder {
    fn connected(&mut self, _: SocketAddr) {}

    async fn tracks(&mut self, tracks: TrackTable) -> Result<(), Stopped> {
        self.tables.push(tracks);
        Ok(())
    }

    async fn relay(&mut self, _: ReceiverEvent) -> Result<(), Stopped> {
        Ok(())
    }

    fn unit(&mut self, unit: Unit) -> Result<(), Stopped> {
        let now = Instant::now();
        self.spent = Some((self.spent.map_or(now, |(first, _)| first), now));
        self.units.push(unit);
        let is_enough = self.enough.is_some_and(|enough| self.units.len() >= enough);
        if is_enough { Err(Stopped) } else { Ok(()) }
    }
}

struct Anywhere;

impl Judge for Anywhere {
    fn may_connect(&self, _: IpAddr) -> bool {
        true
    }

    fn may_listen(&self, _: IpAddr) -> bool {
        true
    }
}

/// Fetches until the source ends, or there are enough units.
pub async fn record(address: &str, enough: Option<usize>) -> (Result<(), Error>, Recorder) {
    let mut recorder = Recorder { enough, ..Recorder::default() };
    let address = Address::parse(address).expect("it is one");
    let rules = Rules { judge: Arc::new(Anywhere), patience: Duration::from_secs(20) };
    let ended = timeout(PATIENCE, pull(&address, &rules, &mut recorder)).await.expect("it ends");
    (ended, recorder)
}

/// Fetches all of what has an end.
pub async fn whole(address: &str) -> Recorder {
    let (ended, recorder) = record(address, None).await;
    assert_eq!(ended, Ok(()), "{address}");
    recorder
}

impl Recorder {
    /// The units of the pictures, or of the sound.
    pub fn of(&self, is_video: bool) -> Vec<&Unit> {
        let of_kind = |unit: &&Unit| {
            let tracks = self.tables.last().expect("there are tracks").tracks();
            let track = tracks.iter().find(|track| track.id == unit.track).expect("it is in the table");
            track.media.is_video() == is_video
        };
        self.units.iter().filter(of_kind).collect()
    }

    pub fn has(&self, is_so: impl Fn(&Media) -> bool) -> bool {
        self.tables.last().is_some_and(|table| table.tracks().iter().any(|track| is_so(&track.media)))
    }

    /// There are so many pictures, each a frame of 25 a second after the one before it, decoded one after the other and
    /// not after they are shown; and sound from the same moment on.
    pub fn is_in_time(&self, pictures: usize) {
        let (video, sound) = (self.of(true), self.of(false));
        assert_eq!(video.len(), pictures, "every picture came once");
        goes_on(&video);
        goes_on(&sound);
        assert!(video.iter().all(|unit| unit.dts <= unit.pts), "a picture is decoded after it is shown");
        let mut shown: Vec<_> = video.iter().map(|unit| unit.pts).collect();
        shown.sort_unstable();
        for pair in shown.windows(2) {
            assert!((pair[1] - pair[0] - 40_000_000).abs() <= 1_500_000, "{pair:?}");
        }
        let apart = (shown[0] - sound[0].pts).abs();
        assert!(apart <= CLOSE, "sound and pictures begin {apart} ns apart");
        let apart = (shown[pictures - 1] - sound[sound.len() - 1].pts).abs();
        assert!(apart <= CLOSE, "sound and pictures end {apart} ns apart");
    }

    /// No track is far behind another one.
    pub fn is_together(&self) {
        let mut newest = i64::MIN;
        for unit in &self.units {
            newest = newest.max(unit.dts);
            assert!(
                newest - unit.dts < 500_000_000,
                "track {} is at {} after {newest}",
                unit.track,
                unit.dts
            );
        }
    }

    /// It came as fast as it plays: in so many seconds.
    pub fn took(&self, seconds: Range<f32>) {
        let (first, last) = self.spent.expect("something came");
        assert!(seconds.contains(&(last - first).as_secs_f32()), "{:?}", last - first);
    }
}

/// Times of decoding grow.
pub fn goes_on(units: &[&Unit]) {
    assert!(!units.is_empty());
    for pair in units.windows(2) {
        assert!(pair[0].dts < pair[1].dts, "{} and {}", pair[0].dts, pair[1].dts);
    }
}
