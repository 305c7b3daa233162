import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EncodedUnit } from "../../types";
import { Gate } from "./gate";

const unit = (due: number, isKey = false, size = 10): EncodedUnit =>
  ({ track: 0, data: new Uint8Array(size), due, pts: due, duration: 40, isKey });

describe("the gate before a decoder", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function gate(): { gate: Gate; released: number[] } {
    const released: number[] = [];
    const start = performance.now();
    return { gate: new Gate(() => performance.now() - start, ({ due }) => released.push(due)), released };
  }

  it("lets units through shortly before they are presented, in the order in which they came", () => {
    const { gate: before, released } = gate();
    // A picture that others are predicted from comes before those.
    for (const due of [100, 400, 320, 360, 1000]) before.add(unit(due));
    expect(released).toEqual([100]);
    vi.advanceTimersByTime(190);
    expect(released).toEqual([100]);
    vi.advanceTimersByTime(20);
    expect(released).toEqual([100, 400, 320, 360]);
    vi.advanceTimersByTime(1000);
    expect(released).toEqual([100, 400, 320, 360, 1000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not grow, and begins again with a key unit", () => {
    const { gate: before, released } = gate();
    for (let n = 0; n < 10; n++) before.add(unit(10_000 + n, n === 0, 16 << 20));
    before.add(unit(10_010));
    vi.advanceTimersByTime(10_500);
    expect(released).toEqual([10_000, 10_001, 10_002, 10_003]);
    before.add(unit(10_500));
    before.add(unit(10_540, true));
    before.add(unit(10_580));
    vi.advanceTimersByTime(1000);
    expect(released.slice(4)).toEqual([10_540, 10_580]);
  });

  it("keeps nothing of units without a time, and nothing after it is closed", () => {
    const { gate: before, released } = gate();
    before.add(unit(NaN));
    before.add(unit(500));
    before.close();
    vi.advanceTimersByTime(1000);
    expect(released).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
