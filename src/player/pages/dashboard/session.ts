/** Who is signed in, for every part of the page. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Api } from "./api";
import { allows } from "./scopes";
import type { Scope, Session } from "./shapes";

/** The one client of the page. */
export const ApiContext = createContext(new Api());

/** The client of the control API. */
export function useApi(): Api {
  return useContext(ApiContext);
}

/** The session of those parts that are shown only with one. */
export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("this part of the page is shown only to those who are signed in");
  return session;
}

/** Whether the session's API key may do what the scope allows. */
export function useMay(scope: Scope): boolean {
  return allows(useSession(), scope);
}
