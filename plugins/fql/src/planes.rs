//! The planes of a mapped GStreamer frame as the codec takes them, whatever their strides.

use fql_codec::video::{Plane, PlaneMut};
use gst_video::VideoFrameRef;
use gst_video::prelude::*;

/// A frame whose rows run backwards or have no length; the codec takes none of these.
#[derive(Debug, thiserror::Error)]
#[error("plane {plane} has a stride of {stride} bytes, it must be positive")]
pub struct StrideError {
    plane: usize,
    stride: i32,
}

/// The planes of a frame to encode.
pub fn of_frame<'a>(frame: &'a VideoFrameRef<&'a gst::BufferRef>) -> Result<Vec<Plane<'a>>, StrideError> {
    let strides = strides(frame)?;
    let planes = frame.planes_data();
    Ok(strides.into_iter().zip(planes).map(|(stride, data)| Plane { data, stride }).collect())
}

/// The planes of a frame to decode into.
pub fn of_frame_mut<'a>(
    frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
) -> Result<Vec<PlaneMut<'a>>, StrideError> {
    let strides = strides(frame)?;
    let planes = frame.planes_data_mut();
    Ok(strides.into_iter().zip(planes).map(|(stride, data)| PlaneMut { data, stride }).collect())
}

fn strides(frame: &impl VideoFrameExt) -> Result<Vec<usize>, StrideError> {
    let count = frame.n_planes() as usize;
    let strides = frame.plane_stride()[..count].iter().enumerate();
    strides
        .map(|(plane, &stride)| {
            usize::try_from(stride).ok().filter(|&s| s > 0).ok_or(StrideError { plane, stride })
        })
        .collect()
}
