import { count, rate } from "../format";
import { StateBadge } from "../parts/state-badge";
import { Time } from "../parts/time";
import { hrefOf } from "../router";
import type { Stream, StreamStats } from "../shapes";
import { stateWord } from "./source";
import { useFigures } from "./use-figures";

/** Streams with what they do now. */
export function StreamTable({ streams }: { streams: readonly Stream[] }) {
  const figures = useFigures(streams);
  return (
    <div class="card flush">
      <table class="table" data-testid="streams">
        <thead>
          <tr>
            <th scope="col">Stream</th>
            <th scope="col">State</th>
            <th scope="col" class="number wide-only">Viewers</th>
            <th scope="col" class="number wide-only">Rate</th>
            <th scope="col" class="wide-only">Layers, fec</th>
            <th scope="col" class="wide-only">Created</th>
          </tr>
        </thead>
        <tbody>
          {streams.map((stream) => (
            <Row key={stream.id} stream={stream} stats={figures.get(stream.id)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ stream, stats }: { stream: Stream; stats: StreamStats | undefined }) {
  const viewers = stats ? count(stats.viewers) : "–";
  const arrives = stats?.publisher ? rate(stats.publisher.rate) : "–";
  return (
    <tr data-testid="stream-row" data-name={stream.name}>
      <th scope="row">
        <a class="row-link" href={hrefOf({ page: "stream", id: stream.id })}>
          {stream.name}
        </a>
        {stream.description && <p class="clip dim small">{stream.description}</p>}
      </th>
      <td>
        <StateBadge state={stateWord(stats ?? stream)} />
        {stats && (
          <p class="narrow-only dim small">
            {viewers} {stats.viewers === 1 ? "viewer" : "viewers"} · {arrives}
          </p>
        )}
      </td>
      <td class="number wide-only">{viewers}</td>
      <td class="number wide-only">{arrives}</td>
      <td class="wide-only">
        {stream.layers} <span class="dim">· {stream.fec}</span>
      </td>
      <td class="wide-only dim">
        <Time at={stream.createdAt} />
      </td>
    </tr>
  );
}
