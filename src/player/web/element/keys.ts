/** The keyboard of the player: which key does what, as one table that the help text is made of too. */

export type KeyAction =
  | "toggle-play"
  | "toggle-mute"
  | "toggle-fullscreen"
  | "toggle-figures"
  | "volume-up"
  | "volume-down"
  | "layer-down"
  | "layer-up"
  | "help"
  | "close";

interface Shortcut {
  action: KeyAction;
  /** `KeyboardEvent.key`, letters in lower case. */
  keys: readonly string[];
  /** How the keys are written for people. */
  label: string;
  help: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { action: "toggle-play", keys: [" ", "k"], label: "Space, K", help: "play or stop" },
  { action: "toggle-mute", keys: ["m"], label: "M", help: "sound off or on" },
  { action: "volume-up", keys: ["arrowup"], label: "↑", help: "louder" },
  { action: "volume-down", keys: ["arrowdown"], label: "↓", help: "quieter" },
  { action: "layer-down", keys: ["["], label: "[", help: "one layer less" },
  { action: "layer-up", keys: ["]"], label: "]", help: "one layer more" },
  { action: "toggle-figures", keys: ["i"], label: "I", help: "figures" },
  { action: "toggle-fullscreen", keys: ["f"], label: "F", help: "full screen" },
  { action: "help", keys: ["?"], label: "?", help: "these keys" },
  { action: "close", keys: ["escape"], label: "Esc", help: "close what is open" },
];

const ACTIONS: ReadonlyMap<string, KeyAction> = new Map(
  SHORTCUTS.flatMap(({ action, keys }) => keys.map((key) => [key, action] as const)),
);

const REPEATED: ReadonlySet<KeyAction> = new Set(["volume-up", "volume-down", "layer-up", "layer-down"]);

/** Whether a key that is held does this again and again: what switches to and fro would only flicker. */
export function isRepeatable(action: KeyAction): boolean {
  return REPEATED.has(action);
}

/** The part of a KeyboardEvent that decides. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

/**
 * What a key press asks for, or null. `focused` is the name of the focused element in the player: what a button, a
 * slider or a list does with a key itself is left to it.
 */
export function actionFor(press: KeyPress, focused: string): KeyAction | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  const key = press.key.toLowerCase();
  const tag = focused.toLowerCase();
  const own =
    (tag === "select" && key !== "escape") ||
    (tag === "input" && key.startsWith("arrow")) ||
    ((tag === "button" || tag === "summary") && key === " ");
  return own ? null : (ACTIONS.get(key) ?? null);
}
