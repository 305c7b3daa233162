import { afterEach, expect, it, vi } from "vitest";
import { checkPlayable, fetchPlayable } from "./playable";
import { playable } from "./testing";

afterEach(() => void vi.unstubAllGlobals());

function answer(status: number, body: unknown): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response(JSON.stringify(body), { status });
  });
  return asked;
}

it("a server is asked at its address, whatever the playback ID holds", async () => {
  const asked = answer(200, playable());
  expect(await fetchPlayable("https://live.example.com/", "a/b")).toEqual(playable());
  expect(asked).toEqual(["https://live.example.com/play/a%2Fb"]);
});

it("what goes wrong has a code and words", async () => {
  for (const [status, code] of [[404, "not-found"], [401, "unauthorized"], [403, "unauthorized"], [500, "network"]] as const) {
    answer(status, {});
    await expect(fetchPlayable("", "x")).rejects.toMatchObject({ code });
  }
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(fetchPlayable("", "x")).rejects.toMatchObject({ code: "network", message: "The server cannot be reached." });
});

it("an answer of another shape is refused", () => {
  for (const strange of [null, 5, "x", [], {}, { ...playable(), sources: [{}] }, { ...playable(), serverKey: 5 }]) {
    expect(() => checkPlayable(strange)).toThrow("not one that this player knows");
  }
});
