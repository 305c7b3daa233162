/** Colours for drawing, taken from the style sheet of all pages. */
import { useEffect, useState } from "preact/hooks";

/** Colours as a canvas takes them. */
export interface Theme {
  text: string;
  dim: string;
  line: string;
  faint: string;
  accent: string;
  good: string;
  bad: string;
}

const LADDER = ["--layer-coarse", "--layer-low", "--layer-mid", "--layer-fine"];

function theme(): Theme {
  return {
    text: colour("--text"),
    dim: colour("--text-dim"),
    line: colour("--line"),
    faint: colour("--line-strong"),
    accent: colour("--accent"),
    good: colour("--good"),
    bad: colour("--bad"),
  };
}

/** The colours of now: dark or light. */
export function useTheme(): Theme {
  const [now, setNow] = useState(theme);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => setNow(theme());
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  return now;
}

/** A colour for each of so many layers, the lowest first: evenly from coarse to fine. */
export function layerColours(layers: number): string[] {
  return ladder(LADDER.map(colour), layers);
}

/** So many colours, evenly from the first of `stops` (`#rrggbb`) to the last. */
export function ladder(stops: readonly string[], colours: number): string[] {
  const last = stops.length - 1;
  return Array.from({ length: colours }, (_, at) => {
    const place = colours < 2 ? 0 : (at / (colours - 1)) * last;
    const from = Math.min(Math.floor(place), last - 1);
    return between(stops[from] ?? "#000000", stops[from + 1] ?? "#000000", place - from);
  });
}

function between(from: string, to: string, share: number): string {
  const channel = (text: string, at: number) => Number.parseInt(text.slice(1 + at * 2, 3 + at * 2), 16);
  const mix = [0, 1, 2].map((at) => Math.round(channel(from, at) * (1 - share) + channel(to, at) * share));
  return `#${mix.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
