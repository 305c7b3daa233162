/** What an API key may do. */
import type { Scope, Session } from "./shapes";

/** All scopes, with what each allows. */
export const SCOPES: ReadonlyArray<{ scope: Scope; allows: string }> = [
  { scope: "streams:read", allows: "see streams and their figures" },
  { scope: "streams:write", allows: "make, change, pause, resume and archive streams, and rotate their keys" },
  { scope: "ingest", allows: "see stream keys" },
  { scope: "keys", allows: "make, see and revoke API keys" },
  { scope: "webhooks", allows: "make, see, change, test and delete webhooks" },
  { scope: "admin", allows: "all of it" },
];

/** Whether the key of this session may do what the scope allows. */
export function allows(session: Pick<Session, "scopes">, scope: Scope): boolean {
  return session.scopes.includes(scope) || session.scopes.includes("admin");
}

/** Why something is not offered. */
export function lacking(scope: Scope): string {
  return `The API key of this session lacks the scope ${scope}.`;
}
