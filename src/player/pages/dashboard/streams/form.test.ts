import { describe, expect, it } from "vitest";
import type { Stream } from "../shapes";
import { changesOf, emptyForm, formOf, newStreamOf } from "./form";

const NO_LIMITS = { limits: { streams: null, layers: null, rate: null } };
const STREAM: Stream = {
  id: "str_1", name: "news", description: "the stage", type: "push", source: null, always: null,
  sourceStatus: null, layers: 12, fec: "unequal:3,2,1,0", region: "local",
  record: false, streamKey: null, playbackId: "abc", state: "offline", ingest: { fql: "" },
  playback: { page: "http://127.0.0.1:8080/v/news", play: "", fql: "" }, ring: { seconds: 50, bytes: 33_554_432 },
  createdAt: "2026-01-01T00:00:00Z", updatedAt: "2026-01-01T00:00:00Z", archivedAt: null,
};

describe("a new stream", () => {
  it("asks for what was typed, and leaves the rest to the daemon", () => {
    const form = { ...emptyForm(NO_LIMITS), name: "news" };
    expect(newStreamOf(form)).toEqual({ name: "news", layers: 12, fec: "adaptive", region: "auto" });
  });

  it("begins within the limits of the API key", () => {
    expect(emptyForm({ limits: { ...NO_LIMITS.limits, layers: 6 } }).layers).toBe("6");
  });

  it("turns mebibytes into bytes", () => {
    const form = { ...emptyForm(NO_LIMITS), name: "news", ringSeconds: "10", ringMebibytes: "0,5" };
    expect(newStreamOf(form).ring).toEqual({ seconds: 10, bytes: 524_288 });
  });

  it("names every number that is none: they cannot be sent to the daemon", () => {
    const form = { ...emptyForm(NO_LIMITS), name: "news", layers: "many", ringSeconds: "1.5", ringMebibytes: "x" };
    expect(() => newStreamOf(form)).toThrow(expect.objectContaining({
      fields: [
        { field: "layers", message: "is not a whole number" },
        { field: "ring.seconds", message: "is not a whole number" },
        { field: "ring.bytes", message: "is not a number" },
      ],
    }));
  });

  it("sends numbers that are too large or small: the daemon says so", () => {
    expect(newStreamOf({ ...emptyForm(NO_LIMITS), name: "news", layers: "-1" }).layers).toBe(-1);
  });
});

describe("a new stream that is pulled", () => {
  const camera = { ...emptyForm(NO_LIMITS), name: "door", type: "pull" as const };

  it("has a source", () => {
    const form = { ...camera, source: " rtsp://admin:secret@camera.local/live\n", always: true };
    expect(newStreamOf(form)).toMatchObject({ type: "pull", source: "rtsp://admin:secret@camera.local/live", always: true });
  });

  it("is asked for without one, too: the daemon says that it is missing", () => {
    expect(newStreamOf(camera)).toMatchObject({ type: "pull", always: false });
    expect(newStreamOf(camera)).not.toHaveProperty("source");
  });

  it("takes nothing along of a source that was typed before it was to be pushed", () => {
    const form = { ...camera, type: "push" as const, source: "rtsp://camera.local/live", always: true };
    expect(newStreamOf(form)).toEqual({ name: "door", layers: 12, fec: "adaptive", region: "auto" });
  });
});

describe("a change of a source", () => {
  const pulled: Stream = { ...STREAM, type: "pull", source: "rtsp://***@camera.local/***", always: false };

  it("is none where no address was typed: what is shown of the one before is no address", () => {
    expect(formOf(pulled).source).toBe("");
    expect(changesOf(formOf(pulled), pulled)).toEqual({});
  });

  it("is another address, or another time to have it open", () => {
    expect(changesOf({ ...formOf(pulled), source: "srt://origin:9000" }, pulled)).toEqual({ source: "srt://origin:9000" });
    expect(changesOf({ ...formOf(pulled), always: true }, pulled)).toEqual({ always: true });
  });
});

describe("a change", () => {
  it("is none where nothing was typed", () => {
    expect(changesOf(formOf(STREAM), STREAM)).toEqual({});
  });

  it("holds what is another, and nothing else", () => {
    const form = { ...formOf(STREAM), description: "", layers: "6" };
    expect(changesOf(form, STREAM)).toEqual({ description: "", layers: 6 });
  });

  it("of the protection is written as everywhere", () => {
    const form = { ...formOf(STREAM), fec: { kind: "adaptive" as const, percent: "40", parity: "" } };
    expect(changesOf(form, STREAM)).toEqual({ fec: "adaptive:40%" });
  });

  it("of the ring leaves its other size", () => {
    expect(changesOf({ ...formOf(STREAM), ringSeconds: "20" }, STREAM)).toEqual({ ring: { seconds: 20 } });
  });
});
