import { useState } from "preact/hooks";
import { FormDialog } from "../parts/form-dialog";
import { useSay } from "../say";
import { useApi } from "../session";
import type { Webhook } from "../shapes";
import { changesOf, formOf } from "./form";
import { WebhookFields } from "./webhook-fields";

interface EditWebhookDialogProps {
  webhook: Webhook;
  onChanged: (webhook: Webhook) => void;
  onClose: () => void;
}

/** Changes a webhook. */
export function EditWebhookDialog({ webhook, onChanged, onClose }: EditWebhookDialogProps) {
  const api = useApi();
  const say = useSay();
  const [form, setForm] = useState(() => formOf(webhook));
  const change = async () => {
    const changes = changesOf(form, webhook);
    if (Object.keys(changes).length > 0) {
      onChanged(await api.changeWebhook(webhook.id, changes));
      say("Changes saved");
    }
    onClose();
  };
  return (
    <FormDialog
      title="Change the webhook"
      action="Save the changes"
      testId="save-webhook"
      fields={["url", "description", "events"]}
      onSubmit={change}
      onClose={onClose}
    >
      {(problem) => <WebhookFields form={form} onChange={setForm} problem={problem} />}
    </FormDialog>
  );
}
