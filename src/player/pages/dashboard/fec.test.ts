import { describe, expect, it } from "vitest";
import { describeFec, formatFec, parseFec } from "./fec";

describe("the setting fec", () => {
  it.each(["none", "equal:2", "unequal:3,2,1,0", "adaptive", "adaptive:40%"])("comes back as it was: %s", (setting) => {
    expect(formatFec(parseFec(setting))).toBe(setting);
  });

  it("forgives spaces and a percent sign", () => {
    expect(formatFec({ kind: "unequal", percent: "", parity: "3, 2, 1" })).toBe("unequal:3,2,1");
    expect(formatFec({ kind: "adaptive", percent: " 40% ", parity: "" })).toBe("adaptive:40%");
  });

  it("is told in words", () => {
    expect(describeFec("adaptive")).toBe("parity as the loss needs it, at most 60 % of the rate");
    expect(describeFec("unequal:3,2")).toBe("3, 2 parity packets for every 10, from layer 0 up");
  });
});
