/** What a source does and did, in words. */
import { duration } from "../format";
import type { SourceEvent, SourceState, SourceStatus, Stream, StreamState } from "../shapes";

/** Why a source fails or ended, by the daemon's words. */
const REASONS: Record<string, string> = {
  unresolved: "its name leads nowhere",
  unreachable: "nothing answers there",
  refused: "the connection was refused",
  untrusted: "its certificate is not trusted",
  unauthorized: "it wants another user or password",
  not_found: "there is no such stream there",
  no_media: "no media came",
  private_address: "its address is private, which the daemon is not configured to connect to",
  malformed: "what came cannot be read",
  too_large: "what came is too large",
  lost: "the connection was lost",
  finished: "it came to its end",
  idle: "nobody watched any more",
  disabled: "the daemon is configured to open no sources",
};

/** A reason for people; one that this page does not know stands for itself. */
export function reasonText(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

/** What a source does now, as a sentence. `now` is in milliseconds since the epoch. */
export function statusText(status: SourceStatus, now: number): string {
  switch (status.state) {
    case "idle":
      return "Nobody watches, so there is no connection. It is opened for the first viewer.";
    case "connecting":
      return `It is being opened: ${duration((now - Date.parse(status.since)) / 1000)} so far.`;
    case "live":
      return "Media comes.";
    case "retrying":
      return `${failed(status)}${again(status, now)}`;
    case "disabled":
      return "The daemon is configured to open no sources (pull.enabled).";
  }
}

function failed({ failures, reason }: SourceStatus): string {
  const why = reason === null ? "" : `: ${reasonText(reason)}`;
  return failures > 1 ? `It has failed ${failures} times in a row${why}.` : `It has failed${why}.`;
}

function again({ retryAt }: SourceStatus, now: number): string {
  const seconds = retryAt === null ? Number.NaN : (Date.parse(retryAt) - now) / 1000;
  if (Number.isNaN(seconds)) return "";
  return seconds < 1 ? " It is tried again now." : ` It is tried again in ${duration(Math.ceil(seconds))}.`;
}

/** How an attempt went, as a sentence. */
export function eventText({ outcome, reason, detail }: SourceEvent): string {
  if (outcome === "live") return "Media came";
  const why = detail ?? (reason === null ? "" : reasonText(reason));
  return why === "" ? (outcome === "failed" ? "It failed" : "It ended") : why.charAt(0).toUpperCase() + why.slice(1);
}

/** The word for what a stream does: of one that waits for its source, what that does. */
export function stateWord(stream: Pick<Stream, "state" | "sourceStatus">): StreamState | SourceState {
  return stream.state === "idle" ? (stream.sourceStatus?.state ?? "idle") : stream.state;
}
