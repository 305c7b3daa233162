import type { Playable, SessionStats, SourceProgress, SourceState } from "../types";
import { now } from "./clock";

/** How often the server is asked while a viewer waits: at first, and after so many answers. */
const OFTEN_MS = 1000;
const OFTEN = 8;
const SELDOM_MS = 3000;
/** Where it is known when something changes, it is asked after that, within these bounds. */
const AFTER_MS = 500;
const LONGEST_MS = 15_000;
const STATES: ReadonlySet<unknown> = new Set<SourceState>(["idle", "connecting", "live", "retrying", "disabled"]);

/** Follows what the source of a stream does while no media comes of it, for those who wait for the first picture. */
export class SourceWatch {
  private state: SourceState | null = null;
  private retryAt: number | null = null;
  private isAsking = false;
  private asked = 0;
  private askAt = 0;

  constructor(private readonly resolve: () => Promise<Playable>) {}

  /** Takes what the server has told of the stream. */
  learn({ source }: Playable): void {
    const known = isProgress(source) ? source : null;
    const { retryInMs } = known ?? {};
    this.state = known?.state ?? null;
    this.retryAt = typeof retryInMs === "number" && Number.isFinite(retryInMs) ? now() + retryInMs : null;
    this.askAt = now() + this.pause;
  }

  /** Media comes of it. */
  isLive(): void {
    this.asked = 0;
    this.retryAt = null;
    if (this.state !== null) this.state = "live";
  }

  /** Asks anew, where it is time to. Streams without a source are not asked for. */
  follow(): void {
    if (this.state === null || this.isAsking || now() < this.askAt) return;
    this.isAsking = true;
    this.asked += 1;
    const asked = this.asked;
    this.resolve()
      // Media may have come meanwhile, which is more than the server knew when it answered.
      .then((playable) => this.asked === asked && this.learn(playable))
      // The session says what is wrong, if it goes on to be.
      .catch(() => (this.askAt = now() + LONGEST_MS))
      .finally(() => (this.isAsking = false));
  }

  private get pause(): number {
    if (this.state === "disabled") return LONGEST_MS;
    const often = this.asked < OFTEN ? OFTEN_MS : SELDOM_MS;
    if (this.retryAt === null) return often;
    return Math.min(Math.max(this.retryAt - now() + AFTER_MS, often), LONGEST_MS);
  }

  /** Whether media is on its way, as far as is known. */
  get isComing(): boolean {
    return this.state === "idle" || this.state === "connecting" || this.state === "live";
  }

  /** For people. */
  get stats(): SessionStats["source"] {
    const { state, retryAt } = this;
    if (state === null) return null;
    return { state, retryInMs: retryAt === null ? null : Math.max(0, retryAt - now()) };
  }
}

/** Also an application's own resolver tells it, or what it takes for that. */
function isProgress(source: unknown): source is SourceProgress {
  return typeof source === "object" && source !== null && "state" in source && STATES.has(source.state);
}
