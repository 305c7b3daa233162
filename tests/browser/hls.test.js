/** What an ordinary encoder sends by RTMP plays by HLS in hls.js, the player of most pages. */
import assert from "node:assert/strict";

import { playByHls, plays, told } from "./lib/hls.js";
import { Program } from "./lib/programs.js";
import { scenario } from "./lib/scenario.js";
import { isLive } from "./lib/streams.js";
import { until } from "./lib/wait.js";

/** The latency that is promised, in seconds. */
const MOST_LATENCY = 2.5;

/**
 * Test picture and tone as H.264 with B-frames and AAC.
 *
 * @param {string} address
 */
function encoder(address) {
  const input = ["-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000"];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "800k", "-bf", "2", "-g", "50"];
  return new Program("ffmpeg", "ffmpeg", ["-v", "error", ...input, ...video, "-c:a", "aac", "-ac", "2", "-f", "flv", address]);
}

scenario("hls.js plays what an encoder sends by RTMP, in low latency, without a warning", async (world) => {
  const daemon = await world.daemon();
  const stream = await daemon.createStream("box");
  await isLive(daemon, "box", world.run(encoder(`${stream.ingest.rtmp}/${stream.streamKey}`)));
  const site = await world.site({ "/": "<!doctype html><title>Somebody's site</title>" });
  const page = await world.page();
  await page.goto(site.url);
  await playByHls(page, `${daemon.url}/play/${stream.playbackId}/hls/index.m3u8`);
  await plays(page, 640, 8);
  // What a busy machine lost at the start is caught up with.
  await until("it plays in low latency", async () => (await told(page)).behind < MOST_LATENCY);
  const { warnings, latency, behind, sound, stalls } = await told(page);
  world.tell(`latency ${latency.toFixed(2)} s, ${behind.toFixed(2)} s behind what came in, ${stalls} stalls`);
  assert.deepEqual(warnings, []);
  assert.ok(sound > 10_000, "there is sound");
});
