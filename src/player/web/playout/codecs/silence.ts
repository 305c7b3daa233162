/** Units without anything coming out of a decoder for so long, and nothing will. */
const MOST_MS = 8000;
/** Units are further apart than this where the stream was interrupted, or the page lay in the background. */
const GAP_MS = 900;

/**
 * Notices a decoder that hangs: browsers say of some codecs that they decode them, and then nothing comes out, and no
 * error either.
 */
export class Silence {
  private since: number | null = null;
  private last = -Infinity;

  /**
   * Notes a unit that came at this moment; `canBegin` where decoding can begin with it. Whether nothing came out for too
   * long although units came all the time.
   */
  isTooLong(now: number, canBegin: boolean): boolean {
    if (now - this.last > GAP_MS) this.since = null;
    this.last = now;
    // What comes before the first key unit says nothing of the decoder.
    if (canBegin) this.since ??= now;
    return this.since !== null && now - this.since > MOST_MS;
  }

  /** Something came out, or the decoder said what was wrong. */
  end(): void {
    this.since = null;
  }
}
