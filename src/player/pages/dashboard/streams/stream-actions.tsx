import { useState } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import { Confirm } from "../parts/confirm";
import { ProblemNotice } from "../parts/notice";
import { go } from "../router";
import { useSay } from "../say";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Stream } from "../shapes";
import { EditDialog } from "./edit-dialog";

interface StreamActionsProps {
  stream: Stream;
  onChanged: (stream: Stream) => void;
  /** Something was done that its figures follow. */
  onDone: () => void;
}

/** What can be done to a stream. */
export function StreamActions({ stream, onChanged, onDone }: StreamActionsProps) {
  const api = useApi();
  const say = useSay();
  const mayWrite = useMay("streams:write");
  const [open, setOpen] = useState<"edit" | "archive" | null>(null);
  const close = () => setOpen(null);
  const isPaused = stream.state === "paused";
  const pause = useAction(async () => {
    onChanged(isPaused ? await api.resumeStream(stream.id) : await api.pauseStream(stream.id));
    onDone();
    say(isPaused ? "Resumed" : "Paused");
  });
  if (!mayWrite) return <p class="dim small">{lacking("streams:write")}</p>;
  return (
    <>
      <button
        type="button"
        class="button"
        disabled={pause.busy}
        onClick={() => void pause.run()}
        data-testid={isPaused ? "resume" : "pause"}
      >
        {isPaused ? "Resume" : "Pause"}
      </button>
      <button type="button" class="button" onClick={() => setOpen("edit")} data-testid="edit-stream">
        Change
      </button>
      <button type="button" class="button danger" onClick={() => setOpen("archive")} data-testid="archive-stream">
        Archive
      </button>
      <ProblemNotice problem={pause.problem} />
      {open === "edit" && <EditDialog stream={stream} onChanged={onChanged} onClose={close} />}
      {open === "archive" && <ArchiveDialog stream={stream} onClose={close} />}
    </>
  );
}

function ArchiveDialog({ stream, onClose }: { stream: Stream; onClose: () => void }) {
  const api = useApi();
  const say = useSay();
  return (
    <Confirm
      title={`Archive ${stream.name}?`}
      action={`Archive ${stream.name}`}
      testId="confirm-archive"
      onClose={onClose}
      onConfirm={async () => {
        await api.archiveStream(stream.id);
        say(`Stream ${stream.name} archived`);
        go({ page: "streams" });
      }}
    >
      {stream.state === "live" && (
        <p>
          <strong>It is live now.</strong>{" "}
          {stream.type === "pull" ? "Its source is let go of, and all viewers" : "Its publisher and all viewers"} are cut
          off.
        </p>
      )}
      <p>
        {stream.type === "pull" ? "The address of its source" : "Its stream key"} is erased, its playback ID leads nowhere, and its name is free for another. This cannot be
        undone.
      </p>
    </Confirm>
  );
}
