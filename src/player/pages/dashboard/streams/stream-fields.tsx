import { Field } from "../parts/field";
import { TextField } from "../parts/text-field";
import { textsOf } from "../parts/texts";
import type { Problem } from "../problem";
import { useSession } from "../session";
import { FecField } from "./fec-field";
import type { StreamForm } from "./form";
import { SourceFields } from "./source-fields";
import { TypeField } from "./type-field";

interface StreamFieldsProps {
  form: StreamForm;
  /** What is shown of the source that it has; undefined for a stream that is to be made. */
  source?: string | null;
  onChange: (form: StreamForm) => void;
  problem: Problem | null;
}

/** The inputs of a stream, to make it or to change it. */
export function StreamFields({ form, source, onChange, problem }: StreamFieldsProps) {
  const { limits } = useSession();
  const set = (change: Partial<StreamForm>) => onChange({ ...form, ...change });
  const text = textsOf(form, onChange, problem);
  const ownsMore = ["region", "ring.seconds", "ring.bytes"].some((field) => problem?.of(field));
  return (
    <>
      <TextField
        label="Name"
        {...text("name")}
        hint="1 to 63 of a to z, 0 to 9 and -. It is part of the stream's addresses."
        testId="stream-name"
        input={{ required: true, autocapitalize: "none", placeholder: "my-first-stream", autofocus: true }}
      />
      {source === undefined && <TypeField value={form.type} onChange={(type) => set({ type })} />}
      {form.type === "pull" && <SourceFields form={form} current={source ?? null} onChange={onChange} problem={problem} />}
      <Field label="Description" error={problem?.of("description")} hint="For people; up to 1,000 characters.">
        {(field) => (
          <textarea
            {...field}
            class="field"
            rows={2}
            value={form.description}
            onInput={(event) => set({ description: event.currentTarget.value })}
            data-testid="stream-description"
          />
        )}
      </Field>
      <TextField
        label="Layers"
        {...text("layers")}
        hint={
          `1 to 15${limits.layers === null ? "" : `, and at most ${limits.layers} with this API key`}. ` +
          "Each further layer halves the error of the picture; viewers get as many as their link carries."
        }
        testId="stream-layers"
        input={{ inputMode: "numeric" }}
      />
      <FecField value={form.fec} onChange={(fec) => set({ fec })} error={problem?.of("fec")} />
      <details open={ownsMore || undefined}>
        <summary>Region and ring</summary>
        <div class="stack">
          <TextField
            label="Region"
            {...text("region")}
            hint="auto, or that of the daemon."
            testId="stream-region"
          />
          <div class="columns">
            <TextField
              label="Ring, in seconds"
              {...text("ringSeconds", "ring.seconds")}
              hint="1 to 3,600: how much of it the daemon keeps."
              testId="stream-ring-seconds"
              input={{ inputMode: "numeric", placeholder: "as configured" }}
            />
            <TextField
              label="Ring, in MiB"
              {...text("ringMebibytes", "ring.bytes")}
              hint="1/16 to 1,024: whichever is reached first."
              testId="stream-ring-bytes"
              input={{ inputMode: "decimal", placeholder: "as configured" }}
            />
          </div>
        </div>
      </details>
    </>
  );
}
