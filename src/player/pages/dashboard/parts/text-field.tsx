import type { ComponentChildren, JSX } from "preact";
import { Field } from "./field";

interface TextFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  testId?: string;
  /** What else the input has, as in `inputMode`. */
  input?: Omit<JSX.IntrinsicElements["input"], "value" | "onInput" | "ref">;
}

/** One line of text with its label. */
export function TextField({ label, value, onChange, hint, error, testId, input }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(field) => (
        <input
          class="field"
          autocomplete="off"
          spellcheck={false}
          {...input}
          {...field}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
          data-testid={testId}
        />
      )}
    </Field>
  );
}
