import type { SourceState, StreamState } from "../shapes";

/** What a stream or its source does, in a word. */
export function StateBadge({ state, testId = "state" }: { state: StreamState | SourceState; testId?: string }) {
  // Recorded is live, too.
  const look = state === "recording" ? "live" : state;
  return (
    <span class={`state ${look}`} data-testid={testId} data-state={state}>
      {state}
    </span>
  );
}
