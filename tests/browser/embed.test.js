/** The player on the pages of others: in a frame, and as an element of their own. */
import assert from "node:assert/strict";

import { Player } from "./lib/player.js";
import { scenario } from "./lib/scenario.js";
import { liveStream } from "./lib/streams.js";
import { until } from "./lib/wait.js";

const html = (/** @type {string} */ body) => `<!doctype html><meta charset="utf-8"><title>Somebody's site</title>${body}`;

scenario("the embedded page plays in a frame of another site, and no other page can be framed", async (world) => {
  const daemon = await world.daemon();
  const { stream } = await liveStream(world, daemon, "news");
  const site = await world.site({
    "/": html(`<iframe src="${daemon.url}/embed/${stream.playbackId}" style="width: 100%; max-width: 640px; aspect-ratio: 16 / 9" allow="autoplay; fullscreen"></iframe>`),
    "/watch": html(`<iframe src="${daemon.url}/v/${stream.playbackId}"></iframe>`),
    "/dashboard": html(`<iframe src="${daemon.url}/"></iframe>`),
  });
  const page = await world.page();
  await page.goto(site.url);
  const player = Player.in(page.frameLocator("iframe"));
  await player.part("start").click();
  await player.becomes("live");
  await player.moves();
  await player.showsPicture();
  await player.sounds();
  await world.picture(page, "embed-in-a-site");

  world.expectsViolation(/^Framing .* "frame-ancestors 'none'"/);
  for (const path of ["/watch", "/dashboard"]) {
    const answer = page.waitForResponse((response) => response.url().startsWith(daemon.url));
    await page.goto(site.url + path);
    assert.match((await answer).headers()["content-security-policy"] ?? "", /frame-ancestors 'none'/);
    const framed = page.frames().at(-1);
    await until(`the browser refuses to frame ${path}`, () => framed?.url().startsWith("chrome-error:"));
  }
});

scenario("the element plays on another site, and tells the page what happens", async (world) => {
  const daemon = await world.daemon();
  const { stream } = await liveStream(world, daemon, "news");
  const site = await world.site({
    "/": html(`
      <script type="module" src="${daemon.url}/player.js"></script>
      <stream-player server="${daemon.url}" playback-id="${stream.playbackId}" autoplay muted max-layer="1"></stream-player>
      <script>
        window.seen = [];
        const player = document.querySelector("stream-player");
        player.addEventListener("statechange", (event) => window.seen.push(event.detail.state));
      </script>`),
  });
  const page = await world.page();
  await page.goto(site.url);
  const player = Player.in(page);
  await player.becomes("live");
  await player.moves();
  await player.showsPicture();
  await player.figureIs("layers-live", "at most 2", (layers) => layers >= 1 && layers <= 2);
  await player.isSilent();
  const seen = await page.evaluate(() => /** @type {{ seen: string[] }} */ (/** @type {unknown} */ (window)).seen);
  assert.ok(seen.includes("live"), `events: ${seen}`);
  await player.press("mute");
  await player.sounds();
});

scenario("where the browser asks for a click before sound, the player does so too", async (world) => {
  const daemon = await world.daemon();
  await liveStream(world, daemon, "news");
  const page = await world.page({ needsClick: true });
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves();
  await player.isSilent();
  await player.part("sound-prompt").click();
  await player.sounds();
  await player.moves();
});
