import { useState } from "preact/hooks";
import { FormDialog } from "../parts/form-dialog";
import { SecretDialog } from "../parts/secret-dialog";
import { useApi } from "../session";
import type { ApiKey } from "../shapes";
import { EMPTY, FORM_FIELDS, newKeyOf } from "./form";
import { KeyFields } from "./key-fields";

/** Makes an API key, and shows it the one time that it can be shown. */
export function CreateKeyDialog({ onCreated, onClose }: { onCreated: () => void; onClose: () => void }) {
  const api = useApi();
  const [form, setForm] = useState(EMPTY);
  const [made, setMade] = useState<ApiKey | null>(null);
  if (made?.key) {
    return (
      <SecretDialog title={`API key ${made.name}`} label="API key" secret={made.key} testId="new-key" onClose={onClose}>
        It is shown this once. Copy it now: the daemon keeps only a hash of it.
      </SecretDialog>
    );
  }
  return (
    <FormDialog
      title="Create an API key"
      action="Create the API key"
      testId="create-key-submit"
      fields={FORM_FIELDS}
      onSubmit={async () => {
        setMade(await api.createKey(newKeyOf(form)));
        onCreated();
      }}
      onClose={onClose}
    >
      {(problem) => <KeyFields form={form} onChange={setForm} problem={problem} />}
    </FormDialog>
  );
}
