// What tests of the session share.

import wasmUrl from "../../wasm/fql_player.wasm?url&inline";
import type { Playable, Source } from "../types";

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The module that browsers run, as `src/player/build --wasm` made it. */
export const module = new WebAssembly.Module(fromBase64(wasmUrl.slice(wasmUrl.indexOf(",") + 1)));

export const WEBTRANSPORT: Source = { protocol: "webtransport", uri: "https://localhost:4433/play/abc" };
export const WEBSOCKET: Source = { protocol: "websocket", uri: "ws://localhost:8080/play/abc/ws" };

export function playable(change: Partial<Playable> = {}): Playable {
  const sources = [WEBTRANSPORT, WEBSOCKET];
  return { playbackId: "abc", name: "test", state: "live", serverKey: "A".repeat(43), sources, tracks: [], ...change };
}
