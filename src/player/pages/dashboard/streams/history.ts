/** What a stream did lately, as the charts take it. */
import type { Line } from "../parts/stack";
import type { PacketStats, StreamStats } from "../shapes";

/** How much of the past is kept, in seconds. */
export const SPAN = 300;
/** After this many seconds without an answer, lines are not drawn on. */
const GAP = 5;

/** One answer, and when it came: seconds since the epoch. */
export interface Sample {
  at: number;
  stats: StreamStats;
}

/** Lines with the times that they have in common. */
export interface Series {
  /** Seconds since the epoch, rising. */
  times: number[];
  /** Bit/s of each layer, of all tracks together, the lowest first. */
  layers: Line[];
  /** Bit/s of what is no media: parity and headers. */
  overhead: Line;
  /** The share of datagrams that did not come, 0 to 1. */
  loss: Line;
  /** Packets a second that were rebuilt from parity. */
  recovered: Line;
  viewers: Line;
}

/** The samples with one more; those that are too old are left out. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  // A clock that was set back begins anew.
  if (last && sample.at <= last.at) return sample.at < last.at - GAP ? [sample] : [...samples];
  return [...samples.filter(({ at }) => at > sample.at - SPAN), sample];
}

/** The samples as lines. */
export function seriesOf(samples: readonly Sample[]): Series {
  const points = samples.flatMap((sample, at) => pointsOf(samples[at - 1], sample));
  const most = Math.max(0, ...points.map(({ layers }) => layers?.length ?? 0));
  return {
    times: points.map(({ at }) => at),
    layers: Array.from({ length: most }, (_, layer) => points.map(({ layers }) => layers && (layers[layer] ?? 0))),
    overhead: points.map(({ overhead }) => overhead),
    loss: points.map(({ loss }) => loss),
    recovered: points.map(({ recovered }) => recovered),
    viewers: points.map(({ viewers }) => viewers),
  };
}

/** What was lost and what was recovered since the session began, as shares of what was sent; null before anything was. */
export function lossOf(packets: PacketStats): number | null {
  const sent = packets.received + packets.lost;
  return sent === 0 ? null : packets.lost / sent;
}

interface Point {
  at: number;
  layers: number[] | null;
  overhead: number | null;
  loss: number | null;
  recovered: number | null;
  viewers: number | null;
}

function pointsOf(before: Sample | undefined, sample: Sample): Point[] {
  const isGap = before !== undefined && sample.at - before.at > GAP;
  const point = pointOf(isGap ? undefined : before, sample);
  return isGap ? [nothingAt((before.at + sample.at) / 2), point] : [point];
}

function nothingAt(at: number): Point {
  return { at, layers: null, overhead: null, loss: null, recovered: null, viewers: null };
}

function pointOf(before: Sample | undefined, { at, stats }: Sample): Point {
  const layers = stats.publisher && layersOf(stats);
  const media = stats.tracks.reduce((sum, track) => sum + track.bitrate, 0);
  const flow = before && flowOf(before.stats.packets, stats.packets);
  return {
    at,
    layers,
    overhead: stats.publisher && Math.max(0, stats.publisher.rate - media),
    loss: flow ? flow.loss : null,
    recovered: flow && before ? flow.recovered / (at - before.at) : null,
    viewers: stats.viewers,
  };
}

function layersOf(stats: StreamStats): number[] {
  const most = Math.max(0, ...stats.tracks.map(({ layerRates }) => layerRates.length));
  const sum = (layer: number) => stats.tracks.reduce((sum, { layerRates }) => sum + (layerRates[layer] ?? 0), 0);
  return Array.from({ length: most }, (_, layer) => sum(layer));
}

/** What happened between two counts; null where nothing did, or a new session counts from zero. */
function flowOf(before: PacketStats, now: PacketStats): { loss: number; recovered: number } | null {
  const received = now.received - before.received;
  const recovered = now.recovered - before.recovered;
  if (received < 0 || recovered < 0) return null;
  // A packet that was counted as lost, and came after all, is taken back.
  const lost = Math.max(0, now.lost - before.lost);
  // Where nothing was sent, nothing can be said of what came.
  return received + lost === 0 ? null : { loss: lost / (received + lost), recovered };
}
