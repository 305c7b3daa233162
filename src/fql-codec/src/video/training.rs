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

use super::Plane;
use super::contexts::{self, Contexts};
use super::exact::{self, Exact};
use super::layout::Layout;
use super::picture::{self, Planes};
use super::planes::{FINEST, States, code_layer};
use super::quantiser::{Quantised, reconstruct};
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
    exact: Vec<[f64; 2]>,
    bytes: usize,
}

/// Frames of clips, and the finest layers up to which they take part.
const FRAMES: [(&str, &str, (usize, usize), u32); 12] = [
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

fn frame(clip: &str, second: &str, (width, height): (usize, usize)) -> Vec<u8> {
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-ss", second, "-i", &path, "-frames:v", "1"])
        .args(["-vf", &format!("scale={width}:{height}:flags=lanczos"), "-f", "rawvideo"])
        .args(["-pix_fmt", "yuv420p", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Training {
    fn new() -> Self {
        Self { lossy: vec![[0.0; 2]; contexts::COUNT], exact: vec![[0.0; 2]; exact::COUNT], bytes: 0 }
    }

    fn run(contexts: &Contexts) -> Self {
        let mut training = Self::new();
        for (clip, second, (width, height), finest) in FRAMES {
            let data = frame(clip, second, (width, height));
            let layout = Layout::new(width, height, fql_unit::Chroma::Yuv420, 0);
            let mut rest = &data[..];
            let source: Vec<Plane> = layout
                .planes
                .iter()
                .map(|&(w, h, _)| Plane { data: rest.split_off(..w * h).expect("a whole frame"), stride: w })
                .collect();
            training.picture(&layout, &source, finest, contexts);
        }
        training
    }

    fn picture(&mut self, layout: &Layout, source: &[Plane], finest: u32, first: &Contexts) {
        let mut planes = Planes::new(layout, 1);
        planes.analyse(source);
        let mut all_states = Vec::new();
        for (slice, stripes) in layout.slices.iter().zip(planes.stripes(&layout.slices)) {
            let (mut quantised, mut states) = (Quantised::new(slice), States::new(slice));
            quantised.take(layout, slice, &stripes, finest, 0);
            let mut contexts = first.clone();
            let mut counter = Counter::new(&contexts.models, &mut self.lossy);
            for layer in 0..=finest {
                let truth = quantised.at_layer(finest - layer);
                let coded =
                    code_layer(&mut counter, &mut contexts, &mut states, layout, slice, layer, &truth);
                assert!(coded.is_ok());
            }
            self.bytes += counter.encoder.finish().len();
            all_states.push(states);
        }
        if finest == FINEST {
            self.exact(layout, source, &mut planes, &all_states);
        }
    }

    fn exact(&mut self, layout: &Layout, source: &[Plane], planes: &mut Planes, states: &[States]) {
        let stripes = planes.stripes_mut(&layout.slices);
        for ((slice, states), mut stripes) in layout.slices.iter().zip(states).zip(stripes) {
            reconstruct(layout, slice, states, 0, &mut stripes);
        }
        planes.synthesise();
        let widths: Vec<usize> = layout.planes.iter().map(|plane| plane.0).collect();
        let sources = picture::source_stripes(layout, source);
        for (stripes, source) in planes.stripes(&layout.slices).into_iter().zip(sources) {
            let mut exact = Exact::new();
            let mut counter = Counter::new(&exact.models.clone(), &mut self.exact);
            counter.base = exact.models.as_ptr().addr();
            exact.encode(&mut counter, &stripes, &widths, &source);
        }
    }
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
    let even = Training::run(&Contexts { models: [BitModel::EVEN; contexts::COUNT] });
    let trained = Training::run(&Contexts::trained());
    println!("{} bytes from even models, {} from trained ones", even.bytes, trained.bytes);
    if let Ok(path) = std::env::var("FQL_TABLES") {
        let mut out = String::from(
            "//! The models' first probabilities, found by `training.rs`.\n\nuse super::{contexts, exact};\n",
        );
        let doc = "The probability of `false` of each model of the lossy layers, in units of 2^-16.";
        print(&mut out, doc, "TRAINED", "contexts::COUNT", &table(&trained.lossy));
        print(&mut out, "The same for the exact layer.", "EXACT", "exact::COUNT", &table(&trained.exact));
        std::fs::write(path, out).unwrap();
    } else {
        assert!(trained.bytes * 100 < even.bytes * 99);
    }
}
