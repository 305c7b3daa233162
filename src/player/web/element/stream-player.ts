/** `<stream-player>`: attributes, properties, methods and events over a `PlayerCore`. */
import type { Playable, PlayerCore, PlayerError, PlayerOptions, PlayerState, PlayerStats, Shown, Snapshot } from "../types";
import { clampVolume, HIGHEST_LAYER, parseLatency, parseMaxLayer } from "./attributes";
import type { StateChange, StreamPlayerEventMap } from "./events";
import { isPlaying, PlayerView, type ViewActions } from "./view";

/** Makes the player behind the element. */
export type CreateCore = (options: PlayerOptions) => PlayerCore;

/** Finds a stream's sources, in place of `GET /play/<playbackId>`. */
export type Resolver = (playbackId: string) => Promise<Playable>;

/** On a server there are no elements: the module can be imported there, and the class is never used. */
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement);

/** Attributes that another core is needed for. */
const IDENTITY: ReadonlySet<string> = new Set(["playback-id", "server", "latency"]);

const NO_PLAYBACK_ID: PlayerError = { code: "not-found", message: "The player was given no playback ID." };

/** Properties that may have been set before the element's class was there. */
const PROPERTIES = ["playbackId", "server", "maxLayer", "latency", "autoplay", "muted", "volume", "figures", "token", "resolver"] as const;

export class StreamPlayerElement extends Base {
  static readonly observedAttributes = ["playback-id", "server", "latency", "max-layer", "muted", "figures", "autoplay"];

  /** What plays, for all elements made from now on; `web/index.ts` sets it, tests and applications may. */
  static createCore: CreateCore = () => {
    throw new Error("StreamPlayerElement.createCore is not set");
  };

  #view: PlayerView | null = null;
  #core: PlayerCore | null = null;
  #error: PlayerError | null = null;
  #volume = 1;
  #token: string | undefined;
  #resolver: Resolver | null = null;
  /** Whether it played when it was taken out of the document: it goes on where it is put back. */
  #resumes = false;
  /** Whether a new core is due, once all attributes of this turn are set. */
  #renewing = false;

  connectedCallback(): void {
    this.#upgradeProperties();
    this.#view ??= new PlayerView(this.attachShadow({ mode: "open" }), this.#actions());
    document.addEventListener("fullscreenchange", this.#onFullscreenChange);
    this.#refresh();
    if (this.#core) {
      // Moved within the document, or asked to play before it was in one.
      this.#view.setCanvas(this.#core.canvas);
      return;
    }
    if (this.#resumes) void this.play();
    else this.#playByItself();
  }

  disconnectedCallback(): void {
    document.removeEventListener("fullscreenchange", this.#onFullscreenChange);
    this.#view?.rest();
    // An element that moves is disconnected and connected in one go: only one that stays away lets go of everything.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#resumes ||= isPlaying(this.state);
      this.#drop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (IDENTITY.has(name)) this.#renew();
    if (name === "autoplay") this.#playByItself();
    if (name === "max-layer" && this.#core && this.#core.maxLayer !== this.maxLayer) this.#core.maxLayer = this.maxLayer;
    if (name === "muted" && this.#core && this.#core.muted !== this.muted) this.#core.muted = this.muted;
    this.#refresh();
  }

  /** The stream's public playback ID. */
  get playbackId(): string {
    return this.getAttribute("playback-id") ?? "";
  }
  set playbackId(value: string) {
    this.setAttribute("playback-id", value);
  }

  /** The daemon's address, as `https://live.example.com`; empty for that of the page. */
  get server(): string {
    return this.getAttribute("server") ?? "";
  }
  set server(value: string | null | undefined) {
    this.#reflect("server", value === "" ? null : value);
  }

  /** The highest layer that is wanted, 0 to 14; null for all. The server sends no more than that. */
  get maxLayer(): number | null {
    return parseMaxLayer(this.getAttribute("max-layer"));
  }
  set maxLayer(value: number | null | undefined) {
    this.#reflect("max-layer", value);
  }

  /** From arrival to screen in milliseconds, 50 to 10,000; 300 by default. */
  get latency(): number {
    return parseLatency(this.getAttribute("latency"));
  }
  set latency(value: number | null | undefined) {
    this.#reflect("latency", value);
  }

  /** Whether it plays as soon as it is in a document. */
  get autoplay(): boolean {
    return this.hasAttribute("autoplay");
  }
  set autoplay(value: boolean) {
    this.toggleAttribute("autoplay", Boolean(value));
  }

  get muted(): boolean {
    return this.hasAttribute("muted");
  }
  set muted(value: boolean) {
    this.toggleAttribute("muted", Boolean(value));
  }

  /** Whether the panel with all figures is open. */
  get figures(): boolean {
    return this.hasAttribute("figures");
  }
  set figures(value: boolean) {
    this.toggleAttribute("figures", Boolean(value));
  }

  /** 0 to 1. */
  get volume(): number {
    return this.#volume;
  }
  set volume(value: number) {
    this.#volume = clampVolume(value);
    if (this.#core && this.#core.volume !== this.#volume) this.#core.volume = this.#volume;
    this.#refresh();
  }

  /** A playback token, where the stream asks for one. No attribute, so that no markup holds it. */
  get token(): string | undefined {
    return this.#token;
  }
  set token(value: string | undefined) {
    if (value === this.#token) return;
    this.#token = value;
    this.#renew();
  }

  /** For applications that find their sources themselves; null for `GET /play/<playbackId>`. */
  get resolver(): Resolver | null {
    return this.#resolver;
  }
  set resolver(value: Resolver | null) {
    if (value === this.#resolver) return;
    this.#resolver = value;
    this.#renew();
  }

  get state(): PlayerState {
    if (this.#error) return "failed";
    return this.#core?.state ?? "idle";
  }

  /** Why it cannot be played; null where it can. */
  get error(): PlayerError | null {
    return this.#error ?? this.#core?.error ?? null;
  }

  /** All figures; null before the first `play()`. */
  get stats(): PlayerStats | null {
    return this.#core?.stats ?? null;
  }

  /** RMS of the sound that goes out now, 0 to 1. */
  get soundLevel(): number {
    return this.#core?.soundLevel ?? 0;
  }

  /** Which picture is on screen, with its times; null before the first. */
  get shown(): Shown | null {
    return this.#core?.shown ?? null;
  }

  /** The picture that is on screen as a PNG file, with its times; null before the first. */
  async snapshot(): Promise<Snapshot | null> {
    return (await this.#core?.snapshot()) ?? null;
  }

  /** Starts, or starts again. It never rejects: what goes wrong is the state `failed` and the event `error`. */
  async play(): Promise<void> {
    this.#resumes = false;
    try {
      if (this.playbackId === "") return this.#fail(NO_PLAYBACK_ID);
      this.#error = null;
      this.#core ??= this.#create();
      this.#refresh();
      await this.#core.play();
    } catch (error) {
      this.#fail({ code: "internal", message: error instanceof Error ? error.message : String(error) });
    }
    this.#refresh();
  }

  /** Stops, and lets go of the connection; `play()` starts again. */
  stop(): void {
    this.#resumes = false;
    this.#core?.stop();
  }

  /** Plays where `autoplay` asks for it. Before it is connected there is no place for a picture. */
  #playByItself(): void {
    const isReady = this.#view !== null && this.isConnected && this.playbackId !== "";
    if (isReady && this.autoplay && this.state === "idle") void this.play();
  }

  #actions(): ViewActions {
    return {
      play: () => void this.play(),
      togglePlay: () => (isPlaying(this.state) ? this.stop() : void this.play()),
      toggleMute: () => this.#toggleMute(),
      enableSound: () => this.#unmute(),
      setVolume: (volume) => this.#changeVolumeTo(volume),
      changeVolume: (by) => this.#changeVolumeTo(this.volume + by),
      setMaxLayer: (maxLayer) => (this.maxLayer = maxLayer),
      changeMaxLayer: (by) => this.#changeMaxLayer(by),
      toggleFigures: () => (this.figures = !this.figures),
      toggleFullscreen: () => void this.#toggleFullscreen(),
    };
  }

  #toggleMute(): void {
    if (this.muted) this.#unmute();
    else this.muted = true;
  }

  /** Also tells a core that was never muted: the gesture is what the browser waits for. */
  #unmute(): void {
    this.muted = false;
    if (this.volume === 0) this.volume = 0.5;
    if (this.#core) this.#core.muted = false;
    this.#refresh();
  }

  #changeVolumeTo(volume: number): void {
    this.volume = Math.round(clampVolume(volume) * 100) / 100;
    if (this.muted && this.volume > 0) this.#unmute();
  }

  /** Down from all layers is the one below the highest, and up from there is all again. */
  #changeMaxLayer(by: number): void {
    const possible = this.stats?.layersPossible ?? 0;
    const highest = possible > 0 ? possible - 1 : HIGHEST_LAYER;
    const wanted = (this.maxLayer ?? highest) + by;
    this.maxLayer = wanted >= highest ? null : Math.max(wanted, 0);
  }

  async #toggleFullscreen(): Promise<void> {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await this.requestFullscreen();
    } catch {
      // The browser or the embedding page does not allow it; the button did what it could.
    }
  }

  readonly #onFullscreenChange = (): void => {
    this.#view?.setFullscreen(document.fullscreenElement === this);
  };

  #create(): PlayerCore {
    const core = StreamPlayerElement.createCore(this.#options());
    // A core that another took the place of may still have something to say: nobody listens to it.
    const on = (type: string, listen: () => void) =>
      core.addEventListener(type, () => {
        if (this.#core === core) listen();
      });
    on("state", () => this.#onState(core));
    on("stats", () => this.#onStats(core));
    on("tracks", () => this.#refresh());
    on("volume", () => this.#onVolume(core));
    this.#view?.setCanvas(core.canvas);
    return core;
  }

  #options(): PlayerOptions {
    return {
      playbackId: this.playbackId,
      maxLayer: this.maxLayer,
      muted: this.muted,
      volume: this.#volume,
      latencyMs: this.latency,
      ...(this.server !== "" && { server: this.server }),
      ...(this.#token !== undefined && { token: this.#token }),
      ...(this.#resolver && { resolve: this.#resolver }),
    };
  }

  /** Another stream, server or latency: a new core takes the place of the old one and goes on as that did. */
  #renew(): void {
    if (this.#renewing || !this.#view || (!this.#core && !this.#error && !this.autoplay)) return;
    this.#renewing = true;
    queueMicrotask(() => {
      this.#renewing = false;
      // Only now: it may have been stopped in the same turn.
      const plays = isPlaying(this.state) || this.state === "failed" || (this.state === "idle" && this.autoplay);
      this.#drop();
      if (!this.isConnected) {
        this.#resumes = plays;
        return;
      }
      if (plays && this.playbackId !== "") void this.play();
      else this.#emitState();
    });
  }

  /** Frees the core, its workers, its sound and its connection. */
  #drop(): void {
    this.#core?.destroy();
    this.#core = null;
    this.#error = null;
    this.#view?.setCanvas(null);
    this.#refresh();
  }

  #fail(error: PlayerError): void {
    this.#error = error;
    this.#emitState();
  }

  #onState(core: PlayerCore): void {
    this.#refresh();
    this.#view?.setStats(core.stats, core);
    this.#emitState();
  }

  #onStats(core: PlayerCore): void {
    this.#view?.setStats(core.stats, core);
    this.#emit("stats", core.stats);
  }

  #onVolume(core: PlayerCore): void {
    this.#volume = core.volume;
    this.muted = core.muted;
    this.#refresh();
  }

  #emitState(): void {
    const { state, error } = this;
    this.#refresh();
    const change: StateChange = state === "failed" && error ? { state, error } : { state };
    this.#emit("statechange", change);
    if (change.error) this.#emit("error", change.error);
  }

  #emit(type: string, detail: unknown): void {
    // As of `<video>`: at the window an event of this name is taken for the error of a script.
    const bubbles = type !== "error";
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles, composed: true }));
  }

  /** Brings everything on screen up to date that no figures are needed for. */
  #refresh(): void {
    const view = this.#view;
    if (!view) return;
    view.setState(this.state, this.error);
    view.setSound(this.muted, this.#volume);
    view.setMaxLayer(this.stats?.layersPossible ?? 0, this.#core, this.maxLayer);
    view.setFigures(this.figures);
    view.setFullscreen(document.fullscreenElement === this);
    if (this.#core) view.setPlatform(this.#core);
  }

  #reflect(name: string, value: string | number | null | undefined): void {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, String(value));
  }

  /** A property that was set before the class was known hides the accessor; it is set again through it. */
  #upgradeProperties(): void {
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
  }
}

export interface StreamPlayerElement {
  addEventListener<K extends keyof StreamPlayerEventMap>(
    type: K,
    listener: (this: StreamPlayerElement, event: StreamPlayerEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof StreamPlayerEventMap>(
    type: K,
    listener: (this: StreamPlayerElement, event: StreamPlayerEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "stream-player": StreamPlayerElement;
  }
}
