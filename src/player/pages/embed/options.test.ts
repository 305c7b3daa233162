// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { applyOptions, playbackIdFrom } from "./options";

describe("what the addresses of the pages say", () => {
  test("the playback ID is what follows the page's name", () => {
    expect(playbackIdFrom("/embed/7r3kd2m5qxvnh4ta", "embed")).toBe("7r3kd2m5qxvnh4ta");
    expect(playbackIdFrom("/v/7r3kd2m5qxvnh4ta/", "v")).toBe("7r3kd2m5qxvnh4ta");
  });

  test.each(["/embed", "/embed/", "/v/abc", "/embed/a/b", "/embed/..", "/embed/%2e%2e", "/embed/a b", `/embed/${"a".repeat(129)}`])(
    "%s has none",
    (path) => expect(playbackIdFrom(path, "embed")).toBe(""),
  );

  test("options become attributes; 0 and false switch off, and what is unknown is passed over", () => {
    const player = document.createElement("div");
    applyOptions(player, new URLSearchParams("autoplay=1&muted&figures=0&max-layer=3&onclick=alert(1)"));
    expect(Object.fromEntries([...player.attributes].map(({ name, value }) => [name, value]))).toEqual({
      autoplay: "",
      muted: "",
      "max-layer": "3",
    });
    applyOptions(player, new URLSearchParams("autoplay=false"));
    expect(player.hasAttribute("autoplay")).toBe(false);
  });
});
