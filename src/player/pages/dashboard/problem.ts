/** Why the daemon did not do what it was asked, or could not be asked. */

/** What is wrong with one field of a request. */
export interface FieldProblem {
  /** As the API writes it, as in `ring.seconds`. */
  field: string;
  message: string;
}

/** A problem document (RFC 9457), or what stands for it where none came. */
export class Problem extends Error {
  constructor(
    /** The status of the answer; 0 where there was none. */
    readonly status: number,
    /** One sentence for people. */
    message: string,
    readonly fields: readonly FieldProblem[] = [],
    /** Seconds after which it may be tried again, where the daemon named them. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "Problem";
  }

  /** Whether the daemon could not be reached at all. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** What is wrong with this field, if anything is. */
  of(field: string): string | null {
    return this.fields.find((problem) => problem.field === field)?.message ?? null;
  }

  /** What a form without these fields has to say in its own place. */
  outside(fields: readonly string[]): string | null {
    if (this.fields.length === 0) return this.message;
    const others = this.fields.filter((problem) => !fields.includes(problem.field));
    return others.length === 0 ? null : others.map(({ field, message }) => `${field} ${message}`).join("; ");
  }
}

/** No answer came. */
export function unreachable(): Problem {
  return new Problem(0, "The daemon cannot be reached. Is it running, and is this machine connected to it?");
}

/** The problem that an answer tells of. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const retryAfter = secondsIn(response.headers.get("Retry-After"));
  return new Problem(response.status, messageIn(body, response, retryAfter), fieldsIn(body), retryAfter);
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, error instanceof Error ? error.message : String(error));
}

function messageIn(body: unknown, response: Response, retryAfter: number | null): string {
  if (response.status === 429) {
    const wait = retryAfter === null ? "in a moment" : `in ${retryAfter} s`;
    return `This API key asks more often than it may. It can ask again ${wait}.`;
  }
  const detail = textIn(body, "detail") ?? textIn(body, "title");
  if (detail) return sentence(detail);
  // A proxy in between answers in its own way.
  return `The answer was ${response.status}${response.statusText ? ` ${response.statusText}` : ""}, without a reason.`;
}

function fieldsIn(body: unknown): FieldProblem[] {
  if (!isObject(body) || !Array.isArray(body.errors)) return [];
  return body.errors.flatMap((error: unknown) => {
    const [field, message] = [textIn(error, "field"), textIn(error, "message")];
    return field && message ? [{ field, message }] : [];
  });
}

function secondsIn(header: string | null): number | null {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : null;
}

function textIn(body: unknown, name: string): string | null {
  const value = isObject(body) ? body[name] : undefined;
  return typeof value === "string" && value !== "" ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What is wrong with a field, as a sentence that names it by its label. */
export function aboutField(label: string, message: string): string {
  // Most messages go on from the field's name; these are complete.
  return /^(there|the|unknown|missing|invalid)\b/.test(message) ? sentence(message) : sentence(`${label} ${message}`);
}

/** The daemon's messages are sentences without their beginning and end. */
function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
