import { useState } from "preact/hooks";
import { Confirm } from "../parts/confirm";
import { Time } from "../parts/time";
import { useSay } from "../say";
import { useApi, useSession } from "../session";
import type { ApiKey, Limits } from "../shapes";
import { ScopeList } from "./scope-list";

/** API keys, the revoked ones included. */
export function KeyTable({ keys, onChanged }: { keys: readonly ApiKey[]; onChanged: () => void }) {
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  return (
    <div class="card flush">
      <table class="table" data-testid="keys">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col" class="wide-only">Limits</th>
            <th scope="col" class="wide-only">Created</th>
            <th scope="col">State</th>
            <th scope="col">
              <span class="unseen">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Row key={key.id} of={key} onRevoke={() => setRevoking(key)} />
          ))}
        </tbody>
      </table>
      {revoking && <RevokeDialog of={revoking} onChanged={onChanged} onClose={() => setRevoking(null)} />}
    </div>
  );
}

function Row({ of: key, onRevoke }: { of: ApiKey; onRevoke: () => void }) {
  const own = useSession().id === key.id;
  const isExpired = key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now();
  const isValid = key.revokedAt === null && !isExpired;
  return (
    <tr data-testid="key-row" data-name={key.name} class={isValid ? undefined : "over"}>
      <th scope="row">
        {key.name} {own && <span class="dim small">(this session)</span>}
        <div>
          <ScopeList scopes={key.scopes} />
        </div>
      </th>
      <td class="wide-only small">{limitsText(key.limits)}</td>
      <td class="wide-only dim">
        <Time at={key.createdAt} />
      </td>
      <td class="small">
        <KeyState of={key} isExpired={isExpired} />
      </td>
      <td class="end">
        {isValid && (
          <button type="button" class="button small" onClick={onRevoke} aria-label={`Revoke ${key.name}`} data-testid="revoke-key">
            Revoke
          </button>
        )}
      </td>
    </tr>
  );
}

function KeyState({ of: { revokedAt, expiresAt }, isExpired }: { of: ApiKey; isExpired: boolean }) {
  if (revokedAt !== null) return <>revoked <Time at={revokedAt} /></>;
  if (expiresAt === null) return <>valid</>;
  return <>{isExpired ? "expired" : "expires"} <Time at={expiresAt} /></>;
}

function limitsText({ streams, layers, rate }: Limits): string {
  const parts = [
    streams === null ? null : `${streams} streams`,
    layers === null ? null : `${layers} layers`,
    rate === null ? null : `${rate} requests a minute`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "none of its own" : parts.join(", ");
}

function RevokeDialog({ of: key, onChanged, onClose }: { of: ApiKey; onChanged: () => void; onClose: () => void }) {
  const api = useApi();
  const say = useSay();
  const own = useSession().id === key.id;
  return (
    <Confirm
      title={`Revoke ${key.name}?`}
      action={`Revoke ${key.name}`}
      testId="confirm-revoke"
      onClose={onClose}
      onConfirm={async () => {
        await api.revokeKey(key.id);
        say(`API key ${key.name} revoked`);
        onChanged();
      }}
    >
      {own && (
        <p>
          <strong>It is the key of this session:</strong> you are signed out at once.
        </p>
      )}
      <p>It does nothing from then on, and this cannot be undone. Keys that were made with it stay.</p>
    </Confirm>
  );
}
