// The figures of a player before anything came.
import { NO_LOAD, NO_STATS } from "../session/no-stats";
import type { SessionStats } from "../types";

/** Nothing came yet. */
export function noSessionStats(): SessionStats {
  return { ...NO_STATS, ...NO_LOAD, transport: null, source: null };
}
