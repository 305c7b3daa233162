/** What the player says in each state: on screen, and to screen readers. */
import type { PlayerError, PlayerState } from "../types";

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
export function messageFor(state: PlayerState, error: PlayerError | null): Message | null {
  switch (state) {
    case "connecting":
      return waiting("Connecting");
    case "offline":
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
export function announcementFor(state: PlayerState, error: PlayerError | null): string {
  const message = messageFor(state, error);
  if (message) return [message.title, message.detail].filter(Boolean).join(". ");
  if (state === "live") return "Playing live";
  return state === "stopped" ? "Stopped" : "";
}
