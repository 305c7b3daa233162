import { openSession } from "../session";
import type { PlayerOptions } from "../types";
import { Core } from "./core";

/** The player without its looks: what receives, decodes, draws and sounds. See `PlayerCore` of `web/types.ts`. */
export class StreamPlayerCore extends Core {
  constructor(options: PlayerOptions) {
    super(options, openSession);
  }
}
