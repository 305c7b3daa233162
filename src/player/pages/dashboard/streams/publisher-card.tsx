import { count, milliseconds, rate } from "../format";
import type { PublisherStats, StreamStats } from "../shapes";

/** Who publishes a stream, and how that goes. */
export function PublisherCard({ publisher, stats }: { publisher: PublisherStats; stats: StreamStats }) {
  const { packets, delayMs } = stats;
  return (
    <section class="card stack">
      <h2>Publisher</h2>
      <dl class="facts">
        <dt>Address</dt>
        <dd data-testid="publisher">
          <code>{publisher.address}</code>
        </dd>
        <dt>Rate</dt>
        <dd>{rate(publisher.rate)}, parity included</dd>
        <dt>Round trip</dt>
        <dd>{measured(publisher.roundTripMs)}</dd>
        <dt>Queues on the way</dt>
        <dd>{measured(publisher.queueingDelayMs)}</dd>
        <dt>Way to here</dt>
        <dd>{measured(delayMs)}</dd>
        <dt>Packets</dt>
        <dd>
          {count(packets.received)} came, {count(packets.lost)} did not, {count(packets.recovered)} recovered,{" "}
          {count(packets.late)} too late
        </dd>
      </dl>
    </section>
  );
}

function measured(value: number | null): string {
  return value === null ? "not measured" : milliseconds(value);
}
