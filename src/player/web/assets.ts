// Where workers, the wasm module and the sound worklet come from in the daemon's pages: files beside the page, as its
// policy allows nothing else. `assets.inline.ts` is the same for the npm package.

import wasmUrl from "../wasm/fql_player.wasm?url";
import soundWorklet from "./playout/sound/worklet.js?url";
import DecodeWorker from "./session/decode.worker?worker";
import SessionWorker from "./session/session.worker?worker";
import { once } from "./session/once";

export const sessionWorker = (): Worker => new SessionWorker();
export const decodeWorker = (): Worker => new DecodeWorker();

/** Where the browser loads the sound worklet from. */
export const soundWorkletUrl = (): string => soundWorklet;

/** The wasm module, compiled once for all workers. */
export const wasmModule = once(async () => {
  const answer = await fetch(wasmUrl);
  if (!answer.ok) {
    throw new Error(`the wasm module is not there: status ${answer.status}`);
  }
  return WebAssembly.compile(await answer.arrayBuffer());
});
