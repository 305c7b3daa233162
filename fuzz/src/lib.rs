//! Units of any content, as fuzz targets feed them to decoders.

use arbitrary::Arbitrary;
use fql_unit::{MAX_LAYERS, MAX_PARAMS, MAX_SLICES, Segment, Unit};

/// A unit in the shape that a fuzzer makes.
#[derive(Debug, Arbitrary)]
pub struct AnyUnit {
    layers: u8,
    slices: u8,
    segments: Vec<(bool, Vec<u8>)>,
}

impl AnyUnit {
    /// The unit, with these parameters.
    pub fn with_params(&self, params: &[u8]) -> Unit {
        let (layers, slices) = (1 + self.layers % MAX_LAYERS, 1 + self.slices % MAX_SLICES);
        self.of_shape(layers, slices, params)
    }

    /// The unit with as many layers and slices as that, and these parameters.
    pub fn of_shape(&self, layers: u8, slices: u8, params: &[u8]) -> Unit {
        let params = &params[..params.len().min(MAX_PARAMS)];
        let mut unit = Unit::new(layers, slices, params).expect("layers, slices and parameters are in range");
        let places = (0..layers).flat_map(|layer| (0..slices).map(move |slice| (layer, slice)));
        for ((layer, slice), (complete, data)) in places.zip(&self.segments) {
            let data = data.clone();
            let segment = if *complete { Segment::complete(data) } else { Segment::truncated(data) };
            unit.set(layer, slice, segment);
        }
        unit
    }
}
