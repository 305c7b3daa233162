/** The time that the figure speaks of. */
const SPAN_MS = 1000;
/** More units than this in that time are no pictures. */
const MOST = 256;

/**
 * The layers that came lately: the median of a second. One picture that lost its lowest layer is a moment nobody sees, and
 * no reason to say that nothing comes.
 */
export class RecentLayers {
  private units: { at: number; layers: number }[] = [];

  /** Notes a unit that came at this moment with so many complete layers. */
  add(at: number, layers: number): void {
    this.units.push({ at, layers });
    if (this.units.length > MOST) this.units.shift();
  }

  /** The layers of the middle one of the last second's units; null where none came. */
  median(now: number): number | null {
    this.units = this.units.filter(({ at }) => at > now - SPAN_MS);
    const sorted = this.units.map(({ layers }) => layers).sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }

  /** Forgets them: other tracks follow. */
  clear(): void {
    this.units = [];
  }
}
