import { describe, expect, it } from "vitest";
import { Resampler } from "./resample";

function sine(rate: number, hertz: number, from: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hertz * (from + n)) / rate));
}

/** The signal to noise ratio in dB of a sine of this frequency after its way in chunks through a resampler. */
function snr(inRate: number, outRate: number, hertz: number, speed = 1): number {
  const resampler = new Resampler(inRate, outRate, 1);
  const out: number[] = [];
  for (let chunk = 0; chunk < 50; chunk++) {
    out.push(...(resampler.process([sine(inRate, hertz, chunk * 441, 441)], speed)[0] ?? []));
  }
  const offset = -resampler.latencyMs / 1000;
  let signal = 0;
  let noise = 0;
  for (let n = Math.round(outRate / 20); n < out.length; n++) {
    const expected = Math.sin(2 * Math.PI * hertz * ((n * speed) / outRate + offset));
    signal += expected ** 2;
    noise += ((out[n] ?? 0) - expected) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

describe("the resampler", () => {
  for (const [inRate, outRate] of [[44_100, 48_000], [48_000, 44_100], [48_000, 48_000], [8000, 48_000], [96_000, 48_000]] as const) {
    it(`makes ${inRate} into ${outRate} samples a second, chunk by chunk, as if it were one`, () => {
      expect(snr(inRate, outRate, 440)).toBeGreaterThan(60);
      expect(snr(inRate, outRate, Math.min(inRate, outRate) * 0.2)).toBeGreaterThan(50);
      expect(snr(inRate, outRate, 440, 1.01)).toBeGreaterThan(60);
    });
  }

  it("leaves sound as it is where the rates are the same", () => {
    const resampler = new Resampler(48_000, 48_000, 1);
    const input = sine(48_000, 15_000, 0, 4800);
    const [out = new Float32Array()] = resampler.process([input], 1);
    const errors = out.slice(100).map((sample, n) => Math.abs(sample - (input[n + 100 - 8] ?? 0)));
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  });

  it("removes what the lower rate cannot hold", () => {
    const resampler = new Resampler(96_000, 32_000, 1);
    const [out = new Float32Array()] = resampler.process([sine(96_000, 30_000, 0, 9600)], 1);
    expect(Math.max(...out.slice(100))).toBeLessThan(0.01);
  });

  it("gives as many samples as the rates say, in chunks of any size", () => {
    for (const size of [1, 7, 120, 1024]) {
      const resampler = new Resampler(44_100, 48_000, 2);
      let count = 0;
      for (let n = 0; n < 4410; n += size) {
        const [left, right] = resampler.process([new Float32Array(size), new Float32Array(size)], 1);
        expect(left?.length).toBe(right?.length);
        count += left?.length ?? 0;
      }
      expect(Math.abs(count - 4800)).toBeLessThan(1.2 * size + 20);
    }
  });
});
