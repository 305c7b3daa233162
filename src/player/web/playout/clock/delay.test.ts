import { describe, expect, it } from "vitest";
import { Delay, PLAYOUT_MS } from "./delay";

/** Observes every 20 ms. */
function observe(delay: Delay, from: number, to: number, slack: () => number): void {
  for (let now = from; now < to; now += 20) delay.observe(slack(), now);
}

describe("the delay", () => {
  it("stays as it is when media is late for a moment", () => {
    const delay = new Delay();
    observe(delay, 0, 10_000, () => 50);
    observe(delay, 10_000, 10_400, () => -100);
    observe(delay, 10_400, 20_000, () => 50);
    expect(delay.total).toBe(PLAYOUT_MS);
  });

  it("takes no notice of how media begins", () => {
    const delay = new Delay();
    observe(delay, 0, 1400, () => -400);
    observe(delay, 1400, 10_000, () => 100);
    expect(delay.total).toBe(PLAYOUT_MS);
  });

  it("grows by what is missing when media keeps coming late, and no further", () => {
    const delay = new Delay();
    observe(delay, 0, 10_000, () => delay.total - PLAYOUT_MS - 80);
    expect(delay.total).toBeGreaterThanOrEqual(PLAYOUT_MS + 80);
    expect(delay.total).toBeLessThan(PLAYOUT_MS + 130);
  });

  it("never grows without bound", () => {
    const delay = new Delay();
    observe(delay, 0, 100_000, () => -400);
    expect(delay.total).toBe(PLAYOUT_MS + 500);
    expect(delay.covers(-1)).toBe(false);
  });

  it("comes back when it is not needed any more, slower than the sound's speed can follow", () => {
    const delay = new Delay();
    observe(delay, 0, 10_000, () => delay.total - PLAYOUT_MS - 200);
    let before = delay.total;
    let steepest = 0;
    for (let second = 10; second < 100; second++) {
      observe(delay, second * 1000, (second + 1) * 1000, () => Math.min(delay.total - PLAYOUT_MS + 60, 200));
      steepest = Math.max(steepest, before - delay.total);
      before = delay.total;
    }
    expect(delay.total).toBe(PLAYOUT_MS);
    // A hundredth of 2.5 s, from which the speed of sound differs.
    expect(steepest).toBeLessThanOrEqual(25);
  });

  it("comes back at once where very much is to spare", () => {
    const delay = new Delay();
    observe(delay, 0, 10_000, () => delay.total - PLAYOUT_MS - 400);
    expect(delay.total).toBeGreaterThan(PLAYOUT_MS + 400);
    observe(delay, 10_000, 16_000, () => delay.total - PLAYOUT_MS + 150);
    expect(delay.total).toBe(PLAYOUT_MS);
  });
});
