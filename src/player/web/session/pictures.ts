import type { DecodeStats, Picture, PlayerError } from "../types";
import { now } from "./clock";
import { Effort } from "./effort";
import { words } from "./ending";
import type { Units, VideoTrack } from "./messages";
import { Refusal, VideoDecoder, Wasm } from "./wasm";

/** Units that may wait; where more do, the oldest are gone: their time has passed long ago. */
const MOST_WAITING = 64;
/** Between pictures, where the stream does not say. */
const USUAL_INTERVAL_MS = 40;
/** So many failures one after the other, and it is given up. */
const MOST_FAILURES = 5;

type Unit = Extract<Units, { type: "unit" }>;

export interface PictureEvents {
  picture(picture: Picture): void;
  /** What this machine manages, and what became of the pictures so far. */
  load(load: DecodeStats): void;
  failed(error: PlayerError): void;
}

/** Decodes the units of a video track, as many layers of them as there is time for. */
export class Pictures {
  private wasm: Wasm;
  private decoder: VideoDecoder | null = null;
  private track: VideoTrack | null = null;
  private effort = new Effort();
  private waiting: Unit[] = [];
  private skipped = 0;
  private drifted = 0;
  /** Whether a key frame came, which the others rest on. */
  private hasJoined = false;
  private failures = 0;
  private told = "";

  constructor(
    private readonly module: WebAssembly.Module,
    private readonly events: PictureEvents,
  ) {
    this.wasm = new Wasm(module);
  }

  /** How many units wait. */
  get length(): number {
    return this.waiting.length;
  }

  take(message: Units): void {
    if (message.type === "track") {
      this.setTrack(message.track);
    } else if (this.decoder) {
      this.waiting.push(message);
      this.skipped += this.waiting.splice(0, this.waiting.length - MOST_WAITING).length;
    }
  }

  private setTrack(track: VideoTrack | null): void {
    this.waiting = [];
    this.effort = new Effort();
    this.track = track;
    this.makeDecoder();
    this.tellLoad();
  }

  private makeDecoder(): void {
    this.decoder?.free();
    this.decoder = null;
    this.hasJoined = false;
    const { track } = this;
    if (!track) {
      return;
    }
    try {
      this.decoder = new VideoDecoder(this.wasm, track.width, track.height, track);
    } catch (error) {
      this.events.failed({ code: "unsupported", message: `This video cannot be decoded here: ${words(error)}` });
    }
  }

  /** Decodes the unit that waits longest. */
  decodeNext(): void {
    const { decoder, track } = this;
    const unit = this.waiting.shift();
    if (!unit || !decoder || !track) {
      return;
    }
    const interval = track.frameRate > 0 ? 1e3 / track.frameRate : USUAL_INTERVAL_MS;
    const began = now();
    this.hasJoined ||= unit.isKey;
    if (!this.hasJoined || this.effort.skips(began, unit.due, interval, this.waiting.length, unit)) {
      this.skipped += 1;
      this.tellLoad();
      return;
    }
    try {
      this.decode(decoder, track, unit, began, interval);
      this.failures = 0;
    } catch (error) {
      this.recover(error);
    }
  }

  private decode(decoder: VideoDecoder, track: VideoTrack, unit: Unit, began: number, interval: number): void {
    const { planes, layers, concealed, reference } = decoder.decode(unit.data, this.effort.maxLayer(unit));
    const ready = now();
    const { width, height, id } = track;
    const { due, pts } = unit;
    const decodeMs = ready - began;
    this.drifted += Number(reference === "drifted" || reference === "missing");
    this.events.picture({ track: id, width, height, planes, due, pts, layers, isNew: !concealed, reference, decodeMs });
    this.effort.decoded(ready, unit.due, interval, decodeMs, layers);
    this.tellLoad();
  }

  /** A unit that cannot be decoded is left out. After a trap the module is made anew. */
  private recover(error: unknown): void {
    this.failures += 1;
    if (this.failures >= MOST_FAILURES) {
      this.decoder = null;
      this.events.failed({ code: "decode", message: `The pictures cannot be decoded: ${words(error)}` });
    } else if (!(error instanceof Refusal)) {
      this.decoder = null;
      this.wasm = new Wasm(this.module);
      this.makeDecoder();
    }
  }

  private tellLoad(): void {
    const load: DecodeStats = {
      decodeCeiling: this.effort.ceiling,
      picturesSkipped: this.skipped,
      picturesDrifted: this.drifted,
    };
    const told = JSON.stringify(load);
    if (told !== this.told) {
      this.told = told;
      this.events.load(load);
    }
  }
}
