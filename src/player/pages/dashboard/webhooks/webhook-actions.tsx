import { useState } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import { Confirm } from "../parts/confirm";
import { ProblemNotice } from "../parts/notice";
import { go } from "../router";
import { useSay } from "../say";
import { useApi } from "../session";
import type { Webhook } from "../shapes";
import { EditWebhookDialog } from "./edit-webhook-dialog";

/** What can be done to a webhook. */
export function WebhookActions({ webhook, onChanged }: { webhook: Webhook; onChanged: (webhook: Webhook) => void }) {
  const api = useApi();
  const say = useSay();
  const [open, setOpen] = useState<"edit" | "delete" | null>(null);
  const close = () => setOpen(null);
  const test = useAction(async () => {
    await api.testWebhook(webhook.id);
    say("A test is on its way; the deliveries show what becomes of it");
  });
  const enable = useAction(async () => {
    onChanged(await api.changeWebhook(webhook.id, { enabled: !webhook.enabled }));
    say(webhook.enabled ? "Disabled" : "Enabled");
  });
  return (
    <>
      <button
        type="button"
        class="button"
        disabled={test.busy || !webhook.enabled}
        title={webhook.enabled ? undefined : "It is disabled, so nothing is sent to it."}
        onClick={() => void test.run()}
        data-testid="test-webhook"
      >
        Send a test
      </button>
      <button type="button" class="button" disabled={enable.busy} onClick={() => void enable.run()} data-testid="enable-webhook">
        {webhook.enabled ? "Disable" : "Enable"}
      </button>
      <button type="button" class="button" onClick={() => setOpen("edit")} data-testid="edit-webhook">
        Change
      </button>
      <button type="button" class="button danger" onClick={() => setOpen("delete")} data-testid="delete-webhook">
        Delete
      </button>
      <ProblemNotice problem={test.problem ?? enable.problem} />
      {open === "edit" && <EditWebhookDialog webhook={webhook} onChanged={onChanged} onClose={close} />}
      {open === "delete" && <DeleteDialog webhook={webhook} onClose={close} />}
    </>
  );
}

function DeleteDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const api = useApi();
  const say = useSay();
  return (
    <Confirm
      title="Delete the webhook?"
      action="Delete the webhook"
      testId="confirm-delete"
      onClose={onClose}
      onConfirm={async () => {
        await api.deleteWebhook(webhook.id);
        say("Webhook deleted");
        go({ page: "webhooks" });
      }}
    >
      <p>
        <code>{webhook.url}</code> is told nothing from then on, also not what waits for it now. Its secret and its
        deliveries are gone; this cannot be undone.
      </p>
    </Confirm>
  );
}
