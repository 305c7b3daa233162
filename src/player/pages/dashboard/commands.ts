/** Lines to paste: into a terminal, or into a page. */
import type { Stream } from "./shapes";

/** The daemon's address as others reach it. */
export function serverOf(stream: Pick<Stream, "playback">): string {
  return new URL(stream.playback.page).origin;
}

/** Signs the command line in; it asks for the API key. */
export function loginLine(server: string): string {
  return `stream login --api-url ${server}`;
}

/** Pushes a file again and again. */
export function pushLine(stream: Pick<Stream, "name">): string {
  return `stream push ${stream.name} --input my-video.mp4 --loop`;
}

/** Watches it. */
export function playLine(stream: Pick<Stream, "playbackId">): string {
  return `stream play ${stream.playbackId}`;
}

/** Publishes a test picture by GStreamer; with the stream key in it only where that is shown anyway. */
export function gstreamerLine(stream: Pick<Stream, "playback">, streamKey: string | null): string {
  const key = streamKey ?? "$STREAM_KEY";
  return `gst-launch-1.0 videotestsrc is-live=true ! streamapisink api-url=${serverOf(stream)} stream-key=${key}`;
}

/** Watches it by GStreamer. */
export function gstreamerPlayLine(stream: Pick<Stream, "playback">): string {
  return `gst-launch-1.0 playbin3 uri="${stream.playback.fql}"`;
}

/** The player as a frame in any page. */
export function iframeCode(stream: Pick<Stream, "playback" | "playbackId" | "name">): string {
  return `<iframe src="${serverOf(stream)}/embed/${stream.playbackId}" title="${stream.name}"\n` +
    `  width="640" height="360" allow="autoplay; fullscreen" allowfullscreen></iframe>`;
}

/** The player as an element of any page. */
export function elementCode(stream: Pick<Stream, "playback" | "playbackId">): string {
  const server = serverOf(stream);
  return `<script type="module" src="${server}/player.js"></script>\n` +
    `<stream-player playback-id="${stream.playbackId}" server="${server}" autoplay muted></stream-player>`;
}
