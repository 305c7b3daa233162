import { describe, expect, it } from "vitest";
import type { SourceStatus } from "../shapes";
import { eventText, reasonText, stateWord, statusText } from "./source";

const NOW = Date.parse("2026-01-01T00:00:10Z");
const STATUS: SourceStatus = { state: "idle", since: "2026-01-01T00:00:00Z", failures: 0, reason: null, retryAt: null };
const retrying = (change: Partial<SourceStatus>) =>
  statusText({ ...STATUS, state: "retrying", failures: 1, reason: "unauthorized", ...change }, NOW);

describe("a source that retries", () => {
  it("says why, how often, and when again", () => {
    expect(retrying({ failures: 4, retryAt: "2026-01-01T00:00:22.5Z" })).toBe(
      "It has failed 4 times in a row: it wants another user or password. It is tried again in 13 s.",
    );
  });

  it("is tried now where its time is over on this machine's clock", () => {
    expect(retrying({ retryAt: "2026-01-01T00:00:09Z" })).toBe(
      "It has failed: it wants another user or password. It is tried again now.",
    );
  });

  it("may have no reason, no time, or one that is none", () => {
    expect(retrying({ reason: null })).toBe("It has failed.");
    expect(retrying({ reason: null, retryAt: "soon" })).toBe("It has failed.");
  });
});

describe("a source", () => {
  it("says for how long it is being opened", () => {
    expect(statusText({ ...STATUS, state: "connecting" }, NOW)).toBe("It is being opened: 10 s so far.");
  });

  it("has words for every reason that the daemon gives", () => {
    // As docs/pull.md and SourceStatus of the API have them.
    const reasons =
      "unresolved unreachable refused untrusted unauthorized not_found no_media private_address malformed too_large " +
      "lost finished idle disabled";
    for (const reason of reasons.split(" ")) {
      expect(reasonText(reason), reason).not.toBe(reason.replaceAll("_", " "));
    }
  });

  it("may have reasons that this page does not know", () => {
    expect(reasonText("too_strange")).toBe("too strange");
  });
});

describe("an event", () => {
  const event = { at: "", outcome: "failed" as const, reason: "unreachable", detail: null, address: null, tookMs: 5 };

  it("says what the daemon says, or the reason", () => {
    expect(eventText({ ...event, detail: "it answers 401" })).toBe("It answers 401");
    expect(eventText(event)).toBe("Nothing answers there");
    expect(eventText({ ...event, reason: null })).toBe("It failed");
    expect(eventText({ ...event, outcome: "live", reason: null })).toBe("Media came");
  });
});

describe("the word for a stream", () => {
  it("is what its source does while it waits for that, and its own otherwise", () => {
    expect(stateWord({ state: "idle", sourceStatus: { ...STATUS, state: "retrying" } })).toBe("retrying");
    expect(stateWord({ state: "idle", sourceStatus: null })).toBe("idle");
    expect(stateWord({ state: "paused", sourceStatus: { ...STATUS, state: "live" } })).toBe("paused");
  });
});
