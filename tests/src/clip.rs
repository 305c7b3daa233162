//! Clips decoded into memory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gst_video::prelude::*;

use crate::frame::Frame;
use crate::pipeline::{Pipeline, file_uri};

/// The bundled clip with this file name.
pub fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("media").join(name)
}

/// Every frame of the video in `file`, at most `limit`.
pub fn frames(file: &Path, limit: usize) -> Result<Vec<Frame>> {
    let pipeline = Pipeline::play(&format!(
        "uridecodebin3 uri={} ! videoconvert ! video/x-raw,format=I420 ! appsink name=out sync=false max-buffers=4",
        file_uri(file)?
    ))?;
    let sink = pipeline.app_sink("out")?;
    let mut frames = Vec::new();
    while frames.len() < limit {
        match sink.pull_sample() {
            Ok(sample) => frames.push(frame(&sample)?),
            Err(_) if sink.is_eos() => break,
            Err(error) => bail!("{}: {error}: {}", file.display(), pipeline.first_error()),
        }
    }
    Ok(frames)
}

/// The picture of a sample of raw video in I420, of whatever strides.
pub fn frame(sample: &gst::Sample) -> Result<Frame> {
    let info = gst_video::VideoInfo::from_caps(sample.caps().context("a sample without caps")?)?;
    let buffer = sample.buffer().context("a sample without a buffer")?;
    let picture = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;
    let mut samples = Vec::with_capacity((info.width() * info.height() * 3 / 2) as usize);
    for plane in 0..3 {
        let (width, height) = (picture.comp_width(plane) as usize, picture.comp_height(plane) as usize);
        let stride = picture.plane_stride()[plane as usize] as usize;
        for row in picture.plane_data(plane)?.chunks(stride).take(height) {
            samples.extend_from_slice(&row[..width]);
        }
    }
    Frame::new(info.width() as usize, info.height() as usize, samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_clip_has_its_frames() {
        let frames = frames(&bundled("bigbuckbunny.mp4"), 500).unwrap();
        assert_eq!((frames.len(), frames[0].width, frames[0].height), (132, 1280, 720));
        assert!(frames[0].luma_psnr(&frames[100], 0) < 40.0);
    }
}
