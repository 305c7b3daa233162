import { describe, expect, it } from "vitest";
import { EMPTY, requestOf } from "./form";

describe("a search", () => {
  it("asks all, without credentials, where nothing was typed", () => {
    expect(requestOf(EMPTY)).toEqual({});
  });

  it("asks those that were typed, with what was typed", () => {
    const form = { username: "admin", password: " a b ", addresses: " 192.168.7.20, 192.168.7.21\n" };
    expect(requestOf(form)).toEqual({ username: "admin", password: " a b ", addresses: ["192.168.7.20", "192.168.7.21"] });
  });

  it("sends half of the credentials, too: the daemon says that the other half is missing", () => {
    expect(requestOf({ ...EMPTY, password: "secret" })).toEqual({ password: "secret" });
  });
});
