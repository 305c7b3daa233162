//! Clips decoded into memory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gst_video::prelude::*;

use crate::frame::Frame;
use crate::pipeline::{Pipeline, file_uri};

/// How long one picture may take, on however busy a machine.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// The bundled clip with this file name.
pub fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("media").join(name)
}

/// Every frame of the video in `file`, at most `limit`.
///
/// Not by `uridecodebin3`: that of GStreamer 1.22 loses the only buffer of a stream now and then, as pictures have it.
pub fn frames(file: &Path, limit: usize) -> Result<Vec<Frame>> {
    converted(file, limit, "videoconvert ! video/x-raw,format=I420")
}

/// The same in this size.
pub fn scaled_frames(file: &Path, (width, height): (usize, usize)) -> Result<Vec<Frame>> {
    let size = format!("width={width},height={height},pixel-aspect-ratio=1/1");
    converted(file, usize::MAX, &format!("videoconvert ! videoscale ! video/x-raw,format=I420,{size}"))
}

fn converted(file: &Path, limit: usize, conversion: &str) -> Result<Vec<Frame>> {
    let pipeline = Pipeline::play(&format!(
        "uridecodebin uri={} ! {conversion} ! appsink name=out sync=false max-buffers=4",
        file_uri(file)?
    ))?;
    let sink = pipeline.app_sink("out")?;
    let mut frames = Vec::new();
    while frames.len() < limit {
        match sink.try_pull_sample(PATIENCE) {
            Some(sample) => frames.push(frame(&sample)?),
            None if sink.is_eos() => break,
            None => bail!("{}: no picture comes: {}", file.display(), pipeline.first_error()),
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

    #[test]
    fn a_single_picture_is_found_every_time() {
        let file = std::env::temp_dir().join(format!("single-picture-{}.png", std::process::id()));
        let write = format!(
            "videotestsrc num-buffers=1 ! video/x-raw,width=1280,height=720 ! pngenc ! filesink location={}",
            file.display()
        );
        Pipeline::play(&write).unwrap().wait(std::time::Duration::from_secs(60)).unwrap();
        for _ in 0..150 {
            assert_eq!(frames(&file, 1).unwrap().len(), 1);
        }
        std::fs::remove_file(&file).unwrap();
    }
}
