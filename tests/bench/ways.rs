//! The ways that are measured over links: ours, and H.264 over SRT.

use fql_tests::lossy_run::WIRE_KBITS;

use crate::link::{Through, Way};
use crate::loss::ACKNOWLEDGED_KEY_FRAMES;

/// How long after the first arrival a picture is shown, in milliseconds: the same for all.
pub const LATENCY: u32 = 120;

const VIEW_LAYERS: &str = "! queue ! fqldec name=decoder";

/// Ours to a receiver that acknowledges: a picture is shown when it is due.
pub fn fql() -> Way {
    layered(
        "FQL",
        &format!("{WIRE_KBITS} keyframe-interval={ACKNOWLEDGED_KEY_FRAMES}"),
        &format!("uri=udp://127.0.0.1:{{to}} passphrase=umbrella fec=adaptive max-bitrate={WIRE_KBITS}"),
        &format!("uri=udp://127.0.0.1:{{from}} passphrase=umbrella latency={LATENCY}"),
    )
}

/// Ours without a return path, with so many rows of parity for ten of media.
pub fn one_way(parity: u8) -> Way {
    let sink = format!(
        "uri=udp://127.0.0.1:{{to}} passphrase=umbrella one-way=true fec=equal:{parity} max-bitrate={WIRE_KBITS}"
    );
    let source = format!("uri=udp://127.0.0.1:{{from}} passphrase=umbrella latency={LATENCY}");
    layered("FQL, one way", &WIRE_KBITS.to_string(), &sink, &source)
}

/// Ours from a server to a viewer, with so many kbit/s of media.
pub fn behind_hub(kbits: u32) -> Way {
    let sink = "uri=udp://127.0.0.1:{to} stream-key={key}";
    let source = format!("uri=\"{{from}}\" latency={LATENCY}");
    Way { through: Through::Hub, ..layered("FQL behind a hub", &kbits.to_string(), sink, &source) }
}

/// Ours at a bitrate in kbit/s, perhaps with other properties of the encoder behind it.
fn layered(name: &'static str, bitrate: &str, sink: &str, source: &str) -> Way {
    Way {
        name,
        publish: format!("fqlenc layers=12 bitrate={bitrate} ! queue max-size-buffers=2 ! fqlfecsink {sink}"),
        view: format!("fqlsrc name=r {source} r.video_0 {VIEW_LAYERS}"),
        on_time: true,
        in_layers: true,
        through: Through::Relay,
    }
}

/// H.264 over SRT with a key picture in so many, and so many kbit/s of media. SRT itself holds every packet until it is
/// due, so the screen does not wait again.
pub fn srt(name: &'static str, key_frames: usize, kbits: u32) -> Way {
    Way {
        name,
        publish: format!(
            "x264enc tune=zerolatency speed-preset=veryfast key-int-max={key_frames} bitrate={kbits} \
               vbv-buf-capacity=200 ! video/x-h264,profile=high ! h264parse config-interval=-1 ! \
             mpegtsmux alignment=7 ! queue ! srtsink uri=srt://127.0.0.1:{{to}}?mode=caller latency={LATENCY} \
               passphrase=umbrella-umbrella pbkeylen=16 sync=false"
        ),
        view: format!(
            "srtsrc uri=srt://127.0.0.1:{{from}}?mode=listener latency={LATENCY} passphrase=umbrella-umbrella \
               pbkeylen=16 ! tsdemux latency=0 ! h264parse ! avdec_h264 name=decoder max-threads=1 ! videoconvert"
        ),
        on_time: false,
        in_layers: false,
        through: Through::Relay,
    }
}
