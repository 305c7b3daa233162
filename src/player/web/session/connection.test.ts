import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AttemptEvents } from "./attempt";
import { Connection, type Trial, type Way, waysOf } from "./connection";
import type { Ending } from "./ending";
import { playable, WEBSOCKET, WEBTRANSPORT } from "./testing";
import type { ReceiverStats, SessionEvent } from "./wasm";

/** An attempt of which the test says what it tells. */
class FakeTrial implements Trial {
  readonly heard = 1;
  isClosed = false;
  maxLayer: number | null = null;

  constructor(
    readonly way: Way,
    readonly events: AttemptEvents,
  ) {}

  get transport() {
    return this.way.transport;
  }

  stats(): ReceiverStats | null {
    return null;
  }

  setMaxLayer(maxLayer: number | null): void {
    this.maxLayer = maxLayer;
  }

  close(): void {
    this.isClosed = true;
  }
}

const WAYS: Way[] = [
  { transport: "webtransport", source: WEBTRANSPORT },
  { transport: "websocket", source: WEBSOCKET },
];

function connect(ways = WAYS) {
  const trials: FakeTrial[] = [];
  const told: SessionEvent[] = [];
  const endings: Ending[] = [];
  const begin = (way: Way, events: AttemptEvents): Trial => {
    const trial = new FakeTrial(way, events);
    trials.push(trial);
    return trial;
  };
  const connection = new Connection(ways, begin, { event: (event) => told.push(event), ended: (ending) => endings.push(ending) });
  connection.start();
  return { connection, trials, told, endings };
}

describe("the ways to a server", () => {
  it("are WebTransport and then WebSocket, as far as the stream and the browser have them", () => {
    expect(waysOf(playable(), () => true)).toEqual(WAYS);
    expect(waysOf(playable(), (transport) => transport === "websocket")).toEqual([WAYS[1]]);
    expect(waysOf(playable({ sources: [WEBSOCKET, { protocol: "fql", uri: "fql://localhost" }] }), () => true)).toEqual([WAYS[1]]);
  });
});

describe("a connection", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("goes by the first way alone where that answers in time", () => {
    const { connection, trials, told } = connect();
    vi.advanceTimersByTime(300);
    trials[0]?.events.event({ type: "started" });
    vi.advanceTimersByTime(20_000);
    expect(trials.length).toBe(1);
    expect(connection.transport).toBe("webtransport");
    expect(told).toEqual([{ type: "started" }]);
  });

  it("tries the first way once more where it does not answer, and takes the attempt that does", () => {
    const { connection, trials } = connect();
    vi.advanceTimersByTime(350);
    expect(trials.map((trial) => trial.transport)).toEqual(["webtransport", "webtransport"]);
    trials[1]?.events.event({ type: "started" });
    vi.advanceTimersByTime(20_000);
    expect(trials.map((trial) => trial.isClosed)).toEqual([true, false]);
    expect(connection.transport).toBe("webtransport");
  });

  it("tries the second way beside the first after a second, and takes the one that answers first", () => {
    const { connection, trials, told } = connect();
    vi.advanceTimersByTime(999);
    expect(trials.map((trial) => trial.transport)).toEqual(["webtransport", "webtransport"]);
    vi.advanceTimersByTime(1);
    expect(trials.map((trial) => trial.isClosed)).toEqual([false, false, false]);
    trials[2]?.events.event({ type: "started" });
    expect(trials.map((trial) => trial.isClosed)).toEqual([true, true, false]);
    trials[0]?.events.event({ type: "started" });
    trials[0]?.events.lost();
    expect(connection.transport).toBe("websocket");
    expect(told).toEqual([{ type: "started" }]);
  });

  it("tries the second way at once where the first one fails", () => {
    const { trials } = connect();
    trials[0]?.events.lost();
    expect(trials.map((trial) => trial.transport)).toEqual(["webtransport", "websocket"]);
  });

  it("ends when all ways have failed", () => {
    const { trials, endings } = connect();
    trials[0]?.events.lost();
    expect(endings).toEqual([]);
    trials[1]?.events.lost();
    expect(endings).toMatchObject([{ isFinal: false, error: { code: "network" } }]);
  });

  it("ends when nobody answers for ten seconds", () => {
    const { trials, endings } = connect();
    vi.advanceTimersByTime(10_000);
    expect(endings).toMatchObject([{ isFinal: false, error: { code: "network" } }]);
    expect(trials.every((trial) => trial.isClosed)).toBe(true);
  });

  it("ends with what the server says, and does not come again where that cannot help", () => {
    const { trials, endings, told } = connect();
    trials[0]?.events.event({ type: "started" });
    trials[0]?.events.event({ type: "ended", reason: "unauthorized" });
    trials[0]?.events.event({ type: "paused", paused: true });
    expect(endings).toMatchObject([{ isFinal: true, error: { code: "unauthorized" } }]);
    expect(told).toEqual([{ type: "started" }]);
  });

  it("ends when its carrier is lost, or the module fails", () => {
    const first = connect();
    first.trials[0]?.events.event({ type: "started" });
    first.trials[0]?.events.lost();
    expect(first.endings).toMatchObject([{ isFinal: false, error: { code: "network" } }]);
    const second = connect();
    second.trials[0]?.events.broken(new WebAssembly.RuntimeError("unreachable"));
    expect(second.endings).toMatchObject([{ isFinal: false, error: { code: "internal" } }]);
    expect(second.trials[0]?.isClosed).toBe(true);
  });

  it("says plainly that there is no way", () => {
    expect(connect([]).endings).toMatchObject([{ isFinal: true, error: { code: "unsupported" } }]);
  });

  it("passes a ceiling on", () => {
    const { connection, trials } = connect();
    connection.setMaxLayer(3);
    expect(trials[0]?.maxLayer).toBe(3);
  });
});
