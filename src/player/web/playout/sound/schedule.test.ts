import { describe, expect, it } from "vitest";
import { Delay, PLAYOUT_MS } from "../clock/delay";
import { ContextClock } from "../clock/context-clock";
import { type Chunk, SoundSchedule } from "./schedule";

// A low rate keeps the simulation short.
const RATE = 8000;
const CHUNK = 160;
const CHUNK_MS = 20;
/** How long before it is due sound is there in a network without jitter. */
const AHEAD_MS = 100;

interface World {
  /** How much faster than the page's clock the sound card runs, in millionths. */
  cardPpm?: number;
  /** How much faster than the page's clock the sender runs. */
  senderPpm?: number;
  jitterMs?: number;
}

/** A page whose clock is simulated, with a sound card that runs on its own. */
class Simulation {
  readonly delay = new Delay();
  readonly played: { from: number; to: number; samples: Float32Array }[] = [];
  readonly schedule: SoundSchedule;
  /** How far what is heard is from where it should be, in ms, by time. */
  readonly errors: { at: number; error: number }[] = [];
  readonly speeds: number[] = [];
  now = 1_000_000;
  private sent = 0;
  private readonly start = this.now;
  private readonly clock = new ContextClock();
  private readonly pending: { at: number; chunk: Chunk }[] = [];
  private seed = 1;

  constructor(private readonly world: World = {}) {
    const output = {
      play: (from: number, channels: Float32Array[]) => {
        const [samples] = channels;
        if (samples) this.played.push({ from, to: from + samples.length, samples });
      },
    };
    this.schedule = new SoundSchedule(RATE, 2, output, this.delay);
  }

  /** Goes on for so long; `send` false is a network that brings nothing, `shift` moves the due times. */
  run(ms: number, { send = true, shift = 0, extraMs = 0 } = {}): void {
    for (const end = this.now + ms; this.now < end; this.now += 5) {
      const sender = (this.now - this.start) * (1 + (this.world.senderPpm ?? 0) / 1e6);
      while (this.sent * CHUNK_MS <= sender) {
        if (send) this.send(shift, extraMs);
        this.sent++;
      }
      this.deliver();
      this.observe();
    }
  }

  /** The card's frames at this moment: it reads whole buffers of 10 ms, as sound cards do. */
  get cardFrame(): number {
    const exact = ((this.now - this.start) / 1000) * RATE * (1 + (this.world.cardPpm ?? 0) / 1e6);
    return Math.floor(exact / (RATE / 100)) * (RATE / 100);
  }

  get moment(): { now: number; heard: number; writable: number } {
    const { now, cardFrame } = this;
    this.clock.sample(now, (cardFrame * 1000) / RATE);
    return { now, heard: (this.clock.contextAt(now) * RATE) / 1000, writable: cardFrame + 0.025 * RATE };
  }

  /** The largest error after this time. */
  worstSince(at: number): number {
    return Math.max(...this.errors.filter((entry) => entry.at >= at).map(({ error }) => Math.abs(error)));
  }

  /** Frames between what was scheduled one after the other; none where sound is without holes. */
  get holes(): number[] {
    return this.played.slice(1).map(({ from }, at) => from - (this.played[at]?.to ?? 0)).filter((hole) => hole !== 0);
  }

  private random(): number {
    this.seed = (this.seed * 48_271) % 2_147_483_647;
    return this.seed / 2_147_483_647;
  }

  private send(shift: number, extraMs: number): void {
    const sentAt = this.start + (this.sent * CHUNK_MS) / (1 + (this.world.senderPpm ?? 0) / 1e6);
    const samples = Float32Array.from({ length: CHUNK }, (_, n) =>
      Math.sin(((this.sent * CHUNK + n) * 2 * Math.PI * 110) / RATE) * 0.5);
    const chunk = { channels: [samples], sampleRate: RATE, due: sentAt + AHEAD_MS + shift };
    this.pending.push({ at: sentAt + this.random() * (this.world.jitterMs ?? 0) + extraMs, chunk });
  }

  private deliver(): void {
    // The session delivers in order.
    while ((this.pending[0]?.at ?? Infinity) <= this.now) {
      const next = this.pending.shift();
      if (next) this.schedule.add(next.chunk, this.moment);
      this.speeds.push(this.schedule.speed);
    }
  }

  private observe(): void {
    const { now, heard } = this.moment;
    const due = this.schedule.dueAt(heard);
    if (due !== null) this.errors.push({ at: now, error: due + this.delay.total - now });
  }
}

const SETTLED = 1_000_000 + 3000;

describe("the sound's schedule", () => {
  for (const [cardPpm, senderPpm] of [[200, 0], [-200, 0], [0, 200], [0, -200], [200, -200]] as const) {
    it(`stays in time for a minute without a hole where the card is off by ${cardPpm} ppm and the sender by ${senderPpm}`, () => {
      const world = new Simulation({ cardPpm, senderPpm });
      world.run(60_000);
      expect(world.holes).toEqual([]);
      expect(world.worstSince(SETTLED)).toBeLessThan(6);
      expect(Math.max(...world.speeds.map((speed) => Math.abs(speed - 1)))).toBeLessThanOrEqual(0.01);
      expect(world.delay.total).toBe(PLAYOUT_MS);
    });
  }

  it("takes no notice of jitter that its reserve covers", () => {
    const world = new Simulation({ jitterMs: 120 });
    world.run(60_000);
    expect(world.holes).toEqual([]);
    expect(world.worstSince(SETTLED)).toBeLessThan(6);
    expect(world.delay.total).toBe(PLAYOUT_MS);
  });

  it("plays later, without holes, where jitter is more than its reserve", () => {
    const world = new Simulation({ jitterMs: 300 });
    world.run(60_000);
    const settled = world.played.filter(({ from }) => from > 20 * RATE);
    const holes = settled.slice(1).filter(({ from }, at) => from !== settled[at]?.to);
    expect(holes.length).toBeLessThan(5);
    expect(world.delay.total).toBeGreaterThan(PLAYOUT_MS + 50);
    expect(world.delay.total).toBeLessThan(PLAYOUT_MS + 300);
  });

  it("goes back to its delay when the jitter is over", () => {
    const world = new Simulation();
    world.run(5000);
    world.run(3000, { extraMs: 250 });
    expect(world.delay.total).toBeGreaterThan(PLAYOUT_MS + 40);
    world.run(60_000);
    expect(world.delay.total).toBeLessThan(PLAYOUT_MS + 5);
    expect(world.worstSince(world.now - 5000)).toBeLessThan(6);
  });

  it("leaves a hole where sound is missing, and is in time after it", () => {
    const world = new Simulation();
    world.run(5000);
    world.run(500, { send: false });
    const resumed = world.now;
    world.run(5000);
    expect(world.holes).toHaveLength(1);
    expect((world.holes[0] ?? 0) / RATE).toBeCloseTo(0.5, 1);
    expect(world.worstSince(resumed)).toBeLessThan(6);
  });

  it("has no due time where nothing is heard, so that the wall clock can lead", () => {
    const world = new Simulation();
    world.run(3000);
    expect(world.schedule.dueAt(world.moment.heard)).not.toBeNull();
    world.run(1000, { send: false });
    expect(world.schedule.dueAt(world.moment.heard)).toBeNull();
  });

  for (const shift of [5000, 400, -400]) {
    it(`follows due times that jump by ${shift} ms, without growing`, () => {
      const world = new Simulation();
      world.run(5000);
      world.run(20_000, { shift });
      expect(world.worstSince(world.now - 3000)).toBeLessThan(6);
      expect(world.schedule.dueAt(world.moment.heard)).not.toBeNull();
      expect(world.schedule.ahead(world.moment.heard)).toBeLessThan(7000);
    });
  }

  it("leaves out sound that comes later than anybody waits for, and is in time when it comes in time again", () => {
    const world = new Simulation();
    world.run(3000);
    const before = world.played.length;
    world.run(5000, { shift: -5000 });
    expect(world.played.length).toBeLessThan(before + 3);
    expect(world.delay.total).toBe(PLAYOUT_MS);
    world.run(3000);
    expect(world.worstSince(world.now - 1000)).toBeLessThan(6);
  });

  it("is not moved by times that no clock has, or sound without end", () => {
    const world = new Simulation();
    world.run(1000);
    const moment = world.moment;
    const before = world.played.length;
    for (const due of [NaN, Infinity, moment.now + 1e9]) {
      world.schedule.add({ channels: [new Float32Array(100)], sampleRate: RATE, due }, moment);
    }
    expect(world.played).toHaveLength(before);
    for (let n = 0; n < 5000; n++) {
      world.schedule.add({ channels: [new Float32Array(CHUNK)], sampleRate: RATE, due: moment.now }, moment);
    }
    expect(world.schedule.ahead(moment.heard)).toBeLessThan(1000);
    world.run(5000);
    expect(world.worstSince(world.now - 1000)).toBeLessThan(6);
  });

  it("does not click: neither where speed changes nor where sound begins anew", () => {
    const world = new Simulation({ cardPpm: 200, jitterMs: 100 });
    world.run(20_000);
    world.run(300, { send: false });
    world.run(5000, { shift: -300 });
    // A sine of 110 Hz and 0.5 rises by 0.044 a frame at most, and a fade of 4 ms adds 0.03.
    let before = 0;
    let end = -1;
    let steepest = 0;
    for (const { from, to, samples } of world.played) {
      // What is after a hole begins at silence.
      if (from !== end) before = 0;
      samples.forEach((sample) => {
        steepest = Math.max(steepest, Math.abs(sample - before));
        before = sample;
      });
      end = to;
    }
    expect(steepest).toBeLessThan(0.08);
  });
});
