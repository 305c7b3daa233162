import { usePages, type Pages } from "../hooks/use-pages";
import { useApi } from "../session";
import type { Page, Stream } from "../shapes";
import { find, needsSearch, type Filter } from "./find";

const PAGE_SIZE = 20;
const PAGE_EVERY = 5000;
/** Looking through everything takes many requests. */
const SEARCH_EVERY = 20_000;

/** Streams to show. */
export type Listing = Page<Stream> & {
  /** Whether everything was looked through; it is, unless there are very many. */
  isComplete?: boolean;
};

/** The streams that the filter asks for: page by page, or, where the daemon cannot filter, all of them at once. */
export function useListing(filter: Filter, mayRead: boolean): Pages<Stream> & { isComplete: boolean } {
  const api = useApi();
  const archived = filter.state === "archived";
  const isSearch = needsSearch(filter);
  const question = isSearch ? `${filter.state}:${filter.text.trim()}` : archived ? "archived" : "all";
  const pages = usePages<Stream>(
    mayRead ? `streams ${question}` : null,
    isSearch ? SEARCH_EVERY : PAGE_EVERY,
    async (address, signal): Promise<Listing> => {
      const part = (address: string) => api.page<Stream>(address, signal);
      if (!isSearch) return address === null ? api.streams({ archived, limit: PAGE_SIZE }, signal) : part(address);
      const found = await find(() => api.streams({ archived, limit: 100 }, signal), part, filter);
      return { items: found.streams, next: null, isComplete: found.isComplete };
    },
  );
  const listing: Listing | null = pages.list.value;
  return { ...pages, isComplete: listing?.isComplete ?? true };
}
