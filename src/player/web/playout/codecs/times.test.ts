import { describe, expect, it } from "vitest";
import { UnitTimes } from "./times";

const unit = (pts: number, due: number) => ({ track: 0, data: new Uint8Array(0), due, pts, duration: 20, isKey: true });

describe("the times of units in a decoder", () => {
  it("come back with their pictures, in whatever order these went in", () => {
    const times = new UnitTimes();
    const stamps = [0, 120, 40, 80].map((pts) => times.add(unit(pts + 1e12, pts + 500)));
    stamps.sort((one, other) => one - other);
    expect(stamps.map((stamp) => times.take(stamp)?.due)).toEqual([500, 540, 580, 620]);
  });

  it("go on from the unit before where sound comes out in other pieces", () => {
    const times = new UnitTimes();
    times.add(unit(1000, 5000));
    times.add(unit(1020, 5020));
    expect(times.take(1_005_000)).toEqual({ due: 5005, pts: 1005 });
    expect(times.take(999_000)).toBeNull();
  });

  it("tell how far behind a decoder is, also one that leaves pictures out", () => {
    const times = new UnitTimes();
    expect(times.oldestDue).toBe(Infinity);
    for (const pts of [0, 40, 80, 120]) times.add(unit(pts, pts + 500));
    expect(times.oldestDue).toBe(500);
    times.take(80_000);
    expect(times.oldestDue).toBe(620);
    times.take(120_000);
    expect(times.oldestDue).toBe(Infinity);
  });

  it("are forgotten where a decoder gives nothing back", () => {
    const times = new UnitTimes();
    for (let n = 0; n < 1000; n++) times.add(unit(n, n));
    expect(times.take(0)).toBeNull();
    expect(times.take(999_000)).toEqual({ due: 999, pts: 999 });
  });
});
