import { useState } from "preact/hooks";
import { useLive, type Live } from "../hooks/use-live";
import { useApi, useMay } from "../session";
import type { StreamStats } from "../shapes";
import { withSample, type Sample } from "./history";

const EVERY = 1000;

/** What a stream does now, once a second, and what it did in the last minutes. */
export function useHistory(id: string): { stats: Live<StreamStats>; history: readonly Sample[] } {
  const api = useApi();
  const mayRead = useMay("streams:read");
  const [history, setHistory] = useState<readonly Sample[]>([]);
  const stats = useLive(
    mayRead ? `stats:${id}` : null,
    EVERY,
    (signal) => api.streamStats(id, signal),
    (stats) => setHistory((samples) => withSample(samples, { at: Date.now() / 1000, stats })),
  );
  return { stats, history };
}
