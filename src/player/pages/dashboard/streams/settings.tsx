import { describeFec } from "../fec";
import { bytes, count } from "../format";
import { Time } from "../parts/time";
import type { Stream } from "../shapes";

/** What a stream is set to. */
export function Settings({ stream }: { stream: Stream }) {
  return (
    <section class="card stack">
      <h2>Settings</h2>
      <dl class="facts">
        <dt>Type</dt>
        <dd>{stream.type}</dd>
        <dt>Layers</dt>
        <dd>{stream.layers} at most</dd>
        <dt>fec</dt>
        <dd>
          <code>{stream.fec}</code> <span class="dim">{describeFec(stream.fec)}</span>
        </dd>
        <dt>Region</dt>
        <dd>{stream.region}</dd>
        <dt>Ring</dt>
        <dd>
          {count(stream.ring.seconds)} s or {bytes(stream.ring.bytes)}
        </dd>
        <dt>ID</dt>
        <dd>
          <code>{stream.id}</code>
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={stream.createdAt} />
        </dd>
        <dt>Updated</dt>
        <dd>
          <Time at={stream.updatedAt} />
        </dd>
        {stream.archivedAt && (
          <>
            <dt>Archived</dt>
            <dd>
              <Time at={stream.archivedAt} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
