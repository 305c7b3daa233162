/** What lies over the picture: the state's mark, messages, the way to start, and notices. */
import type { PlayerError, PlayerState } from "../types";
import { h, icon, setText } from "./dom";
import { announcementFor, messageFor, type Source, wordFor } from "./messages";

/** The mark in the corner: the state in a word. */
export class StateMark {
  readonly root = h("span", { class: "mark", part: "state", "data-testid": "state" });

  update(state: PlayerState, source: Source): void {
    setText(this.root, wordFor(state, source));
    this.root.dataset["state"] = state;
  }
}

/** The message in the middle, and the live region that says the same to screen readers. */
export class MessageBox {
  readonly #title = h("p", { class: "message-title" });
  readonly #detail = h("p", { class: "message-detail" });
  readonly #waiting = h("div", { class: "waiting", "aria-hidden": "true" }, ...Array.from({ length: 5 }, () => h("span")));
  readonly #retry = h("button", { type: "button", class: "retry", "data-testid": "retry" }, "Try again");
  readonly #start = h("button", { type: "button", class: "start", "aria-label": "Play", "data-testid": "start" }, icon("play"));
  readonly #box = h("div", { class: "message", part: "message" }, this.#waiting, this.#title, this.#detail, this.#retry);
  readonly #announcement = h("div", { class: "unseen", role: "status" });
  readonly root = h("div", { class: "middle" }, this.#start, this.#box, this.#announcement);

  constructor(play: () => void) {
    this.#retry.addEventListener("click", play);
    this.#start.addEventListener("click", play);
  }

  update(state: PlayerState, error: PlayerError | null, source: Source): void {
    const message = messageFor(state, error, source);
    this.#start.hidden = state !== "idle" && state !== "stopped";
    this.#box.hidden = message === null;
    setText(this.#announcement, announcementFor(state, error, source));
    if (message === null) return;
    setText(this.#title, message.title);
    setText(this.#detail, message.detail);
    this.#detail.hidden = message.detail === "";
    this.#waiting.hidden = !message.isWaiting;
    this.#retry.hidden = !message.canRetry;
  }
}

/** "Tap for sound", where the browser keeps it back until somebody clicks. */
export class SoundPrompt {
  readonly root = h("button", { type: "button", class: "sound-prompt", hidden: true, "data-testid": "sound-prompt" });

  constructor(enable: () => void) {
    this.root.append(icon("muted"), "Tap for sound");
    this.root.addEventListener("click", enable);
  }

  update(isNeeded: boolean): void {
    this.root.hidden = !isNeeded;
  }
}

/** What the browser withholds from this page, until it is dismissed. */
export class Notice {
  readonly #list = h("ul");
  readonly #close = h("button", { type: "button", class: "small-button", "aria-label": "Dismiss" }, icon("close"));
  readonly root = h(
    "div",
    { class: "notice", part: "notice", role: "note", hidden: true, "data-testid": "withheld" },
    this.#list,
    this.#close,
  );
  #dismissed = "";
  #shown = "";

  constructor() {
    this.#close.addEventListener("click", () => {
      this.#dismissed = this.#shown;
      this.root.hidden = true;
    });
  }

  update(lines: readonly string[]): void {
    const text = lines.join("\n");
    if (text !== this.#shown) {
      this.#shown = text;
      this.#list.replaceChildren(...lines.map((line) => h("li", {}, line)));
    }
    this.root.hidden = text === "" || text === this.#dismissed;
  }
}
