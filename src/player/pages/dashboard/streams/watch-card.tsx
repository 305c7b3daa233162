import { elementCode, gstreamerPlayLine, iframeCode, playLine } from "../commands";
import { Copyable } from "../parts/copyable";
import type { Stream } from "../shapes";

/** Where and how a stream is watched. */
export function WatchCard({ stream }: { stream: Stream }) {
  return (
    <section class="card stack">
      <h2>Watch</h2>
      <Copyable label="Playback URL" text={stream.playback.page} testId="playback-url" href />
      <Copyable label="Playback ID" text={stream.playbackId} testId="playback-id" />
      <Copyable label="In any page, as a frame" text={iframeCode(stream)} testId="embed-code" block />
      <details>
        <summary>Other ways</summary>
        <div class="stack">
          <Copyable label="In any page, as an element" text={elementCode(stream)} testId="embed-element" block />
          <Copyable label="With the command line" text={playLine(stream)} block />
          <Copyable label="With GStreamer" text={gstreamerPlayLine(stream)} block />
          <Copyable label="FQL address" text={stream.playback.fql} />
          <Copyable label="All ways, as JSON" text={stream.playback.play} href />
        </div>
      </details>
    </section>
  );
}
