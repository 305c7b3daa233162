import { useState } from "preact/hooks";
import { FormDialog } from "../parts/form-dialog";
import { go } from "../router";
import { useSay } from "../say";
import { useApi, useSession } from "../session";
import { emptyForm, FORM_FIELDS, newStreamOf } from "./form";
import { StreamFields } from "./stream-fields";

/** Makes a stream, and goes to its page. */
export function CreateDialog({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const say = useSay();
  const session = useSession();
  const [form, setForm] = useState(() => emptyForm(session));
  const create = async () => {
    const stream = await api.createStream(newStreamOf(form));
    say(`Stream ${stream.name} created`);
    onClose();
    go({ page: "stream", id: stream.id });
  };
  return (
    <FormDialog
      title="Create a stream"
      action="Create the stream"
      testId="create-stream-submit"
      fields={FORM_FIELDS}
      onSubmit={create}
      onClose={onClose}
    >
      {(problem) => <StreamFields form={form} onChange={setForm} problem={problem} />}
    </FormDialog>
  );
}
