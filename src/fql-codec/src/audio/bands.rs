//! How the coefficients of a frame are divided into bands.
//!
//! A coefficient is about 31 Hz wide at any sample rate, in blocks of four as well, so that one division serves all.

use std::ops::Range;

/// The widest band.
pub(super) const WIDEST: usize = 16;

/// Widths of the first bands; all others have [`WIDEST`].
const FIRST: [usize; 10] = [4, 4, 4, 4, 8, 8, 8, 8, 8, 8];
/// The coefficients in them.
const IN_FIRST: usize = 64;

/// Where groups of more than one band begin, and how many bands are in each from there on: about as wide as the ear's
/// critical bands.
const GROUPS: [(usize, usize); 4] = [(10, 1), (16, 2), (26, 4), (54, 16)];

/// How many bands a frame of this length has, a multiple of 16 and at least 64.
pub(super) const fn count(frame: usize) -> usize {
    FIRST.len() + (frame - IN_FIRST) / WIDEST
}

/// The coefficients of a band.
#[inline(always)]
pub(super) fn range(band: usize) -> Range<usize> {
    match band {
        0..4 => 4 * band..4 * band + 4,
        4..10 => 8 * band - 16..8 * band - 8,
        _ => WIDEST * band - 96..WIDEST * band - 80,
    }
}

/// The group of a band: all bands of a group have the same weight.
#[inline(always)]
pub(super) const fn group(band: usize) -> usize {
    let mut group = 0;
    let mut i = 0;
    while i < GROUPS.len() {
        let (from, bands) = GROUPS[i];
        let until = if i + 1 < GROUPS.len() { GROUPS[i + 1].0 } else { usize::MAX };
        if i == 0 && band < from {
            return band;
        }
        if i == 0 {
            group = from;
        }
        if band < until {
            return group + (band - from) / bands;
        }
        group += (until - from) / bands;
        i += 1;
    }
    group
}

/// How many groups a frame of this length has.
pub(super) const fn groups(frame: usize) -> usize {
    group(count(frame) - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_a_frame_without_holes() {
        for frame in [64, 128, 640, 768, 3072] {
            let mut end = 0;
            for band in 0..count(frame) {
                assert_eq!(range(band).start, end);
                assert!(range(band).len() <= WIDEST);
                end = range(band).end;
            }
            assert_eq!(end, frame);
        }
    }

    #[test]
    fn groups_follow_each_other_and_widen() {
        let all: Vec<usize> = (0..count(3072)).map(group).collect();
        assert!(all.windows(2).all(|two| two[1] == two[0] || two[1] == two[0] + 1));
        assert_eq!(
            [0, 9, 10, 15, 16, 17, 18, 26, 30, 53, 54].map(group),
            [0, 9, 10, 15, 16, 16, 17, 21, 22, 27, 28]
        );
        assert_eq!([128, 640, 768].map(groups), [14, 26, 28]);
    }
}
