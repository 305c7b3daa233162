import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionEvents, Session } from "../types";
import { openSession, PlayError } from ".";

/** A worker that does what the test says. */
class FakeWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  readonly got: { type: string }[] = [];
  isTerminated = false;

  constructor(readonly kind: "session" | "decode") {
    workers.push(this);
  }

  postMessage(message: { type: string }): void {
    this.got.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  say(data: unknown): void {
    this.onmessage?.({ data });
  }
}

let workers: FakeWorker[] = [];

vi.mock("#assets", () => ({
  sessionWorker: () => new FakeWorker("session"),
  decodeWorker: () => new FakeWorker("decode"),
  wasmModule: async () => ({}),
}));

const newest = (kind: FakeWorker["kind"]): FakeWorker =>
  workers.filter((worker) => worker.kind === kind).at(-1) ?? expect.fail(`there is no ${kind} worker`);

const encoded = { type: "encoded", unit: { track: 0, data: new Uint8Array(1), due: 0, pts: 0, duration: 0, isKey: true } };

describe("a session in workers", () => {
  const states: string[] = [];

  const open = (): Session => openRejecting(new Error("away"));

  /** Opens one whose application does not find out how to play. */
  function openRejecting(reason: unknown): Session {
    const none = (): void => undefined;
    const events: SessionEvents = {
      tracks: none, picture: none, sound: none, encoded: none, stats: none,
      state: (state) => states.push(state),
    };
    return openSession({ resolve: () => Promise.reject(reason), latencyMs: 300, maxLayer: null }, events);
  }

  /** Lets the newest worker fail, and waits until there are others. */
  async function crash(): Promise<void> {
    newest("session").onerror?.({ message: "boom" });
    await vi.advanceTimersByTimeAsync(3000);
  }

  beforeEach(() => {
    vi.useFakeTimers();
    workers = [];
    states.length = 0;
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("makes no workers when it is closed before the module is there", async () => {
    open().close();
    await vi.advanceTimersByTimeAsync(1000);
    expect(workers).toEqual([]);
    expect(states).toEqual([]);
  });

  it("ends its workers when it is closed, that of the session once it had time for its goodbye", async () => {
    const session = open();
    await vi.advanceTimersByTimeAsync(0);
    session.close();
    expect(newest("decode").isTerminated).toBe(true);
    expect(newest("session").got.at(-1)).toEqual({ type: "close" });
    expect(newest("session").isTerminated).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(newest("session").isTerminated).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("makes both anew when one fails, and gives up where they do nothing but fail", async () => {
    open();
    await vi.advanceTimersByTimeAsync(0);
    for (let n = 0; n < 5; n++) await crash();
    expect(states).toEqual(Array(5).fill("reconnecting"));
    expect(workers).toHaveLength(12);
    await crash();
    expect(states.at(-1)).toBe("failed");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(workers).toHaveLength(12);
    expect(workers.every(({ isTerminated }) => isTerminated)).toBe(true);
  });

  it("counts failures anew once media came, of whatever kind", async () => {
    open();
    await vi.advanceTimersByTimeAsync(0);
    for (let n = 0; n < 12; n++) {
      await crash();
      newest("session").say(encoded);
    }
    expect(states).toEqual(Array(12).fill("reconnecting"));
  });

  it("does not listen to workers that it has ended", async () => {
    open();
    await vi.advanceTimersByTimeAsync(0);
    const before = newest("session");
    await crash();
    states.length = 0;
    before.say({ type: "state", state: "live" });
    expect(states).toEqual([]);
    newest("session").say({ type: "state", state: "live" });
    expect(states).toEqual(["live"]);
  });

  const unknown = { code: "network", message: "How to play this stream cannot be found out now." };

  it.each([
    ["a word of its own", new PlayError("unauthorized", "Not for you."), { code: "unauthorized", message: "Not for you." }],
    ["an object with a known code", { code: "not-found", message: "Gone." }, { code: "not-found", message: "Gone." }],
    ["an error", new Error("away"), unknown],
    ["an error with a code of another kind", new DOMException("timed out", "TimeoutError"), unknown],
    ["nothing", undefined, unknown],
  ])("tells its worker why the way to play is not found out, from %s", async (_, reason, error) => {
    openRejecting(reason);
    await vi.advanceTimersByTimeAsync(0);
    newest("session").say({ type: "resolve", id: 7 });
    await vi.advanceTimersByTimeAsync(0);
    expect(newest("session").got.at(-1)).toEqual({ type: "unresolved", id: 7, error });
  });
});
