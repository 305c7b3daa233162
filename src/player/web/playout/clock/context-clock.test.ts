import { describe, expect, it } from "vitest";
import { ContextClock } from "./context-clock";

/** A context whose time goes in steps of 10 ms, read at any moment. */
function read(clock: ContextClock, from: number, to: number, ppm: number, offset = 0): void {
  for (let wall = from; wall < to; wall += 7) {
    clock.sample(wall, Math.floor((wall * (1 + ppm / 1e6) + offset) / 10) * 10);
  }
}

describe("the clock of an AudioContext", () => {
  for (const ppm of [0, 200, -200]) {
    it(`is read to a millisecond or so though its time goes in steps, ${ppm} ppm off`, () => {
      const clock = new ContextClock();
      read(clock, 0, 60_000, ppm);
      expect(Math.abs(clock.contextAt(60_000) - 60_000 * (1 + ppm / 1e6))).toBeLessThan(1.5);
    });
  }

  it("is taken anew after it stood still", () => {
    const clock = new ContextClock();
    read(clock, 0, 5000, 0);
    read(clock, 8000, 8500, 0, -3000);
    expect(Math.abs(clock.contextAt(8500) - 5500)).toBeLessThan(2);
  });

  it("knows nothing before the first reading, and after it was told to forget", () => {
    const clock = new ContextClock();
    expect(clock.isKnown).toBe(false);
    clock.sample(0, 0);
    expect(clock.isKnown).toBe(true);
    clock.reset();
    expect(clock.isKnown).toBe(false);
  });
});
