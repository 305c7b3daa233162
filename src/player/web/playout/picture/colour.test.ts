import { describe, expect, it } from "vitest";
import { conversion } from "./colour";
import { Converter } from "./convert";

/** The colour of a picture of one pixel. */
function colour(colorimetry: string, height: number, samples: number[]): number[] {
  const out = new Uint8ClampedArray(4);
  const planes = samples.map((sample) => Uint8Array.of(sample));
  new Converter(conversion(colorimetry, height)).convert({ width: 1, height: 1, planes }, out);
  return [...out];
}

describe("colours", () => {
  it("are those of the standards, by samples that the standards give for pure ones", () => {
    // Red, green and blue of 75 % bars.
    expect(colour("bt709", 720, [51, 109, 212])).toEqual([191, 0, 0, 255].map((v) => expect.closeTo(v, -0.5)));
    expect(colour("bt601", 480, [65, 100, 212])).toEqual([191, 0, 0, 255].map((v) => expect.closeTo(v, -0.5)));
    expect(colour("bt709", 720, [235, 128, 128])).toEqual([255, 255, 255, 255]);
    expect(colour("bt709", 720, [16, 128, 128])).toEqual([0, 0, 0, 255]);
    expect(colour("bt709", 720, [0, 128, 128])).toEqual([0, 0, 0, 255]);
  });

  it("use the whole range where the colorimetry says so", () => {
    expect(colour("1:4:0:0", 480, [255, 128, 128])).toEqual([255, 255, 255, 255]);
    expect(colour("1:4:0:0", 480, [0, 128, 128])).toEqual([0, 0, 0, 255]);
    expect(colour("1:3:5:1", 720, [100, 128, 128])).toEqual([100, 100, 100, 255]);
  });

  it("are read from GStreamer's numbers as from its names", () => {
    expect(conversion("2:3:5:1", 100)).toEqual(conversion("bt709", 100));
    expect(conversion("2:4:16:4", 1000)).toEqual(conversion("bt601", 1000));
    expect(conversion("2:6:13:7", 1000)).toEqual(conversion("bt2020", 1000));
  });

  it("are guessed by the size where nothing, or nonsense, is said", () => {
    for (const nothing of ["", "0:0:0:0", "💣", ":::", "constructor"]) {
      expect(conversion(nothing, 576)).toEqual(conversion("bt601", 576));
      expect(conversion(nothing, 720)).toEqual(conversion("bt709", 720));
    }
  });

  it("of grey pictures are grey", () => {
    expect(colour("bt709", 720, [126])).toEqual([128, 128, 128, 255]);
  });

  it("reach the last column and row of odd sizes", () => {
    const picture = {
      width: 3,
      height: 3,
      planes: [new Uint8Array(9).fill(126), Uint8Array.of(128, 128, 128, 240), Uint8Array.of(128, 128, 128, 128)],
    };
    const out = new Uint8ClampedArray(36);
    new Converter(conversion("bt709", 720)).convert(picture, out);
    expect([...out.slice(0, 4)]).toEqual([128, 128, 128, 255]);
    expect(out[34]).toBe(255);
  });
});
