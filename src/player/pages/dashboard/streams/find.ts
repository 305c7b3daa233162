/** Looking for streams in a list that the daemon gives in parts. */
import type { Page, Stream, StreamState } from "../shapes";

/** The most streams that are looked through. */
export const MOST_LOOKED_THROUGH = 2000;

/** Which streams are shown. */
export interface Filter {
  /** Part of the name, the description, the id or the playback ID. */
  text: string;
  state: StreamState | "all";
}

/** What was found, and whether everything was looked through. */
export interface Found {
  streams: Stream[];
  isComplete: boolean;
}

/** Whether the filter needs to look at all streams: the daemon's own list knows only archived ones from the others. */
export function needsSearch(filter: Filter): boolean {
  return filter.text.trim() !== "" || (filter.state !== "all" && filter.state !== "archived");
}

/** Whether a stream is one that the filter asks for. */
export function matches(stream: Stream, filter: Filter): boolean {
  if (filter.state !== "all" && stream.state !== filter.state) return false;
  const text = filter.text.trim().toLowerCase();
  return [stream.name, stream.description, stream.id, stream.playbackId].some((part) => part.toLowerCase().includes(text));
}

/** Follows the list to its end, or to the most that is looked through, and keeps what matches. */
export async function find(
  first: () => Promise<Page<Stream>>,
  next: (address: string) => Promise<Page<Stream>>,
  filter: Filter,
): Promise<Found> {
  const streams: Stream[] = [];
  let looked = 0;
  let page = await first();
  for (;;) {
    looked += page.items.length;
    streams.push(...page.items.filter((stream) => matches(stream, filter)));
    if (page.next === null) return { streams, isComplete: true };
    if (looked >= MOST_LOOKED_THROUGH) return { streams, isComplete: false };
    page = await next(page.next);
  }
}
