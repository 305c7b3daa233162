// Units that wait to be decoded.
import type { EncodedUnit } from "../../types";

/** Decoded pictures take memory of the graphics processor, of which decoders have some ten: so they are decoded late. */
const AHEAD_MS = 200;
/** More than twelve seconds of anything that is watched live. */
const MOST_BYTES = 64 << 20;
const MOST_UNITS = 4096;
/** The clock may jump meanwhile. */
const MOST_WAIT_MS = 100;

/** Keeps the units of a track, in the order of decoding, until shortly before they are presented. */
export class Gate {
  private units: EncodedUnit[] = [];
  private bytes = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Whether units are missing since it was full: nothing is of use before the next key unit. */
  private isBroken = false;

  /** `due` says which due time is presented now. */
  constructor(
    private readonly due: () => number,
    private readonly release: (unit: EncodedUnit) => void,
  ) {}

  add(unit: EncodedUnit): void {
    if (!Number.isFinite(unit.due) || !Number.isFinite(unit.pts)) return;
    const isFull = this.units.length >= MOST_UNITS || this.bytes + unit.data.length > MOST_BYTES;
    this.isBroken = isFull || (this.isBroken && !unit.isKey);
    if (this.isBroken) return;
    this.units.push(unit);
    this.bytes += unit.data.length;
    this.open();
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.units = [];
    this.bytes = 0;
  }

  private readonly open = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const due = this.due() + AHEAD_MS;
    for (let [unit] = this.units; unit && unit.due <= due; [unit] = this.units) {
      this.units.shift();
      this.bytes -= unit.data.length;
      this.release(unit);
    }
    const [next] = this.units;
    if (next) this.timer = setTimeout(this.open, Math.min(next.due - due, MOST_WAIT_MS));
  };
}
