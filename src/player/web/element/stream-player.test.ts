// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeCore } from "../testing/fake-core";
import type { PlayerError, PlayerOptions, PlayerStats } from "../types";
import { definePlayer, StreamPlayerElement, type StateChange } from ".";

definePlayer();

let cores: FakeCore[] = [];

beforeEach(() => {
  cores = [];
  StreamPlayerElement.createCore = (options: PlayerOptions) => {
    const core = new FakeCore(options);
    cores.push(core);
    return core;
  };
});

afterEach(() => document.body.replaceChildren());

function place(attributes: Record<string, string>): StreamPlayerElement {
  const player = document.createElement("stream-player");
  for (const [name, value] of Object.entries(attributes)) player.setAttribute(name, value);
  document.body.append(player);
  return player;
}

/** The newest core that was made. */
function core(): FakeCore {
  const newest = cores.at(-1);
  if (!newest) throw new Error("no core was made");
  return newest;
}

function part<E extends HTMLElement = HTMLElement>(player: StreamPlayerElement, testId: string): E {
  const found = player.shadowRoot?.querySelector<E>(`[data-testid="${testId}"]`);
  if (!found) throw new Error(`there is no ${testId}`);
  return found;
}

const text = (player: StreamPlayerElement, testId: string) => part(player, testId).textContent;

/** What the microtasks of a turn leave behind. */
const turnOver = () => new Promise<void>((resolve) => setTimeout(resolve));

function press(player: StreamPlayerElement, key: string, change: KeyboardEventInit = {}): void {
  const frame = player.shadowRoot?.querySelector(".frame");
  frame?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...change }));
}

function heard<T>(player: StreamPlayerElement, type: string): T[] {
  const details: T[] = [];
  player.addEventListener(type, (event) => details.push((event as CustomEvent<T>).detail));
  return details;
}

describe("attributes and properties", () => {
  test("an element that was in the page before its class was shows its picture", () => {
    // Browsers then tell the attributes while it is in the document already, and only after them that it is.
    class Upgraded extends StreamPlayerElement {
      override connectedCallback(): void {
        this.attributeChangedCallback("autoplay", null, "");
        super.connectedCallback();
      }
    }
    customElements.define("upgraded-player", Upgraded);
    const player = document.createElement("upgraded-player");
    player.setAttribute("playback-id", "abc");
    player.setAttribute("autoplay", "");
    document.body.append(player);
    expect(cores).toHaveLength(1);
    expect(player.shadowRoot?.contains(core().canvas)).toBe(true);
  });

  test("an element that plays before it is in the page shows its picture once it is", () => {
    const player = document.createElement("stream-player");
    player.playbackId = "abc";
    void player.play();
    document.body.append(player);
    expect(cores).toHaveLength(1);
    expect(player.shadowRoot?.contains(core().canvas)).toBe(true);
  });

  test("one that is stopped right after it got another stream stays stopped", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    player.playbackId = "def";
    player.stop();
    await turnOver();
    expect(cores).toHaveLength(1);
    expect(core().isDestroyed).toBe(true);
    expect(player.state).toBe("idle");
  });

  test("one that got another stream as it left the page plays that where it is put back", async () => {
    const player = place({ "playback-id": "abc" });
    await player.play();
    player.playbackId = "def";
    player.remove();
    await turnOver();
    expect(cores.every(({ isDestroyed }) => isDestroyed)).toBe(true);
    document.body.append(player);
    await turnOver();
    expect(core().options.playbackId).toBe("def");
    expect(player.state).toBe("connecting");
  });

  test("the core is made from the attributes", () => {
    place({ "playback-id": "abc", server: "https://live.example.com", "max-layer": "3", latency: "500", muted: "", autoplay: "" });
    expect(core().options).toEqual({
      playbackId: "abc",
      server: "https://live.example.com",
      maxLayer: 3,
      latencyMs: 500,
      muted: true,
      volume: 1,
    });
    expect(core().plays).toBe(1);
  });

  test("nothing is connected before somebody asks for it", () => {
    const player = place({ "playback-id": "abc" });
    expect(cores).toHaveLength(0);
    expect(player.state).toBe("idle");
    part(player, "start").click();
    expect(core().plays).toBe(1);
    expect(player.state).toBe("connecting");
  });

  test.each([["-1"], ["3.5"], ["seven"], [""]])("a max-layer of %j means all layers", (value) => {
    expect(place({ "playback-id": "abc", "max-layer": value }).maxLayer).toBeNull();
  });

  test("numbers out of range are kept within it", () => {
    const player = place({ "playback-id": "abc", "max-layer": "99", latency: "1" });
    expect(player.maxLayer).toBe(14);
    expect(player.latency).toBe(50);
    player.latency = Number.NaN;
    expect(player.latency).toBe(300);
    player.volume = 7;
    expect(player.volume).toBe(1);
  });

  test("properties are reflected by attributes, and reach the core that plays", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    player.maxLayer = 2;
    player.muted = true;
    player.volume = 0.5;
    expect(player.getAttribute("max-layer")).toBe("2");
    expect(player.hasAttribute("muted")).toBe(true);
    expect(core().maxLayer).toBe(2);
    expect(core().muted).toBe(true);
    expect(core().volume).toBe(0.5);
    await turnOver();
    expect(cores).toHaveLength(1);
  });

  test("properties that were set before the class was known count", () => {
    const player = document.createElement("stream-player");
    Object.defineProperty(player, "playbackId", { value: "early", configurable: true, writable: true, enumerable: true });
    document.body.append(player);
    expect(player.getAttribute("playback-id")).toBe("early");
  });

  test("another playback ID takes a new core, which plays if the old one did", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    const old = core();
    player.playbackId = "def";
    player.server = "https://other.example.com";
    await turnOver();
    expect(old.isDestroyed).toBe(true);
    expect(cores).toHaveLength(2);
    expect(core().options.playbackId).toBe("def");
    expect(core().plays).toBe(1);
  });

  test("a stopped player stays stopped when its stream changes", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    player.stop();
    player.playbackId = "def";
    await turnOver();
    expect(cores).toHaveLength(1);
    expect(player.state).toBe("idle");
  });

  test("the resolver of an application is the core's", async () => {
    const player = place({ "playback-id": "abc" });
    const resolver = () => Promise.reject(new Error("unused"));
    player.resolver = resolver;
    await player.play();
    expect(core().options.resolve).toBe(resolver);
  });
});

describe("events", () => {
  test("states come as statechange, and a failure as error too", async () => {
    const player = place({ "playback-id": "abc" });
    const states = heard<StateChange>(player, "statechange");
    const errors = heard<PlayerError>(player, "error");
    await player.play();
    core().setState("live");
    const error: PlayerError = { code: "network", message: "nobody answers" };
    core().setState("failed", error);
    expect(states).toEqual([{ state: "connecting" }, { state: "live" }, { state: "failed", error }]);
    expect(errors).toEqual([error]);
    expect(player.error).toEqual(error);
  });

  test("figures come as stats and leave the shadow tree", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    const outside: boolean[] = [];
    document.addEventListener("stats", (event) => outside.push(event.composed), { once: true });
    const stats = heard<PlayerStats>(player, "stats");
    core().setStats({ packetsRecovered: 5 });
    expect(stats[0]?.packetsRecovered).toBe(5);
    expect(player.stats?.packetsRecovered).toBe(5);
    expect(outside).toEqual([true]);
  });

  test("play without a playback ID fails with a reason", async () => {
    const player = place({});
    const errors = heard<PlayerError>(player, "error");
    await player.play();
    expect(player.state).toBe("failed");
    expect(errors[0]?.message).toContain("playback ID");
    player.playbackId = "abc";
    await turnOver();
    expect(core().options.playbackId).toBe("abc");
  });

  test("a core that cannot be made is a failure, not an exception", async () => {
    StreamPlayerElement.createCore = () => {
      throw new Error("no canvas");
    };
    const player = place({ "playback-id": "abc" });
    await player.play();
    expect(player.error).toEqual({ code: "internal", message: "no canvas" });
  });
});

describe("life in the document", () => {
  test("an element that is moved keeps playing", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    const elsewhere = document.createElement("div");
    document.body.append(elsewhere);
    elsewhere.append(player);
    await turnOver();
    expect(cores).toHaveLength(1);
    expect(core().isDestroyed).toBe(false);
    expect(player.state).toBe("connecting");
  });

  test("an element that is removed lets go of everything, and goes on when it comes back", async () => {
    const player = place({ "playback-id": "abc" });
    await player.play();
    player.remove();
    await turnOver();
    expect(core().isDestroyed).toBe(true);
    expect(player.stats).toBeNull();
    document.body.append(player);
    expect(cores).toHaveLength(2);
    expect(core().plays).toBe(1);
  });

  test("a core that was let go of is not listened to", async () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    const states = heard<StateChange>(player, "statechange");
    player.remove();
    await turnOver();
    core().setState("live");
    expect(states).toEqual([]);
  });

  test("players of one page have nothing in common", () => {
    const one = place({ "playback-id": "one", autoplay: "" });
    const two = place({ "playback-id": "two", autoplay: "" });
    cores[0]?.setStats({ layersLive: 3 });
    cores[1]?.setStats({ layersLive: 8 });
    expect(text(one, "layers-live")).toBe("3");
    expect(text(two, "layers-live")).toBe("8");
  });
});

describe("on screen", () => {
  test("figures are bare numbers", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setState("live");
    core().setStats({
      layersLive: 7, layersPossible: 10, packetsRecovered: 1482, packetsLost: 1603, packetsLate: 3, rate: 2_134_400,
      latencyMs: 311.6, frameRate: 24.9, bufferMs: 180, transport: "websocket",
    });
    const shown = ["layers-live", "layers-possible", "packets-recovered", "packets-lost", "packets-late", "rate", "latency", "frame-rate", "buffer", "transport", "state"];
    expect(shown.map((testId) => text(player, testId))).toEqual([
      "7", "10", "1482", "1603", "3", "2134", "312", "25", "180", "WebSocket", "live",
    ]);
  });

  test("one rung a layer, lit when it is received, and marked when it was not asked for", () => {
    const player = place({ "playback-id": "abc", autoplay: "", "max-layer": "5" });
    core().setStats({ layersLive: 4, layersPossible: 9, maxLayer: 5 });
    const ladder = player.shadowRoot?.querySelector(".headline .ladder");
    expect(ladder?.querySelectorAll(".rung")).toHaveLength(9);
    expect(ladder?.querySelectorAll(".rung.lit")).toHaveLength(4);
    expect(ladder?.querySelectorAll(".rung.unwanted")).toHaveLength(3);
    expect(ladder?.getAttribute("aria-label")).toBe("4 of 9 layers received, asked for up to layer 5");
  });

  test("figures that cannot be do not grow the page", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setStats({ layersLive: Number.NaN, layersPossible: 1e9, rate: Number.POSITIVE_INFINITY });
    expect(player.shadowRoot?.querySelectorAll(".headline .rung")).toHaveLength(15);
    expect(text(player, "layers-live")).toBe("0");
    expect(part<HTMLSelectElement>(player, "layer-select").options.length).toBeLessThanOrEqual(16);
  });

  test("the layer selector sets the ceiling, and Auto takes it away", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setTracks([
      { id: 1, kind: "video", name: "", layers: 10, width: 16, height: 16, chroma: "420", alpha: false, bits: 8, frameRate: 25, pixelAspect: 1, colorimetry: "" },
    ]);
    core().setStats({ layersLive: 10, layersPossible: 10 });
    const select = part<HTMLSelectElement>(player, "layer-select");
    expect([...select.options].map((option) => option.text)).toContain("Up to 3 · base");
    select.value = "3";
    select.dispatchEvent(new Event("change"));
    expect(core().maxLayer).toBe(3);
    expect(player.getAttribute("max-layer")).toBe("3");
    select.value = "";
    select.dispatchEvent(new Event("change"));
    expect(core().maxLayer).toBeNull();
    expect(player.hasAttribute("max-layer")).toBe(false);
  });

  test("sound that the browser keeps back is offered, and a click brings it", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().needsGesture = true;
    core().setState("live");
    const prompt = part(player, "sound-prompt");
    expect(prompt.hidden).toBe(false);
    prompt.click();
    expect(core().needsGesture).toBe(false);
    expect(prompt.hidden).toBe(true);
  });

  test("what the browser withholds is said until it is dismissed", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().withheld = ["No WebTransport on plain http://."];
    core().setState("live");
    const notice = part(player, "withheld");
    expect(notice.textContent).toContain("No WebTransport on plain http://.");
    notice.querySelector("button")?.click();
    core().setStats({});
    expect(notice.hidden).toBe(true);
  });

  test.each([
    ["offline", "Waiting for the stream to start"],
    ["paused", "The stream is paused"],
    ["reconnecting", "Reconnecting"],
  ] as const)("%s is said on screen and to screen readers", (state, words) => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setState(state);
    expect(player.shadowRoot?.querySelector(".message-title")?.textContent).toBe(words);
    expect(player.shadowRoot?.querySelector('[role="status"]')?.textContent).toContain(words);
  });

  test.each([
    ["connecting", { state: "idle", retryInMs: null }, "connecting", "Connecting to the source"],
    ["connecting", { state: "connecting", retryInMs: null }, "connecting", "Connecting to the source"],
    ["connecting", { state: "live", retryInMs: null }, "connecting", "Waiting for the picture"],
    ["offline", { state: "retrying", retryInMs: 4200 }, "retrying", "The source does not play now"],
    ["offline", { state: "disabled", retryInMs: null }, "disabled", "The source is switched off"],
  ] as const)("who is %s and waits for a source that is %s is told so", (state, source, word, title) => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setState(state);
    core().setStats({ source });
    expect(text(player, "state")).toBe(word);
    expect(player.state).toBe(state);
    expect(player.shadowRoot?.querySelector(".message-title")?.textContent).toBe(title);
    expect(player.shadowRoot?.querySelector('[role="status"]')?.textContent).toContain(title);
    expect(text(player, "source")).toContain(source.state);
  });

  test("the seconds until a source is tried again are shown, and not read out one after the other", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setState("offline");
    const announced = [4200, 3900, 0].map((retryInMs) => {
      core().setStats({ source: { state: "retrying", retryInMs } });
      const { shadowRoot } = player;
      return [shadowRoot?.querySelector(".message-detail")?.textContent, shadowRoot?.querySelector('[role="status"]')?.textContent];
    });
    expect(announced).toEqual([
      ["It is tried again in 5 s.", "The source does not play now"],
      ["It is tried again in 4 s.", "The source does not play now"],
      ["It is tried again now.", "The source does not play now"],
    ]);
    expect(text(player, "source")).toBe("retrying, 0 s");
    core().setStats({ source: null });
    expect(part(player, "source").closest("div")?.hidden).toBe(true);
  });

  test("a failure has its reason and a way to try again", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setState("failed", { code: "network", message: "live.example.com does not answer" });
    expect(player.shadowRoot?.querySelector(".message-detail")?.textContent).toBe("live.example.com does not answer");
    part(player, "retry").click();
    expect(core().plays).toBe(2);
    expect(player.state).toBe("connecting");
  });

  test("every control has a name", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    const controls = [...(player.shadowRoot?.querySelectorAll("button, input, select") ?? [])];
    expect(controls.length).toBeGreaterThan(7);
    for (const control of controls) expect(control.getAttribute("aria-label") ?? control.textContent, control.outerHTML).not.toBe("");
  });
});

describe("events", () => {
  test("states reach the page around it; an error is no error of the page's scripts", () => {
    const states = vi.fn();
    const errors = vi.fn();
    window.addEventListener("statechange", states);
    window.addEventListener("error", errors);
    const player = place({ "playback-id": "abc", autoplay: "" });
    const own = heard<PlayerError>(player, "error");
    core().setState("failed", { code: "network", message: "away" });
    window.removeEventListener("statechange", states);
    window.removeEventListener("error", errors);
    expect(own).toEqual([{ code: "network", message: "away" }]);
    expect(states).toHaveBeenCalled();
    expect(errors).not.toHaveBeenCalled();
  });
});

describe("keyboard", () => {
  test("Space and K play and stop, M mutes, I opens the figures", () => {
    const player = place({ "playback-id": "abc" });
    press(player, " ");
    expect(player.state).toBe("connecting");
    press(player, "k");
    expect(player.state).toBe("stopped");
    press(player, "m");
    expect(core().muted).toBe(true);
    press(player, "M");
    expect(core().muted).toBe(false);
    press(player, "i");
    expect(player.figures).toBe(true);
    press(player, "Escape");
    expect(player.figures).toBe(false);
  });

  test("a key that is held switches once; the volume goes on and on", () => {
    const player = place({ "playback-id": "abc" });
    press(player, "m");
    press(player, "m", { repeat: true });
    press(player, "m", { repeat: true });
    expect(player.muted).toBe(true);
    player.muted = false;
    press(player, "ArrowDown");
    press(player, "ArrowDown", { repeat: true });
    press(player, "ArrowDown", { repeat: true });
    expect(player.volume).toBeCloseTo(0.85);
  });

  test("arrows change the volume, and brackets the layers", () => {
    const player = place({ "playback-id": "abc", autoplay: "" });
    core().setStats({ layersPossible: 10, layersLive: 10 });
    press(player, "ArrowDown");
    expect(core().volume).toBe(0.95);
    press(player, "ArrowUp");
    press(player, "ArrowUp");
    expect(core().volume).toBe(1);
    press(player, "[");
    expect(core().maxLayer).toBe(8);
    press(player, "[");
    expect(core().maxLayer).toBe(7);
    press(player, "]");
    press(player, "]");
    expect(core().maxLayer).toBeNull();
  });

  test("keys with Ctrl, Alt or Meta are the browser's", () => {
    const player = place({ "playback-id": "abc" });
    press(player, "k", { ctrlKey: true });
    press(player, "k", { metaKey: true });
    expect(cores).toHaveLength(0);
  });

  test("F asks for the full screen, and a refusal is no error", async () => {
    const player = place({ "playback-id": "abc" });
    player.requestFullscreen = vi.fn(() => Promise.reject(new Error("not allowed")));
    press(player, "f");
    await turnOver();
    expect(player.requestFullscreen).toHaveBeenCalledOnce();
  });
});
