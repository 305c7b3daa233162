// How many layers this machine decodes in time.

const ALL_LAYERS = 14;
/** The coarsest pictures that are worth looking at. */
const LEAST_LAYER = 2;
/** How late pictures that others rest on are decoded all the same. */
const MOST_BEHIND_MS = 400;
/** How much of the time between two pictures decoding may take before a layer goes. */
const MOST_LOAD = 0.9;
/** How little it has to take before a layer is tried again: each makes it some 1.4 times as much. */
const LEAST_LOAD = 0.7;
/** The first pictures pay for the compilation of the module, and say nothing about how many layers there is time for. */
const WARM_UP_PICTURES = 15;
/** After a layer went, and after one was tried that was too much, doubling up to the longest. */
const PATIENCE_MS = 3000;
const LONGEST_PATIENCE_MS = 48_000;
/** A change shows in the load only after some pictures. */
const SETTLE_PICTURES = 6;
/** How much the newest picture counts in the mean. */
const NEWEST = 0.15;

/** What has to be known of a unit before it is decoded. */
export interface Kind {
  isKey: boolean;
  /** How many of the lowest layers later units are predicted from; 0 where they are from none. */
  referenceLayers: number;
}

const ALONE: Kind = { isKey: true, referenceLayers: 0 };

/**
 * Chooses the highest layer to decode, so that pictures are ready before they are due: lower ones where decoding takes too
 * much of the time between pictures, or where it comes too late, and slowly higher ones again. Layers that others are
 * predicted from are decoded in any case. Where there is no other left to go without, pictures are left out: single ones
 * that no other rests on, otherwise all up to the next key frame.
 */
export class Effort {
  private layer = ALL_LAYERS;
  /** Mean of decoding time over the time between pictures. */
  private load = 0;
  private since = 0;
  private warmUp = WARM_UP_PICTURES;
  private changedAt = -Infinity;
  private patience = PATIENCE_MS;
  private raisedAt = -Infinity;
  /** Whether a layer went after the last one was tried. */
  private hasFallen = true;
  /** The layers of the last picture. */
  private seen = ALL_LAYERS;
  /** The lowest limit for pictures like the last one. */
  private least = LEAST_LAYER;
  /** Whether pictures are left out up to the next key frame. */
  private isSkipping = false;

  /** The highest layer to decode; null where there is no limit. */
  get ceiling(): number | null {
    return this.layer >= ALL_LAYERS ? null : this.layer;
  }

  /** The highest layer to show of such a unit: to show fewer than others are predicted from would save no time. */
  maxLayer({ referenceLayers } = ALONE): number {
    return Math.max(this.layer, referenceLayers - 1);
  }

  /** Whether there is a layer left to go without. */
  private get hasRoom(): boolean {
    return Math.min(this.layer, this.seen - 1) > this.least;
  }

  /**
   * Whether a picture is to be left out: it is past its time, others wait, and there is no layer left to go without, or
   * it is not known yet whether that has to be; or one that it rests on was left out.
   */
  skips(now: number, due: number, interval: number, waiting: number, kind: Kind = ALONE): boolean {
    const { isKey, referenceLayers } = kind;
    const isAlone = isKey && referenceLayers === 0;
    this.least = Math.max(LEAST_LAYER, referenceLayers - 1);
    if (isKey) {
      this.isSkipping = false;
      if (!isAlone) return false;
    }
    const isBehind = waiting > 0 && now > due + (isAlone ? interval : MOST_BEHIND_MS);
    const skips = this.isSkipping || (isBehind && (!this.hasRoom || this.warmUp > 0));
    this.isSkipping = skips && !isAlone;
    return skips;
  }

  /** Takes note of a picture that took so long to decode, has so many layers and was ready at `now`. */
  decoded(now: number, due: number, interval: number, tookMs: number, layers: number): void {
    this.seen = layers;
    if (this.warmUp > 0) {
      this.warmUp -= 1;
      return;
    }
    this.since += 1;
    this.load += (tookMs / interval - this.load) * Math.max(NEWEST, 1 / this.since);
    const isLate = now > due;
    if ((isLate || this.load > MOST_LOAD) && this.since >= (isLate ? 2 : SETTLE_PICTURES)) {
      this.lower(now);
    } else if (this.layer < ALL_LAYERS && this.load < LEAST_LOAD && now > this.changedAt + this.patience) {
      this.raise(now);
    }
  }

  private lower(now: number): void {
    if (!this.hasRoom) {
      return;
    }
    // What was tried last was too much: it is tried less and less often.
    if (now < this.raisedAt + PATIENCE_MS) {
      this.patience = Math.min(2 * this.patience, LONGEST_PATIENCE_MS);
    }
    this.hasFallen = true;
    // From the layers that there are: a limit above them would change nothing.
    const highest = Math.min(this.layer, Math.max(this.seen - 1, 0));
    this.change(now, Math.max(Math.min(highest - 1, this.layer), Math.min(this.least, this.layer)));
  }

  private raise(now: number): void {
    if (!this.hasFallen) {
      // The last one that was tried has stayed.
      this.patience = PATIENCE_MS;
    }
    this.hasFallen = false;
    this.raisedAt = now;
    // Above what comes anyway there is no limit.
    this.change(now, this.seen <= this.layer ? ALL_LAYERS : this.layer + 1);
  }

  private change(now: number, layer: number): void {
    this.layer = layer;
    this.changedAt = now;
    this.since = 0;
  }
}
