import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Poller, politeInterval } from "../poller";
import type { Problem } from "../problem";
import { useApi } from "../session";

/** What is known now, and how to ask anew. */
export interface Live<T> {
  /** The last answer; null before the first. It stays while there is a problem. */
  value: T | null;
  /** Why the last question was not answered; null where it was. */
  problem: Problem | null;
  refresh: () => void;
  /** Puts an answer that came another way in the place of the last one. */
  put: (value: T) => void;
}

/**
 * Asks every `interval` milliseconds while the page is visible. What is asked is named by `key`: another key begins
 * anew, null asks nothing.
 */
export function useLive<T>(
  key: string | null,
  interval: number,
  ask: (signal: AbortSignal) => Promise<T>,
  onAnswer?: (value: T) => void,
): Live<T> {
  const api = useApi();
  const [known, setKnown] = useState<{ key: string | null; value: T | null; problem: Problem | null }>({
    key: null, value: null, problem: null,
  });
  const poller = useRef<Poller<T> | null>(null);
  // The latest functions, without beginning anew whenever they are made anew.
  const latest = useRef({ ask, onAnswer, interval });
  latest.current = { ask, onAnswer, interval };

  useEffect(() => {
    if (key === null) return;
    const running = new Poller<T>({
      ask: (signal) => latest.current.ask(signal),
      interval: () => politeInterval(latest.current.interval, api.allowance?.limit ?? null),
      answer: (value) => {
        setKnown({ key, value, problem: null });
        latest.current.onAnswer?.(value);
      },
      problem: (problem) => setKnown((last) => ({ key, value: last.key === key ? last.value : null, problem })),
    });
    poller.current = running;
    const follow = () => (document.hidden ? running.pause() : running.resume());
    document.addEventListener("visibilitychange", follow);
    follow();
    return () => {
      document.removeEventListener("visibilitychange", follow);
      running.stop();
      poller.current = null;
    };
  }, [key, api]);

  const refresh = useCallback(() => poller.current?.refresh(), []);
  const put = useCallback((value: T) => setKnown({ key, value, problem: null }), [key]);
  const current = known.key === key ? known : { value: null, problem: null };
  return { value: current.value, problem: current.problem, refresh, put };
}
