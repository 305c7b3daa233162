import { describe, expect, it } from "vitest";
import { EMPTY, newKeyOf } from "./form";

describe("a new API key", () => {
  it("inherits what is left empty", () => {
    expect(newKeyOf({ ...EMPTY, name: "stage" })).toEqual({ name: "stage", scopes: ["streams:read"] });
  });

  it("asks for the limits that were typed", () => {
    const form = { ...EMPTY, name: "stage", streams: "0", rate: "120" };
    expect(newKeyOf(form).limits).toEqual({ streams: 0, rate: 120 });
  });

  it("expires at the local time that was chosen, told in UTC", () => {
    const form = { ...EMPTY, name: "stage", expires: "2030-01-31T12:00" };
    expect(newKeyOf(form).expiresAt).toBe(new Date(2030, 0, 31, 12).toISOString());
  });

  it("names what is no number or time", () => {
    expect(() => newKeyOf({ ...EMPTY, name: "stage", layers: "a", expires: "soon" })).toThrow(expect.objectContaining({
      fields: [
        { field: "limits.layers", message: "is not a whole number" },
        { field: "expiresAt", message: "is not a time" },
      ],
    }));
  });
});
