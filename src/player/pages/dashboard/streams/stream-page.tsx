import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { duration } from "../format";
import { useLive } from "../hooks/use-live";
import { Loading } from "../parts/loading";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { StateBadge } from "../parts/state-badge";
import type { Problem } from "../problem";
import { hrefOf } from "../router";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Stream, StreamState } from "../shapes";
import { BroadcastCard } from "./broadcast-card";
import { Charts } from "./charts";
import { Figures } from "./figures";
import { Preview } from "./preview";
import { PublishCard } from "./publish-card";
import { PublisherCard } from "./publisher-card";
import { SourceCard } from "./source-card";
import { stateWord } from "./source";
import { Settings } from "./settings";
import { StreamActions } from "./stream-actions";
import { Tracks } from "./tracks";
import { useHistory } from "./use-history";
import { WatchCard } from "./watch-card";

/** What of a stream does not change by itself is asked for rarely. */
const STREAM_EVERY = 10_000;

/** A stream's page. */
export function StreamPage({ id }: { id: string }) {
  const api = useApi();
  const mayRead = useMay("streams:read");
  const stream = useLive(mayRead ? `stream:${id}` : null, STREAM_EVERY, (signal) => api.stream(id, signal));
  const back = (
    <a class="back" href={hrefOf({ page: "streams" })}>
      ← Streams
    </a>
  );
  if (stream.value) {
    return <Known stream={stream.value} problem={stream.problem} back={back} onChanged={stream.put} />;
  }
  return (
    <Page title="Stream" above={back} key="waiting">
      {!mayRead && <Notice kind="info">{lacking("streams:read")}</Notice>}
      <ProblemNotice problem={stream.problem} onRetry={stream.refresh} />
      {mayRead && !stream.problem && <Loading what="the stream" />}
    </Page>
  );
}

/** Whether its media goes to viewers. */
function isOn(state: StreamState): boolean {
  return state === "live" || state === "recording";
}

/** Whether who looks at the page would have the source opened: they are asked first. */
function opensSource(stream: Stream): boolean {
  return stream.type === "pull" && stream.always === false;
}

interface KnownProps {
  stream: Stream;
  problem: Problem | null;
  back: ComponentChildren;
  onChanged: (stream: Stream) => void;
}

function Known({ stream, problem, back, onChanged }: KnownProps) {
  const { stats, history } = useHistory(stream.id);
  const [streamKeyShown, setStreamKeyShown] = useState(false);
  const state = stats.value?.state ?? stream.state;
  const source = stats.value?.sourceStatus ?? stream.sourceStatus;
  const isArchived = stream.archivedAt !== null;
  const current = { ...stream, state };
  return (
    <Page
      key="known"
      title={stream.name}
      above={back}
      aside={
        <>
          <StateBadge state={stateWord(stats.value ?? stream)} />
          {stats.value && isOn(state) && (
            <span class="dim small" data-testid="uptime">
              for {duration(stats.value.uptimeSeconds)}
            </span>
          )}
        </>
      }
      actions={!isArchived && <StreamActions stream={current} onChanged={onChanged} onDone={stats.refresh} />}
    >
      {stream.description && <p class="dim description">{stream.description}</p>}
      <ProblemNotice problem={problem ?? stats.problem} />
      {isArchived && (
        <Notice kind="info">This stream is archived: its stream key is erased, and its name is free for another.</Notice>
      )}
      {!isArchived && (
        <div class="stream-top">
          <div class="stack">
            <Preview playbackId={stream.playbackId} isQuiet={opensSource(stream)} />
            <Figures stats={stats.value} />
            <Tracks stream={stream} stats={stats.value} />
          </div>
          <div class="stack">
            {source ? (
              <SourceCard stream={stream} status={source} />
            ) : (
              <>
                <PublishCard
                  stream={stream}
                  keyShown={streamKeyShown}
                  onKeyShown={setStreamKeyShown}
                  onChanged={onChanged}
                />
                <BroadcastCard stream={stream} />
              </>
            )}
            <WatchCard stream={stream} />
          </div>
        </div>
      )}
      {!isArchived && <Charts history={history} />}
      <div class="columns">
        {stats.value?.publisher && <PublisherCard publisher={stats.value.publisher} stats={stats.value} />}
        <Settings stream={stream} />
      </div>
    </Page>
  );
}
