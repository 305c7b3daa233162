//! Which coefficients belong together: bands, slices, blocks and their neighbours.

use super::Format;
use super::format::Role;
use super::transform::{Levels, low_size};
use super::weights::Basis;

/// The most levels of the transform.
const MAX_LEVELS: u32 = 6;
/// Bits of a state, of a coefficient with its sign.
const MAX_BITS: u32 = 17;
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
    /// What the plane holds.
    pub(super) role: Role,
    /// The level of luma whose bands have this size.
    pub(super) scale: u32,
    /// The finest layer in which it is coded. Large coefficients of coarse bands would not fit in a state in the
    /// finest layers of 12 bits; they are so few that their precision there is worth nothing.
    pub(super) finest: u32,
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
    /// Index of the first row of blocks in the slice, behind a border of one.
    pub(super) first_row: usize,
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
    /// How many rows of blocks all regions have with their borders.
    pub(super) block_rows: usize,
    /// The rows of each plane.
    pub(super) rows: Vec<std::ops::Range<usize>>,
}

/// What a plane is while it is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaneShape {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) levels: Levels,
    pub(super) role: Role,
    /// Bits of a sample.
    pub(super) bits: u32,
}

/// How a picture of one size is divided.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) format: Format,
    pub(super) planes: Vec<PlaneShape>,
    /// All bands in the order in which they are coded: coarse before fine, luma before chroma of the same scale.
    pub(super) bands: Vec<Band>,
    pub(super) slices: Vec<Slice>,
}

impl Layout {
    /// The layout for a picture; 0 slices chooses by the size.
    pub(super) fn new(width: usize, height: usize, format: Format, slices: u8) -> Self {
        let levels = levels(width, height);
        let planes: Vec<_> =
            (0..format.planes()).map(|i| plane(format, i, (width, height), levels)).collect();
        let bands = bands(&planes, levels, format.finest());
        let low_rows = low_size(height, levels);
        let count = if slices == 0 { chosen_slices(height, low_rows) } else { slices.into() };
        let slices = (0..count)
            .map(|i| slice(&planes, &bands, i * low_rows / count..(i + 1) * low_rows / count))
            .collect();
        Self { format, planes, bands, slices }
    }
}

fn plane(format: Format, plane: usize, (width, height): (usize, usize), levels: u32) -> PlaneShape {
    let role = format.role(plane);
    let (across, down) = if role == Role::Chroma { format.subsampling() } else { (1, 1) };
    let (width, height) = (width.div_ceil(across), height.div_ceil(down));
    // A level less where there is half of the samples, so that each band of chroma has a band of luma of the same
    // scale and size.
    let of = |subsampling: usize| levels - u32::from(subsampling == 2);
    let levels = Levels { horizontal: of(across), vertical: of(down) };
    PlaneShape { width, height, levels, role, bits: format.coded_bits(plane) }
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

fn bands(planes: &[PlaneShape], levels: u32, finest: u32) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for scale in (1..=levels + 1).rev() {
        // A coefficient has at most as many bits as a sample and a level together, and one.
        let finest = finest - (finest + scale.min(levels)).saturating_sub(MAX_BITS - 1);
        for (plane, shape) in planes.iter().enumerate() {
            let levels_there = shape.levels.at_scale(scale, levels);
            // The first scale holds the low-pass bands, the others the high-pass bands of one scale.
            let orientations: &[_] = match levels_there {
                _ if scale == levels + 1 => &[Orientation::Low],
                Levels { horizontal: 0, vertical: 0 } => &[],
                Levels { horizontal: 0, .. } => &[Orientation::Level],
                _ => &[Orientation::Upright, Orientation::Level, Orientation::Diagonal],
            };
            for &orientation in orientations {
                let band = band(&bands, (plane, shape), scale, levels_there, orientation);
                bands.push(Band { finest, ..band });
            }
        }
    }
    bands
}

fn band(
    before: &[Band],
    (plane, &PlaneShape { width, height, role, .. }): (usize, &PlaneShape),
    scale: u32,
    levels: Levels,
    orientation: Orientation,
) -> Band {
    let upright = matches!(orientation, Orientation::Upright | Orientation::Diagonal);
    let flat = matches!(orientation, Orientation::Level | Orientation::Diagonal);
    let low_width = low_size(width, levels.horizontal);
    let basis = |size: usize, high: bool, level: u32| match (size, high) {
        (1, _) => Basis::Low(0),
        (_, true) => Basis::High(level),
        (_, false) => Basis::Low(level),
    };
    let find = |plane: usize, scale: u32| {
        before.iter().position(|b| b.plane == plane && b.scale == scale && b.orientation == orientation)
    };
    let parent = if orientation == Orientation::Low { None } else { find(plane, scale + 1) };
    let of_scale = |back: usize| before.len().checked_sub(back);
    let peers = match (role, orientation) {
        (Role::Luma | Role::Alpha, Orientation::Level) => [of_scale(1), None],
        (Role::Luma | Role::Alpha, Orientation::Diagonal) => [of_scale(1), of_scale(2)],
        (Role::Luma | Role::Alpha, _) => [None, None],
        (Role::Chroma, _) if plane == 1 => [find(0, scale), None],
        (Role::Chroma, _) => [find(0, scale), find(1, scale)],
    };
    let twin = if role == Role::Chroma && plane == 2 { find(1, scale) } else { None };
    Band {
        plane,
        role,
        scale,
        finest: 0,
        orientation,
        column: if upright { low_width } else { 0 },
        width: if upright { low_size(width, levels.horizontal - 1) - low_width } else { low_width },
        row: if flat { 1 << (levels.vertical - 1) } else { 0 },
        row_step: 1 << levels.vertical,
        bases: (basis(width, upright, levels.horizontal), basis(height, flat, levels.vertical)),
        parent,
        peers,
        twin,
    }
}

fn slice(planes: &[PlaneShape], bands: &[Band], low_rows: std::ops::Range<usize>) -> Slice {
    // Rows of the picture that these rows of the coarsest band stand for.
    let rows_of = |plane: usize| {
        let PlaneShape { height, levels, .. } = planes[plane];
        (low_rows.start << levels.vertical).min(height)..(low_rows.end << levels.vertical).min(height)
    };
    let (mut states, mut blocks, mut block_rows) = (0, 0, 0);
    let mut regions = Vec::with_capacity(bands.len());
    for band in bands {
        let height = rows_of(band.plane).len();
        let rows = height.saturating_sub(band.row).div_ceil(band.row_step);
        let (stride, block_stride) = (band.width + 2, band.width.div_ceil(BLOCK) + 2);
        regions.push(Region {
            width: band.width,
            rows,
            first: states + stride + 1,
            stride,
            first_block: blocks + block_stride + 1,
            block_stride,
            first_row: block_rows + 1,
        });
        states += stride * (rows + 2);
        blocks += block_stride * (rows.div_ceil(BLOCK) + 2);
        block_rows += rows.div_ceil(BLOCK) + 2;
    }
    Slice { regions, states, blocks, block_rows, rows: (0..planes.len()).map(rows_of).collect() }
}

#[cfg(test)]
mod tests {
    use fql_unit::Chroma;

    use super::*;

    const FORMATS: [Format; 4] = [
        Format::new(Chroma::Yuv420),
        Format::new(Chroma::Yuv422),
        Format::new(Chroma::Rgb),
        Format { alpha: true, ..Format::new(Chroma::Yuv422) },
    ];

    fn layouts(width: usize, height: usize, slices: u8) -> impl Iterator<Item = Layout> {
        FORMATS.into_iter().map(move |format| Layout::new(width, height, format, slices))
    }

    #[test]
    fn every_coefficient_is_in_exactly_one_region() {
        for (width, height) in [(1, 1), (1, 9), (17, 1), (3, 5), (33, 65), (200, 131), (640, 360)] {
            for layout in [0, 1, 3, 32].into_iter().flat_map(|slices| layouts(width, height, slices)) {
                for (plane, &PlaneShape { width, height, .. }) in layout.planes.iter().enumerate() {
                    let mut seen = vec![0; width * height];
                    let mut top = 0;
                    for slice in &layout.slices {
                        for (band, region) in layout.bands.iter().zip(&slice.regions) {
                            for y in 0..if band.plane == plane { region.rows } else { 0 } {
                                let at = (top + band.row + y * band.row_step) * width + band.column;
                                seen[at..at + region.width].iter_mut().for_each(|n| *n += 1);
                            }
                        }
                        top += slice.rows[plane].len();
                    }
                    assert_eq!(top, height);
                    assert!(seen.iter().all(|&n| n == 1), "{width}x{height} {:?}", layout.format);
                }
            }
        }
    }

    #[test]
    fn relatives_are_at_most_one_border_smaller() {
        for (width, height) in [(1, 1), (2, 7), (33, 65), (201, 131), (1279, 719), (1280, 720)] {
            for layout in layouts(width, height, 0) {
                assert_relatives_fit(&layout);
            }
        }
    }

    fn assert_relatives_fit(layout: &Layout) {
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
