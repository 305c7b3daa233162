/** @jsxImportSource preact */
import { useEffect, useState } from "preact/hooks";
import type { Playable, PlayerState, SourceState } from "../../web";
import { SHORTCUTS } from "../../web/element/keys";
import { Copyable } from "../shared/copy";
import { Mark } from "../shared/mark";
import { LivePlayer } from "./player";
import { elsewhere, sharing, type Snippet } from "./snippets";

interface Props {
  playbackId: string;
  origin: string;
  query: string;
}

export function WatchPage({ playbackId, origin, query }: Props) {
  const [state, setState] = useState<PlayerState>("idle");
  const [source, setSource] = useState<SourceState | null>(null);
  // A source that is tried again is not nobody who publishes.
  const shown = state === "offline" && source === "retrying" ? "retrying" : state;
  const playable = usePlayable(playbackId, state);
  const name = playable?.name ?? "";
  useEffect(() => {
    if (name !== "") document.title = `${name} · The Stream`;
  }, [name]);
  return (
    <>
      <header class="head">
        <Mark />
        <span>The Stream</span>
      </header>
      <main class="watch">
        <LivePlayer playbackId={playbackId} query={query} onState={setState} onSource={setSource} />
        <div class="title">
          <h1 data-testid="stream-name">{name || "Live stream"}</h1>
          <span class={`state ${shown}`}>{WORDS[shown]}</span>
        </div>
        {playbackId !== "" && (
          <div class="columns">
            <Section title="Share and embed" snippets={sharing(origin, playbackId)} />
            <div class="column">
              {playable && <Section title="Watch elsewhere" snippets={elsewhere(playable)} />}
              <Keys />
            </div>
          </div>
        )}
      </main>
    </>
  );
}

const WORDS: Record<PlayerState | "retrying", string> = {
  idle: "Not playing",
  connecting: "Connecting",
  live: "Live",
  offline: "Offline",
  paused: "Paused",
  reconnecting: "Reconnecting",
  retrying: "Waiting for its source",
  stopped: "Stopped",
  failed: "Not available",
};

/** What the server tells of the stream; asked again when it goes live, as its name and addresses may be others then. */
function usePlayable(playbackId: string, state: PlayerState): Playable | null {
  const [playable, setPlayable] = useState<Playable | null>(null);
  const isLive = state === "live";
  useEffect(() => {
    if (playbackId === "") return;
    const asking = new AbortController();
    fetch(`/play/${playbackId}`, { signal: asking.signal })
      .then(async (answer) => answer.ok && setPlayable((await answer.json()) as Playable))
      // The player says what is wrong; this page is complete without a name.
      .catch(() => undefined);
    return () => asking.abort();
  }, [playbackId, isLive]);
  return playable;
}

function Section({ title, snippets }: { title: string; snippets: Snippet[] }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {snippets.map(({ name, help, text }) => (
        <div class="snippet" key={name}>
          <h3>{name}</h3>
          <p class="dim small">{help}</p>
          <Copyable name={name} text={text} />
        </div>
      ))}
    </section>
  );
}

function Keys() {
  return (
    <section class="card">
      <h2>Keys</h2>
      <dl class="keys">
        {SHORTCUTS.map(({ label, help }) => (
          <div key={label}>
            <dt>
              <kbd>{label}</kbd>
            </dt>
            <dd>{help}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
