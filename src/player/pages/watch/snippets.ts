/** What the page of a stream offers to copy: addresses, code to embed, commands to watch elsewhere. */
import type { Playable } from "../../web";

/** Something to copy. */
export interface Snippet {
  name: string;
  /** One sentence on what it is for. */
  help: string;
  text: string;
}

/** To share and embed a stream of the daemon at `origin`. */
export function sharing(origin: string, playbackId: string): Snippet[] {
  return [
    { name: "Playback URL", help: "This page.", text: `${origin}/v/${playbackId}` },
    {
      name: "Frame",
      help: "For any page: the player in a frame of its own.",
      text:
        `<iframe src="${origin}/embed/${playbackId}" title="Live stream" width="640" height="360"\n` +
        `  allow="autoplay; fullscreen" allowfullscreen></iframe>`,
    },
    {
      name: "Web component",
      help: "For pages that talk to the player: attributes, methods and events.",
      text:
        `<script type="module" src="${origin}/player.js"></script>\n` +
        `<stream-player playback-id="${playbackId}" server="${origin}"></stream-player>`,
    },
  ];
}

/** To watch outside of a browser. What the server does not offer is left out. */
export function elsewhere(playable: Playable): Snippet[] {
  const command = { name: "Command line", help: "Opens a window, or records with --output.", text: `stream play ${playable.playbackId}` };
  const uri = playable.sources.find((source) => source.protocol === "fql")?.uri;
  if (!uri) return [command];
  const pipeline = { name: "GStreamer", help: "With the plugins of The Stream.", text: `gst-launch-1.0 playbin3 uri=${quoteForShell(uri)}` };
  return [command, pipeline];
}

/** A text as one word of a shell, whatever is in it. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
