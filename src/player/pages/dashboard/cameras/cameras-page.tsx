import { useState } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { TextField } from "../parts/text-field";
import { textsOf } from "../parts/texts";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Discovery } from "../shapes";
import type { Credentials } from "./credentials";
import { DeviceCard } from "./device-card";
import { EMPTY, requestOf } from "./form";

/** What was found, and by which credentials: those are what its sources need. */
interface Found {
  discovery: Discovery;
  credentials: Credentials;
}

/** Cameras of the daemon's local network, one step from becoming streams. */
export function CamerasPage() {
  const api = useApi();
  const may = useMay("streams:write");
  const [form, setForm] = useState(EMPTY);
  const [found, setFound] = useState<Found | null>(null);
  const find = useAction(async () => {
    setFound({ discovery: await api.discover(requestOf(form)), credentials: form });
  });
  const text = textsOf(form, setForm, find.problem);
  return (
    <Page title="Cameras">
      <p class="dim">
        ONVIF cameras on the daemon's local network, with the addresses of their streams. Each becomes a stream that is
        pulled while somebody watches.
      </p>
      {!may && <Notice kind="info">{lacking("streams:write")}</Notice>}
      {may && (
        <form
          class="card stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void find.run();
          }}
        >
          <div class="columns">
            <TextField
              label="User"
              {...text("username")}
              testId="camera-user"
              input={{ autocapitalize: "none", placeholder: "admin" }}
            />
            <TextField
              label="Password"
              {...text("password")}
              hint="Adding a camera that asks for a user gives it the password: by Basic of RTSP in clear."
              testId="camera-password"
              input={{ type: "password", autocomplete: "new-password" }}
            />
          </div>
          <TextField
            label="Addresses"
            {...text("addresses")}
            hint="Of the devices that are to be asked, and shown the password; where it is empty, all that answer."
            testId="camera-addresses"
            input={{ placeholder: "all" }}
          />
          <div class="actions">
            <button class="button primary" disabled={find.busy} data-testid="find-cameras">
              {find.busy ? "Looking for cameras …" : found ? "Look again" : "Find cameras"}
            </button>
          </div>
          <ProblemNotice problem={find.problem} fields={["username", "password", "addresses"]} />
        </form>
      )}
      <div class="stack" role="status">
        {found && !find.busy && <p data-testid="cameras-found">{foundText(found.discovery)}</p>}
      </div>
      {found?.discovery.devices.map((device) => (
        <DeviceCard key={`${device.id} ${device.address}`} device={device} credentials={found.credentials} />
      ))}
    </Page>
  );
}

function foundText({ devices, isMore }: Discovery): string {
  if (devices.length === 0) return "No camera has answered. Cameras are found in the daemon's own network only, and where ONVIF is switched on.";
  const text = devices.length === 1 ? "One device has answered." : `${devices.length} devices have answered.`;
  return isMore ? `${text} There are more than are shown.` : text;
}
