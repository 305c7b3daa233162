import type { PlayerError } from "../types";
import { type EndReason, Refusal } from "./wasm";

/** How an attempt to play ended. */
export interface Ending {
  error: PlayerError;
  /** Whether trying again cannot help. */
  isFinal: boolean;
}

const again = (error: PlayerError): Ending => ({ error, isFinal: false });
const final = (error: PlayerError): Ending => ({ error, isFinal: true });

/** What the end of a session means for people. */
export function endingOf(reason: EndReason): Ending {
  switch (reason) {
    case "unknown-stream":
      return final({ code: "not-found", message: "There is no stream with this playback ID." });
    case "archived":
      return final({ code: "not-found", message: "This stream was archived." });
    case "unauthorized":
      return final({ code: "unauthorized", message: "This stream asks for a token, and that of this page is missing or not valid." });
    case "full":
      return again({ code: "refused", message: "The server has no room for another viewer now." });
    case "silence":
      return again({ code: "network", message: "Nothing comes from the server any more." });
    case "goodbye":
      return again({ code: "network", message: "The server has ended the session." });
    case "replaced":
    case "refused":
    case "key-rotated":
      return again({ code: "refused", message: "The server does not take this viewer now." });
  }
}

/** What an error while asking how a stream can be played means. */
export function endingOfError({ code, message }: PlayerError): Ending {
  // A plain object: the code of an `Error` does not get from a worker to its page.
  return { error: { code, message }, isFinal: code === "not-found" || code === "unauthorized" || code === "unsupported" };
}

export const UNREACHABLE = again({ code: "network", message: "The server cannot be reached." });
export const CARRIER_LOST = again({ code: "network", message: "The connection to the server was lost." });
export const NO_WAY = final({ code: "unsupported", message: "The server offers no way to play this stream that this browser has." });

/** The player was closed: nobody hears of it. */
export const CLOSED = final({ code: "internal", message: "The player was closed." });

/** What the module refuses does not get better. Where it failed on what came, it is made anew. */
export function endingOfCrash(error: unknown): Ending {
  if (error instanceof Refusal) {
    return final({ code: "unsupported", message: `This stream cannot be played: ${error.message}.` });
  }
  return again({ code: "internal", message: `The receiver failed and starts anew: ${words(error)}` });
}

export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
