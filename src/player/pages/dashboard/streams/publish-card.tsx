import { gstreamerLine, loginLine, pushLine, serverOf } from "../commands";
import { Copyable } from "../parts/copyable";
import type { Stream } from "../shapes";
import { StreamKey } from "./stream-key";

interface PublishCardProps {
  stream: Stream;
  keyShown: boolean;
  onKeyShown: (shown: boolean) => void;
  onChanged: (stream: Stream) => void;
}

/** Where and how a stream is published. */
export function PublishCard({ stream, keyShown, onKeyShown, onChanged }: PublishCardProps) {
  const server = serverOf(stream);
  const shownKey = keyShown ? stream.streamKey : null;
  return (
    <section class="card stack">
      <h2>Publish</h2>
      <Copyable label="Ingest address" text={stream.ingest.fql} testId="ingest-address" />
      <StreamKey stream={stream} isShown={keyShown} onShown={onKeyShown} onChanged={onChanged} />
      <Copyable label="With the command line" text={pushLine(stream)} testId="push-line" block />
      <details>
        <summary>Other ways</summary>
        <div class="stack">
          <Copyable label="Sign the command line in first" text={loginLine(server)} block />
          <Copyable
            label={shownKey ? "With GStreamer" : "With GStreamer (STREAM_KEY holds the stream key)"}
            text={gstreamerLine(stream, shownKey)}
            testId="gstreamer-line"
            block
          />
        </div>
      </details>
    </section>
  );
}
