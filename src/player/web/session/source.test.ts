import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Playable, SourceProgress } from "../types";
import { SourceWatch } from "./source";
import { playable } from "./testing";

const of = (source: SourceProgress): Playable => playable({ state: "idle", source });

/** Follows as often as a client does. */
async function follow(watch: SourceWatch, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    watch.follow();
    await vi.advanceTimersByTimeAsync(250);
  }
}

describe("who waits for a source", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("asks every second at first, and less often later", async () => {
    const resolve = vi.fn(async () => of({ state: "connecting" }));
    const watch = new SourceWatch(resolve);
    watch.learn(of({ state: "idle" }));
    expect(watch.stats).toEqual({ state: "idle", retryInMs: null });
    await follow(watch, 1500);
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(watch.stats).toEqual({ state: "connecting", retryInMs: null });
    expect(watch.isComing).toBe(true);
    await follow(watch, 60_000);
    const often = resolve.mock.calls.length;
    expect(often).toBeLessThan(8 + 60 / 3 + 2);
    expect(often).toBeGreaterThan(15);
  });

  it("asks when the source has been tried again, and counts down to that", async () => {
    const resolve = vi.fn(async () => of({ state: "connecting" }));
    const watch = new SourceWatch(resolve);
    watch.learn(of({ state: "retrying", retryInMs: 8000 }));
    expect(watch.isComing).toBe(false);
    await follow(watch, 8000);
    expect(resolve).not.toHaveBeenCalled();
    expect(watch.stats).toEqual({ state: "retrying", retryInMs: 0 });
    await follow(watch, 1000);
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(watch.isComing).toBe(true);
  });

  it("does not wait for as long as a source may be away: its owner may change it", async () => {
    const resolve = vi.fn(async () => of({ state: "connecting" }));
    const watch = new SourceWatch(resolve);
    watch.learn(of({ state: "retrying", retryInMs: 3_600_000 }));
    await follow(watch, 15_500);
    expect(resolve).toHaveBeenCalledTimes(1);
  });

  it("asks nothing of a stream that has none, nor where it cannot be understood", async () => {
    const resolve = vi.fn(async () => playable());
    for (const source of [undefined, null, "live", { state: "resting" }, { state: 5 }]) {
      const watch = new SourceWatch(resolve);
      watch.learn({ ...playable(), source } as Playable);
      expect(watch.stats).toBeNull();
      await follow(watch, 20_000);
    }
    expect(resolve).not.toHaveBeenCalled();
    const watch = new SourceWatch(resolve);
    watch.learn({ ...playable(), source: { state: "retrying", retryInMs: "soon" } } as unknown as Playable);
    expect(watch.stats).toEqual({ state: "retrying", retryInMs: null });
  });

  it("knows better than an answer that was on its way when media came", async () => {
    let answer: (playable: Playable) => void = () => undefined;
    const watch = new SourceWatch(() => new Promise((resolve) => (answer = resolve)));
    watch.learn(of({ state: "connecting" }));
    await follow(watch, 1500);
    watch.isLive();
    answer(of({ state: "retrying", retryInMs: 5000 }));
    await vi.advanceTimersByTimeAsync(10);
    expect(watch.stats).toEqual({ state: "live", retryInMs: null });
  });

  it("goes on where the server does not answer", async () => {
    const resolve = vi.fn(() => Promise.reject(new Error("away")));
    const watch = new SourceWatch(resolve);
    watch.learn(of({ state: "connecting" }));
    await follow(watch, 40_000);
    expect(watch.stats?.state).toBe("connecting");
    expect(resolve.mock.calls.length).toBeGreaterThan(1);
    expect(resolve.mock.calls.length).toBeLessThan(5);
  });
});
