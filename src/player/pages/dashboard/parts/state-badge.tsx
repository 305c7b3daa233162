import type { StreamState } from "../shapes";

/** What a stream does, in a word. */
export function StateBadge({ state }: { state: StreamState }) {
  // Recorded is live, too.
  const look = state === "recording" ? "live" : state;
  return (
    <span class={`state ${look}`} data-testid="state" data-state={state}>
      {state}
    </span>
  );
}
