import { moment } from "../format";
import type { ChartLine } from "./chart";
import { Swatch } from "./swatch";

interface LegendProps {
  lines: readonly ChartLine[];
  /** Which of the values. */
  at: number;
  /** Their time, where it is not the last one. */
  time: number | null;
  format: (value: number) => string;
}

/** The names and values of a chart's lines. */
export function Legend({ lines, at, time, format }: LegendProps) {
  return (
    <div class="legend">
      <p class="dim small">{time === null ? "now" : moment(new Date(time * 1000).toISOString()).slice(11)}</p>
      <ul>
        {lines.map(({ name, colour, values }) => {
          const value = values[at] ?? null;
          return (
            <li key={name}>
              <Swatch colour={colour} /> {name} <b>{value === null ? "–" : format(value)}</b>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
