/** Defines `<stream-player>`. */
import { StreamPlayerElement } from "./stream-player";

export { StreamPlayerElement, type CreateCore, type Resolver } from "./stream-player";
export type { StateChange, StreamPlayerEventMap } from "./events";

/** Makes the element known to the page, once; on a server it does nothing. */
export function definePlayer(): void {
  if (typeof customElements === "undefined" || customElements.get("stream-player")) return;
  customElements.define("stream-player", StreamPlayerElement);
}
