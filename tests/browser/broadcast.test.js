/** What a person publishes from the dashboard, where it plays, and what the page says where it cannot. */
import assert from "node:assert/strict";

import { Dashboard } from "./lib/dashboard.js";
import { playByHls, plays, told } from "./lib/hls.js";
import { Player } from "./lib/player.js";
import { scenario } from "./lib/scenario.js";
import { until } from "./lib/wait.js";
import { playByWhep, received } from "./lib/webrtc.js";

/** How often hls.js is tried: a browser that films beside it leaves holes where something else keeps the machine busy. */
const ATTEMPTS = 3;

/** @typedef {import("./lib/chromium.js").Devices} Devices */
/** @typedef {import("./lib/daemon.js").Daemon} Daemon */
/** @typedef {import("./lib/scenario.js").World} World */

/**
 * The page of a new stream.
 *
 * @param {World} world
 * @param {Daemon} daemon
 * @param {Devices} [devices]
 */
async function streamPage(world, daemon, devices) {
  const stream = await daemon.createStream("show");
  const dashboard = await Dashboard.signIn(await world.page({ devices }), daemon);
  await dashboard.openStream("show");
  return { stream, dashboard, page: dashboard.page };
}

/** Waits until there is a picture of what is sent. @param {import("playwright-core").Page} page */
async function isShown(page) {
  const shown = page.getByTestId("broadcast-picture");
  await until("what is sent is shown", () => shown.evaluate((video) => /** @type {HTMLVideoElement} */ (video).videoWidth > 0));
}

/** A page of somebody else, which plays by hls.js. @param {World} world @param {string} uri */
async function hlsPage(world, uri) {
  const site = await world.site({ "/": "<!doctype html><title>Somebody's site</title>" });
  const page = await world.page();
  await page.goto(site.url);
  await playByHls(page, uri);
  return page;
}

/**
 * Fails where hls.js does not play picture and sound, or warns each time that it is tried.
 *
 * @param {World} world
 * @param {string} uri
 * @param {number} width
 */
async function playsInHls(world, uri, width) {
  for (let attempt = 1; ; attempt++) {
    const page = await hlsPage(world, uri);
    await plays(page, width, 4);
    const { warnings, sound } = await told(page);
    assert.ok(sound > 1000, "there is no sound");
    if (warnings.length === 0) return;
    assert.ok(attempt < ATTEMPTS, warnings.join("\n"));
    await page.context().browser()?.close();
  }
}

scenario("a camera is published by keyboard, and plays in the daemon's player, by WHEP and in hls.js", async (world) => {
  const daemon = await world.daemon();
  const { stream, dashboard, page } = await streamPage(world, daemon);
  await page.getByTestId("broadcast-camera").focus();
  await page.keyboard.press("Enter");
  await page.getByText("On air").waitFor();
  await dashboard.streamIs("live");
  await isShown(page);
  await until("the focus is on the button that stops", () => page.getByTestId("broadcast-stop").evaluate((button) => button === document.activeElement));
  await world.picture(page, "broadcast-on-air");

  const watching = await world.page();
  await watching.goto(`${daemon.url}/v/show`);
  const player = Player.in(watching);
  await player.becomes("live");
  await player.moves();
  await player.showsPicture();
  await player.sounds();
  await watching.context().browser()?.close();

  const whep = await world.page();
  await whep.goto(`${daemon.url}/healthz`);
  await playByWhep(whep, stream.playbackId);
  await until("pictures come", async () => (await received(whep)).frames > 25);
  await until("sound is heard", async () => (await received(whep)).energy > 0);
  assert.equal((await received(whep)).codec, "video/H264");
  await whep.context().browser()?.close();

  const { width } = await page.getByTestId("broadcast-picture").evaluate((video) => ({ width: /** @type {HTMLVideoElement} */ (video).videoWidth }));
  await playsInHls(world, `${daemon.url}/play/${stream.playbackId}/hls/index.m3u8`, width);

  await page.keyboard.press("Enter");
  await dashboard.streamIs("offline");
  await until("the focus is on a source", () => page.getByTestId("broadcast-camera").evaluate((button) => button === document.activeElement));
});

for (const source of ["screen", "microphone"]) {
  scenario(`a ${source} is published`, async (world) => {
    const daemon = await world.daemon();
    const { stream, dashboard, page } = await streamPage(world, daemon);
    await page.getByTestId(`broadcast-${source}`).click();
    await page.getByText("On air").waitFor();
    await dashboard.streamIs("live");
    const whep = await world.page();
    await whep.goto(`${daemon.url}/healthz`);
    await playByWhep(whep, stream.playbackId);
    if (source === "screen") {
      await isShown(page);
      await until("pictures come", async () => (await received(whep)).frames > 10);
    } else {
      await until("sound is heard", async () => (await received(whep)).energy > 0);
    }
    await world.picture(page, `broadcast-${source}`);
    // Whoever leaves the page does not publish any more.
    await dashboard.go("keys");
    await until("the stream is offline", async () => (await daemon.api("GET", "/v1/streams/show")).state === "offline");
  });
}

scenario("a page that may not use the camera says so", async (world) => {
  const daemon = await world.daemon();
  const { page } = await streamPage(world, daemon, "refused");
  await page.getByTestId("broadcast-camera").click();
  await page.getByText(/not allowed to use the camera/).waitFor();
  await world.picture(page, "broadcast-refused");
});

scenario("a page on a machine without a camera says so", async (world) => {
  const daemon = await world.daemon();
  const { page } = await streamPage(world, daemon, "none");
  await page.getByTestId("broadcast-camera").click();
  await page.getByText("There is no camera on this machine.").waitFor();
});

scenario("a page whose key was changed meanwhile says so", async (world) => {
  const daemon = await world.daemon();
  const { page } = await streamPage(world, daemon);
  await daemon.api("POST", "/v1/streams/show/rotate-key");
  await page.getByTestId("broadcast-camera").click();
  await page.getByText(/stream key is not valid/).waitFor();
});

scenario("a page that lost its daemon publishes again when it is back", async (world) => {
  const daemon = await world.daemon();
  const { dashboard, page } = await streamPage(world, daemon);
  await page.getByTestId("broadcast-camera").click();
  await dashboard.streamIs("live");
  await daemon.stop();
  await page.getByText("The connection was lost. Connecting again").waitFor();
  await world.picture(page, "broadcast-lost");
  await daemon.launch();
  await page.getByText("On air").waitFor();
  await until("the stream is live", async () => (await daemon.api("GET", "/v1/streams/show")).state === "live");
});
