import { describe, expect, it } from "vitest";
import { bytes, count, duration, percent, rate, relative } from "./format";

describe("figures", () => {
  it("of rates have three digits and a fitting unit", () => {
    expect([0, 999, 999.6, 1000, 99_940, 99_960, 999_600, 12_345_678].map(rate)).toEqual([
      "0 bit/s", "999 bit/s", "1.00 kbit/s", "1.00 kbit/s", "99.9 kbit/s", "100 kbit/s", "1.00 Mbit/s", "12.3 Mbit/s",
    ]);
  });

  it("of bytes go by 1024", () => {
    expect([512, 65_536, 33_554_432].map(bytes)).toEqual(["512 bytes", "64.0 KiB", "32.0 MiB"]);
  });

  it("of shares show small ones, too", () => {
    expect([0, 0.0004, 0.012, 0.1, 1].map(percent)).toEqual(["0 %", "0.04 %", "1.2 %", "10 %", "100 %"]);
  });

  it("of many have spaces", () => {
    expect(count(1_234_567)).toBe("1\u202f234\u202f567");
  });
});

describe("times", () => {
  it("are told in their two largest units", () => {
    expect([0.4, 59, 61, 3600, 90_000].map(duration)).toEqual(["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]);
  });

  it("are told against now", () => {
    const now = Date.parse("2026-01-31T12:00:00Z");
    expect(relative("2026-01-31T11:59:58Z", now)).toBe("now");
    expect(relative("2026-01-31T11:56:30Z", now)).toBe("3 min ago");
    expect(relative("2026-01-31T14:00:00Z", now)).toBe("in 2 h");
    expect(relative("some day", now)).toBe("some day");
  });
});
