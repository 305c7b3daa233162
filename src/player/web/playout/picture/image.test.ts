import { describe, expect, it } from "vitest";
import type { Picture, Track } from "../../types";
import { canvasSize, imageOf } from "./image";

const picture = (width: number, height: number, lengths: number[]): Picture => ({
  track: 0, width, height, planes: lengths.map((length) => new Uint8Array(length)), due: 0, pts: 0, layers: 1, isNew: true, reference: "none",
  decodeMs: 1,
});
const track = (pixelAspect: number): Track => ({
  id: 0, kind: "video", name: "", layers: 1, width: 720, height: 576, chroma: "420", alpha: false, bits: 8, frameRate: 25, pixelAspect,
  colorimetry: "bt601",
});

describe("a picture", () => {
  it("is drawn only when its planes are as long as its size says", () => {
    expect(imageOf(picture(3, 3, [9, 4, 4]), undefined)).not.toBeNull();
    expect(imageOf(picture(3, 3, [9]), undefined)).not.toBeNull();
    for (const lengths of [[], [8], [9, 4], [9, 4, 3], [9, 4, 4, 4], [10, 4, 4]]) {
      expect(imageOf(picture(3, 3, lengths), undefined)).toBeNull();
    }
    expect(imageOf(picture(0, 0, [0]), undefined)).toBeNull();
    expect(imageOf(picture(1.5, 2, [3]), undefined)).toBeNull();
  });

  it("is stretched to square pixels, and never made smaller", () => {
    const lengths = [720 * 576, 360 * 288, 360 * 288];
    const size = (aspect: number) => {
      const image = imageOf(picture(720, 576, lengths), track(aspect));
      return image && canvasSize(image);
    };
    expect(size(1)).toEqual({ width: 720, height: 576 });
    expect(size(16 / 15)).toEqual({ width: 768, height: 576 });
    expect(size(0.5)).toEqual({ width: 720, height: 1152 });
    for (const nonsense of [0, NaN, -1, 1e9, Infinity]) expect(size(nonsense)).toEqual({ width: 720, height: 576 });
  });
});
