import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Picture, PlayerOptions, SessionEvents, SessionOptions, Track } from "../types";
import { Core } from "./core";
import { noSessionStats } from "./figures";

const VIDEO: Track = {
  id: 0, kind: "video", name: "", layers: 4, width: 2, height: 2, chroma: "420", alpha: false, bits: 8, frameRate: 25, pixelAspect: 1, colorimetry: "",
};
const ENCODED: Track = {
  id: 1, kind: "encoded-audio", name: "", layers: 1, codec: "opus", sampleRate: 48_000, channels: 2, config: new Uint8Array(0),
  caps: "",
};

/** A session of which the test says what it tells. */
class FakeSession {
  isClosed = false;
  ceilings: (number | null)[] = [];

  constructor(
    readonly options: SessionOptions,
    readonly events: SessionEvents,
  ) {}

  setMaxLayer(maxLayer: number | null): void {
    this.ceilings.push(maxLayer);
  }

  close(): void {
    this.isClosed = true;
  }
}

/** As much of a page as the core asks for. */
class FakePage {
  readonly listeners = new Set<unknown>();
  frames: (() => void)[] = [];
  drawn = 0;
  private readonly context = { drawImage: () => this.drawn++, putImageData: () => this.drawn++ };

  install(): void {
    vi.stubGlobal("document", {
      createElement: () => ({ getContext: (kind: string) => (kind === "2d" ? this.context : null) }),
      addEventListener: (_: string, listener: unknown) => this.listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => this.listeners.delete(listener),
    });
    vi.stubGlobal("ImageData", class {
      data: Uint8ClampedArray;
      constructor(readonly width: number, readonly height: number) {
        this.data = new Uint8ClampedArray(width * height * 4);
      }
    });
    vi.stubGlobal("requestAnimationFrame", (step: () => void) => this.frames.push(step));
    vi.stubGlobal("cancelAnimationFrame", () => (this.frames = []));
  }

  animate(): void {
    const { frames } = this;
    this.frames = [];
    for (const step of frames) step();
  }
}

const page = new FakePage();
let sessions: FakeSession[] = [];

function core(options: Partial<PlayerOptions> = {}): Core {
  return new Core({ playbackId: "abc", muted: true, ...options }, (of, events) => {
    const session = new FakeSession(of, events);
    sessions.push(session);
    return session;
  });
}

const last = (): FakeSession => sessions.at(-1) ?? expect.fail("no session was opened");

function picture(due: number): Picture {
  const planes = [new Uint8Array(4), new Uint8Array(1), new Uint8Array(1)];
  return { track: 0, width: 2, height: 2, planes, due, pts: due, layers: 4, isNew: true, reference: "none", decodeMs: 1 };
}

const now = (): number => performance.timeOrigin + performance.now();

describe("the core of a player", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    page.install();
    sessions = [];
    page.drawn = 0;
    page.frames = [];
    page.listeners.clear();
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is idle until it plays, and then as its session says", async () => {
    const player = core();
    const states: string[] = [];
    player.addEventListener("state", () => states.push(player.state));
    expect(player.state).toBe("idle");
    await player.play();
    for (const state of ["live", "live", "reconnecting", "live", "offline", "paused", "live"] as const) {
      last().events.state(state);
    }
    player.stop();
    expect(states).toEqual(["connecting", "live", "reconnecting", "live", "offline", "paused", "live", "stopped"]);
    player.destroy();
  });

  it("is live with its first picture, not with the first unit that comes, and stays so where the stream goes on", async () => {
    const player = core();
    const states: string[] = [];
    player.addEventListener("state", () => states.push(player.state));
    await player.play();
    last().events.tracks([VIDEO]);
    last().events.state("live");
    expect(player.state).toBe("connecting");
    last().events.picture(picture(now()));
    expect(player.state).toBe("live");
    last().events.state("reconnecting");
    last().events.tracks([VIDEO]);
    last().events.state("live");
    expect(states).toEqual(["connecting", "live", "reconnecting", "live"]);
    last().events.state("offline");
    last().events.picture(picture(now()));
    expect(player.state).toBe("offline");
    last().events.tracks([{ ...VIDEO, width: 4 }]);
    last().events.state("live");
    expect(player.state).toBe("connecting");
    player.destroy();
  });

  it("is live with its first sound where there is no picture, and at once where there is nothing to present", async () => {
    const player = core();
    await player.play();
    last().events.tracks([{ id: 3, kind: "audio", name: "", layers: 4, sampleRate: 48_000, channels: 1, bits: 16 }]);
    last().events.state("live");
    expect(player.state).toBe("connecting");
    last().events.sound({ track: 3, sampleRate: 48_000, channels: [new Float32Array(480)], due: now(), pts: 0, concealed: false });
    expect(player.state).toBe("live");
    last().events.tracks([{ id: 4, kind: "data", name: "", layers: 1, caps: "" }]);
    last().events.state("live");
    expect(player.state).toBe("live");
    player.destroy();
  });

  it("gives the session the latency that is left after its own", async () => {
    await core().play();
    expect(last().options.latencyMs).toBe(200);
    await core({ latencyMs: 1000 }).play();
    expect(last().options.latencyMs).toBe(900);
    await core({ latencyMs: 1 }).play();
    expect(last().options.latencyMs).toBe(50);
  });

  it("opens one session, however often it is asked to play, and a new one after it was stopped", async () => {
    const player = core();
    await player.play();
    await player.play();
    expect(sessions).toHaveLength(1);
    player.stop();
    expect(last().isClosed).toBe(true);
    await player.play();
    expect(sessions).toHaveLength(2);
    expect(player.state).toBe("connecting");
    player.destroy();
  });

  it("leaves nothing behind when it is destroyed", async () => {
    const player = core();
    await player.play();
    last().events.tracks([VIDEO]);
    last().events.picture(picture(now() + 1000));
    expect(page.listeners.size).toBeGreaterThan(0);
    player.destroy();
    expect(last().isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(page.frames).toHaveLength(0);
    expect(page.listeners.size).toBe(0);
    await expect(player.play()).rejects.toThrow("destroyed");
  });

  it("does not listen to a session that it has closed", async () => {
    const player = core();
    await player.play();
    const { events } = last();
    player.stop();
    events.state("live");
    events.tracks([VIDEO]);
    expect(player.state).toBe("stopped");
    expect(player.tracks).toEqual([]);
  });

  it("says why it failed, and ends what it had", async () => {
    const player = core();
    await player.play();
    last().events.state("failed", { code: "not-found", message: "There is no such stream." });
    expect(player.state).toBe("failed");
    expect(player.error?.code).toBe("not-found");
    expect(last().isClosed).toBe(true);
    await player.play();
    expect(player.error).toBeNull();
    player.destroy();
  });

  it("fails also when the session does while it is opened", async () => {
    const player = new Core({ playbackId: "abc", muted: true }, (options, events) => {
      const session = new FakeSession(options, events);
      sessions.push(session);
      events.state("failed", { code: "unsupported", message: "No." });
      return session;
    });
    await player.play();
    expect(player.state).toBe("failed");
    expect(last().isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("shows pictures when they are due by the wall clock where there is no sound", async () => {
    const player = core();
    await player.play();
    last().events.tracks([VIDEO]);
    const due = now();
    last().events.picture(picture(due));
    last().events.picture(picture(due + 400));
    page.animate();
    expect(player.shown).toBeNull();
    await vi.advanceTimersByTimeAsync(110);
    page.animate();
    expect(player.shown?.due).toBe(due);
    await vi.advanceTimersByTimeAsync(300);
    page.animate();
    expect(player.shown?.due).toBe(due);
    await vi.advanceTimersByTimeAsync(110);
    page.animate();
    expect(player.shown?.due).toBe(due + 400);
    expect(player.stats).toMatchObject({ framesShown: 2, framesDropped: 0, width: 2, height: 2 });
    expect(page.drawn).toBe(2);
    player.destroy();
  });

  it("tells the session's figures and its own four times a second", async () => {
    const player = core({ maxLayer: 3 });
    const told: number[] = [];
    player.addEventListener("stats", (event) => told.push((event as CustomEvent<{ packetsLost: number }>).detail.packetsLost));
    await player.play();
    last().events.stats({ ...noSessionStats(), packetsLost: 7 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual([7, 7, 7, 7]);
    expect(player.stats.maxLayer).toBe(3);
    player.destroy();
  });

  it("passes on the highest layer that is wanted", async () => {
    const player = core();
    player.maxLayer = 2;
    await player.play();
    expect(last().options.maxLayer).toBe(2);
    player.maxLayer = null;
    expect(last().ceilings).toEqual([null]);
    player.destroy();
  });

  it("goes on without sound that the browser does not decode, and says so; without the picture it fails", async () => {
    const player = core();
    await player.play();
    last().events.tracks([VIDEO, ENCODED]);
    expect(player.state).toBe("connecting");
    expect(player.withheld.at(-1)).toContain("This stream's Opus track needs WebCodecs");
    last().events.tracks([ENCODED]);
    expect(player.state).toBe("failed");
    expect(player.error?.code).toBe("unsupported");
  });

  it("asks the application where the sources are, where it says so", async () => {
    const playable = { playbackId: "abc", name: "x", state: "live" as const, serverKey: "", sources: [], tracks: [] };
    await core({ resolve: async (id) => ({ ...playable, name: id }) }).play();
    expect((await last().options.resolve()).name).toBe("abc");
  });

  it("keeps its volume between silence and full", () => {
    const player = core({ volume: 7 });
    expect(player.volume).toBe(1);
    player.volume = -1;
    expect(player.volume).toBe(0);
    player.volume = NaN;
    expect(player.volume).toBe(1);
  });
});
