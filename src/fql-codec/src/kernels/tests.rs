//! Every set of instructions that this machine has gives what plain numbers give, bit for bit.

use proptest::prelude::*;

use super::classes::{CLASS_SHIFT, Classes};
use super::differences::{Absolute, Blocks, Transformed, TransformedAlone, TransformedTwo};
use super::lifting::{ForwardRow, ForwardRows, Halves, InverseRow, InverseRows, mirror_ends, padded};
use super::prediction::{Filter, Interpolate, MiddleAcross, MiddleDown, MixAcross, MixDown};
use super::quantising::{Quantise, Reconstruct};
use super::rows::{Add, Keep, Packing, Raise, ReadRow, Subtract, WriteRow};
use super::scalar::{Eight, One};
use super::{Kernel, WordKernel, run, run_words};

/// Numbers as a decoder of garbage may meet them: small ones, and those at the ends of the range, where sums wrap.
fn numbers(count: usize) -> impl Strategy<Value = Vec<i32>> {
    let number = prop_oneof![
        4 => -20_000..20_000i32,
        2 => any::<i32>(),
        1 => prop::sample::select(vec![i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX]),
    ];
    prop::collection::vec(number, count)
}

/// What a kernel makes of some numbers, by plain numbers and by the best instructions.
fn both<T: Clone>(start: &T, scalar: impl Fn(&mut T), best: impl Fn(&mut T)) -> [T; 2] {
    let mut ends = [start.clone(), start.clone()];
    scalar(&mut ends[0]);
    best(&mut ends[1]);
    ends
}

fn six(rows: &mut [i32]) -> [&mut [i32]; 6] {
    let mut chunks = rows.chunks_exact_mut(rows.len() / 6);
    std::array::from_fn(|_| chunks.next().unwrap())
}

proptest! {
    #[test]
    fn vertical_steps(rows in (1..5usize).prop_flat_map(|count| numbers(6 * 16 * count))) {
        let [a, b] = both(&rows, |rows| ForwardRows(six(rows)).run(One), |rows| run(ForwardRows(six(rows))));
        prop_assert_eq!(a, b);
        let [a, b] = both(&rows, |rows| InverseRows(six(rows)).run(One), |rows| run(InverseRows(six(rows))));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn horizontal_steps(samples in (2..100usize).prop_flat_map(numbers)) {
        let width = samples.len();
        let mut row = vec![0; padded(width)];
        row[super::lifting::BEFORE..][..width].copy_from_slice(&samples);
        mirror_ends(&mut row, width);
        let split = |out: &mut Vec<i32>, scalar: bool| {
            let (low, high) = out.split_at_mut(width.div_ceil(2));
            let kernel = ForwardRow { row: &row, low, high };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&vec![0; width], |out| split(out, true), |out| split(out, false));
        prop_assert_eq!(&a, &b);

        let mut halves = Halves::new(width);
        halves.take(&a);
        let merge = |row: &mut Vec<i32>, scalar: bool| {
            let kernel = InverseRow { halves: &halves, row, width };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let ends = both(&vec![0; padded(width)], |row| merge(row, true), |row| merge(row, false));
        for row in ends {
            prop_assert_eq!(&row[super::lifting::BEFORE..][..width], &samples);
        }
    }

    #[test]
    fn rows_of_samples(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
        values in numbers(200),
        packing in packings(),
        (middle, fraction) in (0..2048i32, 0..7u32),
    ) {
        // The last sample may end before its step does.
        let width = 1 + (bytes.len() - 1) / packing.step;
        let width = if packing.bytes || bytes.len() % packing.step != 1 { width } else { width - 1 };
        let read = |to: &mut Vec<i32>, scalar: bool| {
            let kernel = ReadRow { from: &bytes, packing, middle, fraction, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&vec![0; width], |to| read(to, true), |to| read(to, false));
        prop_assert_eq!(a, b);
        let write = |to: &mut Vec<u8>, scalar: bool| {
            let kernel = WriteRow::<6> { from: &values[..width], packing, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&bytes, |to| write(to, true), |to| write(to, false));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn raising(from in (0..60usize).prop_flat_map(numbers), up in 0..4u32, middle in 0..1 << 20) {
        let raise = |row: &mut Vec<i32>, scalar: bool| {
            let kernel = Raise { row, up, middle };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&from, |row| raise(row, true), |row| raise(row, false));
        for (&x, &found) in from.iter().zip(&a) {
            prop_assert_eq!(found, x.wrapping_shl(up).saturating_add(middle));
        }
        prop_assert_eq!(a, b);
    }

    #[test]
    fn predicted_rows(from in numbers(61), predicted in samples(61), count in 1..62usize, most in 1..i16::MAX) {
        let (from, predicted) = (from[..count].to_vec(), &predicted[..count]);
        let row = &from[..];
        let [a, b] =
            both(&from, |to| Add { row, predicted, to }.run(One), |to| run(Add { row, predicted, to }));
        prop_assert_eq!(&a, &b);
        let [a, b] = both(&a, |row| Subtract { row, predicted }.run(One), |row| run(Subtract { row, predicted }));
        prop_assert_eq!(&a, &from);
        prop_assert_eq!(&a, &b);
        let keep = |to: &mut Vec<i16>, scalar: bool| {
            let kernel = Keep { from: &from, least: -most - 1, most, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&vec![0; count], |to| keep(to, true), |to| keep(to, false));
        prop_assert!(a.iter().zip(&from).all(|(&a, &x)| i32::from(a) == x.clamp(-i32::from(most) - 1, most.into())));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn quantising(from in (0..60usize).prop_flat_map(numbers), interval in 2u64..1 << 31, largest in 1..1u16 << 15) {
        let inverse = ((1 << 32) / interval) as u32;
        let quantise = |to: &mut Vec<u16>, scalar: bool| {
            let kernel = Quantise { from: &from, inverse, largest, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&vec![0; from.len()], |to| quantise(to, true), |to| quantise(to, false));
        for (&x, &found) in from.iter().zip(&a) {
            let magnitude = (u64::from(x.unsigned_abs()) * u64::from(inverse)) >> 32;
            prop_assert_eq!(u64::from(found & 0x7fff), magnitude.min(largest.into()));
            prop_assert_eq!(found >> 15 == 1, x < 0);
        }
        prop_assert_eq!(a, b);
    }

    #[test]
    fn classes(
        from in prop::collection::vec(prop_oneof![-5000..5000i32, any::<i32>()], 0..60),
        weight in 0.001f32..300.0,
    ) {
        let first = 1f32.to_bits() >> CLASS_SHIFT;
        let take = |to: &mut Vec<u16>, scalar: bool| {
            let kernel = Classes { from: &from, weight, first, last: 319, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let [a, b] = both(&vec![0; from.len()], |to| take(to, true), |to| take(to, false));
        for (&x, &found) in from.iter().zip(&a) {
            let magnitude = x.unsigned_abs() as f32 * weight;
            let start = |class: u16| f32::from_bits((u32::from(class) + first) << CLASS_SHIFT);
            prop_assert!(found == 0 || start(found) <= magnitude);
            prop_assert!(found == 319 || magnitude < start(found + 1));
        }
        prop_assert_eq!(a, b);
    }

    #[test]
    fn reconstructing(
        states in prop::collection::vec((any::<u16>(), -1..=1i8), 0..60),
        half in 0u32..1 << 24,
        largest in prop::sample::select(vec![1u32 << 20, u32::MAX >> 1]),
    ) {
        let (magnitudes, signs): (Vec<u16>, Vec<i8>) = states.into_iter().unzip();
        let reconstruct = |to: &mut Vec<i32>, scalar: bool| {
            let kernel = Reconstruct { magnitudes: &magnitudes, signs: &signs, half, largest, to };
            if scalar { kernel.run(One) } else { run(kernel) }
        };
        let start = vec![0; signs.len()];
        let [a, b] = both(&start, |to| reconstruct(to, true), |to| reconstruct(to, false));
        for ((&m, &sign), &found) in magnitudes.iter().zip(&signs).zip(&a) {
            let m = u64::from(m);
            let low = m & m.wrapping_neg();
            let value = 16 * m - if m == 3 * low { 3 * low } else { low };
            let expected = ((value * u64::from(half)) >> 12).min(largest.into()) as i64 * i64::from(sign);
            prop_assert_eq!(i64::from(found), expected);
        }
        prop_assert_eq!(a, b);
    }
}

fn packings() -> impl Strategy<Value = Packing> {
    let bytes = (1..6usize).prop_map(|step| Packing { step, bytes: true, shift: 0, max: 255 });
    let words = (2..6usize, 0..7u32).prop_map(|(step, shift)| Packing {
        step,
        bytes: false,
        shift,
        max: (1 << (16 - shift).min(12)) - 1,
    });
    prop_oneof![bytes, words]
}

/// A mixture of two samples, of which the second has this weight.
fn mixed(a: i16, b: i16, weight: i16) -> i16 {
    let [a, b, weight] = [a, b, weight].map(i32::from);
    ((a * (64 - weight) + b * weight + 32) >> 6) as i16
}

/// Samples as they may come of garbage: small ones, and those at the ends of the range.
fn samples(count: usize) -> impl Strategy<Value = Vec<i16>> {
    let sample = prop_oneof![
        4 => -9_000..9_000i16,
        2 => any::<i16>(),
        1 => prop::sample::select(vec![i16::MIN, i16::MIN + 1, -1, 0, 1, i16::MAX - 1, i16::MAX]),
    ];
    prop::collection::vec(sample, count)
}

fn filters() -> impl Strategy<Value = Option<Filter>> {
    prop::sample::select(vec![
        None,
        Some([-1, 4, -10, 58, 17, -5, 1, 0]),
        Some([0, 1, -5, 17, 58, -10, 4, -1]),
        Some([0, 0, -4, 36, 36, -4, 0, 0]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn interpolating(
        source in samples(90 * 24),
        (horizontal, vertical) in (filters(), filters()),
        (width, height) in (prop_oneof![1 => Just(8usize), 2 => 1..65usize], 1..9usize),
    ) {
        let interpolate = |out: &mut Vec<i16>, scalar: bool| {
            let (horizontal, vertical) = (horizontal.as_ref(), vertical.as_ref());
            let (source, stride, out_stride) = (&source[..], 90, 70);
            let kernel =
                Interpolate { source, stride, horizontal, vertical, width, height, out, out_stride };
            if scalar { kernel.run(Eight) } else { run_words(kernel) }
        };
        let start = vec![7; 70 * height];
        let [a, b] = both(&start, |out| interpolate(out, true), |out| interpolate(out, false));
        let weigh = |filter: &Filter, sample: &dyn Fn(usize) -> i16| {
            let sum: i32 = (0..8).map(|tap| i32::from(filter[tap]) * i32::from(sample(tap))).sum();
            ((sum + 32) >> 6).clamp(i16::MIN.into(), i16::MAX.into()) as i16
        };
        let whole = [0, 0, 0, 64, 0, 0, 0, 0];
        let (across, down) = (horizontal.unwrap_or(whole), vertical.unwrap_or(whole));
        let between = |x: usize, y: usize| weigh(&across, &|tap| source[y * 90 + x + tap]);
        for (at, &found) in a.iter().enumerate() {
            let (x, y) = (at % 70, at / 70);
            if x < width {
                prop_assert_eq!(found, weigh(&down, &|tap| between(x, y + tap)));
            }
            // A row is made in whole eights.
            prop_assert!(x < width.next_multiple_of(8) || found == 7);
        }
        prop_assert_eq!(a, b);
    }

    #[test]
    fn mixing_columns(
        (first, before) in (samples(8 * 20), samples(64)),
        weights in prop::collection::vec(0..=64i16, 8),
        height in 1..9usize,
    ) {
        let (before, weights) = (before[..].try_into().unwrap(), weights[..].try_into().unwrap());
        let mix = |out: &mut Vec<i16>, scalar: bool| {
            let kernel = MixAcross { before, weights, out, stride: 20, height };
            if scalar { kernel.run(Eight) } else { run_words(kernel) }
        };
        let [plain, best] = both(&first, |out| mix(out, true), |out| mix(out, false));
        for (at, &found) in plain.iter().enumerate() {
            let (x, y) = (at % 20, at / 20);
            let is_mixed = x < 8 && y < height;
            let expected = if is_mixed { mixed(before[8 * y + x], first[at], weights[x]) } else { first[at] };
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(plain, best);
    }

    #[test]
    fn mixing_rows(
        (first, below) in (samples(8 * 50), samples(8 * 40)),
        weights in prop::collection::vec(0..=64i16, 1..9),
        width in (0..6usize).prop_map(|eights| 8 * eights),
    ) {
        let mix = |out: &mut Vec<i16>, scalar: bool| {
            let (stride, below_stride) = (50, 40);
            let kernel = MixDown { out, stride, below: &below, below_stride, width, weights: &weights };
            if scalar { kernel.run(Eight) } else { run_words(kernel) }
        };
        let [plain, best] = both(&first, |out| mix(out, true), |out| mix(out, false));
        for (at, &found) in plain.iter().enumerate() {
            let (x, y) = (at % 50, at / 50);
            let is_mixed = x < width && y < weights.len();
            let expected = if is_mixed { mixed(first[at], below[40 * y + x], weights[y]) } else { first[at] };
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(plain, best);
    }

    #[test]
    fn samples_in_the_middle(source in samples(8 * 101), shift in 1..9u32, width in 24..101usize) {
        let byte = |x: i16| (((i32::from(x) + (1 << (shift - 1))) >> shift) + 128).clamp(0, 255) as u8;
        let row = &source[..width];
        let across = |(whole, between, right): &mut (Vec<u8>, Vec<i16>, Vec<u8>), scalar: bool| {
            let kernel = MiddleAcross { source: row, shift, whole, between, right };
            if scalar { kernel.run(Eight) } else { run_words(kernel) }
        };
        let start = (vec![0; width], vec![0; width], vec![0; width]);
        let [a, b] = both(&start, |out| across(out, true), |out| across(out, false));
        for (at, &x) in row.iter().enumerate() {
            prop_assert_eq!(a.0[at], byte(x));
            prop_assert!(at < 3 || at + 4 >= width || a.2[at] == byte(a.1[at]));
        }
        prop_assert_eq!(a, b);
        let down = |to: &mut Vec<u8>, scalar: bool| {
            let kernel = MiddleDown { source: &source, stride: 101, shift, to };
            if scalar { kernel.run(Eight) } else { run_words(kernel) }
        };
        let [a, b] = both(&vec![0; width], |to| down(to, true), |to| down(to, false));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn differences(bytes in prop::collection::vec(any::<u8>(), 3 * 20 * 20), size in prop::sample::select(vec![8, 16])) {
        let (own, others) = bytes.split_at(400);
        let blocks = Blocks { own, own_stride: 20, others: [&others[..400], &others[400..]], stride: 19, size };
        prop_assert_eq!(Absolute(blocks).run(Eight), run_words(Absolute(blocks)));
        let places = [(0, 0), (8, 0), (0, 8), (8, 8)];
        let inside = places.map(|(x, y)| x.max(y) < size);
        let sums = [0, 1, 2, 3].map(|at| {
            let own = |column, row| i32::from(own[(places[at].1 + row) * 20 + places[at].0 + column]);
            let mean = |column, row| {
                let [a, b] = blocks.others.map(|o| i32::from(o[(places[at].1 + row) * 19 + places[at].0 + column]));
                (a + b + 1) / 2
            };
            if inside[at] { hadamard(|column, row| own(column, row) - mean(column, row)) } else { 0 }
        });
        prop_assert_eq!(Transformed(blocks).run(Eight), sums);
        prop_assert_eq!(run_words(Transformed(blocks)), sums);
        let absolute: u32 = (0..size * size)
            .map(|at| u32::from(own[at / size * 20 + at % size].abs_diff(others[at / size * 19 + at % size])))
            .sum();
        prop_assert_eq!(Absolute(blocks).run(Eight), absolute);
    }
}

proptest! {
    #[test]
    fn differences_from_two_blocks_and_from_none(bytes in prop::collection::vec(any::<u8>(), 5 * 20 * 20)) {
        let (own, others) = bytes.split_at(400);
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| &others[400 * at..][..400]);
        let two = || TransformedTwo { own, own_stride: 20, others: [[a, b], [c, d]], stride: 19 };
        let alone = [[a, b], [c, d]].map(|others| {
            Transformed(Blocks { own, own_stride: 20, others, stride: 19, size: 8 }).run(Eight)[0]
        });
        prop_assert_eq!(two().run(Eight), alone);
        prop_assert_eq!(run_words(two()), alone);
        let sums = [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| {
            let sample = |column: usize, row: usize| i32::from(own[(y + row) * 20 + x + column]);
            let mean = ((0..64).map(|at| sample(at % 8, at / 8)).sum::<i32>() + 32) / 64;
            hadamard(|column, row| sample(column, row) - mean)
        });
        prop_assert_eq!(TransformedAlone { own, stride: 20 }.run(Eight), sums.iter().sum::<u32>());
        prop_assert_eq!(run_words(TransformedAlone { own, stride: 20 }), sums.iter().sum::<u32>());
    }
}

/// The sum of magnitudes of the Hadamard transform of 8x8 numbers, over 8, by its definition.
fn hadamard(x: impl Fn(usize, usize) -> i32) -> u32 {
    let sign = |a: usize, b: usize| if (a & b).count_ones().is_multiple_of(2) { 1 } else { -1 };
    let mut sum = 0;
    for (u, v) in (0..64).map(|at| (at % 8, at / 8)) {
        let terms = (0..64).map(|at| x(at % 8, at / 8) * sign(u, at % 8) * sign(v, at / 8));
        sum += terms.sum::<i32>().unsigned_abs();
    }
    sum / 8
}
