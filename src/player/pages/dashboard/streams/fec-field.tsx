import { FEC_KINDS, formatFec, type FecKind, type FecSetting } from "../fec";
import { Field } from "../parts/field";
import { TextField } from "../parts/text-field";

interface FecFieldProps {
  value: FecSetting;
  onChange: (value: FecSetting) => void;
  error: string | null | undefined;
}

const KINDS = Object.keys(FEC_KINDS) as FecKind[];
const STARTS: Record<FecKind, string> = { adaptive: "", unequal: "3,2,1,0", equal: "2", none: "" };

/** How a stream is protected against loss. */
export function FecField({ value, onChange, error }: FecFieldProps) {
  const { kind } = value;
  const choose = (chosen: string) => {
    const found = KINDS.find((known) => known === chosen);
    if (found) onChange({ kind: found, percent: "", parity: STARTS[found] });
  };
  return (
    <div class="stack tight">
      <Field label="Protection against loss (fec)" hint={FEC_KINDS[kind].explanation} error={error}>
        {(field) => (
          <select
            {...field}
            class="field"
            value={kind}
            onChange={(event) => choose(event.currentTarget.value)}
            data-testid="stream-fec"
          >
            {KINDS.map((known) => (
              <option key={known} value={known}>
                {FEC_KINDS[known].label}
              </option>
            ))}
          </select>
        )}
      </Field>
      {kind === "adaptive" && (
        <TextField
          label="At most this share of the rate, in percent"
          value={value.percent}
          onChange={(percent) => onChange({ ...value, percent })}
          hint="1 to 90; 60 where it is empty."
          input={{ inputMode: "numeric", placeholder: "60" }}
          testId="stream-fec-percent"
        />
      )}
      {(kind === "equal" || kind === "unequal") && (
        <TextField
          label={kind === "equal" ? "Parity packets for every ten" : "Parity packets for every ten, by layer"}
          value={value.parity}
          onChange={(parity) => onChange({ ...value, parity })}
          hint={<>0 to 10 each. Written everywhere as <code>{formatFec(value)}</code>.</>}
          testId="stream-fec-parity"
        />
      )}
    </div>
  );
}
