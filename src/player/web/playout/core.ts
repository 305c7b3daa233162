import { fetchPlayable } from "../session/playable";
import { choose } from "../session/router";
import type {
  OpenSession, Picture, PlayerCore, PlayerError, PlayerOptions, PlayerState, PlayerStats, Session, SessionEvents,
  SessionStats, Shown, Snapshot, Sound, Track,
} from "../types";
import { Delay, PLAYOUT_MS } from "./clock/delay";
import { now } from "./clock/now";
import { Decoders } from "./codecs/decoders";
import { noSessionStats } from "./figures";
import { type Image, imageOf, imageOfFrame, release } from "./picture/image";
import { Screen } from "./picture/screen";
import { SoundPlayer } from "./sound/player";
import { surroundings, withheld } from "./withheld";

const DEFAULT_LATENCY_MS = 300;
const STATS_MS = 250;
/** Over so many pictures the time that decoding takes is smoothed. */
const DECODE_SMOOTHING = 25;
/** The session's own bounds. */
const MIN_SESSION_MS = 50;
const MAX_SESSION_MS = 10_000;
/** What counts as a click for browsers that keep sound back until there is one. */
const GESTURES = ["pointerup", "keydown", "touchend"] as const;

/** The player without its looks: see `PlayerCore`. */
export class Core extends EventTarget implements PlayerCore {
  private readonly withheldByBrowser = withheld(surroundings());
  private readonly delay = new Delay();
  private readonly sound: SoundPlayer;
  private readonly screen: Screen;
  private readonly decoders: Decoders;
  private readonly sessionMs: number;
  private session: Session | null = null;
  private sessionStats: SessionStats = noSessionStats();
  private timer: ReturnType<typeof setInterval> | null = null;
  private currentState: PlayerState = "idle";
  private currentError: PlayerError | null = null;
  private currentTracks: Track[] = [];
  /** What is played of them. */
  private picture: Track | undefined;
  private heard: Track | undefined;
  /** Whether something came of what is played since it was begun, and what the session said last. */
  private hasMedia = false;
  private told: PlayerState = "idle";
  /** What does not play beside what does, in words for people. */
  private missing: string[] = [];
  private isMuted: boolean;
  private currentVolume: number;
  private currentMaxLayer: number | null;
  private isDestroyed = false;
  private turn = 0;
  private decodeMs = 0;

  constructor(
    private readonly options: PlayerOptions,
    private readonly openSession: OpenSession,
  ) {
    super();
    this.isMuted = options.muted ?? false;
    this.currentVolume = clampVolume(options.volume ?? 1);
    this.currentMaxLayer = options.maxLayer ?? null;
    const { latencyMs = DEFAULT_LATENCY_MS } = options;
    const latency = (Number.isFinite(latencyMs) ? latencyMs : DEFAULT_LATENCY_MS) - PLAYOUT_MS;
    this.sessionMs = Math.max(MIN_SESSION_MS, Math.min(MAX_SESSION_MS, latency));
    this.sound = new SoundPlayer(this.delay, () => this.tellVolume());
    this.sound.setVolume(this.loudness);
    this.screen = new Screen(() => this.presentedDue(), now);
    this.decoders = new Decoders(() => this.presentedDue(), {
      frame: (frame, due, pts) => {
        this.begun(this.picture);
        this.show(imageOfFrame(frame, due, pts));
      },
      sound: (sound) => this.addSound(sound),
      unsupported: (track, message) => this.doWithout(track, message),
    });
  }

  get canvas(): HTMLCanvasElement {
    return this.screen.canvas;
  }

  get state(): PlayerState {
    return this.currentState;
  }

  get error(): PlayerError | null {
    return this.currentError;
  }

  get tracks(): Track[] {
    return this.currentTracks;
  }

  get stats(): PlayerStats {
    const shown = this.screen.shown;
    return {
      ...this.sessionStats,
      state: this.currentState,
      latencyMs: Math.round(this.sessionMs + (this.screen.lastDelay ?? this.delay.total)),
      frameRate: this.screen.frameRate,
      bufferMs: Math.round(this.bufferMs),
      framesShown: this.screen.framesShown,
      framesDropped: this.screen.framesDropped,
      decodeMs: this.decodeMs,
      width: shown?.width ?? 0,
      height: shown?.height ?? 0,
      maxLayer: this.currentMaxLayer,
    };
  }

  /** What is on the canvas; null before the first picture. */
  get shown(): Shown | null {
    return this.screen.shown;
  }

  get withheld(): string[] {
    return [...this.withheldByBrowser, ...this.missing];
  }

  get muted(): boolean {
    return this.isMuted;
  }

  set muted(muted: boolean) {
    this.isMuted = muted;
    this.volumeChanged();
  }

  get volume(): number {
    return this.currentVolume;
  }

  set volume(volume: number) {
    this.currentVolume = clampVolume(volume);
    this.volumeChanged();
  }

  get maxLayer(): number | null {
    return this.currentMaxLayer;
  }

  set maxLayer(maxLayer: number | null) {
    this.currentMaxLayer = maxLayer;
    this.session?.setMaxLayer(maxLayer);
  }

  get needsGesture(): boolean {
    return this.session !== null && this.heard !== undefined && !this.isMuted && this.sound.isHeldBack;
  }

  get soundLevel(): number {
    return this.sound.level;
  }

  /** Starts. The promise is kept as soon as the player has begun to connect: `state` tells what comes of it. */
  async play(): Promise<void> {
    if (this.isDestroyed) throw new Error("This player was destroyed.");
    this.startSound();
    if (this.session) return;
    for (const gesture of GESTURES) document.addEventListener(gesture, this.onGesture, true);
    this.sessionStats = noSessionStats();
    this.decodeMs = 0;
    this.hasMedia = false;
    this.told = "connecting";
    this.setState("connecting");
    this.timer = setInterval(() => this.tell("stats", this.stats), STATS_MS);
    const { options } = this;
    const isOpen = this.guard();
    const session = this.openSession(
      {
        resolve: () => options.resolve?.(options.playbackId) ?? fetchPlayable(options.server ?? "", options.playbackId),
        latencyMs: this.sessionMs,
        maxLayer: this.currentMaxLayer,
        ...(options.token === undefined ? {} : { token: options.token }),
      },
      this.events(),
    );
    // It may have failed already.
    if (isOpen()) this.session = session;
    else session.close();
  }

  stop(): void {
    if (!this.session) return;
    this.end();
    this.setState("stopped");
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.end();
    this.screen.dispose();
  }

  /** The picture that is on the canvas, as a file; null before the first one. */
  async snapshot(): Promise<Snapshot | null> {
    const shown = this.screen.shown;
    if (!shown) return null;
    // The canvas is read before this returns; only the compression takes longer.
    const image = await new Promise<Blob | null>((resolve) => this.canvas.toBlob(resolve));
    return image && { ...shown, image };
  }

  /** What the session tells. A session that was closed may still have something on the way: nobody listens to it. */
  private events(): SessionEvents {
    const whileOpen = <A extends unknown[]>(listen: (...values: A) => void) => {
      const isOpen = this.guard();
      return (...values: A): void => {
        if (isOpen()) listen(...values);
      };
    };
    return {
      tracks: whileOpen((tracks) => this.setTracks(tracks)),
      picture: whileOpen((picture) => this.addPicture(picture)),
      sound: whileOpen((sound) => this.addSound(sound)),
      encoded: whileOpen((unit) => this.decoders.add(unit)),
      state: whileOpen((state, error) => this.sessionState(state, error)),
      stats: whileOpen((stats) => {
        this.sessionStats = stats;
      }),
    };
  }

  /** Whether the player is still in the same turn, between one start and the next stop. */
  private guard(): () => boolean {
    const turn = this.turn;
    return () => turn === this.turn;
  }

  private sessionState(state: Exclude<PlayerState, "idle" | "stopped">, error: PlayerError | undefined): void {
    if (state === "failed") this.end();
    this.told = state;
    this.setState(state === "live" && !this.hasMedia && this.main ? "connecting" : state, error);
  }

  /** The track that it is all about: the picture, or the sound where there is no picture. */
  private get main(): Track | undefined {
    return this.picture ?? this.heard;
  }

  /** Something of a track can be presented. That units come is not enough to be live: they may be of no use as yet. */
  private begun(track: Track | undefined): void {
    if (this.hasMedia || track?.id !== this.main?.id) return;
    this.hasMedia = true;
    if (this.told === "live") this.setState("live");
  }

  private fail(error: PlayerError): void {
    this.end();
    this.setState("failed", error);
  }

  private setTracks(tracks: Track[]): void {
    this.currentTracks = tracks;
    const { picture, sound } = choose(tracks);
    const before = JSON.stringify(this.main);
    this.picture = picture;
    this.heard = sound;
    if (JSON.stringify(this.main) !== before) this.hasMedia = false;
    this.missing = [];
    this.decoders.set([picture, sound].filter((track) => track !== undefined));
    this.tell("tracks", tracks);
    // Only now it may be known that there is sound which the browser keeps back.
    if (this.needsGesture) this.tellVolume();
  }

  /** A track cannot be played here: without sound it goes on, without its picture it does not. */
  private doWithout(track: Track, message: string): void {
    if (track.id === this.heard?.id && this.picture) this.missing = [message];
    else this.fail({ code: "unsupported", message });
  }

  private addPicture(picture: Picture): void {
    if (picture.track !== this.picture?.id) return;
    this.decodeMs += (picture.decodeMs - this.decodeMs) / (this.decodeMs === 0 ? 1 : DECODE_SMOOTHING);
    const image = imageOf(picture, this.picture);
    if (!image) return;
    this.begun(this.picture);
    this.show(image);
  }

  private show(image: Image): void {
    if (Number.isFinite(image.due)) this.screen.add(image);
    else release(image);
  }

  private addSound(sound: Sound): void {
    if (sound.track !== this.heard?.id) return;
    this.begun(this.heard);
    this.sound.add(sound);
  }

  /** The due time that is presented now: that of the sound that is heard, and of the wall clock where none is. */
  private presentedDue(): number {
    return this.sound.heardDue() ?? now() - this.delay.total;
  }

  private get bufferMs(): number {
    const { lastDue } = this.screen;
    const pictures = lastDue === null ? 0 : lastDue - this.presentedDue();
    return Math.max(0, pictures, this.sound.aheadMs);
  }

  private readonly onGesture = (): void => {
    if (this.needsGesture) this.startSound();
  };

  /** A muted player takes no AudioContext until it is not: browsers let it play without a click, and it costs less. */
  private startSound(): void {
    if (!this.isMuted) this.sound.start();
  }

  private get loudness(): number {
    return this.isMuted ? 0 : this.currentVolume;
  }

  private volumeChanged(): void {
    this.sound.setVolume(this.loudness);
    if (this.session) this.startSound();
    this.tellVolume();
  }

  private tellVolume(): void {
    const { muted, volume, needsGesture } = this;
    this.tell("volume", { muted, volume, needsGesture });
  }

  /** Gives back all that playing takes. */
  private end(): void {
    this.turn++;
    this.session?.close();
    this.session = null;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    for (const gesture of GESTURES) document.removeEventListener(gesture, this.onGesture, true);
    this.decoders.close();
    this.sound.stop();
    this.screen.clear();
    this.delay.reset();
  }

  private setState(state: PlayerState, error?: PlayerError): void {
    if (this.currentState === state && !error && !this.currentError) return;
    this.currentState = state;
    this.currentError = error ?? null;
    this.tell("state", error ? { state, error } : { state });
  }

  private tell(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function clampVolume(volume: number): number {
  return Number.isFinite(volume) ? Math.max(0, Math.min(1, volume)) : 1;
}
