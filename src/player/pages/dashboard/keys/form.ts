/** What the form of an API key holds, and what it asks of the daemon. */
import { whole } from "../numbers";
import { Problem, type FieldProblem } from "../problem";
import type { Limits, NewKey, Scope } from "../shapes";

/** Texts as they are typed. */
export interface KeyForm {
  name: string;
  scopes: Scope[];
  streams: string;
  layers: string;
  rate: string;
  /** A local date and time as `<input type="datetime-local">` gives it, or empty. */
  expires: string;
}

/** Fields of the API that the form has a place for. */
export const FORM_FIELDS = ["name", "scopes", "limits.streams", "limits.layers", "limits.rate", "expiresAt"] as const;

/** Nothing yet. */
export const EMPTY: KeyForm = { name: "", scopes: ["streams:read"], streams: "", layers: "", rate: "", expires: "" };

/** What a new API key is asked to be. What is left empty is inherited. Throws a `Problem` where a number is none. */
export function newKeyOf(form: KeyForm): NewKey {
  const errors: FieldProblem[] = [];
  const limits: Partial<Limits> = {};
  for (const name of ["streams", "layers", "rate"] as const) {
    const value = whole(`limits.${name}`, form[name], errors);
    if (value !== null) limits[name] = value;
  }
  const expires = form.expires === "" ? null : new Date(form.expires);
  if (expires && Number.isNaN(expires.getTime())) errors.push({ field: "expiresAt", message: "is not a time" });
  if (errors.length > 0) throw new Problem(422, "A field has a value that it cannot have.", errors);
  return {
    name: form.name,
    scopes: form.scopes,
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(expires ? { expiresAt: expires.toISOString() } : {}),
  };
}
