/** What the player says in each state: on screen, and to screen readers. */
import type { PlayerError, PlayerState, PlayerStats } from "../types";

/** What the stream's source does, where it has one. */
export type Source = PlayerStats["source"];

/** A message over the picture. */
export interface Message {
  title: string;
  detail: string;
  /** Whether something is under way, which a small animation shows. */
  isWaiting: boolean;
  /** Whether trying again is offered. */
  canRetry: boolean;
}

const waiting = (title: string, detail = ""): Message => ({ title, detail, isWaiting: true, canRetry: false });

/** The message of a state, or null where the picture says it all. */
export function messageFor(state: PlayerState, error: PlayerError | null, source: Source = null): Message | null {
  switch (state) {
    case "connecting":
      return waiting(source === null ? "Connecting" : source.state === "live" ? "Waiting for the picture" : "Connecting to the source");
    case "offline":
      if (source?.state === "retrying") return waiting("The source does not play now", againIn(source.retryInMs));
      if (source?.state === "disabled") return waiting("The source is switched off", "The server opens no sources now.");
      return waiting("Waiting for the stream to start", "It plays here as soon as it does.");
    case "paused":
      return waiting("The stream is paused", "It goes on here when its owner resumes it.");
    case "reconnecting":
      return waiting("Reconnecting", "The connection was lost.");
    case "failed":
      return { title: titleOf(error), detail: error?.message ?? "", isWaiting: false, canRetry: true };
    case "idle":
    case "stopped":
    case "live":
      return null;
  }
}

function againIn(milliseconds: number | null): string {
  const seconds = Math.ceil((milliseconds ?? 0) / 1000);
  return seconds === 0 ? "It is tried again now." : `It is tried again in ${seconds} s.`;
}

/** What a player does, in a word: where it waits for a source, what that does. */
export function wordFor(state: PlayerState, source: Source): string {
  return state === "offline" && (source?.state === "retrying" || source?.state === "disabled") ? source.state : state;
}

function titleOf(error: PlayerError | null): string {
  switch (error?.code) {
    case "not-found":
      return "There is no such stream";
    case "unauthorized":
    case "refused":
      return "This stream may not be played here";
    case "unsupported":
      return "This browser cannot play the stream";
    case "network":
      return "The server cannot be reached";
    default:
      return "The stream cannot be played";
  }
}

/** What a screen reader says when the state changes. */
export function announcementFor(state: PlayerState, error: PlayerError | null, source: Source = null): string {
  const message = messageFor(state, error, source);
  // Not the seconds, each of which would be read out.
  if (message && source?.state === "retrying") return message.title;
  if (message) return [message.title, message.detail].filter(Boolean).join(". ");
  if (state === "live") return "Playing live";
  return state === "stopped" ? "Stopped" : "";
}
