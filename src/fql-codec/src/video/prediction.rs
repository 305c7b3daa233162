//! Predicts the error that the lossy layers leave in a sample from the errors around it.
//!
//! Where coefficients were too small to be coded, the error is what is left of the picture, and neighbours have
//! much of it in common: in chroma about 0.6 of correlation, in luma 0.2. After each row the weights of the
//! neighbours are moved towards those that would have had the least squares in the rows so far, older ones counting
//! less. A row's weights are known before it begins, so that the part of the rows above is computed for all of its
//! samples at once; the products that the least squares need are correlations of whole rows.

/// Neighbours: left, above, above left, above right, two to the left, two above.
const NEIGHBOURS: usize = 6;
/// Fractional bits of weights.
const FRACTION: u32 = 14;
/// Weights at the start of a slice.
const LUMA: [i32; NEIGHBOURS] = [3_250, 3_250, -750, -750, -2_125, -2_125];
const CHROMA: [i32; NEIGHBOURS] = [6_750, 7_000, -1_000, 500, 0, 0];
/// How much the weights at the start count, as a sum of squares.
const TRUST: i64 = 1 << 20;
/// Weights stay below this.
const LARGEST_WEIGHT: i64 = (1 << 15) - 1;
/// Errors count as at most this, in 1/64: eight units.
pub(super) const LARGEST_ERROR: i32 = 8 << 6;
/// Each row takes 2^-FORGETTING of what the rows before count.
const FORGETTING: u32 = 5;
/// How often the weights are moved after a row.
const SWEEPS: usize = 2;
/// Columns around a row that are held.
const BORDER: usize = 3;
/// Products of this many errors fit in 32 bits.
const CHUNK: usize = 4096;

/// The weights, and the errors of three rows in 1/64 of a sample's unit.
#[derive(Debug, Default)]
pub(super) struct Prediction {
    weights: [i32; NEIGHBOURS],
    squares: Squares,
    /// This row, the one above, and the one above that.
    rows: [Vec<i16>; 3],
    /// What the rows above add to the predictions of this one.
    above: Vec<i32>,
}

/// What a row is predicted from.
pub(super) struct Row<'a> {
    /// The weights of the samples to the left and two to the left.
    left: [i32; 2],
    /// The part of the rows above.
    pub(super) above: &'a [i32],
    /// The errors of this row, to be filled in.
    pub(super) errors: &'a mut [i16],
}

impl Row<'_> {
    /// The expected error of a sample, in 1/64, from the part of the rows above and the errors of the sample to the
    /// left and of the one before.
    #[inline(always)]
    pub(super) fn expect(left: [i32; 2], above: i32, last: [i32; 2]) -> i32 {
        (above + left[0] * last[0] + left[1] * last[1]) >> FRACTION
    }

    pub(super) fn left(&self) -> [i32; 2] {
        self.left
    }
}

impl Prediction {
    /// Begins with a plane.
    pub(super) fn start(&mut self, chroma: bool, width: usize) {
        self.weights = if chroma { CHROMA } else { LUMA };
        self.squares = Squares::new(self.weights);
        for row in &mut self.rows {
            row.clear();
            row.resize(width + 2 * BORDER, 0);
        }
        self.above.clear();
        self.above.resize(width, 0);
    }

    /// Learns from the row that was filled in, and gives the next.
    pub(super) fn next_row(&mut self) -> Row<'_> {
        self.squares.learn(&self.rows);
        self.squares.improve(&mut self.weights);
        self.rows.rotate_right(1);
        let [here, above, above2] = &mut self.rows;
        let [w_left, w_above, w_above_left, w_above_right, w_left2, w_above2] = self.weights;
        let columns = part(above, -1).iter().zip(part(above, 0)).zip(part(above, 1)).zip(part(above2, 0));
        for (sum, (((&l, &a), &r), &a2)) in self.above.iter_mut().zip(columns) {
            let [l, a, r, a2] = [l, a, r, a2].map(i32::from);
            *sum = w_above * a + w_above_left * l + w_above_right * r + w_above2 * a2 + (1 << (FRACTION - 1));
        }
        let inner = BORDER..here.len() - BORDER;
        Row { left: [w_left, w_left2], above: &self.above, errors: &mut here[inner] }
    }
}

/// A row's errors, from those this far to the right on; 0 outside of the slice.
fn part(row: &[i16], shift: isize) -> &[i16] {
    let from = BORDER.wrapping_add_signed(shift);
    &row[from..from + row.len() - 2 * BORDER]
}

/// The sum of the products of one row's errors and another's this far to the right of them.
fn correlation(row: &[i16], other: &[i16], shift: isize) -> i64 {
    let chunks = part(row, 0).chunks(CHUNK).zip(part(other, shift).chunks(CHUNK));
    let sum = |(a, b): (&[i16], &[i16])| -> i32 {
        a.iter().zip(b).fold(0, |sum, (&a, &b)| sum + i32::from(a) * i32::from(b))
    };
    chunks.map(|chunk| i64::from(sum(chunk))).sum()
}

/// Correlations of a row with itself, 0 to 2 samples apart.
type Own = [i64; 3];
/// Those with the row above, -1 to 3 samples apart.
type Above = [i64; 5];
/// Those with the row two above, 0 to 2 samples apart.
type Above2 = [i64; 3];

/// The sums of all products of errors that belong to a sample's neighbourhood, over the rows so far.
#[derive(Debug, Default)]
struct Squares {
    /// Weights that all this began with, and how much they still count.
    first: [i32; NEIGHBOURS],
    trust: i64,
    own: Own,
    above: Above,
    above2: Above2,
    /// The same of the row above each row: its own, and with the row above it.
    own_above: Own,
    above_above: Above,
    /// Of the row two above each row with itself.
    own_above2: i64,
    /// Correlations of the last row, and its own of the one before.
    last: (Own, Above),
    last_own: i64,
}

impl Squares {
    fn new(first: [i32; NEIGHBOURS]) -> Self {
        Self { first, trust: TRUST, ..Self::default() }
    }

    fn learn(&mut self, [here, above, above2]: &[Vec<i16>; 3]) {
        let own = [0, 1, 2].map(|shift| correlation(here, here, shift));
        let with_above = [-1, 0, 1, 2, 3].map(|shift| correlation(here, above, shift));
        let with_above2 = [0, 1, 2].map(|shift| correlation(here, above2, shift));
        add(&mut self.own, own);
        add(&mut self.above, with_above);
        add(&mut self.above2, with_above2);
        add(&mut self.own_above, self.last.0);
        add(&mut self.above_above, self.last.1);
        self.own_above2 += self.last_own - (self.own_above2 >> FORGETTING);
        self.trust -= self.trust >> FORGETTING;
        self.last_own = self.last.0[0];
        self.last = (own, with_above);
    }

    /// One step for each weight, in turn, to where it is best as long as the others stay.
    fn improve(&self, weights: &mut [i32; NEIGHBOURS]) {
        let (products, targets) = self.equations();
        for i in (0..NEIGHBOURS).cycle().take(SWEEPS * NEIGHBOURS) {
            let sum: i64 = products[i].iter().zip(&*weights).map(|(&p, &w)| p * i64::from(w)).sum();
            let step = (targets[i] - sum) / (products[i][i] + 1);
            weights[i] = (i64::from(weights[i]) + step).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT) as i32;
        }
    }

    /// The products of each two neighbours, and those of each with the sample, times the unit of the weights.
    fn equations(&self) -> ([[i64; NEIGHBOURS]; NEIGHBOURS], [i64; NEIGHBOURS]) {
        let Self { own: h, above: ha, above2: hb, own_above: a, above_above: ab, own_above2: b, .. } = *self;
        let mut products = [
            [h[0], ha[2], ha[1], ha[3], h[1], hb[1]],
            [ha[2], a[0], a[1], a[1], ha[3], ab[1]],
            [ha[1], a[1], a[0], a[2], ha[2], ab[2]],
            [ha[3], a[1], a[2], a[0], ha[4], ab[0]],
            [h[1], ha[3], ha[2], ha[4], h[0], hb[2]],
            [hb[1], ab[1], ab[2], ab[0], hb[2], b],
        ];
        let mut targets = [h[1], ha[1], ha[0], ha[2], h[2], hb[0]].map(|sum| sum << FRACTION);
        for i in 0..NEIGHBOURS {
            products[i][i] += self.trust;
            targets[i] += self.trust * i64::from(self.first[i]);
        }
        (products, targets)
    }
}

/// Adds what a row has to sums that forget.
fn add<const N: usize>(sums: &mut [i64; N], row: [i64; N]) {
    for (sum, row) in sums.iter_mut().zip(row) {
        *sum += row - (*sum >> FORGETTING);
    }
}
