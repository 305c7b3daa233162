import { describe, expect, it } from "vitest";
import { PictureQueue, type Waiting } from "./queue";

const small = (due: number): Waiting => ({ due, width: 320, height: 180 });

function queue(): { queue: PictureQueue<Waiting>; dropped: number[] } {
  const dropped: number[] = [];
  return { queue: new PictureQueue((picture) => dropped.push(picture.due)), dropped };
}

describe("the queue of pictures", () => {
  it("gives the newest picture whose time has come, and drops those before it", () => {
    const { queue: pictures, dropped } = queue();
    for (const due of [0, 40, 80, 120]) pictures.add(small(due), -100);
    expect(pictures.take(-1)).toBeNull();
    expect(pictures.take(85)?.due).toBe(80);
    expect(dropped).toEqual([0, 40]);
    expect(pictures.take(85)).toBeNull();
    expect(pictures.take(120)?.due).toBe(120);
    expect(pictures.length).toBe(0);
  });

  it("puts pictures in order that come out of it", () => {
    const { queue: pictures } = queue();
    for (const due of [80, 0, 40]) pictures.add(small(due), -100);
    expect([0, 40, 80].map((due) => pictures.take(due)?.due)).toEqual([0, 40, 80]);
  });

  it("does not grow while a page in the background takes none", () => {
    const { queue: pictures, dropped } = queue();
    for (let n = 0; n < 10_000; n++) pictures.add(small(n * 40 + 200), n * 40);
    expect(pictures.length).toBeLessThan(8);
    expect(dropped.length).toBeGreaterThan(9990);
    expect(pictures.take(10_000 * 40 - 40)?.due).toBeGreaterThan(10_000 * 40 - 100);
  });

  it("does not grow with pictures of the far future, whatever their size", () => {
    const { queue: pictures } = queue();
    for (let n = 0; n < 1000; n++) pictures.add(small(1e9 + n), 0);
    expect(pictures.length).toBe(300);
    const { queue: large } = queue();
    for (let n = 0; n < 100; n++) large.add({ due: 1e9 + n, width: 8192, height: 8192 }, 0);
    expect(large.length).toBe(1);
    large.add(small(10), 0);
    expect(large.take(10)?.due).toBe(10);
  });

  it("drops all that it has when it is cleared", () => {
    const { queue: pictures, dropped } = queue();
    for (const due of [0, 40]) pictures.add(small(due), -100);
    pictures.clear();
    expect(dropped.sort()).toEqual([0, 40]);
    expect(pictures.lastDue).toBeNull();
  });
});
