//! `sessions.json`: the datagrams of a session one way, of which some were lost, and what comes out of them.

use std::sync::OnceLock;
use std::time::Duration;

use fql_transport::{
    Fec, Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, Time, UtcOffset,
};
use fql_unit::{Chroma, DataInfo, Media, Segment, Timing, Track, TrackTable, Unit, UnitFlags, VideoInfo};
use serde::{Deserialize, Serialize};

use crate::{from_base64, sha256, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    passphrase: String,
    /// What Argon2id makes of the passphrase.
    key: String,
    /// When each came, in microseconds, and its bytes.
    datagrams: Vec<(u64, String)>,
    tracks: Vec<u8>,
    units: Vec<Delivered>,
    /// What is to be added to the presentation times of tracks.
    utc: Vec<(u8, i64)>,
}

#[derive(Serialize, Deserialize)]
struct Delivered {
    track: u8,
    number: u64,
    pts: u64,
    duration: u64,
    /// Complete layers of each slice.
    complete_layers: Vec<u8>,
    /// Of the unit as bytes (section 2).
    sha256: String,
}

const LATENCY: Duration = Duration::from_millis(300);

impl Vector {
    /// The sender's datagrams but for those that `is_lost` takes, by their number.
    fn new(name: &str, fec: Fec, is_lost: impl Fn(usize) -> bool) -> Self {
        let mut config = SenderConfig::new(key("secret"));
        (config.one_way, config.fec, config.mtu, config.latency) = (true, Some(fec), 300, LATENCY);
        let mut sender = Sender::new(config, Seed::from_bytes([3; 32]), Time::ZERO).unwrap();
        sender.set_tracks(Time::ZERO, table());
        sender.set_utc(Time::ZERO, 2, UtcOffset::from_nanos(1_700_000_000_123_456_789));
        let mut datagrams = Vec::new();
        let mut count = 0;
        for millis in 0..600 {
            let now = Time::from_nanos(millis * 1_000_000);
            if millis % 40 == 0 && millis < 200 {
                let number = millis / 40;
                let timing = Timing { pts: millis * 1_000_000, duration: 40_000_000 };
                sender.push_unit(now, 2, timing, &unit(number as u8)).unwrap();
                sender.push_unit(now, 7, Timing { duration: 0, ..timing }, &data(number as u8)).unwrap();
            }
            if millis == 450 {
                sender.close(now);
            }
            while let Some(datagram) = sender.poll_transmit(now) {
                if !is_lost(count) {
                    datagrams.push((millis * 1_000, to_base64(&datagram)));
                }
                count += 1;
            }
        }
        let key = "950c873ad0f941819ae2959c7284e948617271464e58bc270e141143c6536a3e".into();
        let (name, passphrase) = (name.into(), "secret".into());
        Self { name, passphrase, key, datagrams, tracks: Vec::new(), units: Vec::new(), utc: Vec::new() }
    }

    fn decode(&mut self) {
        let mut config = ReceiverConfig::new(key(&self.passphrase));
        config.latency = LATENCY;
        let mut receiver = Receiver::new(config, Seed::from_bytes([4; 32])).unwrap();
        (self.tracks, self.units, self.utc) = Default::default();
        let mut datagrams = self.datagrams.clone().into_iter().peekable();
        for millis in 0..2_000 {
            let now = Time::from_nanos(millis * 1_000_000);
            while let Some((_, datagram)) = datagrams.next_if(|(micros, _)| *micros <= millis * 1_000) {
                receiver.handle_datagram(now, (), &from_base64(&datagram));
            }
            while receiver.poll_timeout().is_some_and(|at| at <= now) && receiver.poll_transmit(now).is_some()
            {
            }
            while let Some(event) = receiver.poll_event() {
                self.take(event);
            }
        }
    }

    fn take(&mut self, event: ReceiverEvent) {
        match event {
            ReceiverEvent::Tracks(table) => {
                self.tracks = table.tracks().iter().map(|track| track.id).collect();
            }
            ReceiverEvent::Utc(offsets) => {
                self.utc = offsets.iter().map(|(track, offset)| (*track, offset.as_nanos())).collect();
            }
            ReceiverEvent::Unit { track, number, timing, unit, .. } => {
                let Timing { pts, duration } = timing;
                let complete_layers = (0..unit.slices()).map(|slice| unit.complete_layers(slice)).collect();
                let sha256 = sha256(&unit.to_bytes());
                self.units.push(Delivered { track, number, pts, duration, complete_layers, sha256 });
            }
            _ => {}
        }
    }
}

/// Slow on purpose, so that it is derived once.
fn key(passphrase: &str) -> Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    assert_eq!(passphrase, "secret");
    KEY.get_or_init(|| Key::from_passphrase(passphrase).unwrap()).clone()
}

fn table() -> TrackTable {
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    let pictures = Media::Video(VideoInfo::new(64, 48, Chroma::Yuv420));
    let data = Media::Data(DataInfo { caps: "text/x-raw".into() });
    TrackTable::new(vec![track(2, 9, pictures), track(7, 1, data)]).unwrap()
}

/// Five layers of two slices, each larger than the one below.
fn unit(number: u8) -> Unit {
    let mut unit = Unit::new(9, 2, [0, number]).unwrap();
    unit.flags = UnitFlags { key: number.is_multiple_of(2), discont: number == 0, attached: false };
    if number.is_multiple_of(2) {
        unit.set_reference_layers(3);
    }
    for layer in 0..5u8 {
        for slice in 0..2u8 {
            let count = usize::from(layer) * 70 + usize::from(number) * 10 + usize::from(slice);
            let bytes: Vec<u8> = (0..count).map(|at| (at * at / 3 + usize::from(number)) as u8).collect();
            unit.set(layer, slice, Segment::complete(bytes));
        }
    }
    if number == 3 {
        unit.set(4, 1, Segment::truncated(vec![9; 50]));
    }
    unit
}

fn data(number: u8) -> Unit {
    let mut unit = Unit::new(1, 1, []).unwrap();
    unit.set(0, 0, Segment::complete(vec![number; 20 * usize::from(number)]));
    unit
}

fn vectors() -> Vec<Vector> {
    vec![
        Vector::new("nothing lost, no parity", Fec::None, |_| false),
        Vector::new("a tenth lost, and all rebuilt", Fec::Equal(4), |number| number % 9 == 5),
        Vector::new("more lost than parity can give back", Fec::Unequal(vec![5, 2, 0]), |number| {
            number % 4 == 3
        }),
    ]
}

#[test]
fn sessions_one_way_come_out_as_they_always_did() {
    super::check("sessions.json", vectors, Vector::decode);
}
