import { useMemo } from "preact/hooks";
import { count, percent, rate } from "../format";
import { Chart, type ChartLine } from "../parts/chart";
import { layerColours, useTheme } from "../parts/colours";
import { seriesOf, SPAN, type Sample } from "./history";

/** While there is less to show than this, in seconds, the rest stays empty. */
const LEAST_SHOWN = 60;

/** What a stream did in the last minutes. */
export function Charts({ history }: { history: readonly Sample[] }) {
  const theme = useTheme();
  const series = useMemo(() => seriesOf(history), [history]);
  const rates = useMemo(() => {
    const colours = layerColours(series.layers.length);
    const layers = series.layers.map((values, layer): ChartLine => {
      return { name: `layer ${layer}`, colour: colours[layer] ?? theme.accent, values };
    });
    return [...layers, { name: "parity and headers", colour: theme.faint, values: series.overhead }];
  }, [series, theme]);
  const line = (name: string, colour: string, values: ChartLine["values"]): ChartLine[] => [{ name, colour, values }];
  const seen = (series.times.at(-1) ?? 0) - (series.times[0] ?? 0);
  const common = { times: series.times, span: Math.min(SPAN, Math.max(LEAST_SHOWN, seen)), theme };
  return (
    <section class="stack" aria-label={`The last ${SPAN / 60} minutes`}>
      <h2>
        The last {SPAN / 60} minutes <span class="dim small">as far as this page has seen them</span>
      </h2>
      <div class="charts">
        <Chart {...common} title="Rate by layer" testId="chart-rate" lines={rates} format={rate} least={100_000} stacked />
        <Chart
          {...common}
          title="Lost"
          testId="chart-loss"
          lines={line("packets lost", theme.bad, series.loss)}
          format={percent}
          least={0.02}
        />
        <Chart
          {...common}
          title="Recovered"
          testId="chart-recovered"
          lines={line("packets recovered a second", theme.good, series.recovered)}
          format={(value) => `${count(value)} /s`}
          least={10}
        />
        <Chart
          {...common}
          title="Viewers"
          testId="chart-viewers"
          lines={line("viewers", theme.accent, series.viewers)}
          format={count}
          least={4}
          whole
        />
      </div>
    </section>
  );
}
