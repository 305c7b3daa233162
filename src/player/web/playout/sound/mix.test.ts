import { describe, expect, it } from "vitest";
import { mix } from "./mix";

const channels = (...samples: number[]): Float32Array[] => samples.map((sample) => Float32Array.of(sample));
const values = (mixed: Float32Array[]): number[] => mixed.map((channel) => channel[0] ?? NaN);

describe("channels", () => {
  it("stay as they are where the output has them", () => {
    expect(values(mix(channels(0.5), 2))).toEqual([0.5]);
    expect(values(mix(channels(0.5, -0.5), 2))).toEqual([0.5, -0.5]);
    expect(mix(channels(1, 2, 3, 4, 5, 6), 6)).toHaveLength(6);
  });

  it("become stereo elsewhere, with the centre on both sides and without low frequencies", () => {
    for (const count of [3, 4, 5, 6, 7, 8]) {
      const only = (at: number): number[] =>
        values(mix(channels(...Array.from({ length: count }, (_, channel) => (channel === at ? 1 : 0))), 2));
      expect(only(0)[0]).toBeGreaterThan(0);
      expect(only(0)[1]).toBe(0);
      expect(only(1)[0]).toBe(0);
      if (count !== 4) expect(only(2)[0]).toBe(only(2)[1]);
      if (count >= 6) expect(only(3)).toEqual([0, 0]);
    }
  });

  it("never clip, however many are loud", () => {
    for (let count = 1; count <= 8; count++) {
      for (const value of values(mix(channels(...Array<number>(count).fill(1)), 2))) {
        expect(value).toBeLessThanOrEqual(1 + 1e-6);
        expect(value).toBeGreaterThan(0.9);
      }
    }
  });
});
