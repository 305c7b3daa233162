/** A `PlayerCore` without network and decoders, for tests of what is built on one. Tests drive it by hand. */
import { noSessionStats } from "../playout/figures";
import type { PlayerCore, PlayerError, PlayerOptions, PlayerState, PlayerStats, Shown, Snapshot, Track } from "../types";

const NOTHING: PlayerStats = {
  ...noSessionStats(),
  state: "idle",
  latencyMs: 0,
  frameRate: 0,
  bufferMs: 0,
  framesShown: 0,
  framesDropped: 0,
  decodeMs: 0,
  width: 0,
  height: 0,
  maxLayer: null,
};

export class FakeCore extends EventTarget implements PlayerCore {
  readonly canvas = document.createElement("canvas");
  state: PlayerState = "idle";
  error: PlayerError | null = null;
  stats: PlayerStats = { ...NOTHING };
  tracks: Track[] = [];
  needsGesture = false;
  withheld: string[] = [];
  soundLevel = 0;
  shown: Shown | null = null;
  isDestroyed = false;
  plays = 0;
  #muted: boolean;
  #volume: number;
  #maxLayer: number | null;

  constructor(readonly options: PlayerOptions) {
    super();
    this.#muted = options.muted ?? false;
    this.#volume = options.volume ?? 1;
    this.#maxLayer = options.maxLayer ?? null;
  }

  get muted(): boolean {
    return this.#muted;
  }
  set muted(value: boolean) {
    this.#muted = value;
    if (!value) this.needsGesture = false;
    this.dispatchEvent(new CustomEvent("volume"));
  }

  get volume(): number {
    return this.#volume;
  }
  set volume(value: number) {
    this.#volume = value;
    this.dispatchEvent(new CustomEvent("volume"));
  }

  async snapshot(): Promise<Snapshot | null> {
    return this.shown && { ...this.shown, image: new Blob([]) };
  }

  get maxLayer(): number | null {
    return this.#maxLayer;
  }
  set maxLayer(value: number | null) {
    this.#maxLayer = value;
    this.setStats({ maxLayer: value });
  }

  play(): Promise<void> {
    this.plays += 1;
    this.setState("connecting");
    return Promise.resolve();
  }

  stop(): void {
    this.setState("stopped");
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** What a real core does when its session tells it. */
  setState(state: PlayerState, error?: PlayerError): void {
    this.state = state;
    this.error = error ?? null;
    this.stats = { ...this.stats, state };
    this.dispatchEvent(new CustomEvent("state", { detail: error ? { state, error } : { state } }));
  }

  setStats(change: Partial<PlayerStats>): void {
    this.stats = { ...this.stats, ...change };
    this.dispatchEvent(new CustomEvent("stats", { detail: this.stats }));
  }

  setTracks(tracks: Track[]): void {
    this.tracks = tracks;
    this.dispatchEvent(new CustomEvent("tracks", { detail: tracks }));
  }
}
