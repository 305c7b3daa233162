/** What the form of a search holds, and what it asks of the daemon. */
import type { DiscoveryRequest } from "../shapes";
import type { Credentials } from "./credentials";

/** Texts as they are typed. */
export interface SearchForm extends Credentials {
  /** Of devices, with anything between them. */
  addresses: string;
}

export const EMPTY: SearchForm = { username: "", password: "", addresses: "" };

/** What is asked for. Half of the credentials is sent, too: the daemon says what is missing. */
export function requestOf({ username, password, addresses }: SearchForm): DiscoveryRequest {
  const request: DiscoveryRequest = {};
  if (username !== "") request.username = username;
  if (password !== "") request.password = password;
  const some = addresses.split(/[\s,;]+/).filter((address) => address !== "");
  if (some.length > 0) request.addresses = some;
  return request;
}
