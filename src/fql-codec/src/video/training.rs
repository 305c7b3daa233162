//! Finds the models' first probabilities (`tables.rs`) from the test clips.
//!
//! ```sh
//! FQL_TABLES=src/fql-codec/src/video/tables.rs cargo test -p fql-codec --lib training
//! ```
//!
//! writes them anew, which is due whenever the contexts change. What counts is what a model sees in the beginning
//! of a slice; frames of different sizes and rates take part, and every probability keeps some distance from
//! certainty, so that the tables suit other pictures too.

use std::fmt::Write;

use fql_unit::Chroma;

use super::contexts::{self, Contexts};
use super::exact::{self, Exact};
use super::layout::{Band, Layout, PlaneShape, Slice};
use super::picture::{Planes, Source};
use super::planes::{States, code_layer};
use super::quantiser::{Quantised, reconstruct};
use super::{EncoderConfig, Format, Motion, Plane, Rate};
use crate::entropy::{BitModel, Coder, Encoder};

/// How many decisions of a model in a slice count.
const BEGINNING: u32 = 48;
/// Decisions of even probability that are added to those that were seen.
const PRIOR: f64 = 3.0;

/// Counts decisions by model, and codes them.
struct Counter<'a> {
    encoder: Encoder,
    /// Where the models are: what tells them apart.
    base: usize,
    seen: Vec<u32>,
    totals: &'a mut [[f64; 2]],
}

impl<'a> Counter<'a> {
    fn new(models: &[BitModel], totals: &'a mut [[f64; 2]]) -> Self {
        let base = models.as_ptr().addr();
        Self { encoder: Encoder::new(), base, seen: vec![0; models.len()], totals }
    }
}

impl Coder for Counter<'_> {
    fn code(&mut self, model: &mut BitModel, bit: impl FnOnce() -> bool) -> bool {
        let index = (std::ptr::from_ref(model).addr() - self.base) / size_of::<BitModel>();
        let bit = self.encoder.code(model, bit);
        self.seen[index] += 1;
        if self.seen[index] <= BEGINNING {
            self.totals[index][usize::from(bit)] += 1.0;
        }
        bit
    }

    fn code_even(&mut self, bit: impl FnOnce() -> bool) -> bool {
        self.encoder.code_even(bit)
    }

    fn is_exhausted(&self) -> bool {
        false
    }
}

/// What all frames showed, and how many bytes they took.
struct Training {
    lossy: Vec<[f64; 2]>,
    predicted: Vec<[f64; 2]>,
    exact: Vec<[f64; 2]>,
    bytes: usize,
    predicted_bytes: usize,
}

/// A file, the second where it begins, a size, and a finest layer or an interval.
type Clip = (&'static str, &'static str, (usize, usize), u32);

/// Frames of clips, and the finest layers up to which they take part.
const FRAMES: [Clip; 12] = [
    ("bigbuckbunny.mp4", "0.4", (1280, 720), 3),
    ("bigbuckbunny.mp4", "2.6", (1280, 720), 8),
    ("bigbuckbunny.mp4", "4.6", (1280, 720), 4),
    ("bigbuckbunny.mp4", "1.4", (960, 528), 4),
    ("bigbuckbunny.mp4", "3.4", (640, 360), 5),
    ("bigbuckbunny.mp4", "0.8", (320, 180), 7),
    ("car-detection.mp4", "1", (768, 432), 7),
    ("car-detection.mp4", "8", (768, 432), 5),
    ("car-detection.mp4", "15", (640, 360), 6),
    ("car-detection.mp4", "22", (500, 280), 8),
    ("car-detection.mp4", "28", (400, 225), 6),
    ("bigbuckbunny.mp4", "5", (480, 270), 5),
];

/// The same for models of the finest chroma, which only pictures with more chroma than 4:2:0 have: so small that the
/// clips' chroma has this size.
const FINE_FRAMES: [Clip; 6] = [
    ("bigbuckbunny.mp4", "0.4", (640, 360), 4),
    ("bigbuckbunny.mp4", "2.6", (640, 360), 7),
    ("bigbuckbunny.mp4", "4.6", (480, 270), 5),
    ("car-detection.mp4", "1", (384, 216), 7),
    ("car-detection.mp4", "15", (384, 216), 6),
    ("car-detection.mp4", "22", (320, 180), 7),
];

/// Sequences of a key frame and frames that are predicted, and the intervals of these.
const SEQUENCES: [Clip; 10] = [
    ("bigbuckbunny.mp4", "0.4", (960, 528), 20_000),
    ("bigbuckbunny.mp4", "2.6", (1280, 720), 11_000),
    ("bigbuckbunny.mp4", "3.6", (640, 360), 6000),
    ("bigbuckbunny.mp4", "1.4", (960, 528), 3500),
    ("bigbuckbunny.mp4", "4.2", (480, 270), 1500),
    ("car-detection.mp4", "3", (768, 432), 7000),
    ("car-detection.mp4", "12", (640, 360), 3000),
    ("car-detection.mp4", "22", (768, 432), 1300),
    ("drifting waves", "0", (640, 360), 9000),
    ("drifting waves", "1", (480, 270), 3000),
];

/// The same for models of the finest chroma.
const FINE_SEQUENCES: [Clip; 4] = [
    ("bigbuckbunny.mp4", "0.4", (640, 360), 9000),
    ("bigbuckbunny.mp4", "2.6", (480, 270), 3500),
    ("car-detection.mp4", "3", (384, 216), 3000),
    ("drifting waves", "0", (320, 180), 5000),
];

/// How much takes part.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Each so many of the frames and sequences.
    each: usize,
    /// So many times narrower and lower than they are.
    smaller: usize,
    /// How many frames a sequence has.
    frames: usize,
}

/// To find the tables.
const ALL: Effort = Effort { each: 1, smaller: 1, frames: 6 };
/// To see that they help.
const LITTLE: Effort = Effort { each: 5, smaller: 2, frames: 3 };

impl Effort {
    /// Those of some clips that take part, as large as they do.
    fn of(self, clips: &[Clip]) -> impl Iterator<Item = Clip> {
        let Self { each, smaller, .. } = self;
        let clips = clips.iter().skip(each / 2).step_by(each);
        clips.map(move |&(clip, second, (width, height), finest)| {
            (clip, second, (width / smaller, height / smaller), finest)
        })
    }
}

/// Frames of a clip, or of drifting waves with a little noise.
fn sequence(clip: &str, second: &str, size: (usize, usize), chroma: Chroma, frames: usize) -> Vec<Vec<u8>> {
    let pixels = if chroma == Chroma::Yuv420 { "yuv420p" } else { "yuv444p" };
    if clip.ends_with(".mp4") {
        let data = decoded(clip, second, size, pixels, frames);
        return data.chunks_exact(data.len() / frames).map(<[u8]>::to_vec).collect();
    }
    let format = Format::new(chroma);
    let picture =
        |number: usize| (0..3).flat_map(move |plane| waves(format.plane_size(plane, size.0, size.1), number));
    (0..frames).map(|number| picture(number).collect()).collect()
}

fn waves((width, height): (usize, usize), number: usize) -> impl Iterator<Item = u8> {
    let mut noise = 1 + number as u32;
    (0..width * height).map(move |at| {
        let (x, y) = ((at % width) as f64 + 1.3 * number as f64, (at / width) as f64 - 0.6 * number as f64);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let edge = if ((x / 90.0 + y / 70.0) as i32) % 2 == 0 { 20.0 } else { -20.0 };
        let wave = 40.0 * (x / 41.0).sin() * (y / 33.0).cos() + 12.0 * (x / 5.0 + y / 7.0).sin();
        (128.0 + edge + wave + f64::from(noise >> 24) / 50.0) as u8
    })
}

fn decoded(clip: &str, second: &str, (width, height): (usize, usize), pixels: &str, count: usize) -> Vec<u8> {
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-ss", second, "-i", &path, "-frames:v", &count.to_string()])
        .args(["-vf", &format!("scale={width}:{height}:flags=lanczos"), "-f", "rawvideo"])
        .args(["-pix_fmt", pixels, "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Training {
    fn new() -> Self {
        let lossy = || vec![[0.0; 2]; contexts::COUNT];
        Self {
            lossy: lossy(),
            predicted: lossy(),
            exact: vec![[0.0; 2]; exact::COUNT],
            bytes: 0,
            predicted_bytes: 0,
        }
    }

    /// What models show that begin so.
    fn run(contexts: &Contexts, predicted: &Contexts, effort: Effort) -> Self {
        let mut training = Self::new();
        training.frames(&FRAMES, effort, Chroma::Yuv420, "yuv420p", contexts);
        training.sequences(&SEQUENCES, effort, Chroma::Yuv420, predicted);
        let mut fine = Self::new();
        fine.frames(&FINE_FRAMES, effort, Chroma::Yuv444, "yuv444p", contexts);
        fine.sequences(&FINE_SEQUENCES, effort, Chroma::Yuv444, predicted);
        for model in (0..contexts::COUNT).filter(|&model| contexts::is_of_finest_chroma(model)) {
            training.lossy[model] = fine.lossy[model];
            training.predicted[model] = fine.predicted[model];
        }
        training.bytes += fine.bytes;
        training.predicted_bytes += fine.predicted_bytes;
        training
    }

    fn sequences(&mut self, sequences: &[Clip], effort: Effort, chroma: Chroma, first: &Contexts) {
        for (clip, second, (width, height), interval) in effort.of(sequences) {
            let format = Format::new(chroma);
            let layout = Layout::new(width, height, format, 0);
            let motion = Some(Motion { reference_layer: None, references: 1 });
            let (layers, slices, threads) = (10, 0, 1);
            let (width, height) = (width as u32, height as u32);
            let config = EncoderConfig { width, height, format, layers, slices, threads, motion };
            let mut encoder = super::Encoder::new(config).unwrap();
            let size = (width as usize, height as usize);
            for data in sequence(clip, second, size, chroma, effort.frames) {
                encoder.encode(&planes(&layout, &data), Rate::Interval(interval)).unwrap();
                if !encoder.coded().key {
                    let slices = encoder.quantised();
                    slices.for_each(|(slice, quantised)| self.predicted(&layout, slice, quantised, first));
                }
            }
        }
    }

    /// What a slice of a predicted frame shows.
    fn predicted(&mut self, layout: &Layout, slice: &Slice, quantised: &Quantised, first: &Contexts) {
        let mut contexts = [first.clone()];
        let counter = Counter::new(&contexts[0].models, &mut self.predicted);
        let counter = slice_layers(counter, &mut contexts, layout, slice, quantised).0;
        self.predicted_bytes += counter.encoder.finish().len();
    }

    fn frames(&mut self, frames: &[Clip], effort: Effort, chroma: Chroma, pixels: &str, contexts: &Contexts) {
        for (clip, second, (width, height), finest) in effort.of(frames) {
            let data = decoded(clip, second, (width, height), pixels, 1);
            let format = Format::new(chroma);
            let layout = Layout::new(width, height, format, 0);
            let planes = planes(&layout, &data);
            self.picture(&layout, Source { planes: &planes, format }, finest, contexts);
        }
    }

    fn picture(&mut self, layout: &Layout, source: Source, finest: u32, first: &Contexts) {
        let mut planes = Planes::new(layout, 1);
        planes.analyse(source, None);
        let mut all_states = Vec::new();
        for (slice, stripes) in layout.slices.iter().zip(planes.stripes(&layout.slices)) {
            let mut quantised = Quantised::new(slice);
            quantised.take(layout, slice, &stripes, finest, 0);
            let mut contexts = [first.clone()];
            let counter = Counter::new(&contexts[0].models, &mut self.lossy);
            let (counter, states) = slice_layers(counter, &mut contexts, layout, slice, &quantised);
            self.bytes += counter.encoder.finish().len();
            all_states.push(states);
        }
        if finest == layout.format.finest() {
            self.exact(layout, source, &mut planes, &all_states);
        }
    }

    fn exact(&mut self, layout: &Layout, source: Source, planes: &mut Planes, states: &[States]) {
        let stripes = planes.stripes_mut(&layout.slices);
        for ((slice, states), mut stripes) in layout.slices.iter().zip(states).zip(stripes) {
            reconstruct(layout, slice, states, 0, &mut stripes);
        }
        planes.synthesise_raised();
        for (slice, stripes) in layout.slices.iter().zip(planes.stripes_mut(&layout.slices)) {
            let mut exact = Exact::new();
            let mut counter = Counter::new(&exact.models.clone(), &mut self.exact);
            counter.base = exact.models.as_ptr().addr();
            for (plane, (shape, stripe)) in layout.planes.iter().zip(stripes).enumerate() {
                let first = slice.rows[plane].start;
                let row = |row, out: &mut [i32]| source.row(plane, first + row, out, 0, 0);
                exact.encode(&mut counter, shape, stripe, row);
            }
        }
    }
}

fn planes<'a>(layout: &Layout, mut data: &'a [u8]) -> Vec<Plane<'a>> {
    let plane = |shape: &PlaneShape| {
        let data = data.split_off(..shape.width * shape.height).expect("a whole frame");
        Plane::bytes(data, shape.width)
    };
    layout.planes.iter().map(plane).collect()
}

/// Codes all layers of a slice.
fn slice_layers<'a>(
    mut counter: Counter<'a>,
    contexts: &mut [Contexts],
    layout: &Layout,
    slice: &Slice,
    quantised: &Quantised,
) -> (Counter<'a>, States) {
    let mut states = States::new(slice);
    for layer in 0..=quantised.layer {
        let truth = |band: &Band| quantised.at_layer(layer, band);
        assert!(code_layer(&mut counter, contexts, &mut states, layout, slice, layer, truth).is_ok());
    }
    (counter, states)
}

fn table(counts: &[[f64; 2]]) -> Vec<u16> {
    let probability = |[no, yes]: &[f64; 2]| ((no + PRIOR / 2.0) / (no + yes + PRIOR) * 65536.0) as u16;
    counts.iter().map(|counts| probability(counts).clamp(400, 65136)).collect()
}

fn print(out: &mut String, doc: &str, name: &str, count: &str, table: &[u16]) {
    write!(out, "\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: [u16; {count}] = [").unwrap();
    for row in table.chunks(15) {
        out.push_str("\n    ");
        row.iter().for_each(|p| write!(out, "{p}, ").unwrap());
        out.pop();
    }
    out.push_str("\n];\n");
}

#[test]
fn training_makes_segments_smaller() {
    let even = Contexts { models: [BitModel::EVEN; contexts::COUNT] };
    let path = std::env::var("FQL_TABLES");
    let effort = if path.is_ok() { ALL } else { LITTLE };
    let even = Training::run(&even, &even, effort);
    let trained = Training::run(&Contexts::trained(), &Contexts::predicted(), effort);
    println!("{} bytes from even models, {} from trained ones", even.bytes, trained.bytes);
    println!(
        "predicted: {} bytes from even models, {} from trained ones",
        even.predicted_bytes, trained.predicted_bytes
    );
    if let Ok(path) = path {
        let mut out = String::from(
            "//! The models' first probabilities, found by `training.rs`.\n\nuse super::{contexts, exact};\n",
        );
        let doc = "The probability of `false` of each model of the lossy layers, in units of 2^-16.";
        print(&mut out, doc, "TRAINED", "contexts::COUNT", &table(&trained.lossy));
        let doc = "The same for frames that are predicted.";
        print(&mut out, doc, "PREDICTED", "contexts::COUNT", &table(&trained.predicted));
        print(&mut out, "The same for the exact layer.", "EXACT", "exact::COUNT", &table(&trained.exact));
        std::fs::write(path, out).unwrap();
    } else {
        assert!(trained.bytes * 100 < even.bytes * 99);
        assert!(trained.predicted_bytes * 100 < even.predicted_bytes * 99);
    }
}
