/** Binds inputs to what a form holds. */
import type { Problem } from "../problem";

/** Members that are typed as they are. */
type TextOf<F> = { [K in keyof F]: F[K] extends string ? K : never }[keyof F];

/**
 * What a `TextField` needs of a form's member. `field` is what the API calls it, where that is something else: its
 * problems stand beside the input.
 */
export function textsOf<F extends object>(form: F, onChange: (form: F) => void, problem: Problem | null) {
  return (name: TextOf<F> & string, field: string = name) => ({
    value: form[name] as string,
    onChange: (value: string) => onChange({ ...form, [name]: value }),
    error: problem?.of(field),
  });
}
