import { useState } from "preact/hooks";
import type { Page } from "../shapes";
import { useLive, type Live } from "./use-live";

/** One page of a list, and the way to the others. */
export interface Pages<T> {
  list: Live<Page<T>>;
  /** Counted from 1. */
  page: number;
  onNext: (() => void) | null;
  onPrevious: (() => void) | null;
}

/**
 * A list page by page, each asked for anew while it is shown. `ask` takes the address of a page, null for the first.
 * Where `key` is null nothing is asked; another key begins at the first page.
 */
export function usePages<T>(
  key: string | null,
  interval: number,
  ask: (address: string | null, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  // Where the pages before this one begin, so that there is a way back: the API has links forward only.
  const [went, setWent] = useState<{ key: string | null; trail: string[] }>({ key, trail: [] });
  const trail = went.key === key ? went.trail : [];
  const address = trail.at(-1) ?? null;
  const list = useLive(key === null ? null : `${key} ${address ?? ""}`, interval, (signal) => ask(address, signal));
  const next = list.value?.next ?? null;
  return {
    list,
    page: trail.length + 1,
    onNext: next === null ? null : () => setWent({ key, trail: [...trail, next] }),
    onPrevious: trail.length === 0 ? null : () => setWent({ key, trail: trail.slice(0, -1) }),
  };
}
