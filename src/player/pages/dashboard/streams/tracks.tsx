import { count, rate } from "../format";
import type { Stream, StreamStats, TrackStats } from "../shapes";

/** The tracks of a stream that is live. */
export function Tracks({ stream, stats }: { stream: Stream; stats: StreamStats | null }) {
  const tracks = stats?.tracks ?? [];
  return (
    <section class="card stack">
      <h2>Tracks</h2>
      {tracks.length === 0 ? (
        <p class="dim">{stream.type === "pull" ? "No media comes from its source now." : "Nobody publishes it, so there are none."}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-label="Tracks">
          <table class="table dense" data-testid="tracks">
            <thead>
              <tr>
                <th scope="col">Track</th>
                <th scope="col">Codec</th>
                <th scope="col" class="number">Layers</th>
                <th scope="col" class="number">Rate</th>
                <th scope="col" class="number">Units/s</th>
                <th scope="col" class="number">Complete</th>
                <th scope="col" class="number">Partial</th>
                <th scope="col" class="number">Lost</th>
              </tr>
            </thead>
            <tbody>
              {tracks.map((track) => (
                <Row key={track.id} track={track} streamName={stream.name} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ track, streamName }: { track: TrackStats; streamName: string }) {
  // Publishers that were told no other name call their tracks as the stream.
  const hasOwnName = track.name !== "" && track.name !== streamName;
  return (
    <tr>
      <th scope="row">
        {track.kind} {hasOwnName && <span class="dim">{track.name}</span>}
      </th>
      <td>{track.codec}</td>
      <td class="number">{track.layers}</td>
      <td class="number">{rate(track.bitrate)}</td>
      <td class="number">{track.frameRate.toFixed(1)}</td>
      <td class="number">{count(track.unitsComplete)}</td>
      <td class="number">{count(track.unitsPartial)}</td>
      <td class="number">{count(track.unitsLost)}</td>
    </tr>
  );
}
