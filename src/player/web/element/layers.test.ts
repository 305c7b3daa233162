import { describe, expect, test } from "vitest";
import type { Track } from "../types";
import { colour, meaning } from "./layers";

const video: Track = {
  id: 0, kind: "video", name: "", layers: 10, width: 16, height: 16, chroma: "420", alpha: false, bits: 8, frameRate: 25, pixelAspect: 1, colorimetry: "",
};
const encoded: Track = {
  id: 0, kind: "encoded-video", name: "", layers: 3, codec: "h264", width: 16, height: 16, frameRate: 25, config: new Uint8Array(), caps: "",
};

describe("layers on screen", () => {
  test("the words go from outlines to exact, and end there", () => {
    expect(meaning(0, [video])).toBe("outlines");
    expect(meaning(9, [video])).toBe("exact");
    expect(meaning(10, [video])).toBe("");
  });

  test("layers of video that another encoder made have words of their own", () => {
    expect(meaning(0, [encoded])).toBe("key pictures only");
  });

  test("without a picture there are no words for pictures", () => {
    expect(meaning(3, [])).toBe("");
  });

  test("the coarsest layer is amber and the finest blue, however many there are", () => {
    for (const possible of [2, 3, 10, 15]) {
      expect(colour(0, possible)).toBe("rgb(245 165 36)");
      expect(colour(possible - 1, possible)).toBe("rgb(56 198 244)");
    }
    expect(colour(0, 1)).toBe("rgb(245 165 36)");
  });
});
