/** What other encoders made plays by WebCodecs. */
import assert from "node:assert/strict";

import { Player } from "./lib/player.js";
import { encodedMedia } from "./lib/publisher.js";
import { scenario } from "./lib/scenario.js";
import { isLive } from "./lib/streams.js";

for (const sound of /** @type {const} */ (["opus", "aac"])) {
  scenario(`H.264 and ${sound} play as they were encoded`, async (world) => {
    const daemon = await world.daemon();
    const stream = await daemon.createStream("box");
    await isLive(daemon, "box", world.run(encodedMedia(daemon, stream.streamKey, sound)));
    const { tracks } = await (await fetch(`${daemon.url}/play/${stream.playbackId}`)).json();
    assert.deepEqual(tracks.map((/** @type {{ codec: string }} */ { codec }) => codec), ["h264", sound]);
    const page = await world.page();
    await page.goto(`${daemon.url}/v/box`);
    const player = Player.in(page);
    await player.becomes("live");
    await player.moves(50);
    await player.showsPicture();
    await player.sounds();
  });
}
