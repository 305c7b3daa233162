// How much later than its due time media is presented.

/** Enough for decoding, for the sound's way to the sound card and for a page that is busy for a moment. */
export const PLAYOUT_MS = 100;
/** Media that comes later than this is left out: it would only push the picture further behind. */
const MAX_EXTRA_MS = 500;
/** Media that is late once is a page that was busy; in so many of the last slots, it is how things are. */
const SLOT_MS = 250;
const SLOTS = 8;
const LATE_SLOTS = 3;
/** What stays in reserve when the delay is changed. */
const RESERVE_MS = 20;
/** How often what was added is taken back, and how much of it at once: the sound's speed can follow that. */
const RETURN_MS = 2500;
const RETURN_STEP_MS = 20;
/** With more to spare than this all is taken back at once: one jump is better than half a minute behind. */
const JUMP_MS = 250;
/** While media begins much is late that says nothing of what comes after it. */
const START_MS = 1500;

/**
 * The time between due and presented: a constant, and more while media keeps coming too late for it, so that a slow
 * machine plays late and not with holes. What was added is taken back slowly when it is not needed any more.
 */
export class Delay {
  private extra = 0;
  /** The slots of the last seconds in which media was late, and by how much at most. */
  private late: { slot: number; by: number }[] = [];
  private least = Infinity;
  private returnsAt: number | null = null;
  private began: number | null = null;

  /** In ms. */
  get total(): number {
    return PLAYOUT_MS + this.extra;
  }

  /** Whether media that comes with so many ms to spare (negative: too late) can be waited for. */
  covers(slack: number): boolean {
    return this.extra - slack <= MAX_EXTRA_MS;
  }

  /** Notes that media came with so many ms to spare before it had to be handed on; negative where it was too late. */
  observe(slack: number, now: number): void {
    this.began ??= now;
    if (slack < 0 && now >= this.began + START_MS) this.noteLate(-slack, Math.floor(now / SLOT_MS));
    this.least = Math.min(this.least, slack);
    this.returnsAt ??= now + RETURN_MS;
    if (now < this.returnsAt) return;
    const spare = Math.max(0, this.least - RESERVE_MS);
    this.extra = Math.max(0, this.extra - (spare > JUMP_MS ? spare : Math.min(spare, RETURN_STEP_MS)));
    this.returnsAt = now + RETURN_MS;
    this.least = Infinity;
  }

  /** Back to the constant. */
  reset(): void {
    this.extra = 0;
    this.late = [];
    this.least = Infinity;
    this.returnsAt = null;
    this.began = null;
  }

  private noteLate(by: number, slot: number): void {
    this.late = this.late.filter((entry) => entry.slot > slot - SLOTS);
    const last = this.late.at(-1);
    if (last?.slot === slot) last.by = Math.max(last.by, by);
    else this.late.push({ slot, by });
    if (this.late.length < LATE_SLOTS) return;
    const worst = Math.max(...this.late.map((entry) => entry.by));
    this.extra = Math.min(this.extra + worst + RESERVE_MS, MAX_EXTRA_MS);
    this.late = [];
  }
}
