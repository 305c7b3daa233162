import { describe, expect, it } from "vitest";
import vectors from "../../vectors/units.json";
import { fromBase64, module } from "./testing";
import { SoundDecoder, VideoDecoder, Wasm } from "./wasm";

async function sha256(parts: ArrayBufferView<ArrayBuffer>[]): Promise<string> {
  const bytes = await new Blob(parts).arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `tests/vectors.rs` decodes the same units natively.
describe("the wasm module gives the same bytes as the native decoder", () => {
  for (const { width, height, hasColour, units } of vectors.videos) {
    it(`of pictures of ${width} x ${height}`, async () => {
      const decoder = new VideoDecoder(new Wasm(module), width, height, { chroma: hasColour ? "420" : "grey", bits: 8, alpha: false });
      for (const unit of units) {
        const { planes, layers } = decoder.decode(fromBase64(unit.data), unit.maxLayer);
        expect(layers).toBe(unit.layers);
        expect(await sha256(planes)).toBe(unit.sha256);
      }
    });
  }

  for (const { sampleRate, channels, bits, units } of vectors.sounds) {
    it(`of sound at ${sampleRate} Hz with ${bits} bits`, async () => {
      const decoder = new SoundDecoder(new Wasm(module), sampleRate, channels, bits);
      for (const unit of units) {
        const heard = decoder.decode(fromBase64(unit.data), unit.pts, unit.lost, 14);
        expect(heard.filled).toBe(unit.filled);
        expect(heard.channels.map((channel) => channel.length)).toEqual(Array(channels).fill(heard.filled + heard.samples));
        expect(await sha256(heard.channels)).toBe(unit.sha256);
      }
    });
  }
});
