// The times of units while a decoder has them: it keeps a time stamp of its own kind only.
import type { EncodedUnit } from "../../types";

/** Decoders hold back some dozen units at most; more have been lost in one. */
const MOST = 256;

/** When a unit is to be presented. */
export interface Times {
  due: number;
  pts: number;
}

/** Remembers the times of units by the time stamp that goes through the decoder. */
export class UnitTimes {
  private readonly times = new Map<number, Times & { isOut: boolean }>();

  /** The time stamp, in whole microseconds, for a unit. */
  add({ due, pts }: EncodedUnit): number {
    const stamp = Math.round(pts * 1000);
    this.times.set(stamp, { due, pts, isOut: false });
    const [oldest] = this.times.keys();
    if (this.times.size > MOST && oldest !== undefined) this.times.delete(oldest);
    return stamp;
  }

  /** When the first unit is due of which nothing came out yet; infinite where there is none. */
  get oldestDue(): number {
    return Math.min(...[...this.times.values()].map(({ due, isOut }) => (isOut ? Infinity : due)));
  }

  /**
   * What came out with this time stamp. Sound may come out in other pieces than it went in, and is timed from the unit
   * before it. Decoders put out in the order of presentation: what is older and did not come out never will.
   */
  take(stamp: number): Times | null {
    const unit = Math.max(...[...this.times.keys()].filter((key) => key <= stamp));
    const times = this.times.get(unit);
    if (!times) return null;
    for (const key of this.times.keys()) if (key < unit) this.times.delete(key);
    times.isOut = true;
    const later = (stamp - unit) / 1000;
    return { due: times.due + later, pts: times.pts + later };
  }

  clear(): void {
    this.times.clear();
  }
}
