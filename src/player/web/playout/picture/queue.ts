// Pictures that wait for their time.

/** What the queue needs to know of a picture. */
export interface Waiting {
  due: number;
  width: number;
  height: number;
}

/** More than any latency needs of ordinary pictures; large ones are bounded by their pixels. */
const MAX_PICTURES = 300;
const MAX_PIXELS = 96 << 20;

/**
 * Pictures in the order of their times. What is no longer of use is dropped when the next picture comes, not when the
 * page draws: a page in the background does not draw. `drop` gets each picture that leaves without being taken.
 */
export class PictureQueue<T extends Waiting> {
  private pictures: T[] = [];
  private pixels = 0;

  constructor(private readonly drop: (picture: T) => void) {}

  get length(): number {
    return this.pictures.length;
  }

  /** When the first of them is due; null where there is none. */
  get firstDue(): number | null {
    return this.pictures[0]?.due ?? null;
  }

  /** When the last of them is due; null where there is none. */
  get lastDue(): number | null {
    return this.pictures.at(-1)?.due ?? null;
  }

  /** Adds a picture; `due` is what is shown now. */
  add(picture: T, due: number): void {
    let at = this.pictures.length;
    while (at > 0 && (this.pictures[at - 1]?.due ?? 0) > picture.due) at--;
    this.pictures.splice(at, 0, picture);
    this.pixels += picture.width * picture.height;
    this.leaveOneBefore(due);
    // The newest go: those that are due soon keep the picture moving.
    while (this.pictures.length > MAX_PICTURES || (this.pixels > MAX_PIXELS && this.pictures.length > 1)) {
      this.discard(this.pictures.length - 1);
    }
  }

  /** The newest picture whose time has come, or null. Older ones are dropped. */
  take(due: number): T | null {
    this.leaveOneBefore(due);
    const [first] = this.pictures;
    if (!first || first.due > due) return null;
    this.remove(0);
    return first;
  }

  /** Drops all. */
  clear(): void {
    while (this.pictures.length > 0) this.discard(this.pictures.length - 1);
  }

  private leaveOneBefore(due: number): void {
    while ((this.pictures[1]?.due ?? Infinity) <= due) this.discard(0);
  }

  private discard(at: number): void {
    const picture = this.remove(at);
    if (picture) this.drop(picture);
  }

  private remove(at: number): T | undefined {
    const [picture] = this.pictures.splice(at, 1);
    if (picture) this.pixels -= picture.width * picture.height;
    return picture;
  }
}
