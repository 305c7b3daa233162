import { built, Program } from "./programs.js";

/** @typedef {import("./daemon.js").Daemon} Daemon */

/**
 * `stream push`: publishes a file in a loop, or whatever the input is.
 *
 * @param {Daemon} daemon
 * @param {string} stream
 * @param {string[]} parameters such as `--input` and what to push
 */
export function push(daemon, stream, parameters) {
  return new Program(`stream push ${stream}`, built("stream"), ["push", stream, ...parameters], daemon.environment);
}

/**
 * An encoder of its own, as hardware is one: it knows the ingest address and the stream key, and no API.
 *
 * @param {string} file with H.264 and sound
 * @param {string} address as `udp://127.0.0.1:4242/my-stream`
 * @param {string} key the stream key
 * @param {number} bitrate of the video in layers, kbit/s
 */
export function encoder(file, address, key, bitrate) {
  return launch("encoder", [
    ...["filesrc", `location=${file}`, "!", "matroskademux", "name=file"],
    ...["fqlfecsink", "name=out", `uri=${address}`, `stream-key=${key}`],
    ...["file.video_0", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!", "videoconvert", "!", "fqlenc", `bitrate=${bitrate}`, "!", "queue", "!", "out.sink_0"],
    ...["file.audio_0", "!", "queue", "!", "flacparse", "!", "flacdec", "!", "audioconvert", "!", "audioresample", "!", "fqlenc", "bitrate=160", "!", "queue", "!", "out.sink_1"],
  ]);
}

/**
 * Publishes a test picture and a tone as H.264 and Opus or AAC: encoded media, without layers of precision.
 *
 * @param {Daemon} daemon
 * @param {string} key the stream key
 * @param {"opus" | "aac"} sound
 */
export function encodedMedia(daemon, key, sound) {
  const audio = sound === "opus" ? ["opusenc", "!", "opusparse"] : ["avenc_aac", "!", "aacparse"];
  return launch(`H.264 and ${sound}`, [
    ...["streamapisink", "name=out", `api-url=${daemon.url}`, `stream-key=${key}`],
    ...["videotestsrc", "is-live=true", "!", "video/x-raw,width=640,height=360,framerate=25/1", "!", "videoconvert", "!"],
    ...["x264enc", "tune=zerolatency", "speed-preset=ultrafast", "bitrate=800", "key-int-max=25", "vbv-buf-capacity=100", "!"],
    ...["h264parse", "config-interval=-1", "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!", "out.sink_0"],
    ...["audiotestsrc", "is-live=true", "!", "audio/x-raw,rate=48000,channels=2", "!", "audioconvert", "!", ...audio, "!", "out.sink_1"],
  ]);
}

/** @param {string} name @param {string[]} description as gst-launch takes it */
function launch(name, description) {
  return new Program(name, "gst-launch-1.0", ["-e", ...description]);
}
