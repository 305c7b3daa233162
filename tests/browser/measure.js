/**
 * What the player takes in headless Chromium: 720p at 25 frames a second, at several rates. Prints a table.
 * Started by `run --measure`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { cpus } from "node:os";

import { launchChromium } from "./lib/chromium.js";
import { children, cpuSeconds } from "./lib/cpu.js";
import { Daemon } from "./lib/daemon.js";
import { Player } from "./lib/player.js";
import { push } from "./lib/publisher.js";
import { stampedClip } from "./lib/stamped.js";
import { isLive } from "./lib/streams.js";

/** What is not measured: the session begins, and its rate settles. */
const WARM_UP = 8000;

/** @typedef {import("./lib/player.js").StreamPlayer} StreamPlayer */

const seconds = Number(process.argv[2] ?? 20);
const rates = (process.argv[3] ?? "2000,4000,8000").split(",").map(Number);
if (!(seconds > 0) || !rates.every((rate) => rate > 0)) {
  console.error("usage: tests/browser/run --measure [SECONDS [KBITS,...]]");
  process.exit(2);
}

/** The figures of a player now. @param {Player} player */
const stats = (player) =>
  player.element.evaluate((element) => {
    const { framesShown, framesDropped, picturesSkipped, layersLive, decodeMs, rate, unitsLost } = /** @type {any} */ (element).stats;
    return { framesShown, framesDropped: framesDropped + picturesSkipped, layersLive, decodeMs, rate, unitsLost };
  });

/** @param {Daemon} daemon @param {number} kbits */
async function measure(daemon, kbits) {
  const name = `at-${kbits}`;
  await daemon.createStream(name);
  const publisher = push(daemon, name, ["--input", await stampedClip({ width: 1280, height: 720 }), "--loop", "--bitrate", String(kbits), "--audio-bitrate", "128"]);
  await isLive(daemon, name, publisher);
  const others = children("chromium");
  const browser = await launchChromium();
  try {
    const own = children("chromium").find((pid) => !others.includes(pid));
    if (own === undefined) throw new Error("no process of Chromium is found");
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${daemon.url}/v/${name}`);
    const player = Player.in(page);
    await player.moves();
    await pause(WARM_UP);
    const [before, cpu, began] = [await stats(player), cpuSeconds(own), performance.now()];
    /** @type {{ layersLive: number, decodeMs: number, rate: number }[]} */
    const seen = [];
    while (performance.now() < began + seconds * 1000) {
      await pause(500);
      seen.push(await stats(player));
    }
    const [after, spent, took] = [await stats(player), cpuSeconds(own) - cpu, (performance.now() - began) / 1000];
    const mean = (/** @type {"layersLive" | "decodeMs" | "rate"} */ what) => seen.reduce((sum, each) => sum + each[what], 0) / seen.length;
    return [
      kbits,
      Math.round(mean("rate") / 1000),
      mean("layersLive").toFixed(1),
      ((after.framesShown - before.framesShown) / took).toFixed(1),
      after.framesDropped - before.framesDropped,
      after.unitsLost - before.unitsLost,
      mean("decodeMs").toFixed(1),
      `${((spent / took) * 100).toFixed(0)} %`,
    ];
  } finally {
    await browser.close();
    await publisher.stop();
  }
}

const daemon = await Daemon.start();
try {
  console.log(`720p25 for ${seconds} s each, on ${cpus().length} cores (${cpus()[0]?.model})\n`);
  console.log("| video, kbit/s | on the wire, kbit/s | layers | frames/s shown | dropped | lost | decode, ms | Chromium, of one core |");
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const kbits of rates) console.log(`| ${(await measure(daemon, kbits)).join(" | ")} |`);
} finally {
  await daemon.close();
}
