import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EncodedUnit, Track } from "../../types";
import { type Decoding, type DecodingEvents, decodingOf } from "./decoding";

const TRACK: Track = {
  id: 0, kind: "encoded-video", name: "", layers: 3, codec: "h264", width: 64, height: 48, frameRate: 25,
  config: Uint8Array.of(1, 0x42, 0xc0, 0x1f), caps: "",
};

/** A browser's decoder, of which the test says what it does. */
class FakeDecoder {
  static all: FakeDecoder[] = [];
  static isSupported = true;
  static isConfigSupported = async (): Promise<{ supported: boolean }> => ({ supported: FakeDecoder.isSupported });
  state = "unconfigured";
  chunks: { type: string; timestamp: number }[] = [];

  constructor(readonly told: { output(frame: unknown): void; error(): void }) {
    FakeDecoder.all.push(this);
  }

  configure(): void {
    this.state = "configured";
  }

  decode(chunk: { type: string; timestamp: number }): void {
    this.chunks.push(chunk);
  }

  close(): void {
    this.state = "closed";
  }
}

const unit = (pts: number, isKey: boolean): EncodedUnit =>
  ({ track: 0, data: Uint8Array.of(1, 2, 3), due: pts + 100, pts, duration: 40, isKey });

function browser(): { events: DecodingEvents; shown: number[]; unsupported: string[] } {
  FakeDecoder.all = [];
  FakeDecoder.isSupported = true;
  vi.stubGlobal("VideoDecoder", FakeDecoder);
  vi.stubGlobal("EncodedVideoChunk", class {
    constructor(init: object) {
      Object.assign(this, init);
    }
  });
  const shown: number[] = [];
  const unsupported: string[] = [];
  const events: DecodingEvents = {
    frame: (_, due) => shown.push(due),
    sound: () => undefined,
    unsupported: (message) => unsupported.push(message),
  };
  return { events, shown, unsupported };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("decoding by the browser", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("begins with a key unit, and loses none of those that come while the browser is asked", async () => {
    const { events, shown } = browser();
    const decoding = decodingOf(TRACK, events);
    decoding?.decode(unit(0, false));
    decoding?.decode(unit(40, true));
    decoding?.decode(unit(80, false));
    await turn();
    decoding?.decode(unit(120, false));
    const [decoder] = FakeDecoder.all;
    expect(decoder?.chunks.map(({ type, timestamp }) => [type, timestamp])).toEqual([
      ["key", 40_000], ["delta", 80_000], ["delta", 120_000],
    ]);
    decoder?.told.output({ timestamp: 80_000 });
    expect(shown).toEqual([180]);
  });

  it("begins anew with the next key unit after an error", async () => {
    const { events, unsupported } = browser();
    const decoding = decodingOf(TRACK, events);
    decoding?.decode(unit(0, true));
    await turn();
    FakeDecoder.all[0]?.told.error();
    decoding?.decode(unit(40, false));
    await turn();
    expect(FakeDecoder.all).toHaveLength(1);
    decoding?.decode(unit(80, true));
    await turn();
    expect(FakeDecoder.all[1]?.chunks).toHaveLength(1);
    expect(FakeDecoder.all[0]?.state).toBe("closed");
    expect(unsupported).toEqual([]);
  });

  it("gives up a decoder that does nothing but fail, and says so once", async () => {
    const { events, unsupported } = browser();
    const decoding = decodingOf(TRACK, events);
    for (let n = 0; n < 20; n++) {
      decoding?.decode(unit(n * 40, true));
      await turn();
      FakeDecoder.all.at(-1)?.told.error();
    }
    expect(unsupported).toEqual(["This browser's decoder fails on this stream's H.264 track."]);
    expect(FakeDecoder.all).toHaveLength(8);
  });

  it("begins anew where the stream is when the decoder is too slow", async () => {
    const { events } = browser();
    const decoding = decodingOf(TRACK, events);
    decoding?.decode(unit(0, true));
    await turn();
    const [decoder] = FakeDecoder.all;
    for (let pts = 40; pts < 1500; pts += 40) decoding?.decode(unit(pts, false));
    expect(decoder?.state).toBe("configured");
    for (let pts = 1500; pts < 1600; pts += 40) decoding?.decode(unit(pts, false));
    expect(decoder?.state).toBe("closed");
    decoding?.decode(unit(1600, true));
    await turn();
    expect(FakeDecoder.all).toHaveLength(2);
  });

  it("says what is missing where the browser does not decode the codec, or decodes nothing", async () => {
    const { events, unsupported } = browser();
    FakeDecoder.isSupported = false;
    decodingOf(TRACK, events)?.decode(unit(0, true));
    await turn();
    expect(unsupported).toEqual(["This browser does not decode this stream's H.264 track."]);
    vi.stubGlobal("VideoDecoder", undefined);
    vi.stubGlobal("isSecureContext", false);
    decodingOf(TRACK, events);
    expect(unsupported[1]).toBe("This stream's H.264 track needs WebCodecs, which browsers give to https:// pages only.");
  });

  describe("when nothing comes out", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    /** Gives a unit each 40 ms, a key unit each second. */
    async function watch(decoding: Decoding | null, from: number, ms: number, afterEach = (): void => undefined): Promise<void> {
      for (let pts = from; pts < from + ms; pts += 40) {
        decoding?.decode(unit(pts, pts % 1000 === 0));
        await vi.advanceTimersByTimeAsync(40);
        afterEach();
      }
    }

    it("says so after some seconds, and not again", async () => {
      const { events, unsupported } = browser();
      const decoding = decodingOf(TRACK, events);
      await watch(decoding, 0, 7000);
      expect(unsupported).toEqual([]);
      await watch(decoding, 7000, 7000);
      expect(unsupported).toEqual(["Nothing comes out of this browser's decoder for this stream's H.264 track."]);
      expect(FakeDecoder.all.every(({ state }) => state === "closed")).toBe(true);
    });

    it("says so too where no key unit tells how it is to be decoded", async () => {
      const { events, unsupported } = browser();
      await watch(decodingOf({ ...TRACK, config: new Uint8Array(0) }, events), 0, 9000);
      expect(FakeDecoder.all).toHaveLength(0);
      expect(unsupported).toHaveLength(1);
    });

    it("waits for as long as it takes for the first key unit, and over a stream that is interrupted", async () => {
      const { events, unsupported } = browser();
      const decoding = decodingOf(TRACK, events);
      await watch(decoding, 20, 20_000);
      for (let from = 40_000; from < 200_000; from += 20_000) {
        await watch(decoding, from, 5000);
        await vi.advanceTimersByTimeAsync(5000);
      }
      expect(unsupported).toEqual([]);
    });

    it("has nothing to say while something does", async () => {
      const { events, unsupported } = browser();
      const decoding = decodingOf(TRACK, events);
      await watch(decoding, 0, 30_000, () => {
        const decoder = FakeDecoder.all.at(-1);
        const chunk = decoder?.chunks.at(-1);
        if (chunk) decoder?.told.output({ timestamp: chunk.timestamp });
      });
      expect(unsupported).toEqual([]);
      expect(FakeDecoder.all).toHaveLength(1);
    });
  });

  it("keeps nothing after it is closed", async () => {
    const { events } = browser();
    const decoding = decodingOf(TRACK, events);
    decoding?.decode(unit(0, true));
    decoding?.close();
    await turn();
    expect(FakeDecoder.all).toHaveLength(0);
  });
});
