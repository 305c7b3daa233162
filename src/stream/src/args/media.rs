//! Arguments of `stream push` and `stream play`.

use std::path::PathBuf;

use clap::Args;

pub const PUSH_EXAMPLES: &str = "\
Examples:
  stream push my-first-stream --input my-video.mp4
  stream push my-first-stream --input my-video.mp4 --loop
  stream push my-first-stream --input device://video0 --bitrate 2000
  stream push my-first-stream --input device://             list the devices of this machine
  stream push my-first-stream --input rtsp://camera.local/live
  stream push my-first-stream --input test://                colour bars and a tone
  ffmpeg -i anything -f matroska - | stream push my-first-stream --input -
  stream push my-first-stream --input device://video0 --input measurements.csv

Inputs: a file that GStreamer plays; any other file, which is sent as a data track;
device://NAME; rtsp://, http://, https:// and other addresses that GStreamer plays;
test:// (test://video and test://audio for one of the two); - for standard input.

Ctrl-C ends the stream cleanly, a second one at once.";

pub const PLAY_EXAMPLES: &str = "\
Examples:
  stream play my-first-stream
  stream play my-first-stream --max-layer 3
  stream play my-first-stream --output recording.mkv --duration 60
  stream play 7r3kd2m5qxvnh4ta --output pictures.y4m

Files by their extension:
  .mkv   video as H.264, sound as FLAC; tracks that come encoded as they are
  .y4m   the decoded pictures, bit for bit as they were decoded, without sound
  .wav   the decoded sound, without pictures

Watching needs no API key where the stream is named by its playback ID.";

/// Arguments of `stream push`.
#[derive(Debug, Args)]
pub struct Push {
    /// The stream's name or id
    pub name: String,
    /// What to send; several times for several sources
    #[arg(long = "input", short, required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// The video's rate in kbit/s, parity and headers not counted; 0 sends all layers, lossless
    #[arg(long, value_name = "KBIT/S")]
    pub bitrate: Option<u32>,
    /// Most frames from one key frame, at which viewers join, to the next; those of a second by default
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    pub keyframe_interval: Option<u32>,
    /// The sound's rate in kbit/s
    #[arg(long, value_name = "KBIT/S")]
    pub audio_bitrate: Option<u32>,
    /// Bound of everything that is sent, in kbit/s
    #[arg(long, value_name = "KBIT/S")]
    pub max_bitrate: Option<u32>,
    /// Start again at the end of a file, without a gap
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Send the inputs as data, even those that GStreamer plays
    #[arg(long)]
    pub data: bool,
}

/// Arguments of `stream play`.
#[derive(Debug, Args)]
pub struct Play {
    /// The stream's name, id or playback ID
    pub name: String,
    /// Write to this file instead of opening a window: .mkv, .y4m or .wav
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the stream's data track to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub data_output: Option<PathBuf>,
    /// Decode at most this layer, 0 to 14
    #[arg(long, value_name = "LAYER", value_parser = clap::value_parser!(u8).range(0..=14))]
    pub max_layer: Option<u8>,
    /// End after so many seconds of media
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub duration: Option<u64>,
    /// Time for reordering and repair, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub latency: Option<u32>,
}
