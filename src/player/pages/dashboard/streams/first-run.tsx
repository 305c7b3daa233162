import type { ComponentChildren } from "preact";
import { loginLine, pushLine } from "../commands";
import { Copyable } from "../parts/copyable";

interface FirstRunProps {
  create: ComponentChildren;
  /** Leads to the streams that were archived, if there are any. */
  onArchived: () => void;
}

/** What to do where there is no stream. */
export function FirstRun({ create, onArchived }: FirstRunProps) {
  return (
    <section class="card stack first-run" data-testid="first-run">
      <h2>Three steps to the first picture</h2>
      <ol class="steps">
        <li>
          <h3>Create a stream</h3>
          <p class="dim">It gets an address to publish to, a secret stream key, and a public playback ID.</p>
          <div>{create}</div>
        </li>
        <li>
          <h3>Push something into it</h3>
          <p class="dim">
            With the command line, from this or any other machine. The stream's page has the same for GStreamer.
          </p>
          <Copyable label="Sign the command line in" text={loginLine(location.origin)} block />
          <Copyable label="Push a file" text={pushLine({ name: "my-first-stream" })} block />
        </li>
        <li>
          <h3>Watch it</h3>
          <p class="dim">The stream's page shows it at once, with its figures, and has its playback URL to give away.</p>
        </li>
      </ol>
      <p class="small">
        <button type="button" class="link" onClick={onArchived} data-testid="show-archived">
          Archived streams
        </button>
      </p>
    </section>
  );
}
