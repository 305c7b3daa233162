import { describe, expect, it } from "vitest";
import { now } from "./clock";
import { module } from "./testing";
import { SoundDecoder, VideoDecoder, type VideoFormat, ViewingSession, Wasm } from "./wasm";

const OPTIONS = { serverKey: "A".repeat(43), playbackId: "abc", token: undefined, latencyMs: 300, maxLayer: null };
const GREY: VideoFormat = { chroma: "grey", bits: 8, alpha: false };

describe("the wasm module", () => {
  it("imports nothing", () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it("asks for a stream, and asks again while nobody answers", () => {
    const session = ViewingSession.open(new Wasm(module), OPTIONS, now());
    const began = now();
    const first = session.transmit(began);
    expect(first?.length).toBeGreaterThan(32);
    expect(session.transmit(began)).toBeNull();
    const next = session.timeout();
    expect(next).toBeGreaterThan(began);
    expect(next).toBeLessThan(began + 2000);
    expect(session.transmit(next + 1)).toEqual(first);
    expect(session.event()).toBeNull();
  });

  it("asks differently in every session, as its random bytes come from the browser", () => {
    const ask = (): string => String(ViewingSession.open(new Wasm(module), OPTIONS, now()).transmit(now()));
    expect(ask()).not.toBe(ask());
  });

  it("takes any bytes for a datagram", () => {
    const session = ViewingSession.open(new Wasm(module), OPTIONS, now());
    for (let length = 0; length < 200; length++) {
      session.handleDatagram(now(), crypto.getRandomValues(new Uint8Array(length)));
    }
    expect(session.stats(now())).toMatchObject({ packetsReceived: 0, layersLive: 0, layerRates: [] });
  });

  it("says in words what is wrong with a session", () => {
    const open = (change: object) => () => ViewingSession.open(new Wasm(module), { ...OPTIONS, ...change }, now());
    expect(open({ serverKey: "short" })).toThrow("the server key is not 43 characters of base64url");
    expect(open({ playbackId: "" })).toThrow("the playback ID has 0 bytes, it must have 1 to 64");
    expect(open({ latencyMs: 5 })).toThrow("the latency is 5 ms, it must be 20 to 10000");
    expect(open({ token: "x".repeat(513) })).toThrow("the token has 513 bytes, it must have at most 512");
  });

  it("says in words why something cannot be decoded", () => {
    const wasm = new Wasm(module);
    expect(() => new VideoDecoder(wasm, 8192, 8192, { ...GREY, chroma: "420" })).toThrow("a picture of 8192 x 8192 is too large for a browser");
    expect(() => new SoundDecoder(wasm, 1, 2, 16)).toThrow("a sample rate is 1, it must be 8000 to 192000");
    const decoder = new VideoDecoder(wasm, 16, 16, GREY);
    expect(() => decoder.decode(Uint8Array.of(1, 2, 3), 14)).toThrow("the unit's first byte is 1");
  });

  it("draws deep and full colours as 8-bit 4:2:0", () => {
    const wasm = new Wasm(module);
    const unit = Uint8Array.of(0xf4, 1, 14, 1, 0, 0, 4, 0, 0, 0, 0);
    for (const chroma of ["420", "422", "444", "rgb"] as const) {
      const { planes } = new VideoDecoder(wasm, 15, 9, { chroma, bits: 12, alpha: true }).decode(unit, 14);
      expect(planes.map((plane) => plane.length)).toEqual([135, 40, 40]);
    }
    expect(() => new VideoDecoder(wasm, 16, 16, { ...GREY, bits: 9 as 8 })).toThrow("the number of bits a sample is 9");
  });

  it("holds 16 sessions and decoders, and those that are freed make room", () => {
    const wasm = new Wasm(module);
    const decoders = Array.from({ length: 16 }, () => new VideoDecoder(wasm, 16, 16, GREY));
    expect(() => new VideoDecoder(wasm, 16, 16, GREY)).toThrow("too many");
    decoders[3]?.free();
    expect(() => new VideoDecoder(wasm, 16, 16, GREY)).not.toThrow();
  });
});
