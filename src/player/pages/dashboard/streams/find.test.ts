import { describe, expect, it } from "vitest";
import type { Page, Stream } from "../shapes";
import { find, matches, MOST_LOOKED_THROUGH, needsSearch } from "./find";

const stream = (name: string, state: Stream["state"] = "offline"): Stream => ({
  id: `str_${name}`, name, description: `about ${name}`, type: "push", source: null, always: null,
  sourceStatus: null, layers: 12, fec: "adaptive", region: "local", record: false, streamKey: null, playbackId: "abc", state, ingest: { fql: "" }, playback: { page: "", play: "", fql: "" },
  ring: { seconds: 50, bytes: 1 }, createdAt: "", updatedAt: "", archivedAt: null,
});

describe("a filter", () => {
  it("looks at names, descriptions and ids, whatever their case", () => {
    for (const text of ["NEWS", "about n", "str_news", "abc", " news "]) {
      expect(matches(stream("news"), { text, state: "all" })).toBe(true);
    }
    expect(matches(stream("news"), { text: "sports", state: "all" })).toBe(false);
  });

  it("needs to look through everything but for what the daemon lists by itself", () => {
    expect(needsSearch({ text: " ", state: "all" })).toBe(false);
    expect(needsSearch({ text: "", state: "archived" })).toBe(false);
    expect(needsSearch({ text: "", state: "live" })).toBe(true);
    expect(needsSearch({ text: "a", state: "archived" })).toBe(true);
  });
});

describe("a search", () => {
  it("follows the list to its end", async () => {
    const pages: Record<string, Page<Stream>> = {
      "2": { items: [stream("b", "live"), stream("c")], next: "3" },
      "3": { items: [stream("d", "live")], next: null },
    };
    const first = { items: [stream("a", "live")], next: "2" };
    const next = async (address: string) => pages[address] ?? first;
    const found = await find(async () => first, next, { text: "", state: "live" });
    expect(found.streams.map(({ name }) => name)).toEqual(["a", "b", "d"]);
    expect(found.isComplete).toBe(true);
  });

  it("ends where a list has no end, and tells that", async () => {
    const page = { items: Array.from({ length: 100 }, () => stream("a")), next: "on" };
    let asked = 0;
    const next = async () => {
      asked += 1;
      return page;
    };
    const found = await find(next, next, { text: "a", state: "all" });
    expect(found.isComplete).toBe(false);
    expect(asked).toBe(MOST_LOOKED_THROUGH / 100);
  });
});
