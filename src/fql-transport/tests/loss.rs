//! What lossy links leave of a realistic stream. `cargo nextest run -p fql-transport --test loss --no-capture` prints
//! the tables.

mod world;

use std::time::Duration;

use fql_transport::{ReceiverConfig, ReceiverEvent, SenderConfig, SenderEvent};
use fql_unit::{Timing, Unit};
use world::{Dice, KEY, Link, World, unit, video_table};

const FRAMES: usize = 375;
const FRAME: Duration = Duration::from_millis(40);
/// How a ladder's bytes are distributed: each layer somewhat less than twice the one below.
const LADDER: [usize; 6] = [250, 450, 900, 1700, 3000, 5400];

struct Seen {
    /// For each unit that came: layers complete in every slice.
    layers: Vec<Option<u8>>,
    /// Layers that the encoder made on average.
    coded: f64,
    /// For each unit: an estimate of its PSNR from the bytes that decode.
    quality: Vec<f64>,
    wire: f64,
    media: f64,
    parity: f64,
    trimmed: u64,
    dropped: u64,
}

/// An encoder that follows the rate it is told: the ladder up to the layer where the bytes are used up.
fn encode(dice: &mut Dice, bits_per_second: u64) -> Unit {
    // Frames differ by a fifth, as those of an encoder do.
    let mut bytes = (bits_per_second as f64 / 8.0 / 25.0 * (0.9 + 0.2 * dice.share())) as usize;
    let mut sizes = Vec::new();
    for layer in LADDER {
        let size = layer.min(bytes);
        bytes -= size;
        sizes.push(size);
        if bytes == 0 {
            break;
        }
    }
    unit(dice, 10, 4, &sizes)
}

fn play(link: Link, seed: u64) -> Seen {
    let config = SenderConfig { max_bitrate: Some(2_000_000), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), link, seed);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut dice = Dice(seed ^ 77);
    let (mut rate, mut coded) = (1_000_000, 0.0);
    let start = world.now;
    let sent = world.there.bytes;
    for number in 0..FRAMES {
        let asked = world.sent.iter().rev().find_map(|event| match event {
            SenderEvent::MediaRate { bits_per_second, .. } => Some(*bits_per_second),
            _ => None,
        });
        rate = asked.unwrap_or(rate);
        let unit = encode(&mut dice, rate);
        coded += f64::from(unit.coded_layers()) / FRAMES as f64;
        let timing = Timing { pts: (FRAME * number as u32).as_nanos() as u64, duration: 40_000_000 };
        world.sender.push_unit(world.now, 3, timing, &unit).unwrap();
        world.run(FRAME);
    }
    let seconds = (world.now - start).as_secs_f64();
    let wire = (world.there.bytes - sent) as f64 * 8.0 / seconds;
    world.run(Duration::from_millis(300));
    let stats = world.sender.stats(world.now);
    let mut layers = vec![None; FRAMES];
    let mut media = 0;
    let mut quality = vec![0.0; FRAMES];
    for event in &world.received {
        if let ReceiverEvent::Unit { number, unit, due, .. } = event {
            assert!(*due > start);
            layers[*number as usize] =
                Some(if unit.has_picture() { unit.complete_layers_everywhere().max(1) } else { 0 });
            media += unit.payload_len();
            quality[*number as usize] = estimate_psnr(unit);
        }
    }
    Seen {
        layers,
        coded,
        quality,
        wire,
        media: media as f64 * 8.0 / seconds,
        parity: stats.parity_share,
        trimmed: stats.units_trimmed,
        dropped: stats.units_dropped,
    }
}

/// A layer more costs about twice the bytes and brings about 3.5 dB.
fn estimate_psnr(unit: &Unit) -> f64 {
    let decodable = |slice| {
        let complete = unit.complete_layers(slice);
        (0..=complete).filter_map(|layer| unit.segment(layer, slice)).map(|s| s.data().len()).sum::<usize>()
    };
    let bytes: usize = (0..unit.slices()).map(decodable).sum();
    if unit.has_picture() { 17.0 + 3.5 * (bytes.max(250) as f64 / 250.0).log2() } else { 0.0 }
}

impl Seen {
    /// Mean and 5th percentile of the estimated PSNR; a unit without a picture counts as the one before it.
    fn quality(&self) -> (f64, f64) {
        let mut shown = self.quality.clone();
        for i in 1..shown.len() {
            if shown[i] == 0.0 {
                shown[i] = shown[i - 1] - 3.0;
            }
        }
        let mean = shown.iter().sum::<f64>() / shown.len() as f64;
        shown.sort_by(f64::total_cmp);
        (mean, shown[shown.len() / 20])
    }

    fn share_with(&self, layers: u8) -> f64 {
        let have = self.layers.iter().filter(|have| have.is_some_and(|have| have >= layers)).count();
        have as f64 / self.layers.len() as f64
    }

    /// The longest run of units without layer 0 of every slice.
    fn longest_freeze(&self) -> usize {
        let runs = self.layers.split(|layers| layers.is_some_and(|layers| layers > 0));
        runs.map(<[_]>::len).max().unwrap_or(0)
    }
}

/// Links, and the least share of units with a picture that they may leave.
const LINKS: [(&str, f64, f64, f64); 5] = [
    ("0 %", 0.0, 1.0, 1.0),
    ("5 %", 0.05, 1.0, 0.999),
    ("10 %", 0.1, 1.0, 0.999),
    ("20 %", 0.2, 1.0, 0.999),
    // A burst that is longer than the latency budget takes a unit whatever its parity.
    ("10 %, x5", 0.1, 5.0, 0.995),
];
const SEEDS: u64 = 4;

#[test]
fn the_base_survives_every_loss_and_the_rest_degrades_from_the_top() {
    println!(
        "kbit/s on the wire, of media received; layers coded; share of parity; units trimmed; longest freeze;"
    );
    println!(
        "estimated PSNR, mean and 5th percentile; share of units with at least 1, 2, ... layers complete"
    );
    for (name, loss, burst, least) in LINKS {
        let mut pictures = 0.0;
        for seed in 1..=SEEDS {
            let seen = play(Link::losing(loss, burst), seed);
            let (mean, low) = seen.quality();
            let shares: Vec<String> =
                (1..=6).map(|layers| format!("{:6.2}", 100.0 * seen.share_with(layers))).collect();
            println!(
                "{name:9} | {:5.0} {:5.0} | {:4.2} | {:4.2} | {:3} | {} | {mean:5.2} {low:5.2} | {}",
                seen.wire / 1000.0,
                seen.media / 1000.0,
                seen.coded,
                seen.parity,
                seen.trimmed,
                seen.longest_freeze(),
                shares.join(" "),
            );
            assert!(
                seen.longest_freeze() <= 1,
                "{name}, seed {seed}: a freeze of {} units",
                seen.longest_freeze()
            );
            assert!(seen.wire <= 2_000_000.0, "{name}, seed {seed}: {} bit/s on the wire", seen.wire);
            assert!(seen.share_with(4) >= 0.9, "{name}, seed {seed}: four layers in {}", seen.share_with(4));
            assert!(
                seen.trimmed <= FRAMES as u64 / 10,
                "{name}, seed {seed}: {} units trimmed",
                seen.trimmed
            );
            assert_eq!(seen.dropped, 0);
            pictures += seen.share_with(1) / SEEDS as f64;
        }
        assert!(pictures >= least, "{name}: layer 0 came in {pictures} of the units");
    }
}

/// Plays sound of 128 kbit/s in units of 20 ms beside nothing else. Gives the rate on the wire and the share of units
/// that came complete.
fn play_sound(fec: &str, link: Link, seed: u64) -> (f64, f64) {
    let config = SenderConfig { fec: Some(fec.parse().unwrap()), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), link, seed);
    world.sender.set_tracks(world.now, world::sound_table(10));
    world.connect();
    let mut dice = Dice(seed);
    let mut sent = 0;
    for number in 0..UNITS {
        if number == UNITS / 4 {
            // By then the protection fits the losses.
            sent = world.there.bytes;
        }
        let unit = unit(&mut dice, 10, 1, &[20, 40, 60, 80, 120]);
        let timing = Timing { pts: (SOUND * number).as_nanos() as u64, duration: SOUND.as_nanos() as u64 };
        world.sender.push_unit(world.now, 5, timing, &unit).unwrap();
        world.run(SOUND);
    }
    let wire = (world.there.bytes - sent) as f64 * 8.0 / (SOUND * UNITS * 3 / 4).as_secs_f64();
    world.run(Duration::from_millis(300));
    let complete = world.units().iter().filter(|(_, unit)| unit.is_complete()).count();
    (wire, complete as f64 / f64::from(UNITS))
}

const SOUND: Duration = Duration::from_millis(20);
const UNITS: u32 = 2000;

#[test]
fn sound_survives_for_a_few_times_its_rate() {
    println!("sound of 128 kbit/s: kbit/s on the wire, share of units complete");
    for (name, loss, burst, _) in LINKS {
        for fec in ["adaptive", "unequal:3,2,1,0", "none"] {
            let (wire, complete) = play_sound(fec, Link::losing(loss, burst), 3);
            println!("{name:9} | {fec:16} | {:5.0} | {:6.2}", wire / 1000.0, 100.0 * complete);
            if fec == "adaptive" {
                assert!(
                    complete >= 0.96 && (burst > 1.0 || loss > 0.1 || complete >= 0.99),
                    "{name}: {complete}"
                );
                let most = if burst > 1.0 { 4.5 } else { 4.0 };
                assert!(wire < most * 128_000.0, "{name}: {wire} bit/s");
            }
        }
    }
}
