import { useState } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import { Notice, ProblemNotice } from "../parts/notice";
import { TextField } from "../parts/text-field";
import { hrefOf } from "../router";
import { useSay } from "../say";
import { useApi } from "../session";
import type { Device, DeviceSource, Stream } from "../shapes";
import { type Credentials, credentialsFor, withCredentials } from "./credentials";
import { aboutOf, nameOf, problemText, videoText } from "./words";

interface DeviceCardProps {
  device: Device;
  /** What it was asked with. */
  credentials: Credentials;
}

/** A device that answered, with its streams. */
export function DeviceCard({ device, credentials }: DeviceCardProps) {
  const about = aboutOf(device);
  return (
    <section class="card stack" data-testid="camera" data-address={device.address}>
      <div>
        <h2>{nameOf(device)}</h2>
        {about && <p class="dim small">{about}</p>}
      </div>
      {device.problem && (
        <Notice kind="warn">
          <p data-testid="camera-problem" data-reason={device.problem.reason}>
            {problemText(device.problem)}
          </p>
        </Notice>
      )}
      {device.sources.length === 0 && !device.problem && <p class="dim">It has no streams.</p>}
      {device.sources.length > 0 && (
        <ul class="camera-sources">
          {device.sources.map((source) => (
            // Names may be others when it is looked again; what was typed and added stays with its stream.
            <Source
              key={`${source.source} ${source.name}`}
              source={source}
              credentials={credentialsFor(device, credentials)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

/** One stream of a camera, and the step to one of the daemon. */
function Source({ source, credentials }: { source: DeviceSource; credentials: Credentials }) {
  const api = useApi();
  const say = useSay();
  const [name, setName] = useState(source.streamName);
  const [stream, setStream] = useState<Stream | null>(null);
  const add = useAction(async () => {
    const made = await api.createStream({ name, type: "pull", source: withCredentials(source.source, credentials) });
    setStream(made);
    say(`Stream ${made.name} created`);
  });
  const video = videoText(source.video);
  return (
    <li data-testid="camera-source" data-name={source.name}>
      <div>
        <p>
          {source.name} {video && <span class="dim small">{video}</span>}
        </p>
        <p class="small">
          <code>{source.source}</code>
        </p>
      </div>
      {stream ? (
        <p class="small">
          Added as <a href={hrefOf({ page: "stream", id: stream.id })} data-testid="camera-stream">{stream.name}</a>.
        </p>
      ) : (
        <form
          class="stack tight"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void add.run();
          }}
        >
          <div class="add-row">
            <TextField
              label="Name of the stream"
              value={name}
              onChange={setName}
              error={add.problem?.of("name")}
              testId="camera-stream-name"
              input={{ autocapitalize: "none" }}
            />
            <button class="button" disabled={add.busy} aria-label={`Add ${source.name}`} data-testid="add-camera">
              Add
            </button>
          </div>
          <ProblemNotice problem={add.problem} fields={["name"]} />
        </form>
      )}
    </li>
  );
}
