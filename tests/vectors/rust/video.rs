//! `video.json`: units of pictures, and what they decode to.

use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, Motion, PictureMut, Rate, Request,
};
use fql_unit::{Segment, Unit};
use serde::{Deserialize, Serialize};

use crate::pictures::{CHROMAS, Image, any_bytes, chroma};
use crate::{from_base64, sha256, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    width: u32,
    height: u32,
    chroma: String,
    bits: u8,
    alpha: bool,
    /// Units of one track in their order, in base64.
    units: Vec<String>,
    decoded: Vec<Decoded>,
}

/// What a decoder makes of the units that takes this many of their layers at most.
#[derive(Serialize, Deserialize)]
struct Decoded {
    layers: u8,
    pictures: Vec<Picture>,
}

#[derive(Serialize, Deserialize, Default)]
struct Picture {
    /// Whether it is the source bit for bit.
    exact: bool,
    /// Of all planes one after the other: a byte a sample, or two (the low one first) where samples have more bits.
    sha256: String,
}

impl Vector {
    fn format(&self) -> Format {
        Format { chroma: chroma(&self.chroma), alpha: self.alpha, bits: self.bits }
    }

    fn decode(&mut self) {
        let (width, height, format) = (self.width, self.height, self.format());
        let units: Vec<Unit> =
            self.units.iter().map(|unit| Unit::from_bytes(&from_base64(unit)).unwrap()).collect();
        for decoded in &mut self.decoded {
            let config = DecoderConfig { width, height, format, threads: 1 };
            let mut decoder = Decoder::new(config).unwrap();
            let mut image = Image::black(width, height, format);
            let pictures =
                units.iter().map(|unit| picture(&mut decoder, unit, decoded.layers - 1, &mut image));
            decoded.pictures = pictures.collect();
        }
    }
}

fn picture(decoder: &mut Decoder, unit: &Unit, max_layer: u8, image: &mut Image) -> Picture {
    let planes = image.layouts();
    let mut buffers: Vec<&mut [u8]> = image.planes.iter_mut().map(Vec::as_mut_slice).collect();
    let mut target = PictureMut { buffers: &mut buffers, planes: &planes };
    let picture = decoder.decode(unit, max_layer, &mut target).unwrap();
    Picture { exact: picture.exact, sha256: sha256(&image.planes.concat()) }
}

/// What to encode.
struct Recipe {
    name: &'static str,
    size: (u32, u32),
    format: Format,
    slices: u8,
    rate: Rate,
    motion: Option<Motion>,
    frames: usize,
    scene: fn(u32, u32, Format, usize) -> Image,
    /// Tells the encoder before a frame what the receiver has, and whether it is to be a key frame.
    before: fn(&mut Encoder, usize) -> bool,
    /// What is lost of a unit.
    lose: fn(&mut Unit, usize),
    /// Numbers of layers to decode.
    layers: Vec<u8>,
}

impl Recipe {
    /// A picture with all layers, of which some and all are decoded.
    fn new(name: &'static str, size: (u32, u32), (chroma_name, bits, alpha): (&str, u8, bool)) -> Self {
        let format = Format { chroma: chroma(chroma_name), alpha, bits };
        let (rate, layers) = (Rate::WholeLadder, vec![4, bits + 2]);
        let (lose, before) = (|_: &mut Unit, _| {}, |_: &mut Encoder, _| false);
        let (motion, frames) = (None, 1);
        Self {
            name,
            size,
            format,
            slices: 1,
            rate,
            motion,
            frames,
            scene: Image::scene,
            before,
            lose,
            layers,
        }
    }

    fn image(&self, time: usize) -> Image {
        let (width, height) = self.size;
        (self.scene)(width, height, self.format, time)
    }

    fn encode(self) -> Vector {
        let (width, height) = self.size;
        let Self { format, slices, motion, .. } = self;
        let config = EncoderConfig { width, height, format, layers: 15, slices, threads: 1, motion };
        let mut encoder = Encoder::new(config).unwrap();
        let unit = |time| {
            let key = (self.before)(&mut encoder, time);
            let request = Request { rate: self.rate, key };
            let mut unit = encoder.encode(&self.image(time).planes(), request).unwrap();
            (self.lose)(&mut unit, time);
            to_base64(unit.to_bytes())
        };
        let units = (0..self.frames).map(unit).collect();
        let name = CHROMAS.iter().find(|(chroma, _)| *chroma == format.chroma).unwrap().1;
        let decoded = self.layers.iter().map(|&layers| Decoded { layers, pictures: Vec::new() });
        Vector {
            name: self.name.into(),
            width,
            height,
            chroma: name.into(),
            bits: format.bits,
            alpha: format.alpha,
            units,
            decoded: decoded.collect(),
        }
    }
}

fn recipes() -> Vec<Recipe> {
    let mut recipes = vec![Recipe {
        slices: 2,
        layers: (1..=10).collect(),
        ..Recipe::new("every number of layers", (64, 48), ("4:2:0", 8, false))
    }];
    for (_, chroma) in CHROMAS {
        recipes.push(Recipe::new("8 bits", (37, 29), (chroma, 8, false)));
        recipes.push(Recipe { slices: 2, ..Recipe::new("10 bits", (34, 31), (chroma, 10, false)) });
        recipes.push(Recipe::new("12 bits", (29, 22), (chroma, 12, false)));
    }
    recipes.push(Recipe::new("opacity", (33, 26), ("grey", 8, true)));
    recipes.push(Recipe { slices: 2, ..Recipe::new("opacity", (32, 24), ("4:2:0", 12, true)) });
    recipes.push(Recipe::new("opacity", (25, 27), ("4:2:2", 8, true)));
    recipes.push(Recipe::new("opacity", (21, 20), ("4:4:4", 10, true)));
    recipes.push(Recipe { slices: 3, ..Recipe::new("opacity", (24, 31), ("rgb", 8, true)) });
    let sizes = [(1, 1), (1, 19), (23, 1), (2, 3), (5, 4), (16, 9), (3, 50)];
    recipes.extend(sizes.map(|size| Recipe::new("a small picture", size, ("4:2:0", 8, false))));
    recipes.extend(
        [(1, 6), (9, 1), (2, 2)].map(|size| Recipe::new("a small picture", size, ("4:2:2", 8, true))),
    );
    recipes.extend([
        Recipe { scene: Image::noise, ..Recipe::new("noise", (16, 16), ("4:4:4", 8, false)) },
        Recipe { scene: Image::noise, ..Recipe::new("noise", (18, 17), ("rgb", 12, true)) },
        Recipe { slices: 32, ..Recipe::new("more slices than rows", (40, 30), ("4:2:0", 8, false)) },
        Recipe { slices: 3, ..Recipe::new("five levels", (99, 50), ("4:2:0", 8, false)) },
        Recipe { layers: vec![9, 11, 14], ..Recipe::new("six levels", (200, 18), ("grey", 12, false)) },
        Recipe { layers: vec![12, 14], ..Recipe::new("five levels", (14, 100), ("4:2:2", 12, false)) },
    ]);
    recipes.extend(rates());
    recipes.extend(predicted());
    recipes.extend(losses());
    recipes.extend(garbage());
    recipes
}

/// Units of limited size: with a scale, and with tails cut off the finest layer.
fn rates() -> Vec<Recipe> {
    let rate = |bytes, size, format, slices| {
        let (rate, layers) = (Rate::Bytes(bytes), vec![2, 15]);
        Recipe { rate, layers, slices, ..Recipe::new("a rate", size, format) }
    };
    vec![
        rate(900, (64, 48), ("4:2:0", 8, false), 2),
        rate(300, (97, 61), ("4:2:0", 8, false), 3),
        rate(1500, (50, 70), ("grey", 10, false), 1),
        rate(700, (48, 64), ("rgb", 8, false), 2),
        rate(40, (64, 48), ("4:2:0", 8, true), 4),
    ]
}

/// Frames that are predicted from earlier ones.
fn predicted() -> Vec<Recipe> {
    let motion = |reference_layer, references| Some(Motion { reference_layer, references });
    let small = |name, size, format| Recipe {
        rate: Rate::Interval(1_200),
        motion: motion(None, 1),
        frames: 3,
        layers: vec![15],
        ..Recipe::new(name, size, format)
    };
    let mut recipes = vec![
        Recipe {
            layers: vec![1, 3, 6, 8, 9],
            slices: 2,
            ..small("predicted, every number of layers", (64, 48), ("4:2:0", 8, false))
        },
        Recipe {
            motion: motion(Some(2), 4),
            layers: vec![2, 5],
            ..small("predicted from layer 2", (52, 37), ("4:2:0", 8, false))
        },
        Recipe {
            motion: motion(None, 4),
            frames: 5,
            before: |encoder, time| {
                if time >= 2 {
                    // The second frame is lost, and the receiver says so one frame later.
                    encoder.acknowledge(time as u8 - 2, if time == 3 { 0 } else { 15 });
                }
                false
            },
            ..small("predicted from an older frame", (48, 48), ("4:2:0", 8, false))
        },
        Recipe {
            frames: 4,
            before: |_, time| time == 2,
            ..small("a key frame between predicted ones", (40, 33), ("4:2:2", 8, false))
        },
        Recipe {
            rate: Rate::Interval(300),
            slices: 3,
            ..small("predicted, fine", (55, 50), ("4:2:0", 8, false))
        },
        Recipe {
            rate: Rate::Interval(3_000),
            scene: Image::sliding,
            ..small("predicted from far away", (90, 40), ("4:2:0", 8, false))
        },
        Recipe { rate: Rate::Bytes(500), ..small("predicted at a rate", (64, 48), ("4:2:0", 8, false)) },
    ];
    for (format, size) in [
        (("grey", 8, true), (33, 18)),
        (("4:2:2", 10, false), (34, 40)),
        (("4:4:4", 12, false), (24, 20)),
        (("rgb", 8, false), (31, 33)),
        (("4:2:0", 12, true), (32, 16)),
        (("rgb", 12, true), (17, 16)),
        (("4:2:0", 8, false), (7, 3)),
        (("4:2:0", 8, false), (1, 1)),
        (("4:2:2", 8, false), (3, 20)),
    ] {
        recipes.push(small("predicted", size, format));
    }
    recipes
}

/// Units of which something is missing, each the first that a decoder sees.
fn losses() -> Vec<Recipe> {
    let loss = |name, lose| {
        let (slices, layers) = (3, vec![1, 10]);
        Recipe { slices, lose, layers, ..Recipe::new(name, (64, 70), ("4:2:0", 8, false)) }
    };
    vec![
        loss("a layer cut in a slice", |unit, _| cut(unit, 3, 1, 2)),
        loss("layer 0 cut in a slice", |unit, _| cut(unit, 0, 2, 3)),
        loss("a layer missing in a slice", |unit, _| unit.set(2, 0, Segment::missing())),
        loss("a slice missing", |unit, _| {
            for layer in 0..unit.coded_layers() {
                unit.set(layer, 1, Segment::missing());
            }
        }),
        loss("the exact layer cut in a slice", |unit, _| cut(unit, 9, 1, 2)),
        loss("the exact layer missing in a slice", |unit, _| unit.set(9, 0, Segment::missing())),
        loss("the highest layers missing", |unit, _| unit.set_coded_layers(6)),
    ]
}

/// Units with anything at all in place of some codewords: decoders agree on what that means.
fn garbage() -> Vec<Recipe> {
    let garbled = |name, size, format, lose| Recipe {
        rate: Rate::Interval(1_200),
        motion: Some(Motion { reference_layer: None, references: 2 }),
        slices: 2,
        frames: 3,
        lose,
        layers: vec![3, 15],
        ..Recipe::new(name, size, format)
    };
    vec![
        garbled("any vectors", (50, 48), ("4:2:0", 8, false), |unit, time| {
            if time == 1 {
                garble(unit, 0, 0);
            }
        }),
        garbled("any vectors", (33, 34), ("rgb", 12, false), |unit, time| {
            if time > 0 {
                garble(unit, 0, 1);
            }
        }),
        garbled("any coefficients", (40, 32), ("4:2:2", 10, true), |unit, time| {
            garble(unit, time as u8, 0);
            garble(unit, 4, 1);
        }),
    ]
}

/// Puts other bytes in the place of a segment.
fn garble(unit: &mut Unit, layer: u8, slice: u8) {
    let len = unit.segment(layer, slice).expect("a coded segment").data().len();
    unit.set(layer, slice, Segment::complete(any_bytes(len)));
}

/// Leaves one part in `parts` of a segment.
fn cut(unit: &mut Unit, layer: u8, slice: u8, parts: usize) {
    let data = unit.segment(layer, slice).expect("a coded segment").data().clone();
    unit.set(layer, slice, Segment::truncated(data.slice(..data.len() / parts)));
}

#[test]
fn units_of_pictures_decode_as_they_always_did() {
    let make = || recipes().into_iter().map(Recipe::encode).collect();
    super::check("video.json", make, Vector::decode);
}
