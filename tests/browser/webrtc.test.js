/** WHIP in and WHEP out: Chromium publishes its camera and plays what others publish. */
import assert from "node:assert/strict";

import { scenario } from "./lib/scenario.js";
import { until } from "./lib/wait.js";
import { age, picture, playByWhep, publishByWhip, received } from "./lib/webrtc.js";

/** @typedef {import("./lib/daemon.js").Daemon} Daemon */
/** @typedef {import("./lib/scenario.js").World} World */

/** How late a picture may be that came by WHIP and goes by WHEP, in milliseconds. */
const LATEST = 400;

/**
 * A page of the daemon's origin without anything on it.
 *
 * @param {World} world
 * @param {Daemon} daemon
 */
async function emptyPage(world, daemon) {
  const page = await world.page();
  await page.goto(`${daemon.url}/healthz`);
  return page;
}

/** @param {Daemon} daemon @param {string} playbackId */
const playable = async (daemon, playbackId) => (await fetch(`${daemon.url}/play/${playbackId}`)).json();

for (const codec of ["VP8", "H264", "VP9", "AV1"]) {
  scenario(`a browser publishes its camera and microphone in ${codec}, and another one plays them`, async (world) => {
    const daemon = await world.daemon();
    const stream = await daemon.createStream("camera");
    const publisher = await emptyPage(world, daemon);
    const session = await publishByWhip(publisher, stream.streamKey, { codec: `video/${codec}` });
    await until("the stream is live with its tracks", async () => (await playable(daemon, stream.playbackId)).tracks.length === 2);
    const { tracks, sources } = await playable(daemon, stream.playbackId);
    assert.deepEqual(new Set(tracks.map((/** @type {{ codec: string }} */ track) => track.codec)), new Set([codec.toLowerCase(), "opus"]));
    assert.ok(sources.some((/** @type {{ protocol: string }} */ source) => source.protocol === "whep"), JSON.stringify(sources));

    const viewer = await emptyPage(world, daemon);
    const watching = await playByWhep(viewer, stream.playbackId);
    await until("pictures come", async () => (await received(viewer)).frames > 25);
    await until("sound is heard", async () => (await received(viewer)).energy > 0);
    const first = await picture(viewer);
    await until("the picture moves", async () => (await picture(viewer)).some((value, i) => Math.abs(value - first[i]) > 8));
    assert.equal((await received(viewer)).codec, `video/${codec}`);
    assert.equal((await fetch(daemon.url + watching, { method: "DELETE" })).status, 200);
    assert.equal((await fetch(daemon.url + watching, { method: "DELETE" })).status, 404);

    assert.equal((await fetch(daemon.url + session, { method: "DELETE" })).status, 200);
    await until("the stream is offline", async () => (await playable(daemon, stream.playbackId)).state === "offline");
  });
}

scenario("a picture is on screen within 400 ms of being drawn, also for those who join later", async (world) => {
  const daemon = await world.daemon();
  const stream = await daemon.createStream("stamps");
  await publishByWhip(await emptyPage(world, daemon), stream.streamKey, { source: "stamps" });
  await until("the stream is live with its tracks", async () => (await playable(daemon, stream.playbackId)).tracks.length === 2);
  for (const which of ["first", "second"]) {
    const viewer = await emptyPage(world, daemon);
    await playByWhep(viewer, stream.playbackId);
    await until("pictures come", async () => (await received(viewer)).frames > 25);
    /** @type {number[]} */
    const ages = [];
    await until(`the ${which} viewer's pictures are not late`, async () => {
      ages.push(await age(viewer));
      const last = ages.slice(-20);
      return last.length === 20 && Math.max(...last) < LATEST && Math.min(...last) >= 0;
    }, { told: () => ages.slice(-40).join(" ") });
    const last = ages.slice(-20).sort((a, b) => a - b);
    world.tell(`WHIP to WHEP, ${which} viewer: median ${last[10]} ms from the canvas to the screen, ${last[19]} ms at most`);
  }
});

scenario("keys, bodies and states that are wrong are refused in the words of HTTP", async (world) => {
  const daemon = await world.daemon();
  const stream = await daemon.createStream("camera");
  const sdp = { "content-type": "application/sdp" };
  /** @param {string} path @param {RequestInit} init */
  const ask = (path, init) => fetch(daemon.url + path, init);
  /** @param {string} path @param {Record<string, string>} headers @param {string} body */
  const post = async (path, headers, body = "v=0") => (await ask(path, { method: "POST", headers, body })).status;

  const page = await emptyPage(world, daemon);
  await assert.rejects(publishByWhip(page, "sk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), /401/);
  await assert.rejects(publishByWhip(page, "", { url: "/whip/sk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }), /404/);
  await assert.rejects(playByWhep(page, stream.playbackId), /409/);
  const unsigned = await ask("/whip", { method: "POST", headers: sdp, body: "v=0" });
  assert.equal(unsigned.status, 401);
  assert.match(unsigned.headers.get("www-authenticate") ?? "", /^Bearer/);
  const key = { authorization: `Bearer ${stream.streamKey}` };
  assert.equal(await post("/whip", { ...key, "content-type": "text/plain" }), 415);
  assert.equal(await post("/whip", { ...key, ...sdp }, "hello"), 400);
  assert.equal(await post("/whip", { ...key, ...sdp }, "a".repeat(70_000)), 413);
  assert.equal(await post("/play/nothing/webrtc", sdp), 404);
  assert.equal((await ask("/whip", { method: "GET" })).status, 405);
  assert.equal((await ask("/whip/session/none", { method: "DELETE" })).status, 404);
  const options = await ask("/whip", { method: "OPTIONS" });
  assert.ok(options.ok);
  assert.equal(options.headers.get("accept-post"), "application/sdp");
  assert.equal((await playable(daemon, stream.playbackId)).state, "offline");
});

scenario("candidates may come late, and only for their session", async (world) => {
  const daemon = await world.daemon();
  const stream = await daemon.createStream("camera");
  const page = await emptyPage(world, daemon);
  const session = await publishByWhip(page, "", { url: `/whip/${stream.streamKey}` });
  assert.ok(!session.includes(stream.streamKey));
  const { etag, ufrag } = await page.evaluate(() => {
    const { connection, etag } = /** @type {import("./lib/webrtc.js").Kept} */ (/** @type {unknown} */ (window)).webrtc;
    return { etag: etag ?? "", ufrag: /a=ice-ufrag:(\S+)/.exec(connection.localDescription?.sdp ?? "")?.[1] };
  });
  /** @param {Record<string, string>} headers @param {string} [name] */
  const patch = async (headers, name = ufrag) =>
    (await fetch(daemon.url + session, { method: "PATCH", headers, body: `a=ice-ufrag:${name}\r\na=ice-pwd:x\r\na=end-of-candidates\r\n` })).status;
  const kind = { "content-type": "application/trickle-ice-sdpfrag" };
  assert.equal(await patch({ ...kind, "if-match": etag }), 204);
  assert.equal(await patch({ ...kind, "if-match": '"other"' }), 412);
  assert.equal(await patch(kind), 428);
  assert.equal(await patch({ "if-match": etag, "content-type": "application/sdp" }), 415);
  assert.equal(await patch({ ...kind, "if-match": etag }, "another"), 422);
});
