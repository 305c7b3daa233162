// What the page and the workers of a session say to each other.

import type { DecodeStats, EncodedUnit, Picture, Playable, PlayerError, SessionEvents, SessionStats, Sound, Track } from "../types";

/** The states that a session tells. */
export type SessionState = Parameters<SessionEvents["state"]>[0];

/** The page to the session worker. */
export type ToSession =
  | { type: "open"; module: WebAssembly.Module; decoder: MessagePort; latencyMs: number; maxLayer: number | null; token: string | undefined }
  | { type: "resolved"; id: number; playable: Playable }
  | { type: "unresolved"; id: number; error: PlayerError }
  | { type: "max-layer"; maxLayer: number | null }
  | { type: "close" };

/** The session worker to the page. */
export type FromSession =
  | { type: "resolve"; id: number }
  | { type: "tracks"; tracks: Track[] }
  | { type: "sound"; sound: Sound }
  | { type: "encoded"; unit: EncodedUnit }
  | { type: "state"; state: SessionState; error?: PlayerError }
  | { type: "stats"; stats: WorkerStats }
  | { type: "closed" };

/** What the session worker tells; the rest of the statistics is the decode worker's. */
export type WorkerStats = Omit<SessionStats, keyof DecodeStats>;

/** The page to the decode worker. */
export type ToDecoder = { type: "open"; module: WebAssembly.Module; units: MessagePort };

/** The session worker to the decode worker. */
export type Units =
  | { type: "track"; track: VideoTrack | null }
  | { type: "unit"; data: Uint8Array<ArrayBuffer>; due: number; pts: number; isKey: boolean; referenceLayers: number };

export type VideoTrack = Extract<Track, { kind: "video" }>;
export type AudioTrack = Extract<Track, { kind: "audio" }>;

/** The decode worker to the page. */
export type FromDecoder =
  | { type: "picture"; picture: Picture }
  | { type: "load"; load: DecodeStats }
  | { type: "failed"; error: PlayerError };
