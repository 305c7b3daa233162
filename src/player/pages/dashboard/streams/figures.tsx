import type { ComponentChildren } from "preact";
import { count, milliseconds, percent, rate } from "../format";
import type { StreamStats } from "../shapes";
import { lossOf } from "./history";

/** What a stream does now, in a few figures. */
export function Figures({ stats }: { stats: StreamStats | null }) {
  const publisher = stats?.publisher ?? null;
  const loss = stats && publisher ? lossOf(stats.packets) : null;
  return (
    <dl class="figures">
      <Figure name="Viewers" testId="viewers" note={stats && stats.viewers > 0 ? "the preview is one" : ""}>
        {stats ? count(stats.viewers) : "–"}
      </Figure>
      <Figure name="Rate" testId="rate" note="parity included">
        {publisher ? rate(publisher.rate) : "–"}
      </Figure>
      <Figure name="Lost" testId="packets-lost" note={loss === null || !stats ? "" : `${count(stats.packets.lost)} packets`}>
        {loss === null ? "–" : percent(loss)}
      </Figure>
      <Figure name="Recovered" testId="packets-recovered" note="packets">
        {stats && publisher ? count(stats.packets.recovered) : "–"}
      </Figure>
      <Figure name="Round trip" testId="round-trip" note="to the publisher">
        {publisher?.roundTripMs == null ? "–" : milliseconds(publisher.roundTripMs)}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  name: string;
  note: string;
  testId: string;
  children: ComponentChildren;
}

function Figure({ name, note, testId, children }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testId}>{children}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}
