/** The figures: the two that are always on screen, and the panel with the rest. */
import type { PlayerStats } from "../types";
import { h, icon, setText } from "./dom";
import { SHORTCUTS } from "./keys";
import { Ladder } from "./ladder";

/** A figure as whole number; what is none is 0. */
export function whole(value: number): string {
  return String(Number.isFinite(value) ? Math.round(value) : 0);
}

function ladderFigures(stats: PlayerStats) {
  return {
    live: stats.layersLive,
    possible: stats.layersPossible,
    maxLayer: stats.maxLayer,
    rates: stats.layerRates,
  };
}

const figure = (testId: string) => h("span", { class: "figure", "data-testid": testId }, "0");

/** Layers received now, and packets recovered: always visible. */
export class Headline {
  readonly #ladder = new Ladder(false);
  readonly #live = figure("layers-live");
  readonly #possible = figure("layers-possible");
  readonly #recovered = figure("packets-recovered");
  readonly root = h(
    "div",
    { class: "headline", part: "headline" },
    this.#ladder.root,
    h("span", { class: "pair" }, this.#live, h("span", { class: "of" }, "/"), this.#possible, h("span", { class: "unit" }, " layers")),
    h("span", { class: "pair recovered" }, this.#recovered, h("span", { class: "unit" }, " recovered")),
  );

  update(stats: PlayerStats): void {
    this.#ladder.update(ladderFigures(stats));
    setText(this.#live, whole(stats.layersLive));
    setText(this.#possible, whole(stats.layersPossible));
    setText(this.#recovered, whole(stats.packetsRecovered));
  }
}

interface Row {
  name: string;
  testId: string;
  unit: string;
  value: (stats: PlayerStats) => string;
}

const TRANSPORTS = { webtransport: "WebTransport", websocket: "WebSocket" } as const;

const ROWS: readonly Row[] = [
  { name: "Packets lost", testId: "packets-lost", unit: "", value: (s) => whole(s.packetsLost) },
  { name: "Too late", testId: "packets-late", unit: "", value: (s) => whole(s.packetsLate) },
  { name: "Received", testId: "packets-received", unit: "", value: (s) => whole(s.packetsReceived) },
  { name: "Rate", testId: "rate", unit: "kbit/s", value: (s) => whole(s.rate / 1000) },
  { name: "Latency", testId: "latency", unit: "ms", value: (s) => whole(s.latencyMs) },
  { name: "Buffer", testId: "buffer", unit: "ms", value: (s) => whole(s.bufferMs) },
  { name: "Frame rate", testId: "frame-rate", unit: "/s", value: (s) => whole(s.frameRate) },
  { name: "Skipped", testId: "frames-dropped", unit: "", value: (s) => whole(s.framesDropped + s.picturesSkipped) },
  { name: "Drifted", testId: "pictures-drifted", unit: "", value: (s) => whole(s.picturesDrifted) },
  { name: "Picture", testId: "size", unit: "", value: (s) => (s.width > 0 ? `${s.width} × ${s.height}` : "–") },
  { name: "Source", testId: "source", unit: "", value: (s) => sourceText(s.source) },
  { name: "Over", testId: "transport", unit: "", value: (s) => (s.transport ? TRANSPORTS[s.transport] : "–") },
];

/** What the source of the stream does; nothing where it has none. */
function sourceText(source: PlayerStats["source"]): string {
  if (!source) return "";
  return source.retryInMs === null ? source.state : `${source.state}, ${Math.ceil(source.retryInMs / 1000)} s`;
}

/** The panel with all figures and the keys, which `i` opens. */
export class FiguresPanel {
  readonly #ladder = new Ladder(true);
  readonly #lines = ROWS.map((row) => {
    const value = figure(row.testId);
    return { row, value, line: lineOf(row, value) };
  });
  readonly #limit = h("p", { class: "legend limit", hidden: true, "data-testid": "decode-ceiling" });
  readonly #help = h("details", { class: "keys" }, h("summary", {}, "Keys"), keyList());
  readonly #close = h("button", { type: "button", class: "small-button", "aria-label": "Close figures" }, icon("close"));
  readonly root = h(
    "section",
    { class: "panel", part: "panel", id: "figures", "aria-label": "Figures", hidden: true },
    h("div", { class: "panel-head" }, h("h2", {}, "Layers received now"), this.#close),
    this.#ladder.root,
    h("p", { class: "legend" }, "Each rung is a layer, lit when received. Below it, what it takes of the rate."),
    this.#limit,
    h("dl", {}, ...this.#lines.map(({ line }) => line)),
    this.#help,
  );

  constructor(close: () => void) {
    this.#close.addEventListener("click", close);
  }

  update(stats: PlayerStats): void {
    this.#ladder.update(ladderFigures(stats));
    this.#setLimit(stats.decodeCeiling);
    for (const { row, value, line } of this.#lines) {
      const text = row.value(stats);
      setText(value, text);
      line.hidden = text === "";
    }
  }

  /** Says when it is this machine and not the network that layers are missing for. */
  #setLimit(ceiling: number | null): void {
    this.#limit.hidden = ceiling === null;
    if (ceiling !== null) setText(this.#limit, `This machine decodes up to layer ${ceiling} in time.`);
  }

  openHelp(): void {
    this.#help.open = true;
    this.#help.scrollIntoView({ block: "nearest" });
  }
}

function lineOf({ name, unit }: Row, value: HTMLElement): HTMLElement {
  const amount = h("dd", {}, value);
  if (unit !== "") amount.append(h("span", { class: "unit" }, ` ${unit}`));
  return h("div", {}, h("dt", {}, name), amount);
}

function keyList(): HTMLElement {
  return h(
    "dl",
    { class: "key-list" },
    ...SHORTCUTS.map(({ label, help }) => h("div", {}, h("dt", {}, h("kbd", {}, label)), h("dd", {}, help))),
  );
}
