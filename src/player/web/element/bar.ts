/** The control bar. */
import type { Track } from "../types";
import { clampLayers } from "./attributes";
import { h, icon, setAttribute, type IconName } from "./dom";
import { meaning } from "./layers";

/** What a person can ask of the player. */
export interface PlayerActions {
  togglePlay(): void;
  toggleMute(): void;
  setVolume(volume: number): void;
  setMaxLayer(maxLayer: number | null): void;
  toggleFigures(): void;
  toggleFullscreen(): void;
  play(): void;
}

function control(testId: string, iconName: IconName, act: () => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "control", "data-testid": testId }, icon(iconName));
  button.addEventListener("click", act);
  return button;
}

/** Sets a button's icon, and its name for screen readers and as tip. */
function dress(button: HTMLElement, iconName: IconName, label: string): void {
  if (button.getAttribute("aria-label") === label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
  button.replaceChildren(icon(iconName));
}

export class ControlBar {
  readonly #play: HTMLButtonElement;
  readonly #mute: HTMLButtonElement;
  readonly #volume: HTMLInputElement;
  readonly #layers: HTMLSelectElement;
  readonly #figures: HTMLButtonElement;
  readonly #fullscreen: HTMLButtonElement;
  readonly root: HTMLElement;
  #options = "";

  constructor(actions: PlayerActions) {
    this.#play = control("play", "play", () => actions.togglePlay());
    this.#mute = control("mute", "sound", () => actions.toggleMute());
    this.#figures = control("figures", "figures", () => actions.toggleFigures());
    this.#fullscreen = control("fullscreen", "enlarge", () => actions.toggleFullscreen());
    this.#volume = h("input", {
      type: "range",
      class: "volume",
      min: "0",
      max: "100",
      step: "5",
      "aria-label": "Volume",
      "data-testid": "volume",
    });
    this.#volume.addEventListener("input", () => actions.setVolume(Number(this.#volume.value) / 100));
    this.#layers = h("select", { class: "layers", "aria-label": "Layers", title: "Layers", "data-testid": "layer-select" });
    this.#layers.addEventListener("change", () => {
      actions.setMaxLayer(this.#layers.value === "" ? null : Number(this.#layers.value));
    });
    this.#figures.setAttribute("aria-controls", "figures");
    this.root = h(
      "div",
      { class: "bar", part: "bar", role: "group", "aria-label": "Controls" },
      this.#play,
      this.#mute,
      this.#volume,
      h("span", { class: "space" }),
      this.#layers,
      this.#figures,
      this.#fullscreen,
    );
    this.setLayers(0, [], null);
    this.setPlaying(false);
    this.setSound(false, 1);
    this.setFigures(false);
    this.setFullscreen(false);
  }

  setPlaying(isPlaying: boolean): void {
    dress(this.#play, isPlaying ? "stop" : "play", isPlaying ? "Stop" : "Play");
  }

  setSound(isMuted: boolean, volume: number): void {
    const isSilent = isMuted || volume === 0;
    dress(this.#mute, isSilent ? "muted" : "sound", isSilent ? "Sound on" : "Sound off");
    const percent = String(Math.round(volume * 100));
    if (this.#volume.value !== percent) this.#volume.value = percent;
    setAttribute(this.#volume, "aria-valuetext", isMuted ? `${percent} %, off` : `${percent} %`);
    this.#volume.style.setProperty("--filled", isMuted ? "0%" : `${percent}%`);
  }

  /** Offers a ceiling for each layer that the stream has. One that was set and is not among them stays to be seen. */
  setLayers(possible: number, tracks: readonly Track[], maxLayer: number | null): void {
    const count = clampLayers(Math.max(possible || 0, (maxLayer ?? -1) + 1));
    const labels = Array.from({ length: count }, (_, layer) => labelOf(layer, tracks));
    const options = labels.join("\n");
    if (options !== this.#options || this.#layers.options.length === 0) {
      this.#options = options;
      this.#layers.replaceChildren(
        h("option", { value: "" }, "Auto"),
        ...labels.map((label, layer) => h("option", { value: String(layer) }, label)).reverse(),
      );
    }
    const value = maxLayer === null ? "" : String(maxLayer);
    if (this.#layers.value !== value) this.#layers.value = value;
  }

  setFigures(isOpen: boolean): void {
    setAttribute(this.#figures, "aria-expanded", String(isOpen));
    setAttribute(this.#figures, "aria-label", "Figures");
    this.#figures.title = "Figures";
  }

  setFullscreen(isFull: boolean): void {
    dress(this.#fullscreen, isFull ? "shrink" : "enlarge", isFull ? "Leave full screen" : "Full screen");
    // iPhones give the whole screen to <video> alone.
    this.#fullscreen.hidden = !document.fullscreenEnabled;
  }
}

function labelOf(layer: number, tracks: readonly Track[]): string {
  const word = meaning(layer, tracks);
  return word === "" ? `Up to layer ${layer}` : `Up to ${layer} · ${word}`;
}
