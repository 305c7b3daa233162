import { useState } from "preact/hooks";
import { Confirm } from "../parts/confirm";
import { Copy } from "../parts/copy";
import { useSay } from "../say";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Stream } from "../shapes";

interface StreamKeyProps {
  stream: Stream;
  isShown: boolean;
  onShown: (shown: boolean) => void;
  onChanged: (stream: Stream) => void;
}

const HIDDEN = "sk_••••••••••••••••";

/** The stream's secret: hidden until somebody asks, to be copied, and to be made anew. */
export function StreamKey({ stream, isShown, onShown, onChanged }: StreamKeyProps) {
  const mayRotate = useMay("streams:write");
  const [isRotating, setRotating] = useState(false);
  const key = stream.streamKey;
  return (
    <div class="copyable">
      <span class="copyable-label">Stream key</span>
      {key === null ? (
        <p class="dim small">{lacking("ingest")}</p>
      ) : (
        <div class="copyable-row">
          <code data-testid="stream-key" data-shown={isShown}>
            {isShown ? key : <span aria-label="hidden">{HIDDEN}</span>}
          </code>
          <button
            type="button"
            class="button copy"
            aria-pressed={isShown}
            onClick={() => onShown(!isShown)}
            data-testid="show-stream-key"
          >
            {isShown ? "Hide" : "Show"}
          </button>
          <Copy text={key} what="Stream key" />
        </div>
      )}
      <p class="hint">
        Whoever has it can publish.{" "}
        {mayRotate && (
          <button type="button" class="link" onClick={() => setRotating(true)} data-testid="rotate-stream-key">
            Make a new one
          </button>
        )}
      </p>
      {isRotating && <RotateDialog stream={stream} onChanged={onChanged} onClose={() => setRotating(false)} />}
    </div>
  );
}

function RotateDialog({ stream, onChanged, onClose }: Pick<StreamKeyProps, "stream" | "onChanged"> & { onClose: () => void }) {
  const api = useApi();
  const say = useSay();
  return (
    <Confirm
      title="Make a new stream key?"
      action="Make a new stream key"
      testId="confirm-rotate"
      onClose={onClose}
      onConfirm={async () => {
        onChanged(await api.rotateStreamKey(stream.id));
        say("The stream has a new key");
      }}
    >
      <p>
        The key of now is refused at once, and a session that it opened ends: whoever publishes {stream.name} needs the
        new one.
      </p>
    </Confirm>
  );
}
