//! Units of any content, for decoders.

use fql_unit::{MAX_LAYERS, MAX_PARAMS, MAX_SLICES, Segment, Unit};

use crate::input::Input;

/// The next unit of an input: the bytes of one, if they are, or one put together of parameters and segments.
pub fn next(input: &mut Input, is_whole: bool) -> Option<Unit> {
    if is_whole { Unit::from_bytes(input.bytes()).ok() } else { Some(put_together(input)) }
}

fn put_together(input: &mut Input) -> Unit {
    let (layers, slices, params) = (1 + input.u8() % MAX_LAYERS, 1 + input.u8() % MAX_SLICES, input.bytes());
    let params = &params[..params.len().min(MAX_PARAMS)];
    let mut unit = Unit::new(layers, slices, params).expect("layers, slices and parameters are in range");
    unit.set_reference_layers(input.u8() % (layers + 1));
    let mut segments = Input::new(input.bytes());
    for layer in 0..layers {
        for slice in 0..slices {
            if segments.is_empty() {
                return unit;
            }
            let (is_complete, data) = (segments.u8() & 1 == 0, segments.bytes().to_vec());
            unit.set(
                layer,
                slice,
                if is_complete { Segment::complete(data) } else { Segment::truncated(data) },
            );
        }
    }
    unit
}
