/** The player as it is seen: builds the shadow DOM once, and brings it up to date with what the core says. */
import type { PlayerCore, PlayerError, PlayerState, PlayerStats } from "../types";
import { Activity } from "./activity";
import { ControlBar, type PlayerActions } from "./bar";
import { h } from "./dom";
import { FiguresPanel, Headline } from "./figures";
import { actionFor, isRepeatable, type KeyAction } from "./keys";
import type { Source } from "./messages";
import { MessageBox, Notice, SoundPrompt, StateMark } from "./overlay";
import { styleSheet } from "./style";

/** What the view asks for beyond the control bar. */
export interface ViewActions extends PlayerActions {
  enableSound(): void;
  changeVolume(by: number): void;
  changeMaxLayer(by: number): void;
}

const PLAYING: ReadonlySet<PlayerState> = new Set(["connecting", "live", "offline", "paused", "reconnecting"]);

/** Whether the player plays, or will as soon as it can. */
export function isPlaying(state: PlayerState): boolean {
  return PLAYING.has(state);
}

export class PlayerView {
  readonly #picture = h("div", { class: "picture" });
  readonly #mark = new StateMark();
  readonly #headline = new Headline();
  readonly #panel: FiguresPanel;
  readonly #message: MessageBox;
  readonly #prompt: SoundPrompt;
  readonly #notice = new Notice();
  readonly #bar: ControlBar;
  readonly #frame: HTMLElement;
  readonly #activity: Activity;
  #state: PlayerState = "idle";
  #error: PlayerError | null = null;
  #source: Source = null;

  constructor(
    root: ShadowRoot,
    private readonly actions: ViewActions,
  ) {
    root.adoptedStyleSheets = [styleSheet()];
    this.#bar = new ControlBar(actions);
    this.#panel = new FiguresPanel(() => actions.toggleFigures());
    this.#message = new MessageBox(() => actions.play());
    this.#prompt = new SoundPrompt(() => actions.enableSound());
    this.#frame = h(
      "div",
      { class: "frame", part: "frame", role: "group", "aria-label": "Stream player", tabindex: "0" },
      this.#picture,
      this.#message.root,
      h("div", { class: "top" }, this.#mark.root, this.#headline.root),
      this.#panel.root,
      h("div", { class: "bottom" }, this.#notice.root, this.#prompt.root, this.#bar.root),
    );
    this.#frame.addEventListener("keydown", (event) => this.#onKey(event));
    this.#picture.addEventListener("dblclick", () => actions.toggleFullscreen());
    this.#activity = new Activity(
      this.#frame,
      () => this.#frame.classList.remove("quiet"),
      () => this.#frame.classList.add("quiet"),
    );
    root.append(this.#frame);
    this.setState("idle", null);
  }

  /** Places a core's canvas, or the empty frame where there is none. */
  setCanvas(canvas: HTMLCanvasElement | null): void {
    this.#picture.replaceChildren(...(canvas ? [canvas] : []));
    canvas?.setAttribute("role", "img");
    canvas?.setAttribute("aria-label", "The stream's picture");
  }

  setState(state: PlayerState, error: PlayerError | null): void {
    if (this.#frame.dataset["state"] !== state) this.#activity.wake();
    this.#frame.dataset["state"] = state;
    this.#state = state;
    this.#error = error;
    this.#say();
    this.#bar.setPlaying(isPlaying(state));
  }

  /** What it does, in words. */
  #say(): void {
    this.#mark.update(this.#state, this.#source);
    this.#message.update(this.#state, this.#error, this.#source);
  }

  setStats(stats: PlayerStats, core: PlayerCore): void {
    this.#frame.classList.toggle("has-picture", stats.framesShown > 0);
    this.#source = stats.source;
    this.#say();
    this.#headline.update(stats);
    this.#panel.update(stats);
    this.#bar.setLayers(stats.layersPossible, core.tracks, core.maxLayer);
    this.setPlatform(core);
  }

  /** What the browser gives and withholds. */
  setPlatform(core: PlayerCore): void {
    this.#prompt.update(core.needsGesture && !core.muted && isPlaying(core.state));
    this.#notice.update(core.withheld);
  }

  setSound(isMuted: boolean, volume: number): void {
    this.#bar.setSound(isMuted, volume);
  }

  setMaxLayer(possible: number, core: PlayerCore | null, maxLayer: number | null): void {
    this.#bar.setLayers(possible, core?.tracks ?? [], maxLayer);
  }

  setFigures(isOpen: boolean): void {
    this.#panel.root.hidden = !isOpen;
    this.#bar.setFigures(isOpen);
  }

  setFullscreen(isFull: boolean): void {
    this.#bar.setFullscreen(isFull);
  }

  /** Ends timers; the view can be used again. */
  rest(): void {
    this.#activity.end();
  }

  #onKey(event: KeyboardEvent): void {
    const focused = event.target instanceof Element ? event.target.tagName : "";
    const action = actionFor(event, focused);
    if (!action || (action === "close" && this.#panel.root.hidden)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || isRepeatable(action)) this.#act(action);
  }

  #act(action: KeyAction): void {
    const { actions } = this;
    switch (action) {
      case "toggle-play":
        return actions.togglePlay();
      case "toggle-mute":
        return actions.toggleMute();
      case "toggle-fullscreen":
        return actions.toggleFullscreen();
      case "toggle-figures":
        return actions.toggleFigures();
      case "volume-up":
        return actions.changeVolume(0.05);
      case "volume-down":
        return actions.changeVolume(-0.05);
      case "layer-up":
        return actions.changeMaxLayer(1);
      case "layer-down":
        return actions.changeMaxLayer(-1);
      case "help":
        if (this.#panel.root.hidden) actions.toggleFigures();
        return this.#panel.openHelp();
      case "close":
        return actions.toggleFigures();
    }
  }
}
