/** What the addresses of the pages say. */

/** The playback ID of `/<page>/<playbackId>`; empty where the address has none that could be one. */
export function playbackIdFrom(path: string, page: string): string {
  const [, first, id = "", ...rest] = path.split("/");
  const isWhole = first === page && rest.every((part) => part === "");
  return isWhole && /^[\w-]{1,128}$/.test(id) ? id : "";
}

const SWITCHES = ["autoplay", "muted", "figures"];
const VALUES = ["max-layer", "latency"];

/** Whether a query has a switch: present, and neither 0 nor false. */
function isOn(value: string | null): boolean {
  return value !== null && value !== "0" && value.toLowerCase() !== "false";
}

/** Sets the player's attributes as a query asks for; what is unknown is passed over. */
export function applyOptions(player: Element, query: URLSearchParams): void {
  for (const name of SWITCHES) player.toggleAttribute(name, isOn(query.get(name)));
  for (const name of VALUES) {
    const value = query.get(name);
    if (value !== null) player.setAttribute(name, value);
  }
}
