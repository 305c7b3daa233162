import { count } from "../format";
import { useLive } from "../hooks/use-live";
import { Time } from "../parts/time";
import { useApi, useSession } from "../session";
import type { Limits, OwnApiKey } from "../shapes";
import { ScopeList } from "./scope-list";

const EVERY = 10_000;

/** The API key of this session: what it may do, and what it has used of what it may use. */
export function OwnKey() {
  const api = useApi();
  const session = useSession();
  const own = useLive("own-key", EVERY, (signal) => api.ownKey(signal)).value;
  const { name, scopes, limits } = own ?? session;
  return (
    <section class="card stack" data-testid="own-key">
      <h2>The key of this session</h2>
      <dl class="facts">
        <dt>Name</dt>
        <dd>{name}</dd>
        <dt>Scopes</dt>
        <dd>
          <ScopeList scopes={scopes} />
        </dd>
        <dt>Streams</dt>
        <dd data-testid="usage-streams">{streamsText(limits, own?.usage ?? null)}</dd>
        <dt>Layers</dt>
        <dd>{limits.layers === null ? "no limit of its own" : `${limits.layers} a stream at most`}</dd>
        <dt>Requests</dt>
        <dd data-testid="usage-rate">{requestsText(limits, api.allowance)}</dd>
        <dt>Expires</dt>
        <dd>{own?.expiresAt ? <Time at={own.expiresAt} /> : own ? "never" : "–"}</dd>
        {session.expiresAt && (
          <>
            <dt>Session</dt>
            <dd>
              ends <Time at={session.expiresAt} />, if it is not used until then
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function streamsText({ streams }: Limits, usage: OwnApiKey["usage"] | null): string {
  const limit = streams === null ? "no limit of its own" : `${streams} at most`;
  if (!usage) return limit;
  const left = usage.streamsLeft === null ? "" : `, ${count(usage.streamsLeft)} more may be made`;
  return `${count(usage.streams)} now, keys made with it included; ${limit}${left}`;
}

function requestsText({ rate }: Limits, allowance: { limit: number; remaining: number } | null): string {
  if (!allowance) return rate === null ? "as configured" : `${rate} a minute`;
  return `${allowance.limit} a minute${rate === null ? " (as configured)" : ""}, ${allowance.remaining} left now`;
}
