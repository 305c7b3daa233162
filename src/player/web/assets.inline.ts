// Where workers, the wasm module and the sound worklet come from in the npm package: everything is inside of the one
// module, so that it works from any origin. `assets.ts` is the same for the daemon's pages.

import wasmUrl from "../wasm/fql_player.wasm?url&inline";
import soundWorklet from "./playout/sound/worklet.js?raw";
import DecodeWorker from "./session/decode.worker?worker&inline";
import SessionWorker from "./session/session.worker?worker&inline";
import { once } from "./session/once";

export const sessionWorker = (): Worker => new SessionWorker();
export const decodeWorker = (): Worker => new DecodeWorker();

/** Where the browser loads the sound worklet from. */
export const soundWorkletUrl = (): string =>
  (workletUrl ??= URL.createObjectURL(new Blob([soundWorklet], { type: "text/javascript" })));

let workletUrl: string | undefined;

/** The wasm module, compiled once for all workers. */
export const wasmModule = once(async () => {
  // Decoded here and not fetched: a page's policy may forbid that.
  const bytes = atob(wasmUrl.slice(wasmUrl.indexOf(",") + 1));
  return WebAssembly.compile(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
});
