import { TextField } from "../parts/text-field";
import { textsOf } from "../parts/texts";
import { aboutField, type Problem } from "../problem";
import { allows, lacking, SCOPES } from "../scopes";
import { useSession } from "../session";
import type { Scope } from "../shapes";
import type { KeyForm } from "./form";

interface KeyFieldsProps {
  form: KeyForm;
  onChange: (form: KeyForm) => void;
  problem: Problem | null;
}

/** The inputs of a new API key. */
export function KeyFields({ form, onChange, problem }: KeyFieldsProps) {
  const { limits, expiresAt } = useSession();
  const text = textsOf(form, onChange, problem);
  const inherited = (limit: number | null) => (limit === null ? "no limit" : String(limit));
  return (
    <>
      <TextField
        label="Name"
        {...text("name")}
        hint="For people: what it is for."
        testId="key-name"
        input={{ required: true, autofocus: true }}
      />
      <ScopeField chosen={form.scopes} onChange={(scopes) => onChange({ ...form, scopes })} error={problem?.of("scopes")} />
      <details open={problem?.fields.some(({ field }) => field.startsWith("limits.")) || undefined}>
        <summary>Limits</summary>
        <div class="stack">
          <p class="hint">What is left empty is as with the key of this session.</p>
          <div class="columns">
            <TextField
              label="Streams"
              {...text("streams", "limits.streams")}
              testId="key-streams"
              input={{ inputMode: "numeric", placeholder: inherited(limits.streams) }}
            />
            <TextField
              label="Layers a stream"
              {...text("layers", "limits.layers")}
              testId="key-layers"
              input={{ inputMode: "numeric", placeholder: inherited(limits.layers) }}
            />
            <TextField
              label="Requests a minute"
              {...text("rate", "limits.rate")}
              testId="key-rate"
              input={{ inputMode: "numeric", placeholder: limits.rate === null ? "as configured" : String(limits.rate) }}
            />
          </div>
        </div>
      </details>
      <TextField
        label="Expires"
        {...text("expires", "expiresAt")}
        hint={expiresAt === null ? "Never, where it is empty." : "With the key of this session, where it is empty."}
        testId="key-expires"
        input={{ type: "datetime-local" }}
      />
    </>
  );
}

interface ScopeFieldProps {
  chosen: readonly Scope[];
  onChange: (scopes: Scope[]) => void;
  error: string | null | undefined;
}

function ScopeField({ chosen, onChange, error }: ScopeFieldProps) {
  const session = useSession();
  const toggle = (scope: Scope, on: boolean) => {
    onChange(on ? [...chosen, scope] : chosen.filter((other) => other !== scope));
  };
  return (
    <fieldset class="choices">
      <legend>Scopes</legend>
      {SCOPES.map(({ scope, allows: what }) => {
        const offered = allows(session, scope);
        return (
          <label key={scope} class="check" title={offered ? undefined : lacking(scope)}>
            <input
              type="checkbox"
              checked={chosen.includes(scope)}
              disabled={!offered}
              onChange={(event) => toggle(scope, event.currentTarget.checked)}
              data-testid={`scope-${scope}`}
            />
            <span>
              <code>{scope}</code> <span class="dim small">{offered ? what : "which the key of this session lacks"}</span>
            </span>
          </label>
        );
      })}
      {error && <p class="field-error" role="alert">{aboutField("Scopes", error)}</p>}
    </fieldset>
  );
}
