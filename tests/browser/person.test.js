/** The main thing, as a person does it: from signing in to a moving picture with sound, over links that lose datagrams. */
import assert from "node:assert/strict";
import { join } from "node:path";

import { Dashboard } from "./lib/dashboard.js";
import { compareCanvas, compareScreen, Player } from "./lib/player.js";
import { encoder } from "./lib/publisher.js";
import { scenario } from "./lib/scenario.js";
import { stampedClip } from "./lib/stamped.js";

/** The share of datagrams that each of both links loses. */
const LOSS = 0.1;
/** Pictures that are compared with the clip. */
const LOOKS = 20;
/** How like the clip they are: the mean of the luma PSNR, and the worst of nine in ten (dB). */
const MEAN_PSNR = 25;
const WORST_PSNR = 22;
/** How often that is tried: where something else keeps the machine busy, less is sent. */
const ATTEMPTS = 3;

scenario("a person makes a stream, publishes to it over a lossy link, and watches it over another", async (world) => {
  const clip = await stampedClip();
  const { daemon, viewerLink, publisherLink } = await world.daemonBehindLinks({
    publisher: { loss: LOSS, delay: 20, seed: 3 },
    viewer: { loss: LOSS, delay: 20, seed: 4 },
  });
  const page = await world.page({ permissions: ["clipboard-read", "clipboard-write"] });
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.createStream("my-first-stream");

  // The encoder is told what the person copied, and nothing else.
  const [address, key] = [await dashboard.copy("Ingest address"), await dashboard.copy("Stream key")];
  assert.match(address, /^udp:\/\/127\.0\.0\.1:\d+\/my-first-stream$/);
  assert.match(key, /^sk_/);
  world.run(encoder(clip, address, key, 2500));
  await dashboard.streamIs("live");

  const watching = await page.context().newPage();
  const playback = await dashboard.copy("Playback URL");
  // The stream's page has a preview: two players beside an encoder are more than two cores decode in time.
  await dashboard.go("streams");
  await watching.goto(playback);
  const player = Player.in(watching);
  await player.becomes("live");
  await player.moves(50);
  assert.equal(await player.text("transport"), "WebTransport");
  await player.sounds();
  await showsTheClip(world, player);
  const [screen] = await compareScreen(watching, player, join(world.folder, "screen"));
  world.tell(`the screen shows picture ${screen?.number} with ${screen?.psnr.toFixed(1)} dB`);
  assert.ok(screen && screen.psnr > WORST_PSNR, "what is on the screen is not the clip");
  await world.picture(watching, "watch-live");

  await player.figureIs("layers-live", "3 or more", (layers) => layers >= 3);
  assert.ok((await player.figure("layers-possible")) >= (await player.figure("layers-live")));
  const recovered = await player.figure("packets-recovered");
  await player.figureIs("packets-recovered", `more than ${recovered}`, (now) => now > recovered);
  assert.ok((await player.figure("packets-lost")) > 0);
  for (const link of [viewerLink, publisherLink]) assert.ok((link.counts()?.there.lost ?? 0) > 0, "a link lost nothing");

  await dashboard.openStream("my-first-stream");
  await page.getByTestId("pause").click();
  await player.becomes("paused");
  await dashboard.streamIs("paused");
  await page.getByTestId("resume").click();
  await player.becomes("live");
  await player.moves();

  await player.press("play");
  await player.becomes("stopped");
  await player.isSilent();
  await player.press("play");
  await player.becomes("live");
  await player.moves();
  await player.sounds();
});

/**
 * Fails where the picture does not move on, or is not that of the clip.
 *
 * @param {import("./lib/scenario.js").World} world
 * @param {Player} player
 */
async function showsTheClip(world, player) {
  for (let attempt = 1; ; attempt++) {
    const shown = await compareCanvas(player, LOOKS, join(world.folder, "pictures"));
    const psnr = shown.map((picture) => picture.psnr).sort((a, b) => a - b);
    const [mean, worst] = [psnr.reduce((sum, each) => sum + each, 0) / psnr.length, psnr[Math.floor(LOOKS / 10)] ?? 0];
    // A picture without its layer 0 has no number that can be read, and one of few layers may be misread.
    const numbers = shown.filter((picture) => picture.psnr > WORST_PSNR).map(({ number }) => number);
    const movesOn = numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0));
    world.tell(`pictures ${numbers.join(" ")}: PSNR ${mean.toFixed(1)} dB in the mean, ${worst.toFixed(1)} dB at worst`);
    if (movesOn && mean > MEAN_PSNR && worst > WORST_PSNR) return;
    assert.ok(attempt < ATTEMPTS, `the picture is not that of the clip: ${psnr.map((each) => each.toFixed(1)).join(" ")} dB, numbers ${numbers.join(" ")}`);
  }
}
