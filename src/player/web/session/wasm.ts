// The wasm module's functions (`src/abi.rs`) as objects.

import type { Chroma, DecodeStats, Reference, SessionStats, Track } from "../types";

const ABI_VERSION = 4;
const ALL_LAYERS = 14;

interface Exports {
  memory: WebAssembly.Memory;
  abi_version(): number;
  input(length: number): number;
  output(): number;
  output_len(): number;
  free_object(id: number): void;
  session_open(now: number, latencyMs: number, maxLayer: number, key: number, playbackId: number, token: number): number;
  session_datagram(id: number, now: number): void;
  session_transmit(id: number, now: number): number;
  session_timeout(id: number): number;
  session_event(id: number): number;
  session_stats(id: number, now: number): number;
  session_set_max_layer(id: number, maxLayer: number): void;
  session_close(id: number, now: number): void;
  video_new(width: number, height: number, chroma: number, bits: number, alpha: number): number;
  video_decode(id: number, maxLayer: number): number;
  video_planes(id: number): number;
  video_planes_len(id: number): number;
  sound_new(rate: number, channels: number, bits: number): number;
  sound_decode(id: number, pts: number, lost: number, maxLayer: number): number;
  sound_reset(id: number): void;
  sound_planes(id: number): number;
  sound_planes_len(id: number): number;
}

/** What the module refuses to do, in its words: trying again does not help. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** An instance of the wasm module. After a trap (`WebAssembly.RuntimeError`) it is of no use any more. */
export class Wasm {
  readonly exports: Exports;

  constructor(module: WebAssembly.Module) {
    // Everything that it exports is checked by its version.
    const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    const version = exports.abi_version();
    if (version !== ABI_VERSION) {
      throw new Error(`The wasm module has version ${version} of its functions, ${ABI_VERSION} is needed.`);
    }
    this.exports = exports;
  }

  /** Passes bytes to the next call. */
  write(...parts: Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    let at = this.exports.input(length);
    if (at === 0) {
      throw new Error(`${length} bytes are too many for the wasm module.`);
    }
    const memory = new Uint8Array(this.exports.memory.buffer);
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
  }

  /** A copy of what the last call put out. */
  read(): Uint8Array<ArrayBuffer> {
    return this.copy(this.exports.output(), this.exports.output_len());
  }

  readText(): string {
    return new TextDecoder().decode(this.read());
  }

  /** A copy of bytes of the module's memory. */
  copy(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.exports.memory.buffer).slice(at, at + length);
  }
}

/** What a viewing session is set up with. */
export interface ViewOptions {
  serverKey: string;
  playbackId: string;
  token: string | undefined;
  latencyMs: number;
  maxLayer: number | null;
}

/** Media that came. */
export interface Arrival {
  track: number;
  layers: number;
  isKey: boolean;
  /** How many of the lowest layers later units are predicted from; 0 where they are from none. */
  referenceLayers: number;
  /** Units of the track just before this one of which nothing came. */
  lost: number;
  due: number;
  pts: number;
  duration: number;
  data: Uint8Array<ArrayBuffer>;
}

/** Why a session ended. */
export type EndReason =
  | "goodbye"
  | "silence"
  | "replaced"
  | "refused"
  | "key-rotated"
  | "archived"
  | "unknown-stream"
  | "unauthorized"
  | "full";

export type SessionEvent =
  | { type: "started" }
  | { type: "tracks"; tracks: Track[] }
  | { type: "unit"; arrival: Arrival }
  | { type: "encoded"; arrival: Arrival }
  | { type: "paused"; paused: boolean }
  | { type: "ended"; reason: EndReason };

/** What the module counts of a session. */
export type ReceiverStats = Omit<SessionStats, "transport" | "source" | keyof DecodeStats>;

/** A viewing session: datagrams in, units out. */
export class ViewingSession {
  private constructor(
    private readonly wasm: Wasm,
    private readonly id: number,
  ) {}

  static open(wasm: Wasm, options: ViewOptions, now: number): ViewingSession {
    const text = new TextEncoder();
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const parts = [options.serverKey, options.playbackId, options.token ?? ""].map((part) => text.encode(part));
    wasm.write(seed, ...parts);
    const [key = 0, playbackId = 0, token = 0] = parts.map((part) => part.length);
    const id = wasm.exports.session_open(now, options.latencyMs, options.maxLayer ?? ALL_LAYERS, key, playbackId, token);
    if (id === 0) {
      throw new Refusal(wasm.readText());
    }
    return new ViewingSession(wasm, id);
  }

  handleDatagram(now: number, datagram: Uint8Array): void {
    this.wasm.write(datagram);
    this.wasm.exports.session_datagram(this.id, now);
  }

  /** The next datagram to send now. */
  transmit(now: number): Uint8Array<ArrayBuffer> | null {
    return this.wasm.exports.session_transmit(this.id, now) === 0 ? null : this.wasm.read();
  }

  /** When to ask again, if nothing comes before; infinity where there is no need. */
  timeout(): number {
    return this.wasm.exports.session_timeout(this.id);
  }

  /** What happened since the last call. */
  event(): SessionEvent | null {
    switch (this.wasm.exports.session_event(this.id)) {
      case 1:
        return { type: "started" };
      case 2:
        return { type: "tracks", tracks: readTracks(this.wasm.readText()) };
      case 3:
        return { type: "unit", arrival: readArrival(this.wasm.read()) };
      case 4:
        return { type: "encoded", arrival: readArrival(this.wasm.read()) };
      case 5:
        return { type: "paused", paused: true };
      case 6:
        return { type: "paused", paused: false };
      case 7:
        return { type: "ended", reason: this.wasm.readText() as EndReason };
      default:
        return null;
    }
  }

  stats(now: number): ReceiverStats {
    this.wasm.exports.session_stats(this.id, now);
    return JSON.parse(this.wasm.readText()) as ReceiverStats;
  }

  setMaxLayer(maxLayer: number | null): void {
    this.wasm.exports.session_set_max_layer(this.id, maxLayer ?? ALL_LAYERS);
  }

  /** Ends the session; what `transmit` gives then says goodbye. */
  close(now: number): void {
    this.wasm.exports.session_close(this.id, now);
  }

  free(): void {
    this.wasm.exports.free_object(this.id);
  }
}

type TrackJson = Track & { config?: number[] };

function readTracks(json: string): Track[] {
  const tracks = JSON.parse(json) as TrackJson[];
  return tracks.map((track) => ("config" in track ? { ...track, config: Uint8Array.from(track.config ?? []) } : track) as Track);
}

const HEADER = 32;

function readArrival(bytes: Uint8Array<ArrayBuffer>): Arrival {
  const view = new DataView(bytes.buffer);
  return {
    track: view.getUint8(0),
    layers: view.getUint8(1),
    isKey: view.getUint8(2) !== 0,
    referenceLayers: view.getUint8(3),
    lost: view.getUint32(4, true),
    due: view.getFloat64(8, true),
    pts: view.getFloat64(16, true),
    duration: view.getFloat64(24, true),
    data: bytes.subarray(HEADER),
  };
}

/** By their numbers in the module. */
const REFERENCES: Reference[] = ["none", "whole", "drifted", "missing"];

/** What came out of a unit of video. */
export interface Decoded {
  layers: number;
  exact: boolean;
  concealed: boolean;
  reference: Reference;
  /** Luma, then Cb and Cr where there is colour; of one buffer. */
  planes: Uint8Array<ArrayBuffer>[];
}

/** What a decoder has to know of a track's samples. */
export type VideoFormat = Pick<Extract<Track, { kind: "video" }>, "chroma" | "bits" | "alpha">;

/** By their numbers in the module. */
const CHROMAS: Chroma[] = ["grey", "420", "422", "444", "rgb"];

/** Units of one video track to pictures of 8 bits, whatever the track has. */
export class VideoDecoder {
  private readonly id: number;
  private readonly sizes: number[];

  constructor(
    private readonly wasm: Wasm,
    readonly width: number,
    readonly height: number,
    format: VideoFormat,
  ) {
    const { chroma: kind, bits, alpha } = format;
    this.id = wasm.exports.video_new(width, height, CHROMAS.indexOf(kind), bits, alpha ? 1 : 0);
    if (this.id === 0) {
      throw new Refusal(wasm.readText());
    }
    const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
    this.sizes = kind === "grey" ? [width * height] : [width * height, chroma, chroma];
  }

  /** Throws where the unit cannot be decoded. */
  decode(unit: Uint8Array, maxLayer: number): Decoded {
    this.wasm.write(unit);
    const result = this.wasm.exports.video_decode(this.id, maxLayer);
    if (result < 0) {
      throw new Refusal(this.wasm.readText());
    }
    const all = this.wasm.copy(this.wasm.exports.video_planes(this.id), this.wasm.exports.video_planes_len(this.id));
    let at = 0;
    const planes = this.sizes.map((size) => all.subarray(at, (at += size)));
    const reference = REFERENCES[(result >> 10) & 3] ?? "none";
    return { layers: result & 0xff, exact: (result & 0x100) !== 0, concealed: (result & 0x200) !== 0, reference, planes };
  }

  free(): void {
    this.wasm.exports.free_object(this.id);
  }
}

/** Sound of one unit. Counts are samples a channel. */
export interface Heard {
  /** Samples that fill the gap before the unit: made up. */
  filled: number;
  samples: number;
  concealed: boolean;
  channels: Float32Array<ArrayBuffer>[];
}

/** Units of one audio track to sound. */
export class SoundDecoder {
  private readonly id: number;

  constructor(
    private readonly wasm: Wasm,
    readonly sampleRate: number,
    readonly channels: number,
    bits: number,
  ) {
    this.id = wasm.exports.sound_new(sampleRate, channels, bits);
    if (this.id === 0) {
      throw new Refusal(wasm.readText());
    }
  }

  decode(unit: Uint8Array, pts: number, lost: boolean, maxLayer: number): Heard {
    this.wasm.write(unit);
    const result = this.wasm.exports.sound_decode(this.id, pts, lost ? 1 : 0, maxLayer);
    if (result < 0) {
      throw new Refusal(this.wasm.readText());
    }
    const filled = Math.floor(result / 65_536);
    const samples = (result & 0xffff) >> 1;
    const length = this.wasm.exports.sound_planes_len(this.id);
    const bytes = this.wasm.copy(this.wasm.exports.sound_planes(this.id), 4 * length);
    const all = new Float32Array(bytes.buffer);
    const each = length / this.channels;
    const channels = Array.from({ length: this.channels }, (_, channel) => all.slice(channel * each, (channel + 1) * each));
    return { filled, samples, concealed: (result & 1) !== 0, channels };
  }

  reset(): void {
    this.wasm.exports.sound_reset(this.id);
  }

  free(): void {
    this.wasm.exports.free_object(this.id);
  }
}
