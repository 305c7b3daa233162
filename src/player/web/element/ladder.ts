/** The ladder: one rung a layer, lit when it is received. What the product is about, at a glance. */
import { clampLayers } from "./attributes";
import { h, setAttribute } from "./dom";
import { colour } from "./layers";

/** What a ladder shows. */
export interface LadderFigures {
  live: number;
  possible: number;
  /** The highest layer asked for; null for all. */
  maxLayer: number | null;
  /** Bits a second of each layer. */
  rates: readonly number[];
}

interface Rung {
  root: HTMLElement;
  rate: HTMLElement;
}

export class Ladder {
  readonly root: HTMLElement;
  #rungs: Rung[] = [];

  /** `detailed`: with the layers' numbers, and below each rung its share of the rate. */
  constructor(private readonly detailed: boolean) {
    this.root = h("div", { class: detailed ? "ladder detailed" : "ladder", role: "img", part: "ladder" });
    this.update({ live: 0, possible: 0, maxLayer: null, rates: [] });
  }

  update(figures: LadderFigures): void {
    const possible = clampLayers(figures.possible);
    if (possible !== this.#rungs.length) this.#build(possible);
    const mostRate = Math.max(1, ...figures.rates);
    this.#rungs.forEach(({ root, rate }, layer) => {
      root.classList.toggle("lit", layer < figures.live);
      root.classList.toggle("unwanted", figures.maxLayer !== null && layer > figures.maxLayer);
      rate.style.setProperty("--share", ((figures.rates[layer] ?? 0) / mostRate).toFixed(3));
    });
    setAttribute(this.root, "aria-label", labelOf(figures));
  }

  #build(possible: number): void {
    this.#rungs = Array.from({ length: possible }, (_, layer) => {
      const rate = h("span", { class: "rung-rate" });
      const root = h("span", { class: "rung" }, h("span", { class: "rung-bar" }));
      if (this.detailed) root.append(h("span", { class: "rung-name" }, String(layer)), rate);
      root.style.setProperty("--colour", colour(layer, possible));
      root.style.setProperty("--height", (0.3 + (0.7 * (layer + 1)) / possible).toFixed(3));
      return { root, rate };
    });
    this.root.replaceChildren(...this.#rungs.map((rung) => rung.root));
  }
}

function labelOf({ live, possible, maxLayer }: LadderFigures): string {
  const ceiling = maxLayer === null ? "" : `, asked for up to layer ${maxLayer}`;
  return `${live} of ${possible} layers received${ceiling}`;
}
