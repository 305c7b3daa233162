import { describe, expect, it } from "vitest";
import { ladder } from "./colours";
import { stack } from "./stack";

describe("a stack", () => {
  it("puts each line upon those before it", () => {
    expect(stack([[1, 2], [10, 20], [100, 200]])).toEqual([[1, 2], [11, 22], [111, 222]]);
  });

  it("has nothing where a line beneath has nothing", () => {
    expect(stack([[1, null], [10, 20]])).toEqual([[1, null], [11, null]]);
  });
});

describe("the colours of layers", () => {
  it("go evenly from the first to the last", () => {
    expect(ladder(["#000000", "#0000ff", "#ffffff"], 5)).toEqual(["#000000", "#000080", "#0000ff", "#8080ff", "#ffffff"]);
    expect(ladder(["#000000", "#ffffff"], 1)).toEqual(["#000000"]);
    expect(ladder(["#000000", "#ffffff"], 0)).toEqual([]);
  });
});
