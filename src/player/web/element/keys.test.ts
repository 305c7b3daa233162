import { describe, expect, test } from "vitest";
import { actionFor, SHORTCUTS } from "./keys";

const press = (key: string) => ({ key, ctrlKey: false, altKey: false, metaKey: false });

describe("what a key does", () => {
  test("letters count in either case", () => {
    expect(actionFor(press("K"), "DIV")).toBe("toggle-play");
    expect(actionFor(press("k"), "DIV")).toBe("toggle-play");
  });

  test("a focused button keeps its Space, and gives the other keys", () => {
    expect(actionFor(press(" "), "BUTTON")).toBeNull();
    expect(actionFor(press("m"), "BUTTON")).toBe("toggle-mute");
  });

  test("the slider keeps its arrows, and the layer list every key but Escape", () => {
    expect(actionFor(press("ArrowUp"), "INPUT")).toBeNull();
    expect(actionFor(press("f"), "SELECT")).toBeNull();
    expect(actionFor(press("Escape"), "SELECT")).toBe("close");
  });

  test("no key has two meanings", () => {
    const keys = SHORTCUTS.flatMap((shortcut) => shortcut.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
