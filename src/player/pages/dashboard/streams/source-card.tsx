import { useEffect, useState } from "preact/hooks";
import { milliseconds } from "../format";
import { useClock } from "../hooks/use-clock";
import { useLive } from "../hooks/use-live";
import { Loading } from "../parts/loading";
import { ProblemNotice } from "../parts/notice";
import { StateBadge } from "../parts/state-badge";
import { Time } from "../parts/time";
import { useApi } from "../session";
import type { SourceEvent, SourceStatus, Stream } from "../shapes";
import { eventText, statusText } from "./source";

/** Events come when the status changes; this is for those that were on their way then. */
const EVENTS_EVERY = 5000;
/** So many are shown unasked. */
const FEW = 5;

interface SourceCardProps {
  stream: Stream;
  status: SourceStatus;
}

/** Where a pulled stream comes from, what its source does, and what became of the latest attempts to open it. */
export function SourceCard({ stream, status }: SourceCardProps) {
  const now = useClock(1000);
  return (
    <section class="card stack" data-testid="source">
      <div class="split">
        <h2>Source</h2>
        <StateBadge state={status.state} testId="source-state" />
      </div>
      <p class="small" data-testid="source-status">
        {statusText(status, now)}
      </p>
      <dl class="facts">
        <dt>Address</dt>
        <dd>
          <code data-testid="source-address">{stream.source}</code>
        </dd>
        <dt>Open</dt>
        <dd>{stream.always ? "always" : "while somebody watches"}</dd>
      </dl>
      <Events id={stream.id} status={status} />
    </section>
  );
}

function Events({ id, status }: { id: string; status: SourceStatus }) {
  const api = useApi();
  const [showsAll, setShowsAll] = useState(false);
  const events = useLive(`source:${id}`, EVENTS_EVERY, (signal) => api.sourceEvents(id, signal));
  useEffect(() => events.refresh(), [status.state, status.since, events.refresh]);
  const all = events.value ?? [];
  return (
    <>
      <h3>Latest attempts</h3>
      <ProblemNotice problem={events.problem} onRetry={events.refresh} />
      {!events.value && !events.problem && <Loading what="the attempts" />}
      {events.value && all.length === 0 && <p class="dim small">None yet.</p>}
      {all.length > 0 && (
        <ul class="attempts" data-testid="source-events">
          {(showsAll ? all : all.slice(0, FEW)).map((event) => (
            <Event key={`${event.at} ${event.outcome}`} event={event} />
          ))}
        </ul>
      )}
      {all.length > FEW && (
        <button type="button" class="link" onClick={() => setShowsAll(!showsAll)} data-testid="source-events-all">
          {showsAll ? "Only the latest" : `All ${all.length}`}
        </button>
      )}
    </>
  );
}

const LOOKS: Record<SourceEvent["outcome"], string> = { live: "live", failed: "failed", ended: "" };

function Event({ event }: { event: SourceEvent }) {
  const { at, outcome, reason, address, tookMs } = event;
  return (
    <li data-testid="source-event" data-outcome={outcome} data-reason={reason ?? ""}>
      <span class={`state ${LOOKS[outcome]}`}>{outcome}</span>
      <div>
        <p>{eventText(event)}</p>
        <p class="dim small">
          <Time at={at} /> · {outcome === "ended" ? "open for" : "after"} {milliseconds(tookMs)}
          {address !== null && (
            <>
              {" "}
              · <code>{address}</code>
            </>
          )}
        </p>
      </div>
    </li>
  );
}
