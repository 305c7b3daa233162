import { useState } from "preact/hooks";
import { usePages } from "../hooks/use-pages";
import { Loading } from "../parts/loading";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { Pager } from "../parts/pager";
import { hrefOf } from "../router";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Webhook } from "../shapes";
import { CreateWebhookDialog } from "./create-webhook-dialog";

const EVERY = 10_000;
const PAGE_SIZE = 20;

/** The list of webhooks. */
export function WebhooksPage() {
  const api = useApi();
  const may = useMay("webhooks");
  const [isCreating, setCreating] = useState(false);
  const { list, page, onNext, onPrevious } = usePages(may ? "webhooks" : null, EVERY, (address, signal) =>
    address === null ? api.webhooks(PAGE_SIZE, signal) : api.page<Webhook>(address, signal),
  );
  const create = (
    <button type="button" class="button primary" onClick={() => setCreating(true)} data-testid="create-webhook">
      Create a webhook
    </button>
  );
  return (
    <Page title="Webhooks" actions={may && create}>
      {!may && <Notice kind="info">{lacking("webhooks")}</Notice>}
      <ProblemNotice problem={list.problem} onRetry={list.refresh} />
      {may && !list.value && !list.problem && <Loading what="webhooks" />}
      {list.value && list.value.items.length === 0 && (
        <p class="empty dim">
          A webhook tells another server what happens here: a signed HTTP POST for each event. There is none yet.
        </p>
      )}
      {list.value && list.value.items.length > 0 && <WebhookTable webhooks={list.value.items} />}
      <Pager page={page} onNext={onNext} onPrevious={onPrevious} />
      {isCreating && <CreateWebhookDialog onCreated={list.refresh} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function WebhookTable({ webhooks }: { webhooks: readonly Webhook[] }) {
  return (
    <div class="card flush">
      <table class="table" data-testid="webhooks">
        <thead>
          <tr>
            <th scope="col">Webhook</th>
            <th scope="col" class="wide-only">Events</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {webhooks.map((webhook) => (
            <tr key={webhook.id} data-testid="webhook-row" data-url={webhook.url}>
              <th scope="row">
                <a class="row-link" href={hrefOf({ page: "webhook", id: webhook.id })}>
                  {webhook.url}
                </a>
                {webhook.description && <p class="clip dim small">{webhook.description}</p>}
              </th>
              <td class="wide-only small dim">{webhook.events.join(", ")}</td>
              <td>
                <span class={`state ${webhook.enabled ? "live" : ""}`}>{webhook.enabled ? "enabled" : "disabled"}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
