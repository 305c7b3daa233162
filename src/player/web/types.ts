/** What the rooms of the player say to each other, and what applications see. Times are milliseconds since the epoch. */

/** What a player is doing. */
export type PlayerState =
  /** Nothing was asked for yet. */
  | "idle"
  /** Asking for the stream, or waiting for its first picture. */
  | "connecting"
  /** Media plays. */
  | "live"
  /** The stream exists, and nobody publishes it. The player waits. */
  | "offline"
  /** The stream's owner has paused it. The player waits. */
  | "paused"
  /** The connection went away; the player tries again. */
  | "reconnecting"
  /** The viewer stopped it. */
  | "stopped"
  /** It cannot be played; `PlayerError` says why. */
  | "failed";

/** Why something cannot be played, for people (`message`) and for programs (`code`). */
export interface PlayerError {
  code: "not-found" | "unauthorized" | "refused" | "unsupported" | "network" | "decode" | "internal";
  message: string;
}

/** How datagrams come. */
export type Transport = "webtransport" | "websocket";

/** What `GET /play/<playbackId>` answers. */
export interface Playable {
  playbackId: string;
  name: string;
  state: "live" | "offline" | "idle" | "paused";
  /** What its source does, where the server fetches the stream from elsewhere. */
  source?: SourceProgress;
  /** What the server is known by: 32 bytes, base64url without padding. */
  serverKey: string;
  sources: Source[];
  tracks: unknown[];
}

/** What the source of a stream that the server fetches from elsewhere does. */
export type SourceState = "idle" | "connecting" | "live" | "retrying" | "disabled";

/** The same as `GET /play/<playbackId>` tells it. */
export interface SourceProgress {
  state: SourceState;
  /** In how many milliseconds it is tried again, where it has failed. */
  retryInMs?: number;
}

/** One way to play a stream. */
export interface Source {
  protocol: "fql" | Transport | string;
  uri: string;
  /**
   * SHA-256 hashes, base64, of the certificates that a WebTransport server has now and next. Absent where its
   * certificate is one that browsers trust.
   */
  certificateHashes?: string[];
}

/** The colours of a track as they are coded. The player draws all of them, as 8 bits and 4:2:0 or grey. */
export type Chroma = "grey" | "420" | "422" | "444" | "rgb";

/** A track of the stream. */
export type Track =
  | { id: number; kind: "video"; name: string; layers: number; width: number; height: number; chroma: Chroma; alpha: boolean; bits: 8 | 10 | 12; frameRate: number; pixelAspect: number; colorimetry: string }
  | { id: number; kind: "audio"; name: string; layers: number; sampleRate: number; channels: number; bits: 16 | 24 }
  | { id: number; kind: "data"; name: string; layers: 1; caps: string }
  | { id: number; kind: "encoded-video"; name: string; layers: number; codec: "h264" | "h265" | "av1"; width: number; height: number; frameRate: number; config: Uint8Array; caps: string }
  | { id: number; kind: "encoded-audio"; name: string; layers: number; codec: "aac" | "opus"; sampleRate: number; channels: number; config: Uint8Array; caps: string };

/**
 * What there was of the picture that another is predicted from: `none`, as it is a key frame; all of it; not all of it, or
 * of what it rests on, so that the picture is near what it should be; nothing.
 */
export type Reference = "none" | "whole" | "drifted" | "missing";

/** A decoded picture: planes without padding, chroma of half size (rounded up) or none. */
export interface Picture {
  track: number;
  width: number;
  height: number;
  /** Y, or Y, Cb and Cr. */
  planes: Uint8Array[];
  /** When it is to be shown, on this machine's clock. */
  due: number;
  /** Its presentation time on the sender's clock. */
  pts: number;
  /** Layers complete in every slice. */
  layers: number;
  /** Whether every slice has its layer 0: otherwise it does not count as a new picture. */
  isNew: boolean;
  reference: Reference;
  decodeMs: number;
}

/** Decoded sound: one array a channel, -1 to 1. */
export interface Sound {
  track: number;
  sampleRate: number;
  channels: Float32Array[];
  due: number;
  pts: number;
  /** Whether it was made up because nothing came. */
  concealed: boolean;
}

/** A unit of a track that WebCodecs decodes. */
export interface EncodedUnit {
  track: number;
  data: Uint8Array;
  due: number;
  pts: number;
  duration: number;
  isKey: boolean;
}

/** What became of the pictures on this machine. Counts are since the player began. */
export interface DecodeStats {
  /** The highest layer that this machine decodes in time; null where it manages all that come. */
  decodeCeiling: number | null;
  /** Pictures that were not decoded: there was no time for them, or no key frame came before them yet. */
  picturesSkipped: number;
  /** Pictures that were decoded without all that they are predicted from: they drift until the next key frame. */
  picturesDrifted: number;
}

/** What came and what became of it. Counts are since the player began. */
export interface SessionStats extends DecodeStats {
  /** What the stream's source does, as far as it was told; null where it has none. */
  source: { state: SourceState; retryInMs: number | null } | null;
  transport: Transport | null;
  packetsReceived: number;
  packetsLost: number;
  packetsRecovered: number;
  packetsLate: number;
  /** Bits a second that arrive, headers included. */
  rate: number;
  /** How much longer than the fastest the datagrams took lately. */
  queueingDelayMs: number;
  unitsComplete: number;
  unitsPartial: number;
  unitsLost: number;
  /** Layers complete in most pictures of the last second (of sound where there is no picture), and as many as the stream has. */
  layersLive: number;
  layersPossible: number;
  /** Bits a second of each layer of that track. */
  layerRates: number[];
}

/** All figures of a player. */
export interface PlayerStats extends SessionStats {
  state: PlayerState;
  /** From the sender's clock to the screen, as far as the page can know: the buffer and the queueing before it. */
  latencyMs: number;
  /** Pictures a second that were shown lately. */
  frameRate: number;
  /** Media that is decoded, or waits to be, ahead of what is shown. */
  bufferMs: number;
  framesShown: number;
  framesDropped: number;
  /** How long a picture of layers takes to decode lately; 0 where there is none. */
  decodeMs: number;
  width: number;
  height: number;
  /** The highest layer asked for; null for all. */
  maxLayer: number | null;
}

/** What a session tells the playout. */
export interface SessionEvents {
  tracks(tracks: Track[]): void;
  picture(picture: Picture): void;
  sound(sound: Sound): void;
  encoded(unit: EncodedUnit): void;
  state(state: "connecting" | "live" | "offline" | "paused" | "reconnecting" | "failed", error?: PlayerError): void;
  stats(stats: SessionStats): void;
}

/** What a session is set up with. */
export interface SessionOptions {
  /**
   * How the stream can be played now: asked at the start, and again before every new attempt, as addresses, hashes
   * and keys may have changed. `fetchPlayable` of `web/session` asks `GET /play/<playbackId>`. Rejects with a
   * `PlayableError` where it is known why; anything else is taken for a network that is away.
   */
  resolve: () => Promise<Playable>;
  /** From the arrival of the fastest datagram to presentation, 50 to 10,000. */
  latencyMs: number;
  /** The highest layer that is wanted, 0 to 14; null for all. */
  maxLayer: number | null;
  /** A playback token, where the stream asks for one. */
  token?: string;
}

/** Receives a stream and decodes it in workers; connects again by itself. */
export interface Session {
  setMaxLayer(maxLayer: number | null): void;
  /** Ends the session and its workers. */
  close(): void;
}

/** `web/session` gives this. */
export type OpenSession = (options: SessionOptions, events: SessionEvents) => Session;

/** What a player is set up with. */
export interface PlayerOptions {
  playbackId: string;
  /** The daemon's address, as `https://live.example.com`; that of the page by default. */
  server?: string;
  maxLayer?: number | null;
  muted?: boolean;
  /** 0 to 1. */
  volume?: number;
  /** From arrival to screen, 300 by default. */
  latencyMs?: number;
  token?: string;
  /** For applications that find their sources themselves, in place of `GET /play/<playbackId>`. */
  resolve?: (playbackId: string) => Promise<Playable>;
}

/** The picture on the canvas; its times as in `Picture`. */
export interface Shown {
  pts: number;
  due: number;
  width: number;
  height: number;
}

/** The picture on the canvas as a PNG file. */
export interface Snapshot extends Shown {
  image: Blob;
}

/**
 * The player without its looks; `web/playout` gives the class `StreamPlayerCore` that implements it. Draws into a
 * canvas that it makes itself (`canvas`), so that the element only places it. Events: `state` (CustomEvent with
 * `{state, error?}`), `stats` (`PlayerStats`, about four times a second), `tracks`, `volume`.
 */
export interface PlayerCore extends EventTarget {
  readonly canvas: HTMLCanvasElement;
  readonly state: PlayerState;
  readonly error: PlayerError | null;
  readonly stats: PlayerStats;
  readonly tracks: Track[];
  muted: boolean;
  volume: number;
  maxLayer: number | null;
  /** Starts, or starts again after `stop`. Sound needs a gesture of the person in most browsers: `needsGesture`. */
  play(): Promise<void>;
  stop(): void;
  /** Whether the browser keeps the sound back until somebody clicks; unmuting from a click resolves it. */
  readonly needsGesture: boolean;
  /** What this browser withholds from this page, in words for people (plain http:// from another host). */
  readonly withheld: string[];
  /** RMS of the sound that goes out now, 0 to 1, from the audio graph. */
  readonly soundLevel: number;
  /** Which picture is on the canvas; null before the first. */
  readonly shown: Shown | null;
  /** The picture that is on the canvas; null before the first. The canvas itself can be read at any time, too. */
  snapshot(): Promise<Snapshot | null>;
  destroy(): void;
}
