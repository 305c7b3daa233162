import { useLive } from "../hooks/use-live";
import { Loading } from "../parts/loading";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { Time } from "../parts/time";
import { hrefOf } from "../router";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { Webhook } from "../shapes";
import { Deliveries } from "./deliveries";
import { WebhookActions } from "./webhook-actions";

const EVERY = 10_000;

/** A webhook's page: what it is set to, and what it was told. */
export function WebhookPage({ id }: { id: string }) {
  const api = useApi();
  const may = useMay("webhooks");
  const webhook = useLive(may ? `webhook:${id}` : null, EVERY, (signal) => api.webhook(id, signal));
  const known = webhook.value;
  return (
    <Page
      title="Webhook"
      above={
        <a class="back" href={hrefOf({ page: "webhooks" })}>
          ← Webhooks
        </a>
      }
      aside={known && <span class={`state ${known.enabled ? "live" : ""}`}>{known.enabled ? "enabled" : "disabled"}</span>}
      actions={known && <WebhookActions webhook={known} onChanged={webhook.put} />}
    >
      {!may && <Notice kind="info">{lacking("webhooks")}</Notice>}
      <ProblemNotice problem={webhook.problem} onRetry={webhook.refresh} />
      {may && !known && !webhook.problem && <Loading what="the webhook" />}
      {known && <Facts webhook={known} />}
      {known && <Deliveries id={id} />}
    </Page>
  );
}

function Facts({ webhook }: { webhook: Webhook }) {
  return (
    <section class="card">
      <dl class="facts">
        <dt>URL</dt>
        <dd>
          <code>{webhook.url}</code>
        </dd>
        {webhook.description && (
          <>
            <dt>Description</dt>
            <dd>{webhook.description}</dd>
          </>
        )}
        <dt>Events</dt>
        <dd class="tags">
          {webhook.events.map((event) => (
            <code key={event} class="tag">
              {event}
            </code>
          ))}
        </dd>
        <dt>ID</dt>
        <dd>
          <code>{webhook.id}</code>
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={webhook.createdAt} />
        </dd>
        <dt>Updated</dt>
        <dd>
          <Time at={webhook.updatedAt} />
        </dd>
      </dl>
    </section>
  );
}
