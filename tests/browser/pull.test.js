/** Streams that are pulled, as those see them who make and who watch them. */
import assert from "node:assert/strict";
import { join } from "node:path";

import { Dashboard } from "./lib/dashboard.js";
import { playByHls, plays } from "./lib/hls.js";
import { encode } from "./lib/origin.js";
import { Player } from "./lib/player.js";
import { scenario } from "./lib/scenario.js";
import { until } from "./lib/wait.js";
import { playByWhep, received } from "./lib/webrtc.js";

/** @typedef {import("./lib/scenario.js").World} World */

/** Sources of this machine, waits that a test can wait for, and an answer that a test may keep back for long. */
const PULL = { allow_private: "true", grace: '"1s"', longest_wait: '"4s"', timeout: '"60s"' };
const CONFIGURATION = { pull: PULL, ingest: { grace: '"1s"' } };

/** An origin with something to fetch. @param {World} world */
async function originOf(world) {
  const file = join(world.folder, "clip.ts");
  await encode(file);
  return world.origin(file);
}

/** What the figures of a player say of its source. @param {Player} player */
const sourceIn = (player) => player.text("source");

scenario("a pulled stream is made, watched and given another source, and what its source does is told", async (world) => {
  const origin = await originOf(world);
  const daemon = await world.daemon({ configuration: CONFIGURATION });
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await page.getByTestId("create-stream").click();
  await page.getByTestId("stream-name").fill("door");
  await page.getByTestId("stream-type-pull").click();
  for (const [wrong, words] of [["", /source is missing/i], ["ftp://camera.local/live", /begins with none of rtsp/i], [`${origin.url}.gif`, /is http and ends with none/i]]) {
    await page.getByTestId("stream-source").fill(/** @type {string} */ (wrong));
    await page.getByTestId("create-stream-submit").click();
    await page.locator(".field-error", { hasText: words }).waitFor();
    assert.equal(await page.getByTestId("stream-source").getAttribute("aria-invalid"), "true");
  }
  await world.picture(page, "dashboard-create-pulled");
  await page.getByTestId("stream-source").fill(origin.url.replace("//", "//admin:hunter2@"));
  await page.getByTestId("create-stream-submit").click();
  await page.getByRole("heading", { level: 1, name: "door" }).waitFor();

  // Who looks at its page is no viewer, and has nothing opened.
  await dashboard.streamIs("idle");
  await dashboard.sourceIs("idle");
  assert.equal(await page.getByTestId("source-address").textContent(), `http://***@${origin.host}/***`);
  await page.getByText("None yet.").waitFor();
  await world.picture(page, "dashboard-source-idle");
  assert.equal(origin.asked, 0);

  origin.hold();
  const preview = Player.in(page.getByTestId("preview"));
  await preview.press("start");
  await dashboard.sourceIs("connecting");
  await dashboard.streamIs("connecting");
  await preview.says(/connecting to the source/i);
  await world.picture(page, "dashboard-source-connecting");
  origin.release();
  await dashboard.sourceIs("live");
  await dashboard.streamIs("live");
  await preview.moves();
  await preview.showsPicture();
  const events = page.getByTestId("source-event");
  await until("the attempt is told", async () => (await events.first().getAttribute("data-outcome")) === "live");
  assert.match((await events.first().textContent()) ?? "", new RegExp(origin.host.replaceAll(".", "\\.")));
  await world.picture(page, "dashboard-source-live");

  await page.getByTestId("edit-stream").click();
  assert.equal(await page.getByTestId("stream-source").inputValue(), "");
  await world.picture(page, "dashboard-change-pulled");
  await page.getByTestId("stream-source").fill("http://");
  await page.getByTestId("save-stream").click();
  await page.locator(".field-error", { hasText: /is not a url/i }).waitFor();
  origin.refuse(401);
  await page.getByTestId("stream-source").fill(`${origin.url}?token=t0ken42`);
  await page.getByTestId("stream-always").check();
  await page.getByTestId("save-stream").click();
  await dashboard.sourceIs("retrying");
  await page.getByTestId("source-status").getByText(/it has failed.*user or password.*tried again/i).waitFor();
  await until("the attempt is told", async () => (await events.first().getAttribute("data-reason")) === "unauthorized");
  await preview.becomes("retrying");
  await world.picture(page, "dashboard-source-retrying");
  assert.equal((await daemon.api("GET", "/v1/streams/door")).always, true);
  await dashboard.go("streams");
  await page.getByTestId("stream-row").getByText("retrying").waitFor();
  await world.picture(page, "dashboard-streams-pulled");

  origin.refuse(null);
  await dashboard.openStream("door");
  await dashboard.sourceIs("live");
  await Player.in(page.getByTestId("preview")).moves();
  await page.getByTestId("edit-stream").click();
  const content = await page.content();
  assert.ok(!content.includes("hunter2") && !content.includes("t0ken42"), "a secret of the source is in the page");
});

scenario("what is wrong with where a source is, and sources that are switched off, are told", async (world) => {
  const origin = await originOf(world);
  const daemon = await world.daemon();
  await daemon.createStream("door", { type: "pull", source: origin.url, always: true });
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.openStream("door");
  await dashboard.sourceIs("retrying");
  await page.getByTestId("source-status").getByText(/its address is private/i).waitFor();
  const event = page.getByTestId("source-event").first();
  await until("the attempt is told", async () => (await event.getAttribute("data-reason")) === "private_address");
  await world.picture(page, "dashboard-source-private");
  assert.equal(origin.asked, 0);

  const off = await world.daemon({ configuration: { pull: { enabled: "false" } } });
  const { playbackId } = await off.createStream("door", { type: "pull", source: origin.url });
  await page.goto(`${off.url}/v/${playbackId}`);
  const player = Player.in(page);
  await player.becomes("disabled");
  await player.says(/the source is switched off/i);
  await world.picture(page, "watch-source-disabled");
});

for (const [way, name] of /** @type {const} */ ([["", "WebTransport"], ["WebSocket alone", "WebSocket"]])) {
  scenario(`who opens the page of an idle source sees that it is opened, then pictures, by ${name}`, async (world) => {
    const origin = await originOf(world);
    const links = { configuration: CONFIGURATION, viewer: { loss: way === "" ? 0 : 1 } };
    const { daemon } = await world.daemonBehindLinks(links);
    const { playbackId } = await daemon.createStream("door", { type: "pull", source: origin.url });
    origin.hold();
    const page = await world.page();
    await page.goto(`${daemon.url}/v/${playbackId}?figures=1`);
    const player = Player.in(page);
    await player.says(/connecting to the source/i);
    await until("the figures say that it connects", async () => (await sourceIn(player)) === "connecting", { told: () => "" });
    await player.becomes("connecting");
    await until("the source is asked", () => origin.asked === 1);
    assert.equal(await player.framesShown(), 0);
    await world.picture(page, `watch-source-connecting-${name.toLowerCase()}`);

    origin.release();
    await player.becomes("live");
    await player.moves();
    await player.showsPicture();
    assert.equal(await player.text("transport"), name);
    assert.equal(await sourceIn(player), "live");
    assert.equal(origin.asked, 1, "there is one connection");

    // Where it fails, the viewer is told when it is tried again, and sees it when it is back.
    origin.refuse(503);
    await player.becomes("retrying");
    await player.says(/it is tried again in \d+ s/i);
    await world.picture(page, `watch-source-retrying-${name.toLowerCase()}`);
    origin.refuse(null);
    await player.becomes("live");
    await player.moves();
  });
}

scenario("players of HLS and of WHEP wait for a source that they have opened", async (world) => {
  const origin = await originOf(world);
  const daemon = await world.daemon({ configuration: CONFIGURATION });
  const { playbackId } = await daemon.createStream("door", { type: "pull", source: origin.url });
  const { sources, source } = await (await fetch(`${daemon.url}/play/${playbackId}`)).json();
  assert.deepEqual(source, { state: "idle" });
  const hls = sources.find((/** @type {{ protocol: string }} */ { protocol }) => protocol === "hls");
  origin.hold();
  const site = await world.site({ "/": "<!doctype html><title>Somebody's site</title>" });
  const page = await world.page();
  await page.goto(site.url);
  await playByHls(page, hls.uri);
  await until("the source is asked", () => origin.asked === 1);
  const other = await page.context().newPage();
  await other.goto(`${daemon.url}/healthz`);
  const begun = playByWhep(other, playbackId);
  origin.release();
  await begun;
  await until("pictures come by WHEP", async () => (await received(other)).frames > 25);
  await page.bringToFront();
  await plays(page, 320, 3);
  assert.equal(origin.asked, 1, "there is one connection");

  // Who comes while it fails is told what it does.
  origin.refuse(503);
  const state = async () => (await (await fetch(`${daemon.url}/play/${playbackId}`)).json()).state;
  await until("the stream is over", async () => (await state()) === "idle");
  const third = await page.context().newPage();
  await third.goto(`${daemon.url}/healthz`);
  await assert.rejects(playByWhep(third, playbackId), /409 .*its source is retrying/);
});
