import type { Playable, PlayerError } from "../types";

const PATIENCE_MS = 8000;

/** A `PlayerError` that can be thrown. */
export class PlayError extends Error implements PlayerError {
  constructor(
    readonly code: PlayerError["code"],
    message: string,
  ) {
    super(message);
    this.name = "PlayError";
  }
}

/** Asks a daemon (`https://live.example.com`, or "" for the page's own) how a stream can be played. */
export async function fetchPlayable(server: string, playbackId: string): Promise<Playable> {
  const url = `${server.replace(/\/+$/, "")}/play/${encodeURIComponent(playbackId)}`;
  const answer = await get(url);
  if (answer.status === 404) {
    throw new PlayError("not-found", "There is no stream with this playback ID.");
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new PlayError("unauthorized", "This stream is not for everybody.");
  }
  if (!answer.ok) {
    throw new PlayError("network", `The server answered with status ${answer.status}.`);
  }
  return checkPlayable(await answer.json().catch(() => null));
}

async function get(url: string): Promise<Response> {
  try {
    return await fetch(url, { credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new PlayError("network", "The server cannot be reached.");
  }
}

/** What a server or an application's resolver says, where it has the shape that is needed. */
export function checkPlayable(answer: unknown): Playable {
  if (isPlayable(answer)) {
    return answer;
  }
  throw new PlayError("unsupported", "The server's answer is not one that this player knows.");
}

function isPlayable(answer: unknown): answer is Playable {
  if (typeof answer !== "object" || answer === null) {
    return false;
  }
  const { playbackId, serverKey, sources } = answer as Partial<Playable>;
  return typeof playbackId === "string" && typeof serverKey === "string" && Array.isArray(sources) && sources.every(isSource);
}

function isSource(source: unknown): boolean {
  if (typeof source !== "object" || source === null) {
    return false;
  }
  const { protocol, uri } = source as { protocol?: unknown; uri?: unknown };
  return typeof protocol === "string" && typeof uri === "string";
}
