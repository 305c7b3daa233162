import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import { Notice, ProblemNotice } from "../parts/notice";
import { lacking } from "../scopes";
import type { Stream } from "../shapes";
import { broadcast, type Broadcast } from "./broadcast";
import { capture, type Captured, type Source } from "./capture";

const SOURCES: readonly { source: Source; name: string }[] = [
  { source: "camera", name: "Camera" },
  { source: "screen", name: "Screen" },
  { source: "microphone", name: "Microphone" },
];

/** What is on air. */
interface OnAir extends Captured {
  broadcast: Broadcast;
  isLost: boolean;
}

/** Publishes from this page. Leaving it ends that. */
export function BroadcastCard({ stream }: { stream: Stream }) {
  const { current, over, start, stop } = useBroadcast(stream);
  const buttons = useRef<HTMLDivElement>(null);
  useFocusKept(buttons, current !== null);
  const hasKey = stream.streamKey !== null;
  return (
    <section class="card stack" data-testid="broadcast">
      <h2>Publish from this page</h2>
      {!hasKey && <p class="dim small">{lacking("ingest")}</p>}
      {current && <Shown media={current.media} />}
      <div class="stack" role="status" data-testid="broadcast-state">
        {current && !current.isLost && <p class="small">On air, until you stop it or leave this page.</p>}
        {current?.isLost && <Notice kind="warn">The connection was lost. Connecting again …</Notice>}
        {current?.note && <Notice kind="info">{current.note}</Notice>}
        {over && <Notice kind="warn">{over}</Notice>}
        {start.busy && <p class="small">Connecting …</p>}
      </div>
      <ProblemNotice problem={start.problem ?? stop.problem} />
      {hasKey && (
        <div class="actions" ref={buttons}>
          {current ? (
            <button type="button" class="button" disabled={stop.busy} onClick={() => void stop.run()} data-testid="broadcast-stop">
              Stop publishing
            </button>
          ) : (
            SOURCES.map(({ source, name }) => (
              <button
                key={source}
                type="button"
                class="button"
                disabled={start.busy}
                onClick={() => void start.run(source)}
                data-testid={`broadcast-${source}`}
              >
                {name}
              </button>
            ))
          )}
        </div>
      )}
      {hasKey && !current && <p class="hint">The browser asks before it gives anything.</p>}
    </section>
  );
}

/** What is on air, and why it is not any more. */
function useBroadcast(stream: Stream) {
  const [current, setCurrent] = useState<OnAir | null>(null);
  const [over, setOver] = useState<string | null>(null);
  const latest = useRef<Broadcast | null>(null);
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
      void latest.current?.end();
    };
  }, []);
  const finish = (reason: string | null) => {
    latest.current = null;
    setCurrent(null);
    setOver(reason);
  };
  const setLost = (isLost: boolean) => setCurrent((onAir) => onAir && { ...onAir, isLost });

  const start = useAction(async (source: Source) => {
    const { streamKey, playbackId } = stream;
    if (streamKey === null) return;
    setOver(null);
    const captured = await capture(source);
    const listener = { onLost: () => setLost(true), onBack: () => setLost(false), onOver: finish };
    const begun = await broadcast({ media: captured.media, streamKey, playbackId }, listener);
    // Whoever has left meanwhile does not publish.
    if (!isHere.current) return begun.end();
    latest.current = begun;
    setCurrent({ ...captured, broadcast: begun, isLost: false });
  });
  const stop = useAction(async () => {
    await current?.broadcast.end();
    finish(null);
  });
  return { current, over, start, stop };
}

/** Where the button that was pressed goes away, the first one that is there instead has the focus. */
function useFocusKept(place: { current: HTMLElement | null }, isOnAir: boolean) {
  const was = useRef(isOnAir);
  useEffect(() => {
    if (was.current === isOnAir) return;
    was.current = isOnAir;
    const focused = document.activeElement;
    if (focused === null || focused === document.body) place.current?.querySelector("button")?.focus();
  }, [isOnAir]);
}

/** What is sent, without its sound. */
function Shown({ media }: { media: MediaStream }) {
  const place = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (place.current) place.current.srcObject = media;
  }, [media]);
  if (media.getVideoTracks().length === 0) return null;
  return (
    <video ref={place} class="broadcast-picture" autoplay muted playsInline aria-label="What is sent" data-testid="broadcast-picture" />
  );
}
