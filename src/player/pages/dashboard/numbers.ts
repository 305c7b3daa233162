import type { FieldProblem } from "./problem";

/**
 * The number that was typed, times `unit`, as a whole one; null where nothing was. What is no number is told in
 * `errors`: JSON has no way to send it to the daemon.
 */
export function whole(field: string, text: string, errors: FieldProblem[], unit = 1): number | null {
  const typed = text.trim().replace(",", ".");
  if (typed === "") return null;
  const value = /^-?\d+(\.\d+)?$/.test(typed) ? Number(typed) * unit : Number.NaN;
  if (Number.isFinite(value) && (unit !== 1 || Number.isInteger(value))) return Math.round(value);
  errors.push({ field, message: unit === 1 ? "is not a whole number" : "is not a number" });
  return null;
}
