import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Playable, PlayerError } from "../types";
import type { CarrierEvents } from "./carrier";
import { Client } from "./client";
import type { WorkerStats } from "./messages";
import { PlayError } from "./playable";
import { module, playable, WEBSOCKET } from "./testing";

/** A carrier that the test opens and closes. */
class FakeCarrier {
  readonly transport = "websocket";
  readonly sent: Uint8Array[] = [];
  isClosed = false;

  constructor(readonly events: CarrierEvents) {}

  send(datagram: Uint8Array): void {
    this.sent.push(datagram);
  }

  close(): void {
    this.isClosed = true;
  }
}

function play(resolve: () => Promise<Playable>) {
  const carriers: FakeCarrier[] = [];
  const states: [string, PlayerError | undefined][] = [];
  const stats: WorkerStats[] = [];
  const none = (): void => undefined;
  const client = new Client(module, { latencyMs: 300, maxLayer: null, token: undefined }, {
    resolve,
    open: (_transport, _source, events) => {
      const carrier = new FakeCarrier(events);
      carriers.push(carrier);
      return carrier;
    },
    state: (state, error) => states.push([state, error]),
    stats: (stat) => stats.push(stat),
    tracks: none,
    video: none,
    sound: none,
    encoded: none,
  });
  void client.run();
  return { client, carriers, states, stats };
}

const byWebSocket = (): Promise<Playable> => Promise.resolve(playable({ sources: [WEBSOCKET] }));

describe("a client", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", class {});
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks the server for the stream once its carrier is open, and asks again", async () => {
    const { carriers, states, client } = play(byWebSocket);
    await vi.advanceTimersByTimeAsync(10);
    const [carrier] = carriers;
    expect(carrier?.sent).toEqual([]);
    carrier?.events.opened();
    expect(carrier?.sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(carrier?.sent.length).toBeGreaterThan(1);
    carrier?.events.datagram(crypto.getRandomValues(new Uint8Array(100)));
    await vi.advanceTimersByTimeAsync(10);
    expect(states).toEqual([["connecting", undefined]]);
    client.close();
    expect(carrier?.isClosed).toBe(true);
  });

  it("asks anew how the stream can be played, after pauses that grow, when the connection is lost", async () => {
    let asked = 0;
    const { carriers, states, client } = play(() => {
      asked += 1;
      return byWebSocket();
    });
    await vi.advanceTimersByTimeAsync(10);
    for (let i = 0; i < 4; i++) {
      carriers.at(-1)?.events.closed();
      await vi.advanceTimersByTimeAsync(5000);
      expect(carriers.length).toBe(i + 2);
    }
    expect(asked).toBe(5);
    expect(states.slice(1).every(([state, error]) => state === "reconnecting" && error?.code === "network")).toBe(true);
    client.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(5);
  });

  it("pauses also between attempts that took long and never became a session", async () => {
    const { carriers, client } = play(byWebSocket);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(carriers.length).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(carriers.length).toBe(2);
    await vi.advanceTimersByTimeAsync(400);
    expect(carriers.length).toBe(3);
    client.close();
  });

  it("goes on while the server cannot be reached, and gives up where the stream is not known", async () => {
    const errors = [new PlayError("network", "away"), new PlayError("not-found", "not there")];
    const { states, stats } = play(() => Promise.reject(errors.shift()));
    await vi.advanceTimersByTimeAsync(1000);
    expect(states).toEqual([
      ["connecting", undefined],
      ["reconnecting", { code: "network", message: "away" }],
      ["failed", { code: "not-found", message: "not there" }],
    ]);
    const told = stats.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stats.length).toBe(told);
  });

  it("gives up in words where the module refuses what the server says", async () => {
    const { carriers, states } = play(async () => playable({ sources: [WEBSOCKET], serverKey: "short" }));
    await vi.advanceTimersByTimeAsync(10);
    carriers[0]?.events.opened();
    await vi.advanceTimersByTimeAsync(10);
    expect(states.at(-1)).toEqual([
      "failed",
      { code: "unsupported", message: "This stream cannot be played: the server key is not 43 characters of base64url." },
    ]);
  });

  it("tells what the source of the stream does", async () => {
    const { client, stats } = play(async () => playable({ state: "idle", sources: [WEBSOCKET], source: { state: "idle" } }));
    await vi.advanceTimersByTimeAsync(300);
    expect(stats.at(-1)?.source).toEqual({ state: "idle", retryInMs: null });
    client.close();
  });

  it("tells its figures four times a second", async () => {
    const { client, stats } = play(byWebSocket);
    await vi.advanceTimersByTimeAsync(1000);
    expect(stats.length).toBe(4);
    expect(stats[0]).toMatchObject({ transport: null, packetsReceived: 0, layersPossible: 0 });
    client.close();
  });
});
