//! What lossy links leave of pictures that are predicted from others. `cargo nextest run -p fql-transport --test motion
//! --no-capture` prints the tables.

mod world;

use std::time::Duration;

use fql_transport::{ReceiverConfig, ReceiverEvent, SenderConfig, SenderEvent};
use fql_unit::{Timing, Unit};
use world::{Dice, KEY, Link, World, unit, video_table};

const FRAMES: usize = 500;
const FRAME: Duration = Duration::from_millis(40);
const TRACK: u8 = 3;
/// A key picture a second, so many times as large as the others.
const KEY_EVERY: usize = 25;
const KEY_SIZE: f64 = 4.5;
/// The earlier pictures that are kept to predict from.
const WINDOW: usize = 12;
/// Each layer takes twice the bytes of the one below, up to this many layers.
const LAYERS: usize = 6;

/// What an encoder knows of the pictures that it made, and what of them is true.
#[derive(Clone, Copy)]
struct Frame {
    /// The picture that it is predicted from; none of a key picture.
    from: Option<usize>,
    reference_layers: u8,
    /// Whether the receiver is known to lack some of it.
    is_bad: bool,
}

/// An encoder that predicts from the newest picture that nothing bad is known of, nor of what that rests on.
struct Encoder {
    acknowledges: bool,
    frames: Vec<Frame>,
    dice: Dice,
    /// Bytes that a frame may have now, and the most that may be saved up.
    bucket: f64,
}

impl Encoder {
    /// Whether nothing bad is known of a picture and all that it rests on.
    fn is_good(&self, mut at: usize) -> bool {
        loop {
            match (self.frames[at].is_bad, self.frames[at].from) {
                (true, _) => return false,
                (false, None) => return true,
                (false, Some(from)) => at = from,
            }
        }
    }

    fn reference(&self) -> Option<usize> {
        let newest = self.frames.len();
        let window = if self.acknowledges { WINDOW } else { 1 };
        (newest.saturating_sub(window)..newest).rev().find(|&at| !self.acknowledges || self.is_good(at))
    }

    /// The next picture, at a rate in bytes a frame, of which so many may be had at once.
    fn encode(&mut self, bytes: f64, burst: f64) -> Unit {
        let is_due = self.frames.len().is_multiple_of(KEY_EVERY);
        let from = if is_due { None } else { self.reference() };
        // A second of pictures takes what the rate brings in one.
        let others = KEY_EVERY as f64 - 1.0;
        let key = (bytes * KEY_EVERY as f64 * KEY_SIZE / (others + KEY_SIZE)).min(burst);
        let wanted = if from.is_none() { key } else { (bytes * KEY_EVERY as f64 - key) / others };
        self.bucket = (self.bucket + bytes).min(burst);
        let size = (wanted * (0.9 + 0.2 * self.dice.share())).min(self.bucket);
        self.bucket -= size;
        let least = size / f64::from((1 << LAYERS) - 1);
        let sizes: Vec<usize> = (0..LAYERS).map(|layer| (least * f64::from(1 << layer)) as usize).collect();
        let mut unit = unit(&mut self.dice, 10, 4, &sizes);
        unit.flags.key = from.is_none();
        unit.set_reference_layers(LAYERS as u8);
        self.frames.push(Frame { from, reference_layers: LAYERS as u8, is_bad: false });
        unit
    }

    fn acknowledge(&mut self, number: u64, layers: u8) {
        let frame = &mut self.frames[number as usize];
        frame.is_bad |= layers < frame.reference_layers;
    }
}

struct Seen {
    wire: f64,
    media: f64,
    /// Shares of pictures that lack a reference layer, and that drift, those included.
    lacking: f64,
    drifting: f64,
    /// The longest run without a picture.
    freeze: usize,
    trimmed: u64,
}

fn config() -> SenderConfig {
    SenderConfig { max_bitrate: Some(2_000_000), ..SenderConfig::new(KEY) }
}

fn play(config: SenderConfig, link: Link, seed: u64, acknowledges: bool) -> Seen {
    let one_way = config.one_way;
    let mut world = World::with(config, ReceiverConfig::new(KEY), link, seed);
    world.sender.set_tracks(world.now, video_table(10));
    if !one_way {
        world.connect();
    }
    let mut encoder = Encoder { acknowledges, frames: Vec::new(), dice: Dice(seed ^ 77), bucket: 1e9 };
    let (mut bytes, mut burst) = (2_500.0, 10_000.0);
    let sent = world.there.bytes;
    for number in 0..FRAMES {
        for event in world.sent.drain(..) {
            match event {
                SenderEvent::MediaRate { bits_per_second, burst: time, .. } => {
                    bytes = bits_per_second as f64 / 8.0 * FRAME.as_secs_f64();
                    burst = bits_per_second as f64 / 8.0 * time.as_secs_f64();
                }
                SenderEvent::Acknowledged { number, layers, .. } => encoder.acknowledge(number, layers),
                _ => {}
            }
        }
        let unit = encoder.encode(bytes, burst);
        let timing = Timing { pts: (FRAME * number as u32).as_nanos() as u64, duration: 40_000_000 };
        world.sender.push_unit(world.now, TRACK, timing, &unit).unwrap();
        world.run(FRAME);
    }
    let seconds = (FRAME * FRAMES as u32).as_secs_f64();
    let wire = (world.there.bytes - sent) as f64 * 8.0 / seconds;
    world.run(Duration::from_millis(300));
    let trimmed = world.sender.stats(world.now).units_trimmed;
    see(&encoder, &world, wire, trimmed)
}

/// What the viewer sees, after the first second, in which the losses are learned.
fn see(encoder: &Encoder, world: &World, wire: f64, trimmed: u64) -> Seen {
    let mut came: Vec<Option<&Unit>> = vec![None; FRAMES];
    let mut media = 0;
    for event in &world.received {
        if let ReceiverEvent::Unit { number, unit, .. } = event {
            came[*number as usize] = Some(unit);
            media += unit.payload_len();
        }
    }
    let is_whole = |at: usize| came[at].is_some_and(Unit::has_whole_reference);
    let mut drifts = vec![false; FRAMES];
    for at in 0..FRAMES {
        drifts[at] = !is_whole(at) || encoder.frames[at].from.is_some_and(|from| drifts[from]);
    }
    let share = |is: &dyn Fn(usize) -> bool| {
        (KEY_EVERY..FRAMES).filter(|&at| is(at)).count() as f64 / (FRAMES - KEY_EVERY) as f64
    };
    let shown: Vec<bool> = came.iter().map(|unit| unit.is_some_and(Unit::has_picture)).collect();
    Seen {
        wire,
        media: media as f64 * 8.0 / (FRAME * FRAMES as u32).as_secs_f64(),
        lacking: share(&|at| !is_whole(at)),
        drifting: share(&|at| drifts[at]),
        freeze: longest_freeze(&shown[KEY_EVERY..]),
        trimmed,
    }
}

fn longest_freeze(shown: &[bool]) -> usize {
    shown.split(|is_shown| *is_shown).map(<[_]>::len).max().unwrap_or(0)
}

/// Links, and the most pictures in a hundred that may lack something that others are predicted from; that may drift with
/// acknowledgements, and without, until the next key picture; and that may be missing in a row.
struct Case {
    name: &'static str,
    link: Link,
    lacking: f64,
    drifting: f64,
    drifting_unheard: f64,
    freeze: usize,
}

fn cases() -> [Case; 5] {
    let case = |name, loss, burst, [lacking, drifting, drifting_unheard]: [f64; 3], freeze| {
        let link = Link::losing(loss, burst);
        Case { name, link, lacking, drifting, drifting_unheard, freeze }
    };
    [
        case("0 %", 0.0, 1.0, [0.0, 0.0, 0.0], 0),
        case("5 %", 0.05, 1.0, [1.0, 4.0, 10.0], 1),
        case("10 %", 0.1, 1.0, [1.0, 4.0, 10.0], 1),
        case("20 %", 0.2, 1.0, [1.0, 4.0, 10.0], 1),
        // A burst that is longer than the shards of a picture are spread over takes it whatever its parity.
        case("10 %, x5", 0.1, 5.0, [2.8, 10.0, 40.0], 1),
    ]
}

const SEEDS: u64 = 6;

#[test]
fn few_pictures_drift_whatever_the_link_loses() {
    println!(
        "kbit/s on the wire, of media received; % of pictures that lack a reference layer, that drift; freeze"
    );
    for case in cases() {
        for (acknowledges, most) in [(true, case.drifting), (false, case.drifting_unheard)] {
            let seen: Vec<Seen> =
                (1..=SEEDS).map(|seed| play(config(), case.link, seed, acknowledges)).collect();
            let mean = |of: fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>() / SEEDS as f64;
            let (lacking, drifting) = (100.0 * mean(|seen| seen.lacking), 100.0 * mean(|seen| seen.drifting));
            let (wire, media) = (mean(|seen| seen.wire) / 1e3, mean(|seen| seen.media) / 1e3);
            let freeze = seen.iter().map(|seen| seen.freeze).max().unwrap_or(0);
            let name = format!("{}{}", case.name, if acknowledges { "" } else { ", unheard" });
            println!("{name:17} | {wire:5.0} {media:5.0} | {lacking:5.2} {drifting:5.2} | {freeze}");
            assert!(wire <= 2_000.0, "{name}: {wire} kbit/s on the wire");
            assert!(lacking <= case.lacking, "{name}: {lacking} % lack a reference layer");
            assert!(drifting <= most, "{name}: {drifting} % drift");
            assert!(freeze <= case.freeze, "{name}: a freeze of {freeze} pictures");
            assert!(
                seen.iter().all(|seen| seen.trimmed <= FRAMES as u64 / 50),
                "{name}: too much was cut off"
            );
        }
    }
}

/// Without a return path, with its default protection and with one that leaves the upper layers without parity.
fn one_way(fec: Option<&str>, loss: f64) -> [f64; 3] {
    let fec = fec.map(|fec| fec.parse().unwrap());
    let config = SenderConfig { one_way: true, fec, ..config() };
    let seen: Vec<Seen> =
        (1..=SEEDS).map(|seed| play(config.clone(), Link::losing(loss, 1.0), seed, false)).collect();
    let mean = |of: fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>() / SEEDS as f64;
    let [lacking, drifting] = [100.0 * mean(|seen| seen.lacking), 100.0 * mean(|seen| seen.drifting)];
    [lacking, drifting, mean(|seen| seen.media) / 1e3]
}

#[test]
fn one_way_pictures_hardly_drift_up_to_the_loss_that_is_assumed() {
    println!("% of pictures that lack a reference layer, that drift; kbit/s of media received");
    for loss in [0.0, 0.02, 0.05, 0.08] {
        let [lacking, drifting, media] = one_way(None, loss);
        let [fixed_lacking, fixed_drifting, fixed_media] = one_way(Some("unequal:3,2,1,0"), loss);
        println!(
            "{loss:4} | {lacking:5.2} {drifting:5.2} {media:5.0} | {fixed_lacking:5.2} {fixed_drifting:5.2} {fixed_media:5.0}"
        );
        assert!(lacking <= 1.0, "{loss}: {lacking} % lack a reference layer");
        assert!(drifting <= 10.0, "{loss}: {drifting} % drift");
        assert!(media >= 700.0, "{loss}: {media} kbit/s of media");
        // Why that is not the default.
        assert!(
            loss == 0.0 || fixed_drifting >= 60.0,
            "{loss}: {fixed_drifting} % drift with fixed protection"
        );
    }
}
