const FIRST_MS = 250;
const LAST_MS = 5000;
/** A session that lived so long was a good one. */
const GOOD_MS = 10_000;

/** The pauses before new attempts: none at first, then growing ones while they end soon, so that a crowd spreads out. */
export class Backoff {
  private next = 0;

  constructor(private readonly random: () => number = Math.random) {}

  /** The pause before the next attempt, after one that lived this long. */
  after(livedMs: number): number {
    if (livedMs >= GOOD_MS) {
      this.next = 0;
    }
    const pause = this.next * (0.75 + 0.5 * this.random());
    this.next = Math.min(Math.max(2 * this.next, FIRST_MS), LAST_MS);
    return pause;
  }
}
