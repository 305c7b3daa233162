import { describe, expect, it } from "vitest";
import type { PacketStats, StreamStats, TrackStats } from "../shapes";
import { lossOf, seriesOf, SPAN, withSample, type Sample } from "./history";

const PACKETS: PacketStats = { received: 0, lost: 0, recovered: 0, late: 0 };

function track(id: number, layerRates: number[]): TrackStats {
  const bitrate = layerRates.reduce((sum, rate) => sum + rate, 0);
  return {
    id, kind: "video", name: "", codec: "fql", bitrate, frameRate: 25, layers: layerRates.length, layerRates,
    unitsComplete: 0, unitsPartial: 0, unitsLost: 0,
  };
}

function live(packets: Partial<PacketStats>, tracks: TrackStats[] = [], rate = 0): StreamStats {
  return {
    state: "live", sourceStatus: null, uptimeSeconds: 1, viewers: 2, tracks, delayMs: null, packets: { ...PACKETS, ...packets },
    publisher: { address: "127.0.0.1:1", roundTripMs: 1, queueingDelayMs: 0, rate },
  };
}

const OFFLINE: StreamStats = { ...live({}), state: "offline", viewers: 0, publisher: null };
const at = (seconds: number, stats: StreamStats): Sample => ({ at: seconds, stats });

describe("the samples", () => {
  it("reach back as far as the charts do", () => {
    let samples: Sample[] = [];
    for (let second = 0; second <= SPAN + 10; second += 1) samples = withSample(samples, at(second, OFFLINE));
    expect(samples[0]?.at).toBe(11);
    expect(samples).toHaveLength(SPAN);
  });

  it("begin anew when the clock is set back, and take no moment twice", () => {
    const samples = withSample(withSample([], at(100, OFFLINE)), at(101, OFFLINE));
    expect(withSample(samples, at(101, OFFLINE))).toHaveLength(2);
    expect(withSample(samples, at(50, OFFLINE)).map((sample) => sample.at)).toEqual([50]);
  });
});

describe("the lines", () => {
  it("are empty without samples", () => {
    expect(seriesOf([])).toEqual({ times: [], layers: [], overhead: [], loss: [], recovered: [], viewers: [] });
  });

  it("hold what all tracks take of each layer, and what is no media", () => {
    const series = seriesOf([at(1, live({}, [track(0, [100, 200, 300]), track(1, [10])], 700))]);
    expect(series.layers).toEqual([[110], [200], [300]]);
    expect(series.overhead).toEqual([90]);
    expect(series.viewers).toEqual([2]);
  });

  it("count losses and recoveries from one sample to the next", () => {
    const series = seriesOf([
      at(1, live({ received: 1000, lost: 50, recovered: 40 })),
      at(3, live({ received: 1090, lost: 60, recovered: 50 })),
    ]);
    expect(series.loss).toEqual([null, 0.1]);
    expect(series.recovered).toEqual([null, 5]);
  });

  it("take back no loss: a packet that came after all is none less than zero", () => {
    const series = seriesOf([at(1, live({ received: 100, lost: 5 })), at(2, live({ received: 110, lost: 4 }))]);
    expect(series.loss).toEqual([null, 0]);
  });

  it("say nothing of losses where nothing was sent", () => {
    expect(seriesOf([at(1, OFFLINE), at(2, OFFLINE)]).loss).toEqual([null, null]);
  });

  it("have no rates where nobody publishes", () => {
    const series = seriesOf([at(1, live({}, [track(0, [100])], 100)), at(2, OFFLINE)]);
    expect(series.layers).toEqual([[100, null]]);
    expect(series.overhead).toEqual([0, null]);
  });

  it("begin anew with a new session, which counts from zero", () => {
    const series = seriesOf([at(1, live({ received: 1000, recovered: 9 })), at(2, live({ received: 10, recovered: 0 }))]);
    expect(series.loss).toEqual([null, null]);
    expect(series.recovered).toEqual([null, null]);
  });

  it("are not drawn over a time in which nobody asked", () => {
    const series = seriesOf([at(1, live({ received: 1 })), at(61, live({ received: 100 }))]);
    expect(series.times).toEqual([1, 31, 61]);
    expect(series.viewers).toEqual([2, null, 2]);
    expect(series.loss).toEqual([null, null, null]);
  });
});

describe("the share that was lost", () => {
  it("is one of everything that was sent", () => {
    expect(lossOf({ ...PACKETS, received: 90, lost: 10 })).toBe(0.1);
    expect(lossOf(PACKETS)).toBeNull();
  });
});
