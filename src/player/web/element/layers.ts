/** What layers mean, in words, and the colours that they have on screen. */
import type { Track } from "../types";

/**
 * What a picture is like with all layers up to this one. Every layer halves the error; the figures behind the words are
 * in `docs/benchmarks.md`. The ninth completes 8-bit video bit for bit.
 */
const PICTURE = ["outlines", "rough", "coarse", "base", "soft", "fair", "good", "fine", "very fine", "exact"];

/** Layers of video that another encoder made are kinds of pictures, not precision. */
const ENCODED = ["key pictures only", "without spare pictures", "every picture"];

/** What one gets with the layers 0 to `layer` of a stream, in a word or two; empty where there is no word for it. */
export function meaning(layer: number, tracks: readonly Track[]): string {
  const encoded = tracks.some((track) => track.kind === "encoded-video");
  const words = encoded ? ENCODED : PICTURE;
  const hasPicture = encoded || tracks.some((track) => track.kind === "video");
  return hasPicture ? (words[layer] ?? "") : "";
}

type Rgb = readonly [number, number, number];

/** From the coarsest layer to the finest: warm to cool. The pages' style.css has the same four. */
const STOPS: readonly [Rgb, Rgb, Rgb, Rgb] = [
  [245, 165, 36],
  [240, 98, 126],
  [139, 123, 255],
  [56, 198, 244],
];

/** The colour of a layer in a ladder of `possible` layers. */
export function colour(layer: number, possible: number): string {
  const last = STOPS.length - 1;
  const place = possible > 1 ? (Math.min(Math.max(layer, 0), possible - 1) / (possible - 1)) * last : 0;
  const from = STOPS[Math.min(Math.floor(place), last)] ?? STOPS[0];
  const to = STOPS[Math.min(Math.floor(place) + 1, last)] ?? STOPS[last as 3];
  const share = place - Math.floor(place);
  const mixed = from.map((value, i) => Math.round(value + ((to[i] ?? value) - value) * share));
  return `rgb(${mixed.join(" ")})`;
}
