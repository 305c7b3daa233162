import { describe, expect, it } from "vitest";
import { aboutField, asProblem, Problem } from "./problem";

const wrong = new Problem(422, "Two fields are wrong.", [
  { field: "layers", message: "is 16, and may be 1 to 15" },
  { field: "type", message: "is pull" },
]);

describe("a problem", () => {
  it("stands beside its field where there is one, and below the form otherwise", () => {
    expect(wrong.of("layers")).toBe("is 16, and may be 1 to 15");
    expect(wrong.of("name")).toBeNull();
    expect(wrong.outside(["layers"])).toBe("type is pull");
    expect(wrong.outside(["layers", "type"])).toBeNull();
  });

  it("that is about no field stands below the form", () => {
    expect(new Problem(403, "The key lacks a scope.").outside(["layers"])).toBe("The key lacks a scope.");
  });

  it("is made of whatever was thrown", () => {
    expect(asProblem(wrong)).toBe(wrong);
    expect(asProblem(new TypeError("oops")).message).toBe("oops");
    expect(asProblem("oops").message).toBe("oops");
  });
});

describe("what is wrong with a field", () => {
  it("goes on from its label where the daemon's words do", () => {
    expect(aboutField("Layers", "is 16, and may be 1 to 15")).toBe("Layers is 16, and may be 1 to 15.");
  });

  it("stands for itself where it is a sentence", () => {
    expect(aboutField("Name", "there is a stream news already")).toBe("There is a stream news already.");
  });
});
