import { SCOPES } from "../scopes";
import type { Scope } from "../shapes";

/** Scopes, one after the other. */
export function ScopeList({ scopes }: { scopes: readonly Scope[] }) {
  return (
    <span class="tags">
      {scopes.map((scope) => (
        <code key={scope} class="tag" title={SCOPES.find((known) => known.scope === scope)?.allows}>
          {scope}
        </code>
      ))}
    </span>
  );
}
