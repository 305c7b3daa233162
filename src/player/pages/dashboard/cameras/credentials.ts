/** User and password of cameras. */
import type { Device } from "../shapes";

/** What was typed. */
export interface Credentials {
  username: string;
  password: string;
}

/** What of the credentials the sources of a device are to have: whoever answers without a user is not to be told one. */
export function credentialsFor({ needsCredentials }: Pick<Device, "needsCredentials">, given: Credentials): Credentials {
  return needsCredentials ? given : { username: "", password: "" };
}

/** An address with the credentials in it, where there are any: what the daemon is to open. */
export function withCredentials(source: string, { username, password }: Credentials): string {
  if (username === "") return source;
  // Not by the setters of `URL`: those of addresses that browsers know nothing of do nothing in some.
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#]*@)?(.*)$/is.exec(source) ?? [];
  if (scheme === undefined || rest === undefined) return source;
  return `${scheme}${escaped(username)}:${escaped(password)}@${rest}`;
}

/** All that has a meaning in addresses is escaped; `encodeURIComponent` leaves some of it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
