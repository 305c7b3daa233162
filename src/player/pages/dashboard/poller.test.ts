import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Poller, politeInterval } from "./poller";
import { Problem } from "./problem";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A poller whose question is answered by `ask`, and what was told. */
function pollerOf(ask: (signal: AbortSignal) => Promise<number>, interval = 1000) {
  const answers: number[] = [];
  const problems: Problem[] = [];
  const poller = new Poller<number>({
    ask,
    interval: () => interval,
    answer: (value) => void answers.push(value),
    problem: (problem) => void problems.push(problem),
  });
  return { poller, answers, problems };
}

/** Counts, and answers with the count. */
function counting() {
  let count = 0;
  return async () => ++count;
}

describe("a poller", () => {
  it("asks at once, and then at its interval", async () => {
    const { poller, answers } = pollerOf(counting());
    poller.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(answers).toEqual([1]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(answers).toEqual([1, 2, 3]);
  });

  it("does not ask while it is paused, and asks at once when it goes on", async () => {
    const { poller, answers } = pollerOf(counting());
    poller.resume();
    await vi.advanceTimersByTimeAsync(0);
    poller.pause();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers).toEqual([1]);
    poller.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(answers).toEqual([1, 2]);
  });

  it("does not ask again before it is answered", async () => {
    let asked = 0;
    const { poller } = pollerOf(() => {
      asked += 1;
      return new Promise(() => {});
    });
    poller.resume();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1);
  });

  it("lets go of a question that nobody waits for any more", async () => {
    const signals: AbortSignal[] = [];
    const { poller, answers, problems } = pollerOf((signal) => {
      signals.push(signal);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    });
    poller.resume();
    await vi.advanceTimersByTimeAsync(10);
    poller.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect([answers, problems]).toEqual([[], []]);
  });

  it("waits as long as it is told after too many requests", async () => {
    let asked = 0;
    const { poller, problems } = pollerOf(async () => {
      asked += 1;
      throw new Problem(429, "too many", [], 7);
    });
    poller.resume();
    await vi.advanceTimersByTimeAsync(6900);
    expect([asked, problems.length]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toBe(2);
  });

  it("asks less and less often where nobody answers, and as before when somebody does", async () => {
    let isUp = false;
    const at: number[] = [];
    const { poller } = pollerOf(async () => {
      at.push(Date.now());
      if (!isUp) throw new Problem(0, "unreachable");
      return 1;
    });
    poller.resume();
    await vi.advanceTimersByTimeAsync(60_000);
    const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(waits.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 15_000]);
    isUp = true;
    await vi.advanceTimersByTimeAsync(15_000);
    const before = at.length;
    await vi.advanceTimersByTimeAsync(5000);
    expect(at.length - before).toBe(5);
  });

  it("waits an hour at the most, however long the daemon asks for", async () => {
    let asked = 0;
    const { poller } = pollerOf(async () => {
      asked += 1;
      throw new Problem(429, "too often", [], 100_000_000);
    });
    poller.resume();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(asked).toBe(2);
    poller.stop();
  });

  it("asks at once when it is told to", async () => {
    const { poller, answers } = pollerOf(counting());
    poller.resume();
    await vi.advanceTimersByTimeAsync(500);
    poller.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(answers).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(999);
    expect(answers).toEqual([1, 2]);
  });
});

describe("the interval", () => {
  it("leaves half of what an API key may ask to others", () => {
    expect(politeInterval(1000, 600)).toBe(1000);
    expect(politeInterval(1000, 60)).toBe(2000);
    expect(politeInterval(1000, null)).toBe(1000);
  });
});
