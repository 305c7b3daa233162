import { useState } from "preact/hooks";
import { FormDialog } from "../parts/form-dialog";
import { useSay } from "../say";
import { useApi } from "../session";
import type { Stream } from "../shapes";
import { changesOf, FORM_FIELDS, formOf } from "./form";
import { StreamFields } from "./stream-fields";

interface EditDialogProps {
  stream: Stream;
  onChanged: (stream: Stream) => void;
  onClose: () => void;
}

/** Changes a stream. */
export function EditDialog({ stream, onChanged, onClose }: EditDialogProps) {
  const api = useApi();
  const say = useSay();
  const [form, setForm] = useState(() => formOf(stream));
  const change = async () => {
    const changes = changesOf(form, stream);
    if (Object.keys(changes).length > 0) {
      onChanged(await api.changeStream(stream.id, changes));
      say("Changes saved");
    }
    onClose();
  };
  return (
    <FormDialog
      title={`Change ${stream.name}`}
      action="Save the changes"
      testId="save-stream"
      fields={FORM_FIELDS}
      onSubmit={change}
      onClose={onClose}
    >
      {(problem) => <StreamFields form={form} source={stream.source} onChange={setForm} problem={problem} />}
    </FormDialog>
  );
}
