import { useState } from "preact/hooks";
import { FormDialog } from "../parts/form-dialog";
import { SecretDialog } from "../parts/secret-dialog";
import { useApi } from "../session";
import type { Webhook } from "../shapes";
import { EMPTY, newWebhookOf } from "./form";
import { WebhookFields } from "./webhook-fields";

interface CreateWebhookDialogProps {
  onCreated: () => void;
  onClose: () => void;
}

/** Makes a webhook, and shows its secret the one time that it can be shown. */
export function CreateWebhookDialog({ onCreated, onClose }: CreateWebhookDialogProps) {
  const api = useApi();
  const [form, setForm] = useState(EMPTY);
  const [made, setMade] = useState<Webhook | null>(null);
  if (made?.secret) {
    return (
      <SecretDialog title="Webhook created" label="Secret" secret={made.secret} testId="webhook-secret" onClose={onClose}>
        What it is told is signed with this secret, which is shown this once. Give it to the receiver, so that it can
        verify who sends.
      </SecretDialog>
    );
  }
  return (
    <FormDialog
      title="Create a webhook"
      action="Create the webhook"
      testId="create-webhook-submit"
      fields={["url", "description", "events"]}
      onSubmit={async () => {
        setMade(await api.createWebhook(newWebhookOf(form)));
        onCreated();
      }}
      onClose={onClose}
    >
      {(problem) => <WebhookFields form={form} onChange={setForm} problem={problem} />}
    </FormDialog>
  );
}
