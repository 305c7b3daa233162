//! Every layer beside what a plain 5/3 wavelet gives at the same interval on the same frame: the codec has to be at
//! least as good, layer by layer.

use std::process::Command;

use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Plane, PlaneMut, Rate};
use fql_unit::Chroma;

const LEVELS: usize = 5;
/// At one interval transforms differ in the bytes that they take; in dB they may be this close.
const NOISE: f64 = 0.05;

#[test]
fn every_layer_is_at_least_as_good_as_a_plain_wavelet_at_its_interval() {
    println!(
        "| clip | layer | interval | 5/3 SNR dB | SNR dB | PSNR dB |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (clip, second, width, height) in [
        ("bigbuckbunny.mp4", "2.0", 1280, 720),
        ("bigbuckbunny.mp4", "4.5", 1280, 720),
        ("car-detection.mp4", "12", 768, 432),
    ] {
        let luma = frame(clip, second, width * height);
        for layer in 0..=8u8 {
            let interval = f64::from(1 << (9 - layer));
            let plain = snr(&luma, &plain_wavelet(&luma, width, height, interval));
            let decoded = decoded(&luma, width, height, layer);
            let (ours, peak) = (snr(&luma, &decoded), psnr(&luma, &decoded));
            println!("| {clip} {second} s | {layer} | {interval} | {plain:.2} | {ours:.2} | {peak:.2} |");
            assert!(
                ours >= plain - NOISE,
                "{clip} layer {layer}: {ours:.2} dB, a plain wavelet has {plain:.2}"
            );
        }
    }
}

/// The luma of a frame, by ffmpeg.
fn frame(clip: &str, second: &str, len: usize) -> Vec<u8> {
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let run = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-ss",
            second,
            "-i",
            &path,
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-",
        ])
        .output()
        .expect("ffmpeg runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout[..len].to_vec()
}

fn decoded(luma: &[u8], width: usize, height: usize, layer: u8) -> Vec<u8> {
    let (width, height, chroma, threads) = (width as u32, height as u32, Chroma::Grey, 1);
    let config = EncoderConfig { width, height, chroma, layers: 12, slices: 0, threads };
    let planes = [Plane { data: luma, stride: width as usize }];
    let unit = Encoder::new(config).unwrap().encode(&planes, Rate::WholeLadder).unwrap();
    let mut out = vec![0; luma.len()];
    let planes = &mut [PlaneMut { data: &mut out, stride: width as usize }];
    Decoder::new(DecoderConfig { width, height, chroma, threads })
        .unwrap()
        .decode(&unit, layer, planes)
        .unwrap();
    out
}

fn error(a: &[u8], b: &[u8]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

fn snr(source: &[u8], other: &[u8]) -> f64 {
    let power: f64 = source.iter().map(|&s| f64::from(s).powi(2)).sum();
    10.0 * (power / error(source, other)).log10()
}

fn psnr(source: &[u8], other: &[u8]) -> f64 {
    10.0 * (255.0f64.powi(2) * source.len() as f64 / error(source, other)).log10()
}

/// A rectangle of values, row by row.
#[derive(Debug, Clone)]
struct Band {
    width: usize,
    values: Vec<f64>,
}

/// Five levels of the 5/3 wavelet in floating point (Le Gall and Tabatabai, 1988), each band weighted by the L2 norm
/// of its synthesis basis, quantized with a dead zone of two intervals and rebuilt in the middle of each interval.
fn plain_wavelet(luma: &[u8], width: usize, height: usize, interval: f64) -> Vec<u8> {
    assert!(width % (1 << LEVELS) == 0 && height % 2 == 0);
    let mut low = Band { width, values: luma.iter().map(|&s| f64::from(s) - 128.0).collect() };
    let mut high = Vec::new();
    for _ in 0..LEVELS {
        let [ll, bands @ ..] = analyse(&low);
        high.push(bands);
        low = ll;
    }
    let quantize = |band: &mut Band, level: usize, orientation: usize| {
        let step = interval / norm(level, orientation);
        for value in &mut band.values {
            let index = (value.abs() / step).floor();
            *value = if index == 0.0 { 0.0 } else { value.signum() * (index + 0.5) * step };
        }
    };
    quantize(&mut low, LEVELS, 0);
    for (level, mut bands) in high.into_iter().enumerate().rev() {
        for (i, band) in bands.iter_mut().enumerate() {
            quantize(band, level + 1, i + 1);
        }
        let [a, b, c] = bands;
        low = synthesise(&[low, a, b, c]);
    }
    low.values.iter().map(|v| (v + 128.0).round().clamp(0.0, 255.0) as u8).collect()
}

/// The L2 norm of a basis function: what one coefficient of 1 becomes.
fn norm(level: usize, orientation: usize) -> f64 {
    let size = 8; // Wide enough that the function does not reach the edges.
    let zero = |size: usize| Band { width: size, values: vec![0.0; size * size] };
    let mut bands = [zero(size), zero(size), zero(size), zero(size)];
    bands[orientation].values[(size / 2) * size + size / 2] = 1.0;
    let mut picture = synthesise(&bands);
    for _ in 1..level {
        let nothing = zero(picture.width);
        picture = synthesise(&[picture, nothing.clone(), nothing.clone(), nothing]);
    }
    picture.values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn analyse(picture: &Band) -> [Band; 4] {
    let (low, high) = split(picture);
    let ((ll, lh), (hl, hh)) = (split(&turn(&low)), split(&turn(&high)));
    [turn(&ll), turn(&lh), turn(&hl), turn(&hh)]
}

fn synthesise(bands: &[Band; 4]) -> Band {
    let [ll, lh, hl, hh] = bands;
    merge(&turn(&merge(&turn(ll), &turn(lh))), &turn(&merge(&turn(hl), &turn(hh))))
}

fn rows(band: &Band) -> Vec<Vec<f64>> {
    band.values.chunks(band.width).map(<[f64]>::to_vec).collect()
}

fn turn(band: &Band) -> Band {
    let height = band.values.len() / band.width;
    let values =
        (0..band.width * height).map(|i| band.values[i % height * band.width + i / height]).collect();
    Band { width: height, values }
}

/// `rows[i] += factor * (a + b)`, sample by sample.
fn lift(row: &mut [f64], a: &[f64], b: &[f64], factor: f64) {
    for (value, (a, b)) in row.iter_mut().zip(a.iter().zip(b)) {
        *value += factor * (a + b);
    }
}

/// One level down the columns, mirrored at the edges: the low rows and the high ones.
fn split(picture: &Band) -> (Band, Band) {
    let all = rows(picture);
    let mut low: Vec<_> = all.iter().step_by(2).cloned().collect();
    let mut high: Vec<_> = all.into_iter().skip(1).step_by(2).collect();
    for i in 0..high.len() {
        lift(&mut high[i], &low[i], &low[(i + 1).min(low.len() - 1)], -0.5);
    }
    for i in 0..low.len() {
        lift(&mut low[i], &high[i.saturating_sub(1)], &high[i.min(high.len() - 1)], 0.25);
    }
    let width = picture.width;
    (Band { width, values: low.concat() }, Band { width, values: high.concat() })
}

fn merge(low: &Band, high: &Band) -> Band {
    let (mut even, mut odd) = (rows(low), rows(high));
    for i in 0..even.len() {
        lift(&mut even[i], &odd[i.saturating_sub(1)], &odd[i.min(odd.len() - 1)], -0.25);
    }
    for i in 0..odd.len() {
        lift(&mut odd[i], &even[i], &even[(i + 1).min(even.len() - 1)], 0.5);
    }
    let mut values = Vec::with_capacity(low.values.len() + high.values.len());
    for (i, row) in even.iter().enumerate() {
        values.extend_from_slice(row);
        if let Some(row) = odd.get(i) {
            values.extend_from_slice(row);
        }
    }
    Band { width: low.width, values }
}
