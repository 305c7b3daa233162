//! Which frames came to a decoder as new pictures.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use fql_unit::{Segment, Unit};
use gst::prelude::*;

use crate::pipeline::Pipeline;

/// Notes the units that come to a decoder. What the decoder itself says of its pictures is not asked: a slice that it
/// fills from the picture before is not new, however good it looks.
#[derive(Debug)]
pub struct Arrivals {
    new: Arc<Mutex<HashSet<gst::ClockTime>>>,
}

impl Arrivals {
    /// Looks at every unit that comes to the decoder of this name.
    pub fn watch(pipeline: &Pipeline, decoder: &str) -> Result<Self> {
        let pad = pipeline.element(decoder)?.static_pad("sink").context("a decoder without a sink pad")?;
        let new = Arc::new(Mutex::new(HashSet::new()));
        let noted = Arc::clone(&new);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(pts) = info.buffer().and_then(pts_of_picture) {
                noted.lock().unwrap_or_else(PoisonError::into_inner).insert(pts);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(Self { new })
    }

    /// Whether the frame with this time on it came as a new picture: all of layer 0, in every slice.
    pub fn is_new(&self, pts: gst::ClockTime) -> bool {
        self.new.lock().unwrap_or_else(PoisonError::into_inner).contains(&pts)
    }
}

fn pts_of_picture(buffer: &gst::Buffer) -> Option<gst::ClockTime> {
    let unit = Unit::from_bytes(&buffer.map_readable().ok()?).ok()?;
    has_all_of_layer_0(&unit).then_some(buffer.pts()?)
}

fn has_all_of_layer_0(unit: &Unit) -> bool {
    (0..unit.slices()).all(|slice| unit.segment(0, slice).is_some_and(Segment::is_complete))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_new_where_all_of_layer_0_came() {
        let mut unit = Unit::new(3, 2, []).unwrap();
        assert!(!has_all_of_layer_0(&unit));
        unit.set(0, 0, Segment::complete("x"));
        unit.set(1, 0, Segment::complete("x"));
        assert!(!has_all_of_layer_0(&unit), "slice 1 is missing");
        unit.set(0, 1, Segment::truncated("x"));
        assert!(!has_all_of_layer_0(&unit), "slice 1 is cut off");
        unit.set(0, 1, Segment::complete("xy"));
        assert!(has_all_of_layer_0(&unit));
    }
}
