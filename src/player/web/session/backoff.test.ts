import { expect, it } from "vitest";
import { Backoff } from "./backoff";

it("pauses grow while sessions are short, begin anew after a long one, and differ from player to player", () => {
  const pauses = (random: number): number[] => {
    const backoff = new Backoff(() => random);
    return [0, 0, 0, 0, 0, 0, 0, 0, 10_000, 0].map((lived) => backoff.after(lived));
  };
  expect(pauses(0.5)).toEqual([0, 250, 500, 1000, 2000, 4000, 5000, 5000, 0, 250]);
  expect(pauses(0)[7]).toBe(3750);
  expect(pauses(1)[7]).toBe(6250);
});
