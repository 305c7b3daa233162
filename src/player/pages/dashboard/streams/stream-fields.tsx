import { Field } from "../parts/field";
import { TextField } from "../parts/text-field";
import type { Problem } from "../problem";
import { useSession } from "../session";
import { FecField } from "./fec-field";
import type { StreamForm } from "./form";

interface StreamFieldsProps {
  form: StreamForm;
  onChange: (form: StreamForm) => void;
  problem: Problem | null;
}

/** The inputs of a stream, to make it or to change it. */
export function StreamFields({ form, onChange, problem }: StreamFieldsProps) {
  const { limits } = useSession();
  const set = <K extends keyof StreamForm>(name: K) => (value: StreamForm[K]) => onChange({ ...form, [name]: value });
  const ownsMore = ["region", "ring.seconds", "ring.bytes"].some((field) => problem?.of(field));
  return (
    <>
      <TextField
        label="Name"
        value={form.name}
        onChange={set("name")}
        error={problem?.of("name")}
        hint="1 to 63 of a to z, 0 to 9 and -. It is part of the stream's addresses."
        testId="stream-name"
        input={{ required: true, autocapitalize: "none", placeholder: "my-first-stream", autofocus: true }}
      />
      <Field label="Description" error={problem?.of("description")} hint="For people; up to 1,000 characters.">
        {(field) => (
          <textarea
            {...field}
            class="field"
            rows={2}
            value={form.description}
            onInput={(event) => set("description")(event.currentTarget.value)}
            data-testid="stream-description"
          />
        )}
      </Field>
      <TextField
        label="Layers"
        value={form.layers}
        onChange={set("layers")}
        error={problem?.of("layers")}
        hint={
          `1 to 15${limits.layers === null ? "" : `, and at most ${limits.layers} with this API key`}. ` +
          "Each further layer halves the error of the picture; viewers get as many as their link carries."
        }
        testId="stream-layers"
        input={{ inputMode: "numeric" }}
      />
      <FecField value={form.fec} onChange={set("fec")} error={problem?.of("fec")} />
      <details open={ownsMore || undefined}>
        <summary>Region and ring</summary>
        <div class="stack">
          <TextField
            label="Region"
            value={form.region}
            onChange={set("region")}
            error={problem?.of("region")}
            hint="auto, or that of the daemon."
            testId="stream-region"
          />
          <div class="columns">
            <TextField
              label="Ring, in seconds"
              value={form.ringSeconds}
              onChange={set("ringSeconds")}
              error={problem?.of("ring.seconds")}
              hint="1 to 3,600: how much of it the daemon keeps."
              testId="stream-ring-seconds"
              input={{ inputMode: "numeric", placeholder: "as configured" }}
            />
            <TextField
              label="Ring, in MiB"
              value={form.ringMebibytes}
              onChange={set("ringMebibytes")}
              error={problem?.of("ring.bytes")}
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
