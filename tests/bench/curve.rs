//! Curves of quality over size: what lies between measured points, and how two curves compare.
//!
//! Between points a curve is a piecewise cubic over the logarithm of the bytes that never overshoots (F. Fritsch and
//! J. Butland, "A method for constructing local monotone piecewise cubic interpolants", 1984), as is usual for the
//! Bjøntegaard difference since a single cubic through all points proved too free.

use crate::points::Point;

/// A monotone piecewise cubic through points.
#[derive(Debug, Clone, PartialEq)]
struct Cubic {
    /// Where the pieces join: from left to right, with the slope there.
    knots: Vec<Knot>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    x: f64,
    y: f64,
    slope: f64,
}

impl Cubic {
    /// Through these points, in any order; of those with the same x the first counts.
    fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<_> = points.into_iter().collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|later, earlier| later.0 <= earlier.0);
        let slopes = slopes(&points);
        let knots = points.into_iter().zip(slopes).map(|((x, y), slope)| Knot { x, y, slope });
        Self { knots: knots.collect() }
    }

    /// From the first point to the last one; `None` where there are less than two.
    fn range(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.knots.first()?, self.knots.last()?);
        (first.x < last.x).then_some((first.x, last.x))
    }

    /// The value at a place; `None` beyond the points.
    fn at(&self, x: f64) -> Option<f64> {
        let pair = self.knots.windows(2).find(|pair| (pair[0].x..=pair[1].x).contains(&x))?;
        let (a, b) = (pair[0], pair[1]);
        let width = b.x - a.x;
        let t = (x - a.x) / width;
        let (from_a, from_b) = ((1.0 + 2.0 * t) * (1.0 - t).powi(2), t * t * (3.0 - 2.0 * t));
        let (rise_a, rise_b) = (t * (1.0 - t).powi(2), t * t * (t - 1.0));
        Some(a.y * from_a + b.y * from_b + width * (a.slope * rise_a + b.slope * rise_b))
    }
}

/// The slope at each point: a weighted harmonic mean of those of the lines on both sides, nought at a peak.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let lines: Vec<(f64, f64)> = points
        .windows(2)
        .map(|pair| {
            let width = pair[1].0 - pair[0].0;
            (width, (pair[1].1 - pair[0].1) / width)
        })
        .collect();
    let inner = |left: (f64, f64), right: (f64, f64)| {
        if left.1 * right.1 <= 0.0 {
            return 0.0;
        }
        let (near_left, near_right) = (2.0 * right.0 + left.0, right.0 + 2.0 * left.0);
        (near_left + near_right) / (near_left / left.1 + near_right / right.1)
    };
    (0..points.len())
        .map(|i| match (i.checked_sub(1).and_then(|i| lines.get(i)), lines.get(i)) {
            (Some(&left), Some(&right)) => inner(left, right),
            (Some(line), None) | (None, Some(line)) => line.1,
            (None, None) => 0.0,
        })
        .collect()
}

/// Luma PSNR over the bytes a frame of one codec on one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    luma: Cubic,
    /// The logarithm of the bytes over the luma PSNR.
    bytes: Cubic,
}

impl Curve {
    /// Through these points; one that takes more bytes for less than another is left out.
    pub fn through(points: &[Point]) -> Self {
        let mut points = points.to_vec();
        points.sort_by(|a, b| a.bytes.total_cmp(&b.bytes));
        let mut best = f64::NEG_INFINITY;
        points.retain(|point| {
            let is_better = point.luma > best && point.bytes > 0.0;
            best = best.max(point.luma);
            is_better
        });
        Self {
            luma: Cubic::through(points.iter().map(|point| (point.bytes.ln(), point.luma))),
            bytes: Cubic::through(points.iter().map(|point| (point.luma, point.bytes.ln()))),
        }
    }

    /// The luma PSNR at so many bytes a frame; `None` beyond the points.
    pub fn luma_at(&self, bytes: f64) -> Option<f64> {
        self.luma.at(bytes.ln())
    }

    /// How many more bytes this one takes than a peer for the same luma PSNR, over the range that both have: -0.1 for a
    /// tenth less. G. Bjøntegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; `None`
    /// where there is no such range.
    pub fn bd_rate(&self, peer: &Self) -> Option<f64> {
        const STEPS: u32 = 2000;
        let ((ours_from, ours_to), (from, to)) = (self.bytes.range()?, peer.bytes.range()?);
        let (from, to) = (from.max(ours_from), to.min(ours_to));
        if from >= to {
            return None;
        }
        let step = (to - from) / f64::from(STEPS);
        // The middles of narrow strips: no strip ends beyond a curve.
        let difference = |i: u32| {
            let luma = from + (f64::from(i) + 0.5) * step;
            Some(self.bytes.at(luma)? - peer.bytes.at(luma)?)
        };
        let sum = (0..STEPS).map(difference).sum::<Option<f64>>()?;
        Some((sum / f64::from(STEPS)).exp() - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        let points: Vec<_> = points.iter().map(|&(bytes, luma)| Point { bytes, luma, all: 0.0 }).collect();
        Curve::through(&points)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn a_curve_goes_through_its_points_and_is_a_line_where_they_are_on_one() {
        let curve = curve(&[(40_000.0, 42.0), (10_000.0, 30.0), (20_000.0, 36.0)]);
        for (bytes, luma) in
            [(10_000.0, 30.0), (200_000_000f64.sqrt(), 33.0), (20_000.0, 36.0), (40_000.0, 42.0)]
        {
            assert!(close(curve.luma_at(bytes).unwrap(), luma), "{bytes}: {:?}", curve.luma_at(bytes));
        }
        assert_eq!((curve.luma_at(9_000.0), curve.luma_at(41_000.0)), (None, None));
    }

    #[test]
    fn a_curve_does_not_overshoot_and_follows_a_smooth_one_closely() {
        let cubic = Cubic::through([(0.0, 0.0), (1.0, 0.0), (2.0, 5.0), (3.0, 5.0)]);
        assert!((0..=30).all(|i| (0.0..=5.0).contains(&cubic.at(f64::from(i) / 10.0).unwrap())));
        let root = Cubic::through((1..=16).map(|i| (f64::from(i), f64::from(i).sqrt())));
        for i in 20..=150 {
            let x = f64::from(i) / 10.0;
            assert!((root.at(x).unwrap() - x.sqrt()).abs() < 2e-3, "{x}");
        }
    }

    #[test]
    fn a_curve_of_half_the_bytes_has_a_difference_of_minus_50_percent() {
        let peer = [(1_000.0, 30.0), (2_000.0, 34.0), (4_000.0, 37.0), (9_000.0, 41.5)];
        let half = peer.map(|(bytes, luma)| (bytes / 2.0, luma));
        let (peer, half) = (curve(&peer), curve(&half));
        assert!(close(peer.bd_rate(&peer).unwrap(), 0.0));
        assert!(close(half.bd_rate(&peer).unwrap(), -0.5));
        assert!(close(peer.bd_rate(&half).unwrap(), 1.0));
    }

    #[test]
    fn only_the_common_range_counts() {
        // A line in ours, and one of a fifth more bytes below 36 dB only.
        let ours = curve(&[(1_000.0, 30.0), (2_000.0, 36.0), (4_000.0, 42.0)]);
        let peer = curve(&[(1_200.0, 30.0), (2_400.0, 36.0)]);
        assert!(close(peer.bd_rate(&ours).unwrap(), 0.2));
        let apart = curve(&[(1_000.0, 20.0), (2_000.0, 29.0)]);
        assert_eq!((apart.bd_rate(&ours), curve(&[(1.0, 31.0)]).bd_rate(&ours)), (None, None));
    }

    #[test]
    fn points_that_are_worse_for_more_do_not_bend_a_curve() {
        let straight = [(1_000.0, 30.0), (2_000.0, 36.0), (4_000.0, 42.0)];
        let bent = [&straight[..], &[(3_000.0, 35.0), (0.0, 20.0), (2_000.0, 36.0)]].concat();
        assert_eq!(curve(&bent), curve(&straight));
    }
}
