//! Lossy links in simulated time: the codec, the sender, the receiver and the link in one loop without a clock, so that
//! the figures are the same on any machine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Motion, PictureMut, Rate, RateControl, Reference, Request,
};
use fql_tests::frame::Frame;
use fql_tests::lossy_run::{FRAME_RATE, LINKS, WIRE_KBITS};
use fql_tests::score::{Score, Shown};
use fql_transport::{
    Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, SenderEvent, Time,
};
use fql_unit::{Chroma, Media, Timing, Track, TrackTable, Unit, VideoInfo};

use crate::clips::{Clip, Clips};
use crate::effort::Effort;
use crate::loss::{ACKNOWLEDGED_KEY_FRAMES, DELAY, KEY_FRAMES, link_name};
use crate::ours::{FORMAT, layouts};
use crate::report::Report;

const TRACK: u8 = 3;
const LAYERS: u8 = 12;
const FRAME: Duration = Duration::from_millis(1000 / FRAME_RATE as u64);
const STEP: Duration = Duration::from_millis(1);
const LATENCY: Duration = Duration::from_millis(120);
const KEY: Key = Key::from_bytes([42; 32]);
/// Frames that are kept to predict from where somebody acknowledges.
const REFERENCES: u8 = 12;
/// Frames at the start that are not counted: sessions begin, and rates settle.
const SKIP: usize = 2 * FRAME_RATE;

/// Measures all links, with an encoder that hears what came and with one that does not.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let clip = clips.main();
    let mut report = Report::default();
    report.say(&format!(
        "{}, {} runs of {} s a link in simulated time: {WIRE_KBITS} kbit/s on the wire at most, {DELAY} ms each way with losses in \
         both directions, a latency budget of {} ms, adaptive protection. *Acknowledged*: the encoder hears what came, and makes a key picture in \
         {ACKNOWLEDGED_KEY_FRAMES}; *refresh only*: it does not, and makes one in {KEY_FRAMES}.",
        clip.name,
        effort.rounds,
        effort.seconds,
        LATENCY.as_millis()
    ));
    let mut rows = Vec::new();
    for (loss, burst) in LINKS {
        for is_told in [true, false] {
            eprintln!("{}, told: {is_told}", link_name(loss, burst));
            let seen = (1..=effort.rounds as u64).map(|seed| {
                let mut world = World::new(clip, loss, burst, is_told, seed)?;
                world.play(effort.seconds * FRAME_RATE)?;
                world.seen()
            });
            let row = row(&link_name(loss, burst), is_told, &seen.collect::<Result<Vec<_>>>()?);
            eprintln!("| {} |", row.join(" | "));
            rows.push(row);
        }
    }
    report.table(
        [
            "link",
            "encoder",
            "frozen",
            "longest freeze, frames",
            "mean PSNR",
            "5th percentile",
            "the worst",
            "drifted",
            "kbit/s of media",
            "kbit/s on the wire",
        ],
        rows,
    );
    Ok(report)
}

/// One direction of a link.
struct Wire {
    loss: f64,
    burst: f64,
    dice: fastrand::Rng,
    is_losing: bool,
    under_way: BTreeMap<(Time, u64), Vec<u8>>,
    count: u64,
    bytes: u64,
}

impl Wire {
    fn new(loss: f64, burst: f64, seed: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed);
        Self { loss, burst, dice, is_losing: false, under_way: BTreeMap::new(), count: 0, bytes: 0 }
    }

    /// Losses in runs of a mean length (E. Gilbert, 1960).
    fn loses(&mut self) -> bool {
        if self.burst <= 1.0 {
            return self.dice.f64() < self.loss;
        }
        let leave = 1.0 / self.burst;
        let enter = self.loss * leave / (1.0 - self.loss);
        self.is_losing ^= self.dice.f64() < if self.is_losing { leave } else { enter };
        self.is_losing
    }

    fn carry(&mut self, now: Time, datagram: &[u8]) {
        self.bytes += datagram.len() as u64 + 28;
        if !self.loses() {
            self.count += 1;
            self.under_way.insert((now + Duration::from_millis(DELAY), self.count), datagram.to_vec());
        }
    }

    fn arrived(&mut self, now: Time) -> Option<Vec<u8>> {
        let (&key, _) = self.under_way.first_key_value()?;
        if key.0 > now { None } else { self.under_way.remove(&key) }
    }
}

/// Everything between a camera and a screen.
struct World<'a> {
    clip: &'a Clip,
    is_told: bool,
    /// Frames from one key frame to the next.
    key_frames: usize,
    now: Time,
    encoder: Encoder,
    control: RateControl,
    decoder: Decoder,
    sender: Sender,
    receiver: Receiver<u8>,
    there: Wire,
    back: Wire,
    /// What the encoder called the frames.
    numbers: BTreeMap<u64, u8>,
    screen: Frame,
    shown: Vec<Shown>,
    media: usize,
    skipped: u64,
    drifted: usize,
}

impl<'a> World<'a> {
    fn new(clip: &'a Clip, loss: f64, burst: f64, is_told: bool, seed: u64) -> Result<Self> {
        let now = Time::from_nanos(1_000_000_000_000);
        let (width, height) = (clip.size().0 as u32, clip.size().1 as u32);
        let motion = Some(Motion { reference_layer: None, references: 1 });
        let config =
            EncoderConfig { width, height, format: FORMAT, layers: LAYERS, slices: 4, threads: 0, motion };
        let mut control = RateControl::new(WIRE_KBITS);
        let key_frames = if is_told { ACKNOWLEDGED_KEY_FRAMES } else { KEY_FRAMES };
        control.set_key_interval(key_frames as u32);
        let sender =
            SenderConfig { max_bitrate: Some(u64::from(WIRE_KBITS) * 1000), ..SenderConfig::new(KEY) };
        let receiver = ReceiverConfig { latency: LATENCY, ..ReceiverConfig::new(KEY) };
        let mut sender = Sender::new(sender, Seed::from_bytes([1; 32]), now)?;
        let info =
            VideoInfo { frame_rate: (FRAME_RATE as u32, 1), ..VideoInfo::new(width, height, Chroma::Yuv420) };
        let track = Track { id: TRACK, name: "video".into(), layers: LAYERS, media: Media::Video(info) };
        sender.set_tracks(now, TrackTable::new(vec![track])?);
        let grey = Frame { samples: vec![128; clip.raw_bytes()], ..clip.frames[0] };
        Ok(Self {
            clip,
            is_told,
            key_frames,
            now,
            encoder: Encoder::new(config)?,
            control,
            decoder: Decoder::new(DecoderConfig { width, height, format: FORMAT, threads: 0 })?,
            sender,
            receiver: Receiver::new(receiver, Seed::from_bytes([2; 32]))?,
            there: Wire::new(loss, burst, seed),
            back: Wire::new(loss, burst, seed + 100),
            numbers: BTreeMap::new(),
            screen: grey,
            shown: Vec::new(),
            media: 0,
            skipped: 0,
            drifted: 0,
        })
    }

    /// Films so many frames, and waits until the last one is shown.
    fn play(&mut self, frames: usize) -> Result<()> {
        while !self.sender.stats(self.now).connected {
            self.step()?;
        }
        for number in 0..frames {
            if number == SKIP {
                (self.skipped, self.media) = (self.there.bytes, 0);
            }
            self.film(number)?;
            for _ in 0..FRAME.as_millis() / STEP.as_millis() {
                self.step()?;
            }
        }
        let wire = self.there.bytes;
        for _ in 0..1000 {
            self.step()?;
        }
        self.there.bytes = wire;
        self.stay(frames);
        Ok(())
    }

    fn source(&self, number: usize) -> &'a Frame {
        &self.clip.frames[number % self.clip.frames.len()]
    }

    fn film(&mut self, number: usize) -> Result<()> {
        let rate = self.control.next(FRAME.as_nanos() as u64);
        let key = number.is_multiple_of(self.key_frames);
        let name = self.encoder.number();
        let source = self.source(number);
        let planes = layouts(source).map(|layout| layout.of(&[source.samples.as_slice()]));
        let rate = if rate == Rate::WholeLadder { Rate::Bytes(10_000) } else { rate };
        let unit = self.encoder.encode(&planes, Request { rate, key })?;
        self.control.spent(self.encoder.coded());
        self.media += unit.payload_len();
        let pts = (FRAME * number as u32).as_nanos() as u64;
        let timing = Timing { pts, duration: FRAME.as_nanos() as u64 };
        let number = self.sender.push_unit(self.now, TRACK, timing, &unit)?;
        self.numbers.insert(number, name);
        Ok(())
    }

    /// Lets a moment pass.
    fn step(&mut self) -> Result<()> {
        self.now = self.now + STEP;
        while let Some(datagram) = self.there.arrived(self.now) {
            self.receiver.handle_datagram(self.now, 1, &datagram);
        }
        while let Some(datagram) = self.back.arrived(self.now) {
            self.sender.handle_datagram(self.now, &datagram);
        }
        while let Some(datagram) = self.sender.poll_transmit(self.now) {
            self.there.carry(self.now, &datagram);
        }
        while let Some((_, datagram)) = self.receiver.poll_transmit(self.now) {
            self.back.carry(self.now, &datagram);
        }
        while let Some(event) = self.sender.poll_event() {
            self.hear(event);
        }
        while let Some(event) = self.receiver.poll_event() {
            if let ReceiverEvent::Unit { number, unit, .. } = event {
                self.show(number as usize, &unit)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: SenderEvent) {
        match event {
            SenderEvent::MediaRate { bits_per_second, burst, .. } => {
                self.control.set_bits_per_second(bits_per_second);
                self.control.set_longest_burst(burst.as_nanos() as u64);
            }
            SenderEvent::Acknowledged { number, layers, .. } if self.is_told => {
                self.encoder.set_references(REFERENCES);
                if let Some(&name) = self.numbers.get(&number) {
                    self.encoder.acknowledge(name, layers);
                }
            }
            _ => {}
        }
    }

    /// The picture that stands there stays until this frame.
    fn stay(&mut self, until: usize) {
        for number in self.shown.len()..until {
            let psnr = self.source(number).luma_psnr(&self.screen, 0);
            self.shown.push(Shown { new: false, psnr });
        }
    }

    fn show(&mut self, number: usize, unit: &Unit) -> Result<()> {
        self.stay(number);
        let planes = layouts(&self.screen);
        let buffers = &mut [self.screen.samples.as_mut_slice()];
        let picture = self.decoder.decode(unit, u8::MAX, &mut PictureMut { buffers, planes: &planes })?;
        self.drifted += usize::from(matches!(picture.reference, Reference::Drifted | Reference::Missing));
        let new = unit.has_picture() && picture.reference != Reference::Missing;
        let psnr = self.source(number).luma_psnr(&self.screen, 0);
        self.shown.push(Shown { new, psnr });
        Ok(())
    }

    fn seen(&self) -> Result<Seen> {
        let counted = self.shown.get(SKIP..).unwrap_or_default();
        let seconds = counted.len() as f64 / FRAME_RATE as f64;
        Ok(Seen {
            score: Score::new(counted).context("nothing to score")?,
            drifted: self.drifted as f64 / self.shown.len() as f64,
            media: self.media as f64 * 8.0 / 1e3 / seconds,
            wire: (self.there.bytes - self.skipped) as f64 * 8.0 / 1e3 / seconds,
        })
    }
}

/// What came of one run.
struct Seen {
    score: Score,
    /// The share of pictures that drifted.
    drifted: f64,
    /// In kbit/s, as is `wire`.
    media: f64,
    wire: f64,
}

/// The means over some runs, the worst 5th percentile and the longest freeze.
fn row(link: &str, is_told: bool, runs: &[Seen]) -> [String; 10] {
    let mean = |of: fn(&Seen) -> f64| runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64;
    let longest = runs.iter().map(|seen| seen.score.longest_freeze).max().unwrap_or(0);
    let worst = runs.iter().map(|seen| seen.score.p5_psnr).fold(f64::INFINITY, f64::min);
    [
        link.to_owned(),
        if is_told { "acknowledged" } else { "refresh only" }.to_owned(),
        format!("{:.1} %", mean(|seen| 1.0 - seen.score.delivered) * 100.0),
        longest.to_string(),
        format!("{:.1}", mean(|seen| seen.score.mean_psnr)),
        format!("{:.1}", mean(|seen| seen.score.p5_psnr)),
        format!("{worst:.1}"),
        format!("{:.1} %", mean(|seen| seen.drifted) * 100.0),
        format!("{:.0}", mean(|seen| seen.media)),
        format!("{:.0}", mean(|seen| seen.wire)),
    ]
}
