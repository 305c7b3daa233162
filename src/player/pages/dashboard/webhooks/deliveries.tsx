import { usePages } from "../hooks/use-pages";
import { Loading } from "../parts/loading";
import { ProblemNotice } from "../parts/notice";
import { Pager } from "../parts/pager";
import { Time } from "../parts/time";
import { useApi } from "../session";
import type { Delivery } from "../shapes";

const EVERY = 3000;
const PAGE_SIZE = 20;

/** What a webhook was and will be told, the latest first. */
export function Deliveries({ id }: { id: string }) {
  const api = useApi();
  const { list, page, onNext, onPrevious } = usePages(`deliveries ${id}`, EVERY, (address, signal) =>
    address === null ? api.deliveries(id, PAGE_SIZE, signal) : api.page<Delivery>(address, signal),
  );
  return (
    <section class="stack">
      <h2>Deliveries</h2>
      <ProblemNotice problem={list.problem} onRetry={list.refresh} />
      {!list.value && !list.problem && <Loading what="deliveries" />}
      {list.value?.items.length === 0 && <p class="empty dim">Nothing was sent yet.</p>}
      {list.value && list.value.items.length > 0 && (
        <ul class="deliveries" data-testid="deliveries">
          {list.value.items.map((delivery) => (
            <DeliveryItem key={delivery.id} delivery={delivery} />
          ))}
        </ul>
      )}
      <Pager page={page} onNext={onNext} onPrevious={onPrevious} />
    </section>
  );
}

const LOOKS: Record<Delivery["state"], string> = { delivered: "live", pending: "paused", failed: "failed" };

function DeliveryItem({ delivery }: { delivery: Delivery }) {
  const { state, statusCode, attempts, error } = delivery;
  return (
    <li class="card" data-testid="delivery-row" data-state={state}>
      <details>
        <summary>
          <code>{delivery.event}</code>
          <span class={`state ${LOOKS[state]}`}>{state}</span>
          <span class="dim small">
            {statusCode === null ? "" : `status ${statusCode} · `}
            {attempts} {attempts === 1 ? "attempt" : "attempts"} · <Time at={delivery.createdAt} />
          </span>
        </summary>
        <dl class="facts">
          {error && (
            <>
              <dt>Last error</dt>
              <dd>{error}</dd>
            </>
          )}
          <dt>Happened</dt>
          <dd>
            <Time at={delivery.createdAt} />
          </dd>
          <dt>Last tried</dt>
          <dd>{delivery.attemptedAt === null ? "not yet" : <Time at={delivery.attemptedAt} />}</dd>
          {delivery.nextAttemptAt !== null && (
            <>
              <dt>Tried next</dt>
              <dd>
                <Time at={delivery.nextAttemptAt} />
              </dd>
            </>
          )}
          <dt>Event</dt>
          <dd>
            <code>{delivery.eventId}</code>, number {delivery.sequence} of this webhook
          </dd>
          <dt>Delivery</dt>
          <dd>
            <code>{delivery.id}</code>
          </dd>
        </dl>
        {delivery.body !== undefined && (
          <pre tabIndex={0} aria-label="Body" data-testid="delivery-body">
            {JSON.stringify(delivery.body, null, 2)}
          </pre>
        )}
      </details>
    </li>
  );
}
