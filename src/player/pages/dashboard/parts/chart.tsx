import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Theme } from "./colours";
import { Legend } from "./legend";
import { stack, type Line } from "./stack";

/** One line, or one band of a stack. */
export interface ChartLine {
  name: string;
  colour: string;
  values: Line;
}

interface ChartProps {
  title: string;
  testId: string;
  theme: Theme;
  /** Seconds since the epoch, rising. */
  times: number[];
  /** How many seconds are shown. */
  span: number;
  lines: ChartLine[];
  format: (value: number) => string;
  /** The scale reaches at least so far. */
  least: number;
  /** Lines upon each other, as bands. */
  stacked?: boolean;
  /** Values are whole numbers. */
  whole?: boolean;
}

const HEIGHT = 180;

/** Lines over time, with their names and values beneath: the last ones, or those that the pointer is at. */
export function Chart(props: ChartProps) {
  const { title, testId, theme, times, lines, stacked = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const latest = useRef(props);
  latest.current = props;

  const data = useMemo((): uPlot.AlignedData => {
    const values = lines.map((line) => line.values);
    // The topmost band is drawn first, so that those beneath stand before it.
    return [times, ...(stacked ? stack(values).reverse() : values)];
  }, [times, lines, stacked]);
  const dataNow = useRef(data);
  dataNow.current = data;
  // What makes another plot necessary, and not only other data.
  const look = JSON.stringify([theme, lines.map(({ colour }) => colour), stacked]);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(optionsOf(() => latest.current, element.clientWidth, setPointed), dataNow.current, element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => plot.current?.setData(data), [data]);

  const at = pointed ?? times.length - 1;
  return (
    <figure class="card chart" data-testid={testId} data-points={times.length}>
      <figcaption>{title}</figcaption>
      <div ref={place} class="chart-place" aria-hidden="true" />
      <Legend lines={lines} at={at} time={pointed === null ? null : times[at] ?? null} format={props.format} />
    </figure>
  );
}

function optionsOf(now: () => ChartProps, width: number, onPointed: (at: number | null) => void): uPlot.Options {
  const { theme, lines, stacked = false, whole = false, span } = now();
  const drawn = stacked ? [...lines].reverse() : lines;
  const axis = {
    stroke: theme.dim,
    font: "12px system-ui, sans-serif",
    grid: { stroke: theme.line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 28, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { show: !stacked }, y: false },
    scales: {
      x: { time: true, range: () => rangeOf(now().times, span) },
      y: { range: (_, __, most) => [0, Math.max(now().least, most * 1.1)] },
    },
    axes: [
      { ...axis, size: 30, space: 70, incrs: [10, 20, 30, 60, 120], values: (_, splits) => splits.map(clock) },
      {
        ...axis,
        size: 82,
        space: 36,
        values: (_, splits) => splits.map((value) => now().format(value)),
        ...(whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] } : {}),
      },
    ],
    series: [
      {},
      ...drawn.map(({ colour }) => ({
        stroke: colour,
        width: stacked ? 1 : 2,
        ...(stacked ? { fill: colour } : { fill: `${colour}22` }),
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(plot) => onPointed(plot.cursor.idx ?? null)] },
  };
}

/** The last `span` seconds; while there is nothing, those before now. */
function rangeOf(times: readonly number[], span: number): [number, number] {
  const end = times.at(-1) ?? Date.now() / 1000;
  return [end - span, end];
}

function clock(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const minute = `${date.getHours()}:${two(date.getMinutes())}`;
  return date.getSeconds() === 0 ? minute : `${minute}:${two(date.getSeconds())}`;
}
