import { describe, expect, it } from "vitest";
import vectors from "../../vectors/units.json";
import type { DecodeStats, Picture, PlayerError } from "../types";
import { now } from "./clock";
import type { VideoTrack } from "./messages";
import { Pictures } from "./pictures";
import { fromBase64, module } from "./testing";
import { VideoDecoder } from "./wasm";

const VIDEO = vectors.videos[0];

function track(change: Partial<VideoTrack> = {}): VideoTrack {
  const { width = 0, height = 0 } = VIDEO ?? {};
  return {
    id: 4, kind: "video", name: "", layers: 12, width, height, chroma: "420", alpha: false, bits: 8, frameRate: 25, pixelAspect: 1, colorimetry: "",
    ...change,
  };
}

function unit(number: number, due = now() + 300) {
  const data = fromBase64(VIDEO?.units[number]?.data ?? "");
  return { type: "unit", data, due, pts: 40 * number, isKey: true, referenceLayers: 0 } as const;
}

function open() {
  const pictures: Picture[] = [];
  const errors: PlayerError[] = [];
  const loads: DecodeStats[] = [];
  const decoder = new Pictures(module, {
    picture: (picture) => pictures.push(picture),
    load: (load) => loads.push(load),
    failed: (error) => errors.push(error),
  });
  const run = (): void => {
    while (decoder.length > 0) {
      decoder.decodeNext();
    }
  };
  return { decoder, pictures, errors, loads, run };
}

describe("pictures", () => {
  it("come out of units in order, with their times and how many layers they have", () => {
    const { decoder, pictures, run } = open();
    decoder.take({ type: "track", track: track() });
    const due = now() + 300;
    decoder.take(unit(0, due));
    decoder.take(unit(3, due + 40));
    run();
    expect(pictures).toMatchObject([
      { track: 4, width: 96, height: 64, due, pts: 0, layers: 10, isNew: true },
      // A slice of which nothing came shows the picture before.
      { due: due + 40, pts: 120, layers: 0, isNew: false },
    ]);
    expect(pictures[0]?.planes.map((plane) => plane.length)).toEqual([96 * 64, 48 * 32, 48 * 32]);
  });

  it("of a track that is not there are none", () => {
    const { decoder, pictures, run } = open();
    decoder.take(unit(0));
    decoder.take({ type: "track", track: track() });
    decoder.take({ type: "track", track: null });
    decoder.take(unit(0));
    run();
    expect(pictures).toEqual([]);
  });

  it("that are too large are refused in words", () => {
    const { decoder, errors } = open();
    decoder.take({ type: "track", track: track({ width: 8192, height: 8192 }) });
    expect(errors).toMatchObject([{ code: "unsupported", message: expect.stringContaining("8192 x 8192 is too large") }]);
  });

  it("go on after a unit that is none, and are given up after five", () => {
    const { decoder, pictures, errors, run } = open();
    decoder.take({ type: "track", track: track() });
    const garbage = { type: "unit", data: Uint8Array.of(1, 2, 3), due: now() + 300, pts: 0, isKey: true, referenceLayers: 0 } as const;
    for (let i = 0; i < 4; i++) {
      decoder.take(garbage);
    }
    decoder.take(unit(0));
    run();
    expect(pictures.length).toBe(1);
    expect(errors).toEqual([]);
    for (let i = 0; i < 5; i++) {
      decoder.take(garbage);
    }
    run();
    expect(errors).toMatchObject([{ code: "decode" }]);
  });

  it("go on with a new instance of the module after one has failed", () => {
    const { decoder, pictures, errors, run } = open();
    decoder.take({ type: "track", track: track() });
    const decode = VideoDecoder.prototype.decode;
    VideoDecoder.prototype.decode = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    decoder.take(unit(0));
    run();
    VideoDecoder.prototype.decode = decode;
    decoder.take(unit(0));
    run();
    expect(errors).toEqual([]);
    expect(pictures).toMatchObject([{ layers: 10, isNew: true }]);
  });

  it("that waited for too long make room, and count as left out", () => {
    const { decoder, loads, run } = open();
    decoder.take({ type: "track", track: track() });
    for (let i = 0; i < 70; i++) {
      decoder.take(unit(0, now() + 10_000));
    }
    expect(decoder.length).toBe(64);
    run();
    expect(loads.at(-1)?.picturesSkipped).toBe(6);
  });

  it("begin with a key frame: those before it are left out", () => {
    const { decoder, pictures, loads, run } = open();
    decoder.take({ type: "track", track: track() });
    decoder.take({ ...unit(0), isKey: false });
    decoder.take(unit(0));
    decoder.take({ ...unit(0), isKey: false });
    run();
    expect(pictures.length).toBe(2);
    expect(loads.at(-1)?.picturesSkipped).toBe(1);
  });
});
