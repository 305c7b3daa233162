// The canvas, and which picture is on it.
import type { Shown } from "../../types";
import { type Image, release } from "./image";
import { type Painter, painterFor } from "./painter";
import { PictureQueue } from "./queue";

/** Pictures a second are counted over so long. */
const RATE_WINDOW_MS = 2000;

/** Closer to its time than this a picture waits for the next frame of animation, and for a timer before that. */
const CLOSE_MS = 25;
/** The clock may jump meanwhile. */
const MOST_WAIT_MS = 250;

/** Shows pictures when the clock says so, and asks for frames of animation only while some wait. */
export class Screen {
  readonly canvas: HTMLCanvasElement;
  framesShown = 0;
  framesDropped = 0;
  /** How long after its due time the last picture was shown, in ms. */
  lastDelay: number | null = null;
  private painter: Painter | null = null;
  private readonly queue: PictureQueue<Image>;
  private current: Image | null = null;
  private request: number | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private times: number[] = [];

  /** `due` says which due time is presented now; `now` is the clock that due times are of. */
  constructor(
    private readonly due: () => number,
    private readonly now: () => number,
  ) {
    this.canvas = document.createElement("canvas");
    this.queue = new PictureQueue((image) => {
      if (image.isNew) this.framesDropped++;
      release(image);
    });
  }

  get shown(): Shown | null {
    if (!this.current) return null;
    const { pts, due, width, height } = this.current;
    return { pts, due, width, height };
  }

  /** Pictures a second, lately. */
  get frameRate(): number {
    const now = this.now();
    this.times = this.times.filter((time) => time > now - RATE_WINDOW_MS);
    return (this.times.length * 1000) / RATE_WINDOW_MS;
  }

  /** When the last picture that waits is due; null where none waits. */
  get lastDue(): number | null {
    return this.queue.lastDue;
  }

  /** How it draws. */
  get kind(): string {
    return this.painter?.kind ?? "none yet";
  }

  add(image: Image): void {
    // Older than what is on the screen: time does not run backwards, but a sender that starts anew may be far back.
    if (this.current && image.due <= this.current.due && image.due > this.current.due - 10_000) {
      if (image.isNew) this.framesDropped++;
      release(image);
      return;
    }
    this.queue.add(image, this.due());
    this.await();
  }

  /** Drops what waits; the picture on the canvas stays. */
  clear(): void {
    this.queue.clear();
    this.wait(null);
    this.times = [];
  }

  dispose(): void {
    this.clear();
    if (this.current) release(this.current);
    this.current = null;
    this.painter?.dispose();
    this.painter = null;
  }

  private readonly step = (): void => {
    this.wait(null);
    const image = this.queue.take(this.due());
    if (image) this.show(image);
    this.await();
  };

  /** Sees to it that the first picture that waits is looked at in time, and no earlier: each frame costs something. */
  private readonly await = (): void => {
    const { firstDue } = this.queue;
    if (firstDue === null) return;
    const ms = firstDue - this.due();
    if (ms <= CLOSE_MS) this.wait("frame");
    else this.wait("timer", ms - CLOSE_MS / 2);
  };

  private wait(way: "frame" | "timer" | null, ms = 0): void {
    if (way === "frame" && this.request !== null) return;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.request !== null) cancelAnimationFrame(this.request);
    this.timer = way === "timer" ? setTimeout(this.await, Math.min(ms, MOST_WAIT_MS)) : null;
    this.request = way === "frame" ? requestAnimationFrame(this.step) : null;
  }

  private show(image: Image): void {
    if (this.current) release(this.current);
    this.current = image;
    this.draw();
    this.lastDelay = this.now() - image.due;
    if (!image.isNew) return;
    this.framesShown++;
    this.times.push(this.now());
    if (this.times.length > 1000) this.times.shift();
  }

  private readonly draw = (): void => {
    if (!this.current) return;
    if (!this.painter) {
      this.painter = painterFor(this.canvas, this.draw);
      console.debug(`stream-player: pictures by ${this.painter.kind}`);
    }
    this.painter.draw(this.current);
  };
}
