//! Which coefficients belong together: bands, slices, blocks and their neighbours.

use fql_unit::Chroma;

use super::transform::low_size;
use super::weights::Basis;

/// The most levels of the transform.
const MAX_LEVELS: u32 = 6;
/// Coefficients of a block in each direction.
pub(super) const BLOCK: usize = 8;

/// What a band's coefficients respond to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    /// The picture in small.
    Low,
    /// High-pass from left to right: upright edges.
    Upright,
    /// High-pass from top to bottom: level edges.
    Level,
    /// High-pass in both directions.
    Diagonal,
}

/// One band of one plane, over the whole picture.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) plane: usize,
    pub(super) level: u32,
    pub(super) orientation: Orientation,
    /// First column in the transformed plane.
    pub(super) column: usize,
    pub(super) width: usize,
    /// First row in the transformed plane, and from one row of the band to the next.
    pub(super) row: usize,
    pub(super) row_step: usize,
    /// The horizontal and the vertical basis; a direction of one sample is never transformed.
    pub(super) bases: (Basis, Basis),
    /// Index of the band of the same orientation one level coarser.
    pub(super) parent: Option<usize>,
    /// Indices of bands that are coded before and have coefficients of the same scale at the same places: of other
    /// orientations for luma, of other planes for chroma.
    pub(super) peers: [Option<usize>; 2],
    /// Index of the band whose signs these follow: the second colour difference those of the first.
    pub(super) twin: Option<usize>,
}

/// A band's part of one slice. Its states are held with a border of one coefficient, and of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) width: usize,
    pub(super) rows: usize,
    /// Index of the first coefficient's state in the slice, behind the border.
    pub(super) first: usize,
    /// From one row of states to the next.
    pub(super) stride: usize,
    /// Index of the first block's state in the slice, behind the border.
    pub(super) first_block: usize,
    /// From one row of blocks to the next.
    pub(super) block_stride: usize,
}

/// The part of one slice: the same rows of the picture in all planes.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// For each band of the layout.
    pub(super) regions: Vec<Region>,
    /// How many states all regions have with their borders.
    pub(super) states: usize,
    /// How many block states all regions have with their borders.
    pub(super) blocks: usize,
    /// How many rows of each plane.
    pub(super) rows: Vec<usize>,
}

/// How a picture of one size is divided.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Width, height and levels of each plane.
    pub(super) planes: Vec<(usize, usize, u32)>,
    /// All bands in the order in which they are coded: coarse before fine, luma before chroma of the same scale.
    pub(super) bands: Vec<Band>,
    pub(super) slices: Vec<Slice>,
}

impl Layout {
    /// The layout for a picture; 0 slices chooses by the size.
    pub(super) fn new(width: usize, height: usize, chroma: Chroma, slices: u8) -> Self {
        let levels = levels(width, height);
        let mut planes = vec![(width, height, levels)];
        if chroma == Chroma::Yuv420 {
            // One level less, so that each band of chroma has a band of luma of the same scale and size.
            planes.extend([(width.div_ceil(2), height.div_ceil(2), levels - 1); 2]);
        }
        let bands = bands(&planes);
        let low_rows = low_size(height, levels);
        let count = if slices == 0 { chosen_slices(height, low_rows) } else { slices.into() };
        let slices = (0..count)
            .map(|i| slice(&planes, &bands, i * low_rows / count..(i + 1) * low_rows / count))
            .collect();
        Self { planes, bands, slices }
    }
}

/// Six levels, fewer where the picture gets too small for them; at least one.
fn levels(width: usize, height: usize) -> u32 {
    (2..=MAX_LEVELS).take_while(|&level| low_size(width.max(height), level) >= 4).last().unwrap_or(1)
}

/// One slice below 128 lines, two below 256, then 4 to 8, one for every 180 lines.
fn chosen_slices(height: usize, low_rows: usize) -> usize {
    let slices = match height {
        0..128 => 1,
        128..256 => 2,
        _ => (height / 180).clamp(4, 8),
    };
    slices.min(low_rows)
}

fn bands(planes: &[(usize, usize, u32)]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let levels = planes[0].2;
    for scale in (0..=levels).rev().map(|level| level + 1) {
        // The first scale holds the low-pass bands, the others the high-pass bands of one scale.
        let orientations: &[_] = if scale == levels + 1 {
            &[Orientation::Low]
        } else {
            &[Orientation::Upright, Orientation::Level, Orientation::Diagonal]
        };
        for (plane, &(width, height, plane_levels)) in planes.iter().enumerate() {
            let below = levels - plane_levels;
            let level = if scale == levels + 1 { plane_levels } else { scale.saturating_sub(below) };
            if level == 0 && scale != levels + 1 {
                continue;
            }
            for &orientation in orientations {
                let band = band(&bands, plane, (width, height), level, orientation);
                bands.push(band);
            }
        }
    }
    bands
}

fn band(
    before: &[Band],
    plane: usize,
    (width, height): (usize, usize),
    level: u32,
    orientation: Orientation,
) -> Band {
    let upright = matches!(orientation, Orientation::Upright | Orientation::Diagonal);
    let flat = matches!(orientation, Orientation::Level | Orientation::Diagonal);
    let low_width = low_size(width, level);
    let basis = |size: usize, high: bool| match (size, high) {
        (1, _) => Basis::Low(0),
        (_, true) => Basis::High(level),
        (_, false) => Basis::Low(level),
    };
    let find = |plane: usize, level: u32| {
        before.iter().position(|b| b.plane == plane && b.level == level && b.orientation == orientation)
    };
    let parent = if orientation == Orientation::Low { None } else { find(plane, level + 1) };
    let of_scale = |back: usize| before.len().checked_sub(back);
    let peers = match (plane, orientation) {
        (0, Orientation::Level) => [of_scale(1), None],
        (0, Orientation::Diagonal) => [of_scale(1), of_scale(2)],
        (0, _) => [None, None],
        (1, _) => [find(0, level + 1), None],
        _ => [find(0, level + 1), find(1, level)],
    };
    let twin = if plane == 2 { find(1, level) } else { None };
    Band {
        plane,
        level,
        orientation,
        column: if upright { low_width } else { 0 },
        width: if upright { low_size(width, level - 1) - low_width } else { low_width },
        row: if flat { 1 << (level - 1) } else { 0 },
        row_step: 1 << level,
        bases: (basis(width, upright), basis(height, flat)),
        parent,
        peers,
        twin,
    }
}

fn slice(planes: &[(usize, usize, u32)], bands: &[Band], low_rows: std::ops::Range<usize>) -> Slice {
    // Rows of the picture that these rows of the coarsest band stand for.
    let rows_of = |plane: usize| {
        let (_, height, levels) = planes[plane];
        (low_rows.start << levels).min(height)..(low_rows.end << levels).min(height)
    };
    let (mut states, mut blocks) = (0, 0);
    let mut regions = Vec::with_capacity(bands.len());
    for band in bands {
        let rows = rows_of(band.plane);
        let height = rows.len();
        let rows = height.saturating_sub(band.row).div_ceil(band.row_step);
        let (stride, block_stride) = (band.width + 2, band.width.div_ceil(BLOCK) + 2);
        regions.push(Region {
            width: band.width,
            rows,
            first: states + stride + 1,
            stride,
            first_block: blocks + block_stride + 1,
            block_stride,
        });
        states += stride * (rows + 2);
        blocks += block_stride * (rows.div_ceil(BLOCK) + 2);
    }
    Slice { regions, states, blocks, rows: (0..planes.len()).map(|plane| rows_of(plane).len()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coefficient_is_in_exactly_one_region() {
        for (width, height) in [(1, 1), (1, 9), (17, 1), (3, 5), (33, 65), (200, 131), (1280, 720)] {
            for slices in [0, 1, 3, 32] {
                let layout = Layout::new(width, height, Chroma::Yuv420, slices);
                for (plane, &(width, height, _)) in layout.planes.iter().enumerate() {
                    let mut seen = vec![0; width * height];
                    let mut top = 0;
                    for slice in &layout.slices {
                        for (band, region) in layout.bands.iter().zip(&slice.regions) {
                            for y in 0..if band.plane == plane { region.rows } else { 0 } {
                                let at = (top + band.row + y * band.row_step) * width + band.column;
                                seen[at..at + region.width].iter_mut().for_each(|n| *n += 1);
                            }
                        }
                        top += slice.rows[plane];
                    }
                    assert_eq!(top, height);
                    assert!(seen.iter().all(|&n| n == 1), "{width}x{height} {slices}");
                }
            }
        }
    }

    #[test]
    fn relatives_are_at_most_one_border_smaller() {
        for (width, height) in [(1, 1), (2, 7), (33, 65), (201, 131), (1279, 719), (1280, 720)] {
            let layout = Layout::new(width, height, Chroma::Yuv420, 0);
            for (at, band) in layout.bands.iter().enumerate() {
                for slice in &layout.slices {
                    let region = slice.regions[at];
                    for peer in band.peers.iter().flatten().map(|&peer| slice.regions[peer]) {
                        assert!(region.width <= peer.width + 1 && region.rows <= peer.rows + 1);
                    }
                    if let Some(parent) = band.parent.map(|parent| slice.regions[parent]) {
                        assert!(region.width <= 2 * parent.width + 2 && region.rows <= 2 * parent.rows + 2);
                    }
                }
            }
        }
    }
}
