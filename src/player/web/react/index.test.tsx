// @vitest-environment happy-dom
import { act, createRef, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { definePlayer, StreamPlayerElement } from "../element";
import { FakeCore } from "../testing/fake-core";
import { Player, type PlayerProps } from ".";

// The wrapper is tested on the element, without what is under it.
vi.mock("../index", () => ({}));

let root: Root;
let cores: FakeCore[];

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  cores = [];
  StreamPlayerElement.createCore = (options) => {
    const core = new FakeCore(options);
    cores.push(core);
    return core;
  };
  definePlayer();
  const place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});

afterEach(async () => {
  await act(async () => root.unmount());
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

async function show(props: PlayerProps): Promise<StreamPlayerElement> {
  await act(async () => root.render(<Player {...props} />));
  const player = document.querySelector("stream-player");
  if (!player) throw new Error("no player was rendered");
  return player;
}

test("the options become attributes, and it plays with them", async () => {
  const player = await show({
    contentType: "live",
    contentId: "abc",
    server: "https://live.example.com",
    options: { autoplay: true, muted: true, maxLayer: 3, latency: 500 },
    className: "wide",
  });
  expect(cores.at(-1)?.options).toMatchObject({
    playbackId: "abc", server: "https://live.example.com", muted: true, maxLayer: 3, latencyMs: 500,
  });
  expect(player.className).toBe("wide");
});

test("without options nothing is set, and nothing plays", async () => {
  const player = await show({ contentId: "abc" });
  expect([player.autoplay, player.muted, player.maxLayer, player.latency]).toEqual([false, false, null, 300]);
  expect(cores).toHaveLength(0);
});

test("changed options reach the player that plays", async () => {
  await show({ contentId: "abc", options: { autoplay: true, muted: true } });
  const player = await show({ contentId: "abc", options: { autoplay: true, maxLayer: 2 } });
  expect(cores).toHaveLength(1);
  expect(cores[0]?.maxLayer).toBe(2);
  expect(cores[0]?.muted).toBe(false);
  expect(player.muted).toBe(false);
});

test("states, figures and errors come to the newest callbacks", async () => {
  const old = vi.fn();
  const onStateChange = vi.fn();
  const onStats = vi.fn();
  const onError = vi.fn();
  await show({ contentId: "abc", options: { autoplay: true }, onStateChange: old });
  await show({ contentId: "abc", options: { autoplay: true }, onStateChange, onStats, onError });
  old.mockClear();
  const error = { code: "network", message: "nobody answers" } as const;
  await act(async () => {
    cores[0]?.setStats({ layersLive: 4 });
    cores[0]?.setState("failed", error);
  });
  expect(onStateChange).toHaveBeenCalledWith("failed", error);
  expect(onStats.mock.calls[0]?.[0]).toMatchObject({ layersLive: 4 });
  expect(onError).toHaveBeenCalledWith(error);
  expect(old).not.toHaveBeenCalled();
});

test("what happens from the very first moment is told", async () => {
  const onStateChange = vi.fn();
  const onError = vi.fn();
  await show({ contentId: "abc", options: { autoplay: true }, onStateChange });
  expect(onStateChange.mock.calls).toEqual([["connecting", undefined]]);
  await act(async () => root.render(null));
  StreamPlayerElement.createCore = () => {
    throw new Error("no canvas here");
  };
  await show({ contentId: "abc", options: { autoplay: true }, onError });
  expect(onError).toHaveBeenCalledExactlyOnceWith({ code: "internal", message: "no canvas here" });
});

test("a page that is mounted twice, as StrictMode does, plays once and tells once", async () => {
  const onStateChange = vi.fn();
  const player = <Player contentId="abc" options={{ autoplay: true }} onStateChange={onStateChange} />;
  await act(async () => root.render(<StrictMode>{player}</StrictMode>));
  expect(cores).toHaveLength(1);
  onStateChange.mockClear();
  await act(async () => cores[0]?.setState("live"));
  expect(onStateChange.mock.calls).toEqual([["live", undefined]]);
});

test("the element is there for its methods, with the resolver and the token", async () => {
  const playerRef = createRef<StreamPlayerElement>();
  const resolver = () => Promise.reject(new Error("unused"));
  await show({ contentId: "abc", resolver, token: "t", playerRef });
  await act(async () => playerRef.current?.play());
  expect(cores[0]?.options).toMatchObject({ resolve: resolver, token: "t" });
});

test("one that plays by itself asks the resolver from the start", async () => {
  const resolver = () => Promise.reject(new Error("unused"));
  await show({ contentId: "abc", options: { autoplay: true }, resolver });
  expect(cores).toHaveLength(1);
  expect(cores[0]?.options.resolve).toBe(resolver);
});

test("what leaves the page lets go of everything", async () => {
  await show({ contentId: "abc", options: { autoplay: true } });
  await act(async () => root.render(null));
  expect(cores[0]?.isDestroyed).toBe(true);
});

test("a server renders an element that plays in the browser", () => {
  const markup = renderToString(<Player contentId="abc" options={{ autoplay: true, maxLayer: 3 }} />);
  expect(markup).toMatch(/^<stream-player [^>]*playback-id="abc"[^>]*><\/stream-player>$/);
  expect(markup).toContain('max-layer="3"');
  expect(markup).not.toContain("muted");
});

test("another kind of content is refused by name", () => {
  const props = { contentType: "film", contentId: "abc" } as unknown as PlayerProps;
  expect(() => renderToString(<Player {...props} />)).toThrow('contentType is film, and may be "live"');
});
