import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Sound } from "../../types";
import { Delay } from "../clock/delay";
import { SoundPlayer, isSensible } from "./player";

/** As much of Web Audio as is needed without AudioWorklet; the test says whether the browser lets sound out. */
class FakeContext {
  static last: FakeContext | null = null;
  static isAllowed = false;
  state = "suspended";
  currentTime = 0;
  sampleRate = 48_000;
  baseLatency = 0.01;
  destination = { maxChannelCount: 2, channelCount: 2 };
  onstatechange: (() => void) | null = null;
  starts: number[] = [];

  constructor() {
    FakeContext.last = this;
  }

  createGain(): object {
    return { gain: { setTargetAtTime: () => undefined }, connect: (to: object) => to };
  }

  createAnalyser(): object {
    return { fftSize: 0, connect: (to: object) => to };
  }

  createBuffer(_: number, length: number): object {
    return { getChannelData: () => new Float32Array(length) };
  }

  createBufferSource(): object {
    return { connect: () => undefined, start: (at: number) => this.starts.push(at), stop: () => undefined };
  }

  async resume(): Promise<void> {
    if (!FakeContext.isAllowed) return;
    this.become("running");
  }

  async close(): Promise<void> {
    this.become("closed");
  }

  become(state: string): void {
    this.state = state;
    this.onstatechange?.();
  }
}

const sound = (of: Partial<Sound> = {}): Sound => ({
  track: 0, sampleRate: 48_000, channels: [new Float32Array(960)], pts: 0, concealed: false,
  due: performance.timeOrigin + performance.now(), ...of,
});

describe("the player of sound", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("AudioContext", FakeContext);
    FakeContext.isAllowed = false;
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is held back when the browser has not let sound out after a moment, and not while it may still do so", () => {
    let changes = 0;
    const player = new SoundPlayer(new Delay(), () => changes++);
    player.start();
    expect(player.isHeldBack).toBe(false);
    vi.advanceTimersByTime(500);
    expect(player.isHeldBack).toBe(true);
    expect(changes).toBe(1);
    FakeContext.isAllowed = true;
    player.start();
    expect(player.isHeldBack).toBe(false);
    expect(changes).toBe(2);
    player.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(FakeContext.last?.state).toBe("closed");
  });

  it("takes its sound back after an interruption, and is held back where the browser does not give it", () => {
    FakeContext.isAllowed = true;
    const player = new SoundPlayer(new Delay(), () => undefined);
    player.start();
    expect(player.isRunning).toBe(true);
    FakeContext.last?.become("interrupted");
    expect(player.isRunning).toBe(true);
    FakeContext.isAllowed = false;
    FakeContext.last?.become("interrupted");
    expect(player.isHeldBack).toBe(false);
    vi.advanceTimersByTime(500);
    expect(player.isHeldBack).toBe(true);
    player.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("schedules sound where it is heard in time, and drops it while none goes out", () => {
    const player = new SoundPlayer(new Delay(), () => undefined);
    player.start();
    player.add(sound());
    expect(FakeContext.last?.starts).toEqual([]);
    expect(player.heardDue()).toBeNull();
    FakeContext.isAllowed = true;
    player.start();
    player.add(sound());
    // 100 ms after it is due, and the context is 10 ms ahead of what is heard.
    expect(FakeContext.last?.starts[0]).toBeCloseTo(0.09, 3);
    player.stop();
  });

  it("takes no sound that cannot be played", () => {
    expect(isSensible(sound())).toBe(true);
    const channel = new Float32Array(960);
    for (const nonsense of [
      { channels: [] },
      { channels: [new Float32Array(0)] },
      { channels: [channel, new Float32Array(10)] },
      { channels: Array<Float32Array>(9).fill(channel) },
      { channels: [new Float32Array(200_000)] },
      { sampleRate: 0 },
      { sampleRate: NaN },
      { sampleRate: 1e9 },
      { due: NaN },
    ]) {
      expect(isSensible(sound(nonsense))).toBe(false);
    }
  });
});
