import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../problem";

/** Something that is done on demand, once at a time. */
export interface Action<A extends unknown[]> {
  run: (...given: A) => Promise<void>;
  busy: boolean;
  /** Why it failed the last time. */
  problem: Problem | null;
}

/** Keeps account of `act`: whether it is under way, and why it failed. */
export function useAction<A extends unknown[]>(act: (...given: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const latest = useRef(act);
  latest.current = act;
  const underWay = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);

  const run = useCallback(async (...given: A) => {
    if (underWay.current) return;
    underWay.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await latest.current(...given);
    } catch (error) {
      if (mounted.current) setProblem(asProblem(error));
    } finally {
      underWay.current = false;
      if (mounted.current) setBusy(false);
    }
  }, []);
  return { run, busy, problem };
}
