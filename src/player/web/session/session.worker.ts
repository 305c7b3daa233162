// The worker that holds the session with the server.

import type { Playable, PlayerError } from "../types";
import { openCarrier } from "./carrier";
import { Client } from "./client";
import { PlayError } from "./playable";
import type { FromSession, ToSession } from "./messages";

type Waiting = { resolve: (playable: Playable) => void; reject: (error: PlayerError) => void };

const waiting = new Map<number, Waiting>();
let asked = 0;
let client: Client | null = null;

function post(message: FromSession, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

/** The page asks: an application's resolver lives there. */
function resolve(): Promise<Playable> {
  const id = ++asked;
  post({ type: "resolve", id });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function open(options: Extract<ToSession, { type: "open" }>): void {
  const { module, decoder, latencyMs, maxLayer, token } = options;
  client = new Client(module, { latencyMs, maxLayer, token }, {
    resolve,
    open: openCarrier,
    tracks: (tracks) => post({ type: "tracks", tracks }),
    state: (state, error) => post(error ? { type: "state", state, error } : { type: "state", state }),
    stats: (stats) => post({ type: "stats", stats }),
    video: (message) => decoder.postMessage(message, message.type === "unit" ? [message.data.buffer] : []),
    sound: (sound) => post({ type: "sound", sound }, sound.channels.map((channel) => channel.buffer)),
    encoded: (unit) => post({ type: "encoded", unit }, [unit.data.buffer]),
  });
  void client.run();
}

function take(message: ToSession): void {
  switch (message.type) {
    case "open":
      open(message);
      return;
    case "resolved":
      waiting.get(message.id)?.resolve(message.playable);
      waiting.delete(message.id);
      return;
    case "unresolved":
      waiting.get(message.id)?.reject(new PlayError(message.error.code, message.error.message));
      waiting.delete(message.id);
      return;
    case "max-layer":
      client?.setMaxLayer(message.maxLayer);
      return;
    case "close":
      client?.close();
      // The page ends the worker when the goodbye is out.
      setTimeout(() => post({ type: "closed" }), 0);
  }
}

self.onmessage = ({ data }: MessageEvent<ToSession>) => take(data);
