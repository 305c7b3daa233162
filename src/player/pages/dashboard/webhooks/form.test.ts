import { describe, expect, it } from "vitest";
import type { Webhook } from "../shapes";
import { changesOf, EMPTY, formOf, isAboutEvents, newWebhookOf } from "./form";

const WEBHOOK: Webhook = {
  id: "wh_1", url: "https://example.com/hook", events: ["stream.live", "stream.offline"], description: "", enabled: true,
  createdAt: "", updatedAt: "",
};

describe("a webhook", () => {
  it("is told all but viewers' coming and going, where nobody chooses", () => {
    expect(EMPTY.events).toHaveLength(9);
    expect(EMPTY.events.some((event) => event.startsWith("viewer."))).toBe(false);
  });

  it("is made of what was typed", () => {
    expect(newWebhookOf({ ...EMPTY, url: " https://example.com/hook ", events: ["stream.live"] })).toEqual({
      url: "https://example.com/hook", events: ["stream.live"],
    });
  });

  it("changes by what is another, the order of events aside", () => {
    const form = { ...formOf(WEBHOOK), events: ["stream.offline", "stream.live"] };
    expect(changesOf(form, WEBHOOK)).toEqual({});
    expect(changesOf({ ...form, events: ["stream.live"] }, WEBHOOK)).toEqual({ events: ["stream.live"] });
  });

  it("has one place for what is wrong with its events", () => {
    expect(["events", "events[3]", "url"].map(isAboutEvents)).toEqual([true, true, false]);
  });
});
