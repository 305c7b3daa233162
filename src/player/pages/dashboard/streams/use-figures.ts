import { useLive } from "../hooks/use-live";
import { politeInterval } from "../poller";
import { useApi } from "../session";
import type { Stream, StreamStats } from "../shapes";

const EVERY = 3000;

/** The figures of those streams that are live, by their ids. */
export function useFigures(streams: readonly Stream[]): ReadonlyMap<string, StreamStats> {
  const api = useApi();
  const live = streams.filter(({ state }) => state === "live" || state === "recording").map(({ id }) => id);
  // Each stream is a request of its own.
  const interval = Math.max(EVERY, live.length * politeInterval(0, api.allowance?.limit ?? null));
  const figures = useLive(live.length === 0 ? null : `figures:${live.join()}`, interval, async (signal) => {
    const stats = await Promise.all(live.map((id) => api.streamStats(id, signal)));
    return new Map(live.map((id, at) => [id, stats[at]] as const).flatMap(([id, one]) => (one ? [[id, one]] : [])));
  });
  return figures.value ?? new Map();
}
