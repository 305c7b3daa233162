import { describe, expect, it } from "vitest";
import { RecentLayers } from "./recent-layers";

/** What is told at the end when a picture with so many layers came every 40 ms. */
function told(...layers: number[]): number | null {
  const recent = new RecentLayers();
  layers.forEach((count, at) => recent.add(at * 40, count));
  return recent.median((layers.length - 1) * 40);
}

describe("the layers that are received", () => {
  it("are those of most pictures: a single bad one does not count, whenever one looks", () => {
    expect(told(9, 9, 9, 9, 0)).toBe(9);
    expect(told(9, 0, 9, 9, 10, 9)).toBe(9);
  });

  it("fall when pictures stay bad, within a second", () => {
    expect(told(...Array<number>(50).fill(9), ...Array<number>(11).fill(2))).toBe(9);
    expect(told(...Array<number>(50).fill(9), ...Array<number>(14).fill(2))).toBe(2);
  });

  it("are not known before anything came, after other tracks began, and once nothing comes any more", () => {
    expect(told()).toBeNull();
    const recent = new RecentLayers();
    recent.add(0, 4);
    expect(recent.median(999)).toBe(4);
    expect(recent.median(1000)).toBeNull();
    recent.add(1100, 4);
    recent.clear();
    expect(recent.median(1100)).toBeNull();
  });

  it("take no more memory for a flood of units", () => {
    const recent = new RecentLayers();
    for (let n = 0; n < 10_000; n++) recent.add(0, n);
    expect(recent.median(0)).toBe(10_000 - 128);
  });
});
