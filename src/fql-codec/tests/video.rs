//! The video codec from the outside: exactness, layers, losses, rates, threads and garbage.

use fql_codec::Error;
use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Picture, Plane, PlaneMut, Rate};
use fql_unit::{Chroma, Segment, Unit};
use proptest::prelude::*;

/// A picture with its planes one after another.
#[derive(Debug, Clone, PartialEq)]
struct Image {
    width: u32,
    height: u32,
    chroma: Chroma,
    planes: Vec<Vec<u8>>,
}

impl Image {
    /// Makes each sample from its plane and position.
    fn new(width: u32, height: u32, chroma: Chroma, mut sample: impl FnMut(usize, u32, u32) -> u8) -> Self {
        let planes = sizes(width, height, chroma)
            .into_iter()
            .enumerate()
            .map(|(plane, (w, h))| (0..w * h).map(|i| sample(plane, i % w, i / w)).collect())
            .collect();
        Self { width, height, chroma, planes }
    }

    /// Something with smooth parts, edges and texture, different for each seed.
    fn scene(width: u32, height: u32, chroma: Chroma, seed: u32) -> Self {
        let mut noise = Noise(seed);
        Self::new(width, height, chroma, |plane, x, y| {
            let (x, y) = (x as f64 + f64::from(seed) * 3.0, y as f64);
            let wave = (x / 23.0 + plane as f64).sin() * 40.0 + (y / 11.0 + x / 50.0).cos() * 30.0;
            let edge = if ((x / 40.0 + y / 30.0) as u32).is_multiple_of(2) { 25.0 } else { -25.0 };
            (128.0 + wave + edge + f64::from(noise.next() % 9) - 4.0) as u8
        })
    }

    fn noise(width: u32, height: u32, chroma: Chroma, seed: u32) -> Self {
        let mut noise = Noise(seed);
        Self::new(width, height, chroma, |_, _, _| noise.next() as u8)
    }

    fn blank(&self) -> Self {
        Self { planes: self.planes.iter().map(|plane| vec![77; plane.len()]).collect(), ..self.clone() }
    }

    fn planes(&self) -> Vec<Plane<'_>> {
        let sizes = sizes(self.width, self.height, self.chroma);
        self.planes.iter().zip(sizes).map(|(data, (w, _))| Plane { data, stride: w as usize }).collect()
    }

    fn planes_mut(&mut self) -> Vec<PlaneMut<'_>> {
        let sizes = sizes(self.width, self.height, self.chroma);
        self.planes
            .iter_mut()
            .zip(sizes)
            .map(|(data, (w, _))| PlaneMut { data, stride: w as usize })
            .collect()
    }

    /// Mean squared error of luma in rows.
    fn error(&self, other: &Self, rows: std::ops::Range<u32>) -> f64 {
        let range = (rows.start * self.width) as usize..(rows.end * self.width) as usize;
        let pairs = self.planes[0][range.clone()].iter().zip(&other.planes[0][range.clone()]);
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>() / range.len() as f64
    }

    fn psnr(&self, other: &Self) -> f64 {
        10.0 * (255.0 * 255.0 / self.error(other, 0..self.height).max(1e-9)).log10()
    }

    fn snr(&self, other: &Self) -> f64 {
        let zero =
            Self { planes: self.planes.iter().map(|plane| vec![0; plane.len()]).collect(), ..self.clone() };
        10.0 * (self.error(&zero, 0..self.height) / self.error(other, 0..self.height)).log10()
    }
}

fn sizes(width: u32, height: u32, chroma: Chroma) -> Vec<(u32, u32)> {
    let half = (width.div_ceil(2), height.div_ceil(2));
    if chroma == Chroma::Grey { vec![(width, height)] } else { vec![(width, height), half, half] }
}

/// A small generator of numbers that look random.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }
}

/// A real frame of a clip, by ffmpeg.
fn natural(clip: &str, second: f64, filter: &str, width: u32, height: u32) -> Image {
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-ss", &second.to_string(), "-i", &path, "-frames:v", "1", "-vf", filter])
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut samples = output.stdout.into_iter();
    let image = Image::new(width, height, Chroma::Yuv420, |_, _, _| samples.next().expect("a whole frame"));
    assert_eq!(samples.next(), None);
    image
}

fn encoder(image: &Image, slices: u8, threads: usize) -> Encoder {
    let Image { width, height, chroma, .. } = *image;
    Encoder::new(EncoderConfig { width, height, chroma, layers: 12, slices, threads }).unwrap()
}

fn decoder(image: &Image, threads: usize) -> Decoder {
    let Image { width, height, chroma, .. } = *image;
    Decoder::new(DecoderConfig { width, height, chroma, threads }).unwrap()
}

fn encode(image: &Image, rate: Rate) -> Unit {
    encoder(image, 0, 1).encode(&image.planes(), rate).unwrap()
}

fn decode_with(decoder: &mut Decoder, unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    let mut out = like.blank();
    let picture = decoder.decode(unit, max_layer, &mut out.planes_mut()).unwrap();
    (picture, out)
}

fn decode(unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    decode_with(&mut decoder(like, 1), unit, max_layer, like)
}

const BOTH: [Chroma; 2] = [Chroma::Grey, Chroma::Yuv420];

#[test]
fn the_exact_layer_is_exact_at_any_size() {
    let sizes =
        [(1, 1), (1, 2), (2, 1), (1, 97), (131, 1), (2, 2), (3, 3), (5, 4), (7, 9), (16, 16), (17, 33)];
    for (width, height) in sizes.into_iter().chain([(64, 31), (65, 127), (176, 144), (333, 201)]) {
        for chroma in BOTH {
            for image in [Image::scene(width, height, chroma, 5), Image::noise(width, height, chroma, 6)] {
                let unit = encode(&image, Rate::WholeLadder);
                let (picture, out) = decode(&unit, 14, &image);
                assert!(out == image, "{width}x{height} {chroma:?}");
                assert_eq!(picture, Picture { layers: 10, exact: true, concealed: false });
                assert_eq!(unit.coded_layers(), 10);
            }
        }
    }
}

#[test]
fn the_exact_layer_is_exact_for_extremes() {
    let kinds: [fn(u32, u32) -> u8; 6] = [
        |_, _| 0,
        |_, _| 255,
        |x, y| ((x + y) % 2 * 255) as u8,
        |x, _| (x % 2 * 255) as u8,
        |_, y| (y / 3 % 2 * 255) as u8,
        |x, y| if (x / 32 + y / 32) % 2 == 0 { 255 } else { 0 },
    ];
    for kind in kinds {
        for chroma in BOTH {
            let image = Image::new(150, 90, chroma, |_, x, y| kind(x, y));
            let (picture, out) = decode(&encode(&image, Rate::WholeLadder), 9, &image);
            assert!(picture.exact && out == image);
        }
    }
}

#[test]
fn a_real_720p_frame_is_exact_and_threads_change_nothing() {
    let image = natural("bigbuckbunny.mp4", 2.0, "null", 1280, 720);
    for rate in [Rate::WholeLadder, Rate::Bytes(10_000)] {
        let unit = encoder(&image, 0, 1).encode(&image.planes(), rate).unwrap();
        assert!(encoder(&image, 0, 4).encode(&image.planes(), rate).unwrap() == unit);
        let (picture, out) = decode(&unit, 14, &image);
        assert_eq!(picture.exact, rate == Rate::WholeLadder);
        assert_eq!(out == image, picture.exact);
        assert!(decode_with(&mut decoder(&image, 4), &unit, 14, &image) == (picture, out));
    }
}

#[test]
fn strides_wider_than_the_plane_are_respected() {
    let image = Image::scene(37, 23, Chroma::Yuv420, 1);
    let padded: Vec<Vec<u8>> = image
        .planes()
        .iter()
        .map(|plane| plane.data.chunks(plane.stride).flat_map(|row| [row, &[9; 5]].concat()).collect())
        .collect();
    let strides: Vec<usize> = image.planes().iter().map(|plane| plane.stride + 5).collect();
    let planes: Vec<Plane> = padded
        .iter()
        .zip(&strides)
        .map(|(data, &stride)| Plane { data: &data[..data.len() - 5], stride })
        .collect();
    let unit = encoder(&image, 0, 1).encode(&planes, Rate::WholeLadder).unwrap();
    assert!(unit == encode(&image, Rate::WholeLadder));

    let mut out: Vec<Vec<u8>> = padded.iter().map(|data| vec![9; data.len()]).collect();
    let mut targets: Vec<PlaneMut> =
        out.iter_mut().zip(&strides).map(|(data, &stride)| PlaneMut { data, stride }).collect();
    decoder(&image, 1).decode(&unit, 14, &mut targets).unwrap();
    assert!(out == padded, "the samples, and nothing between the rows");
}

#[test]
fn wrong_shapes_and_settings_are_errors() {
    let image = Image::scene(16, 16, Chroma::Yuv420, 1);
    let config =
        EncoderConfig { width: 16, height: 16, chroma: Chroma::Yuv420, layers: 12, slices: 0, threads: 1 };
    for bad in [
        EncoderConfig { width: 0, ..config },
        EncoderConfig { height: 8193, ..config },
        EncoderConfig { layers: 0, ..config },
        EncoderConfig { layers: 16, ..config },
        EncoderConfig { slices: 33, ..config },
    ] {
        assert!(matches!(Encoder::new(bad), Err(Error::OutOfRange { .. })), "{bad:?}");
    }
    let mut encoder = Encoder::new(config).unwrap();
    let planes = image.planes();
    assert!(encoder.encode(&planes[..2], Rate::WholeLadder).is_err());
    let short = Plane { data: &planes[0].data[1..], stride: 16 };
    let error = encoder.encode(&[short, planes[1], planes[2]], Rate::WholeLadder).unwrap_err();
    assert_eq!(error.to_string(), "the luma plane has 255 samples, 256 are needed");
    let narrow = Plane { data: planes[0].data, stride: 15 };
    assert!(encoder.encode(&[narrow, planes[1], planes[2]], Rate::WholeLadder).is_err());
    for params in [&b""[..], b"\0", b"\x01\0"] {
        let unit = Unit::new(12, 1, params).unwrap();
        let result = decoder(&image, 1).decode(&unit, 14, &mut image.blank().planes_mut());
        assert!(matches!(result, Err(Error::Params(_))), "{params:?}");
    }
}

#[test]
fn a_stream_with_fewer_layers_ends_with_the_coarser_ones() {
    let image = Image::scene(120, 80, Chroma::Yuv420, 3);
    let config =
        EncoderConfig { width: 120, height: 80, chroma: Chroma::Yuv420, layers: 5, slices: 2, threads: 1 };
    let unit = Encoder::new(config).unwrap().encode(&image.planes(), Rate::WholeLadder).unwrap();
    assert_eq!((unit.layers(), unit.coded_layers()), (5, 5));
    let (picture, out) = decode(&unit, 14, &image);
    assert_eq!(picture, Picture { layers: 5, exact: false, concealed: false });
    let whole = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    assert!(decode(&whole, 4, &image).1 == out, "low layers do not depend on the number of layers");
}

/// The orientation of the protocol's description, for layers 0 to 8: dB on natural 720p by a plain 5/3 transform.
const ORIENTATION: [f64; 9] = [16.9, 19.5, 21.9, 24.9, 28.1, 31.4, 35.4, 39.6, 43.7];

#[test]
fn every_layer_is_better_than_the_one_below() {
    let image = natural("bigbuckbunny.mp4", 2.0, "null", 1280, 720);
    let unit = encode(&image, Rate::WholeLadder);
    let mut before = 0.0;
    for (layer, orientation) in ORIENTATION.into_iter().enumerate() {
        let (picture, out) = decode(&unit, layer as u8, &image);
        let (snr, psnr) = (image.snr(&out), image.psnr(&out));
        println!("layer {layer}: SNR {snr:.2} dB (orientation {orientation}), PSNR {psnr:.2} dB");
        assert_eq!(usize::from(picture.layers), layer + 1);
        assert!(snr > before + 1.0);
        before = snr;
    }
}

#[test]
fn a_lost_slice_blurs_only_its_own_stripe() {
    let image = Image::scene(320, 768, Chroma::Yuv420, 2);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let (_, whole) = decode(&unit, 8, &image);
    let mut lossy = unit.clone();
    lossy.set(3, 1, Segment::missing());
    let (picture, out) = decode(&lossy, 8, &image);
    assert_eq!(picture, Picture { layers: 3, exact: false, concealed: false });
    // The transform overlaps a little.
    for rows in [0..112, 464..768] {
        assert!(out.error(&whole, rows.clone()) < 0.05, "{rows:?}");
    }
    let three = decode(&unit, 2, &image).1;
    assert!(out.error(&image, 192..384) < 1.1 * three.error(&image, 192..384));
    assert!(out.error(&image, 192..384) > 5.0 * whole.error(&image, 192..384));
}

#[test]
fn the_exact_layer_is_ignored_where_it_cannot_be_right() {
    let image = Image::scene(320, 256, Chroma::Yuv420, 4);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let (_, lossy) = decode(&unit, 8, &image);
    let mut damaged = unit.clone();
    damaged.set(8, 2, Segment::missing());
    let (picture, out) = decode(&damaged, 9, &image);
    assert!(!picture.exact && picture.layers == 8);
    assert!(out.error(&image, 0..256) < 2.0 * lossy.error(&image, 0..256));
    // Where only a part of the exact layer is missing, the other slices are exact.
    let mut damaged = unit;
    damaged.set(9, 2, Segment::missing());
    let (picture, out) = decode(&damaged, 9, &image);
    assert!(!picture.exact && picture.layers == 9);
    assert_eq!(out.error(&image, 0..128), 0.0);
    assert!(out.error(&lossy, 128..192) == 0.0);
    assert_eq!(out.error(&image, 192..256), 0.0);
}

#[test]
fn a_slice_of_which_nothing_comes_shows_the_picture_before() {
    let image = Image::scene(320, 256, Chroma::Yuv420, 2);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let mut lossy = unit.clone();
    (0..10).for_each(|layer| lossy.set(layer, 1, Segment::missing()));
    let mut decoder = decoder(&image, 1);
    let (picture, grey) = decode_with(&mut decoder, &lossy, 14, &image);
    assert!(picture.concealed && picture.layers == 0);
    assert!(grey.error(&image, 64..128) > 500.0);
    let (picture, whole) = decode_with(&mut decoder, &unit, 14, &image);
    assert!(picture.exact && whole == image);
    let (picture, out) = decode_with(&mut decoder, &lossy, 14, &image);
    assert!(picture.concealed && !picture.exact);
    assert!(out.error(&image, 0..256) < 1.0);
}

/// Cuts one segment and forgets what follows in its slice.
fn cut(unit: &Unit, layer: u8, slice: u8, len: usize) -> Unit {
    let mut cut = unit.clone();
    cut.set(layer, slice, Segment::truncated(unit.segment(layer, slice).unwrap().data().slice(..len)));
    (layer + 1..unit.coded_layers()).for_each(|layer| cut.set(layer, slice, Segment::missing()));
    cut
}

#[test]
fn more_bytes_of_a_segment_are_a_better_picture() {
    let image = natural("bigbuckbunny.mp4", 1.0, "scale=320:180", 320, 180);
    let unit = encoder(&image, 1, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    for layer in 0..9 {
        let len = unit.segment(layer, 0).unwrap().data().len();
        let quality: Vec<f64> = (0..=8)
            .map(|part| image.psnr(&decode(&cut(&unit, layer, 0, len * part / 8), 14, &image).1))
            .collect();
        println!("layer {layer}: {quality:.2?}");
        assert!(quality.windows(2).all(|pair| pair[1] > pair[0] - 0.05), "layer {layer}: {quality:.2?}");
        assert!(quality[8] > quality[0] + 0.5);
    }
}

#[test]
fn rates_are_kept_and_used() {
    for (second, filter, width, height) in [(1.0, "null", 1280, 720), (3.0, "scale=320:180", 320, 180)] {
        let image = natural("bigbuckbunny.mp4", second, filter, width, height);
        let mut encoder = encoder(&image, 0, 1);
        let mut before = 0.0;
        for bytes in [300, 1_000, 3_000, 10_000, 30_000, 100_000] {
            let unit = encoder.encode(&image.planes(), Rate::Bytes(bytes)).unwrap();
            let len = unit.payload_len();
            let (picture, out) = decode(&unit, 14, &image);
            let psnr = image.psnr(&out);
            println!("{width}x{height}: {bytes} allowed, {len} used, {psnr:.2} dB");
            assert!(len <= bytes && (len * 10 > bytes * 8 || picture.layers >= 9), "{len} of {bytes}");
            assert!(psnr > before);
            before = psnr;
        }
        let (picture, _) =
            decode(&encoder.encode(&image.planes(), Rate::Bytes(2_000_000)).unwrap(), 14, &image);
        assert!(picture.exact, "with enough bytes it is exact");
        assert_eq!(encoder.encode(&image.planes(), Rate::Bytes(0)).unwrap().payload_len(), 0);
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes_whatever_came_before() {
    let (a, b) = (Image::scene(96, 80, Chroma::Yuv420, 1), Image::scene(96, 80, Chroma::Yuv420, 2));
    let mut encoder = encoder(&a, 0, 1);
    let first = encoder.encode(&a.planes(), Rate::WholeLadder).unwrap();
    encoder.encode(&b.planes(), Rate::WholeLadder).unwrap();
    assert!(encoder.encode(&a.planes(), Rate::WholeLadder).unwrap() == first);
}

/// Any unit: layers, slices, parameters and segments of any bytes.
fn any_unit() -> impl Strategy<Value = Unit> {
    let segment = (prop::collection::vec(any::<u8>(), 0..60), any::<bool>());
    (1..=15u8, 1..=32u8, any::<u8>(), prop::collection::vec(segment, 0..40)).prop_map(
        |(layers, slices, scale, segments)| {
            let mut unit = Unit::new(layers, slices, [0, scale]).unwrap();
            for (i, (data, complete)) in
                segments.into_iter().enumerate().take(usize::from(layers) * usize::from(slices))
            {
                let segment = if complete { Segment::complete(data) } else { Segment::truncated(data) };
                unit.set(i as u8 / slices, i as u8 % slices, segment);
            }
            unit
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_unit_decodes_to_some_picture(
        unit in any_unit(),
        max_layer in any::<u8>(),
        (width, height) in (1..80u32, 1..80u32),
        grey in any::<bool>(),
    ) {
        let image = Image::scene(width, height, BOTH[usize::from(!grey)], 1);
        let (picture, _) = decode(&unit, max_layer, &image);
        prop_assert!(picture.layers <= 10);
    }

    #[test]
    fn damaged_units_decode_to_some_picture(
        seed in any::<u32>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let image = Image::scene(70, 50, Chroma::Yuv420, seed % 16);
        let mut unit = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        for (segment, at, byte) in damage {
            let (layer, slice) = (segment.index(10) as u8, segment.index(2) as u8);
            let mut data = unit.segment(layer, slice).unwrap().data().to_vec();
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] ^= byte;
            }
            unit.set(layer, slice, Segment::complete(data));
        }
        decode(&unit, 14, &image);
    }

    #[test]
    fn a_cut_segment_decodes_to_something_between_its_layers(
        layer in 0..9u8,
        slice in 0..2u8,
        part in 0.0..1.0,
        seed in 0..8u32,
    ) {
        let image = Image::scene(128, 96, Chroma::Yuv420, seed);
        let unit = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        let len = unit.segment(layer, slice).unwrap().data().len();
        let kept = (len as f64 * part) as usize;
        let (picture, out) = decode(&cut(&unit, layer, slice, kept), 8, &image);
        prop_assert_eq!(picture.layers, layer);
        let (none, all) = (cut(&unit, layer, slice, 0), cut(&unit, layer, slice, len));
        let coarse = decode(&none, 8, &image).1.error(&image, 0..96);
        let fine = decode(&all, 8, &image).1.error(&image, 0..96);
        let error = out.error(&image, 0..96);
        prop_assert!(error < coarse * 1.05 + 0.1 && error > fine * 0.9 - 0.1, "{} {} {}", coarse, error, fine);
    }
}
