import type { DecodeStats } from "../types";
import type { ReceiverStats } from "./wasm";

/** The figures of a decoder that has decoded nothing yet. */
export const NO_LOAD: DecodeStats = { decodeCeiling: null, picturesSkipped: 0, picturesDrifted: 0 };

/** The figures of a receiver to which nothing came yet. */
export const NO_STATS: ReceiverStats = {
  packetsReceived: 0,
  packetsLost: 0,
  packetsRecovered: 0,
  packetsLate: 0,
  rate: 0,
  queueingDelayMs: 0,
  unitsComplete: 0,
  unitsPartial: 0,
  unitsLost: 0,
  layersLive: 0,
  layersPossible: 0,
  layerRates: [],
};
