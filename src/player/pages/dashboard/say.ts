/** Short news: shown for a moment, and read out by screen readers. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** Tells the person something. */
export type Say = (text: string) => void;

/** What `News` provides. */
export const SayContext = createContext<Say>(() => {});

/** To tell the person something, as in `Copied`. */
export function useSay(): Say {
  return useContext(SayContext);
}
