//! The picture that explains quality layers: one frame beside what is left of it when only some layers arrive.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::clip;
use crate::frame::Frame;
use crate::pipeline::{Pipeline, load_plugin};

/// The highest layers of the steps that are drawn; the last is all of them.
const STEPS: [(u8, &str); 5] =
    [(0, "layer 0"), (2, "layers 0 to 2"), (5, "layers 0 to 5"), (8, "layers 0 to 8"), (14, "all layers")];
const COLUMNS: usize = 3;
const TILE: (usize, usize) = (640, 360);

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which layers were decoded.
    pub name: &'static str,
    /// Luma PSNR against the source in dB; `None` where the luma is exactly the source's.
    pub psnr: Option<f64>,
}

/// Encodes `frame` with the whole ladder, decodes it with ever more layers, and writes a PNG to `file` that shows
/// the source beside each.
pub fn draw(frame: &Frame, file: &Path) -> Result<Vec<Step>> {
    load_plugin()?;
    let mut steps = Vec::new();
    let mut tiles = vec![("source".to_owned(), frame.clone())];
    for (max_layer, name) in STEPS {
        let decoded = decoded(frame, max_layer)?;
        let psnr = (decoded.luma(0) != frame.luma(0)).then(|| frame.luma_psnr(&decoded, 0));
        let figure = psnr.map_or_else(|| "exact".to_owned(), |psnr| format!("{psnr:.1} dB"));
        tiles.push((format!("{name}: {figure}"), decoded));
        steps.push(Step { name, psnr });
    }
    write(&tiles, file)?;
    Ok(steps)
}

fn decoded(frame: &Frame, max_layer: u8) -> Result<Frame> {
    through(frame, &format!("fqlenc bitrate=0 layers=12 ! fqldec max-layer={max_layer}"))
}

/// The frame in the size of a tile, with a caption.
fn captioned(text: &str, frame: &Frame) -> Result<Frame> {
    let (width, height) = TILE;
    through(
        frame,
        &format!(
            "videoscale method=lanczos ! video/x-raw,format=I420,width={width},height={height} !
             textoverlay text=\"{text}\" valignment=bottom halignment=left shaded-background=true
               font-desc=\"Sans 18\""
        ),
    )
}

/// What some elements make of a frame.
fn through(frame: &Frame, elements: &str) -> Result<Frame> {
    let pipeline = Pipeline::play(&format!(
        "{} ! {elements} ! video/x-raw,format=I420 ! appsink name=out sync=false",
        source(frame)
    ))?;
    show(&pipeline, frame)?;
    let sample =
        pipeline.app_sink("out")?.pull_sample().map_err(|_| anyhow!("{}", pipeline.first_error()))?;
    clip::frame(&sample)
}

fn write(tiles: &[(String, Frame)], file: &Path) -> Result<()> {
    let (width, height) = (TILE.0 * COLUMNS, TILE.1 * tiles.len().div_ceil(COLUMNS));
    let mut picture = Frame::new(width, height, vec![16; width * height * 3 / 2])?;
    picture.samples[width * height..].fill(128);
    for (i, (text, frame)) in tiles.iter().enumerate() {
        picture.paste(&captioned(text, frame)?, i % COLUMNS * TILE.0, i / COLUMNS * TILE.1);
    }
    let location = file.to_str().context("the path of the picture is not text")?;
    let pipeline = Pipeline::play(&format!(
        "{} ! videoconvert ! pngenc snapshot=true ! filesink location=\"{location}\"",
        source(&picture)
    ))?;
    show(&pipeline, &picture)?;
    pipeline.wait(Duration::from_secs(30)).context("writing the picture of the layers")
}

fn source(frame: &Frame) -> String {
    let Frame { width, height, .. } = frame;
    format!(
        "appsrc name=in format=time caps=video/x-raw,format=I420,width={width},height={height},framerate=25/1"
    )
}

fn show(pipeline: &Pipeline, frame: &Frame) -> Result<()> {
    let source = pipeline.app_src("in")?;
    let mut buffer = gst::Buffer::from_slice(frame.samples.clone());
    let fields = buffer.get_mut().context("a buffer that is not ours")?;
    fields.set_pts(gst::ClockTime::ZERO);
    fields.set_duration(gst::ClockTime::from_mseconds(40));
    source.push_buffer(buffer)?;
    source.end_of_stream()?;
    Ok(())
}
