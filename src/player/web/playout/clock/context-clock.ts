// Which sample of an AudioContext is heard at which moment.

const BUCKET_MS = 250;
const BUCKETS = 8;
/** A context that is off by more than this stood still, or woke up. */
const STEP_MS = 100;

/**
 * Follows the clock of an AudioContext on the page's clock. The context's time goes in steps, a buffer of the sound
 * card at a time, so a reading is early by anything up to a step: the most advanced readings of the last two seconds
 * are the true ones. Two seconds of drift between the clocks are far below what anybody hears.
 */
export class ContextClock {
  /** Most advanced reading of each quarter of a second: milliseconds of the context's time less those of the page's. */
  private buckets: { at: number; offset: number }[] = [];
  private offset: number | null = null;

  /** Takes a reading: the page's clock in ms and the context's in ms of what is heard. */
  sample(wallMs: number, contextMs: number): void {
    const offset = contextMs - wallMs;
    if (this.offset !== null && Math.abs(offset - this.offset) > STEP_MS) this.reset();
    const at = Math.floor(wallMs / BUCKET_MS);
    const last = this.buckets.at(-1);
    if (last && last.at === at) last.offset = Math.max(last.offset, offset);
    else this.buckets.push({ at, offset });
    while ((this.buckets[0]?.at ?? at) <= at - BUCKETS) this.buckets.shift();
    this.offset = Math.max(...this.buckets.map((bucket) => bucket.offset));
  }

  /** Forgets everything: the context was suspended or has woken up. */
  reset(): void {
    this.buckets = [];
    this.offset = null;
  }

  /** Whether a reading was taken. */
  get isKnown(): boolean {
    return this.offset !== null;
  }

  /** The context's time, in ms, of what is heard at this moment of the page's clock. */
  contextAt(wallMs: number): number {
    return wallMs + (this.offset ?? 0);
  }
}
