/** Asks again and again, as long as somebody looks. */
import { asProblem, type Problem } from "./problem";

/** The longest wait after failures in a row, in milliseconds. */
const LONGEST_WAIT = 15_000;
/** The longest that a daemon can ask for: browsers take timers of many days for ones of none. */
const LONGEST_ASKED_FOR = 3_600_000;
/** Of the requests that an API key may make, polling takes at most this share. */
const SHARE_OF_ALLOWANCE = 0.5;

/** What is asked, how often, and who is told. */
export interface PollerOptions<T> {
  /** The question. It is not asked again before its answer. */
  ask: (signal: AbortSignal) => Promise<T>;
  /** Milliseconds from one question to the next, as things stand. */
  interval: () => number;
  answer: (value: T) => void;
  problem: (problem: Problem) => void;
}

/** One poller: `start`, then `pause` and `resume` with the page's visibility, and `stop` at the end. */
export class Poller<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | null = null;
  private failures = 0;
  private state: "running" | "paused" | "stopped" = "paused";

  constructor(private readonly options: PollerOptions<T>) {}

  /** Asks now, and from now on. */
  resume(): void {
    if (this.state !== "paused") return;
    this.state = "running";
    void this.ask();
  }

  /** Does not ask until `resume`. */
  pause(): void {
    if (this.state !== "running") return;
    this.state = "paused";
    this.drop();
  }

  /** Asks now, in place of what is under way or waits. */
  refresh(): void {
    if (this.state !== "running") return;
    this.drop();
    void this.ask();
  }

  /** For good. */
  stop(): void {
    this.state = "stopped";
    this.drop();
  }

  private drop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  private async ask(): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    const began = Date.now();
    let wait: number;
    try {
      const value = await this.options.ask(asking.signal);
      if (asking.signal.aborted) return;
      this.failures = 0;
      this.options.answer(value);
      wait = this.options.interval() - (Date.now() - began);
    } catch (error) {
      if (asking.signal.aborted) return;
      const problem = asProblem(error);
      this.options.problem(problem);
      wait = this.waitAfter(problem);
    }
    // What was told may have stopped this.
    if (asking.signal.aborted) return;
    this.timer = setTimeout(() => void this.ask(), Math.max(wait, 50));
  }

  private waitAfter(problem: Problem): number {
    this.failures += 1;
    const backoff = Math.min(1000 * 2 ** Math.min(this.failures - 1, 10), LONGEST_WAIT);
    return Math.max(this.options.interval(), backoff, Math.min((problem.retryAfter ?? 0) * 1000, LONGEST_ASKED_FOR));
  }
}

/** The interval asked for, or longer where the API key may not ask so often; `limit` is in requests a minute. */
export function politeInterval(asked: number, limit: number | null): number {
  return limit === null ? asked : Math.max(asked, 60_000 / (limit * SHARE_OF_ALLOWANCE));
}
