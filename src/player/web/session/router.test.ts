import { expect, it } from "vitest";
import type { Track } from "../types";
import { Router } from "./router";
import { module } from "./testing";
import { Wasm } from "./wasm";

const SOUND: Track = {
  id: 1, kind: "encoded-audio", name: "", layers: 1, codec: "opus", sampleRate: 48_000, channels: 2, config: new Uint8Array(0),
  caps: "",
};
const PICTURE: Track = {
  id: 2, kind: "encoded-video", name: "", layers: 3, codec: "h264", width: 2, height: 2, frameRate: 25, config: new Uint8Array(0),
  caps: "",
};

it("the layers that are told are those of the picture, and of the sound where there is no picture", () => {
  const none = (): void => undefined;
  const router = new Router(new Wasm(module), { video: none, sound: none, encoded: none });
  expect(router.mainTrack).toBeUndefined();
  router.setTracks([SOUND, PICTURE]);
  expect(router.mainTrack).toBe(2);
  router.setTracks([SOUND]);
  expect(router.mainTrack).toBe(1);
});
