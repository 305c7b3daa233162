// Which sample of the sound is played when: the master clock of the player.
import type { Delay } from "../clock/delay";
import { mix } from "./mix";
import { Resampler } from "./resample";

/** Where sound goes: frames count from the start of the AudioContext. */
export interface SoundOutput {
  /** Plays these samples, an array a channel, from this frame on. */
  play(frame: number, channels: Float32Array[]): void;
}

/** Sound with its time. */
export interface Chunk {
  channels: Float32Array[];
  sampleRate: number;
  /** In ms on the page's clock. */
  due: number;
}

/** What the context's clock says at the moment at which something is scheduled. */
export interface Moment {
  /** The page's clock in ms. */
  now: number;
  /** The frame that is heard now. */
  heard: number;
  /** The first frame that can still be written. */
  writable: number;
}

/** Faster or slower than this is heard as a change of pitch. */
const MAX_SPEED = 0.01;
/** Errors are played off over this time. */
const SETTLE_MS = 4000;
/** Larger errors are jumped. */
const JUMP_MS = 200;
/** Sound that is missing for longer leaves a hole, so that what comes after it is in time. */
const HOLE_MS = 5;
const FADE_MS = 4;
/** What may wait in the output: a server cannot fill memory with sound of the far future. */
const MAX_AHEAD_MS = 12_000;
/** After a hole sound begins with what is not later than this. */
const LATE_MS = 40;
/** What is remembered of what was scheduled, for `dueAt`. */
const MAX_PIECES = 4096;

/** Sound that was scheduled: from which frame to which, and the due times of its ends. */
interface Piece {
  from: number;
  to: number;
  due: number;
  dueEnd: number;
}

/** Where sound goes. */
interface Place {
  from: number;
  /** Where it should be. */
  target: number;
  /** Whether it goes on where the sound before it ended. */
  isSeamless: boolean;
}

/** Puts sound on the context's time line and keeps it at its time. */
export class SoundSchedule {
  private pieces: Piece[] = [];
  /** The last samples that were scheduled, one a channel: what follows without a seam begins there. */
  private tail: number[] = [];
  private resampler: Resampler | null = null;
  private format = "";
  private isCatchingUp = false;
  private speedNow = 1;

  constructor(
    private readonly outRate: number,
    private readonly outputs: number,
    private readonly output: SoundOutput,
    private readonly delay: Delay,
  ) {}

  /** How fast sound is played now, 1 as it was recorded. */
  get speed(): number {
    return this.speedNow;
  }

  /** Schedules sound. False where it was left out: too late, too early or without samples. */
  add(chunk: Chunk, at: Moment): boolean {
    const length = chunk.channels[0]?.length ?? 0;
    const lengthMs = (length * 1000) / chunk.sampleRate;
    if (length === 0 || !Number.isFinite(chunk.due) || chunk.due - at.now > MAX_AHEAD_MS) return false;
    const place = this.place(chunk.due, at);
    if (!place) return false;
    this.write(chunk, place, lengthMs);
    return true;
  }

  /** The due time of what is played at this frame; null where nothing is. */
  dueAt(frame: number): number | null {
    while ((this.pieces[0]?.to ?? Infinity) <= frame && this.pieces.length > 1) this.pieces.shift();
    const [piece] = this.pieces;
    if (!piece || frame < piece.from || frame >= piece.to) return null;
    return piece.due + ((frame - piece.from) / (piece.to - piece.from)) * (piece.dueEnd - piece.due);
  }

  /** How much sound is scheduled after this frame, in ms. */
  ahead(frame: number): number {
    const last = this.pieces.at(-1);
    return last ? Math.max(0, this.ms(last.to - frame)) : 0;
  }

  /** Forgets what was scheduled: the output was emptied, or the context's time has changed. */
  reset(): void {
    this.pieces = [];
    this.tail = [];
    this.resampler = null;
    this.isCatchingUp = false;
    this.speedNow = 1;
  }

  /** Where sound that is due then goes, and where it should go; null where it is to be left out. */
  private place(due: number, at: Moment): Place | null {
    const target = (): number => at.heard + this.frames(due + this.delay.total - at.now);
    const slack = (): number => this.ms(target() - at.writable);
    if (!this.delay.covers(slack())) return null;
    this.delay.observe(slack(), at.now);
    const last = this.pieces.at(-1);
    if (!last || last.to < at.writable) {
      // There is a hole in any case: sound that is late goes into it, and what comes after it is in time.
      if (slack() < -LATE_MS) return null;
      return { from: Math.max(target(), at.writable), target: target(), isSeamless: false };
    }
    const error = this.ms(last.to - target());
    // What is scheduled reaches too far beyond this: sound is left out until the two meet.
    this.isCatchingUp = error > JUMP_MS || (this.isCatchingUp && error > HOLE_MS);
    if (this.isCatchingUp) return null;
    if (error < -JUMP_MS || due - last.dueEnd > HOLE_MS) {
      return { from: Math.max(target(), last.to), target: target(), isSeamless: false };
    }
    return { from: last.to, target: target(), isSeamless: due - last.dueEnd > -HOLE_MS };
  }

  private write(chunk: Chunk, { from: start, target, isSeamless }: Place, lengthMs: number): void {
    const from = Math.round(start);
    const mixed = mix(chunk.channels, this.outputs);
    const format = `${chunk.sampleRate} ${mixed.length}`;
    if (!this.resampler || this.format !== format || !isSeamless) {
      this.resampler = new Resampler(chunk.sampleRate, this.outRate, mixed.length);
      this.format = format;
    }
    const error = this.ms(from - target);
    this.speedNow = 1 + Math.max(-MAX_SPEED, Math.min(MAX_SPEED, error / SETTLE_MS));
    const samples = this.resampler.process(mixed, this.speedNow);
    const count = samples[0]?.length ?? 0;
    if (count === 0) return;
    if (!isSeamless) this.fade(samples, from);
    this.tail = samples.map((channel) => channel[count - 1] ?? 0);
    this.pieces.push({ from, to: from + count, due: chunk.due, dueEnd: chunk.due + lengthMs });
    if (this.pieces.length > MAX_PIECES) this.pieces.shift();
    this.output.play(from, samples);
  }

  /** Lets sound begin softly, and what is before it end softly where it is cut. */
  private fade(samples: Float32Array[], from: number): void {
    const length = Math.max(1, Math.round(this.frames(FADE_MS)));
    // A resampler that is new has silence before the first sample: the fade begins where sound does.
    const start = Math.round(this.frames(this.resampler?.latencyMs ?? 0));
    const isJoined = this.pieces.at(-1)?.to === from;
    samples.forEach((channel, at) => {
      const before = isJoined ? (this.tail[at] ?? 0) : 0;
      for (let n = 0; n < Math.min(start + length, channel.length); n++) {
        const share = Math.max(0, n - start) / length;
        channel[n] = (channel[n] as number) * share + before * (1 - share);
      }
    });
  }

  private frames(ms: number): number {
    return (ms * this.outRate) / 1000;
  }

  private ms(frames: number): number {
    return (frames * 1000) / this.outRate;
  }
}
