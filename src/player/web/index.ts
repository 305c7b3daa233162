/** The player: `<stream-player>`, and the types of what applications see. Importing it defines the element. */
import { definePlayer, StreamPlayerElement } from "./element";
import { StreamPlayerCore } from "./playout";

export {
  definePlayer,
  StreamPlayerElement,
  type CreateCore,
  type Resolver,
  type StateChange,
  type StreamPlayerEventMap,
} from "./element";
export type * from "./types";

StreamPlayerElement.createCore = (options) => new StreamPlayerCore(options);
definePlayer();
