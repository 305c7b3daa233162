/** What a viewer is told when a stream begins, ends, is paused, archived, or when its daemon goes away. */
import { Player } from "./lib/player.js";
import { scenario } from "./lib/scenario.js";
import { liveStream, publish } from "./lib/streams.js";

scenario("a player waits for a publisher, says when it has gone, and plays when it returns", async (world) => {
  const daemon = await world.daemon();
  await daemon.createStream("news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.becomes("offline");
  await player.says(/waiting for the stream to start/i);
  await world.picture(page, "watch-offline");

  const first = await publish(world, daemon, "news");
  await player.becomes("live");
  await player.moves();
  await first.stop("SIGINT");
  await player.becomes("offline");

  await publish(world, daemon, "news");
  await player.becomes("live");
  await player.moves();
  await player.showsPicture();
});

scenario("a player says that its stream is paused, and goes on when it is resumed", async (world) => {
  const daemon = await world.daemon();
  await liveStream(world, daemon, "news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves();
  await daemon.api("POST", "/v1/streams/news/pause");
  await player.becomes("paused");
  await player.says(/paused/i);
  await world.picture(page, "watch-paused");
  await daemon.api("POST", "/v1/streams/news/resume");
  await player.becomes("live");
  await player.moves();
});

scenario("a player reconnects when its daemon is back", async (world) => {
  const daemon = await world.daemon();
  await liveStream(world, daemon, "news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves();
  await daemon.stop();
  await player.becomes("reconnecting");
  await world.picture(page, "watch-reconnecting");
  await daemon.launch();
  await player.becomes("live");
  await player.moves();
});

scenario("who watches a stream that is archived, or asks for one that never was, is told so", async (world) => {
  const daemon = await world.daemon();
  const { stream } = await liveStream(world, daemon, "news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves();
  await daemon.api("DELETE", "/v1/streams/news");
  await player.becomes("failed");
  await player.says(/no such stream/i);
  await world.picture(page, "watch-archived");

  for (const path of [`/v/${stream.playbackId}`, `/embed/${stream.playbackId}`, "/v/aaaaaaaaaaaaaaaa"]) {
    await page.goto(daemon.url + path);
    await page.getByText(/no such stream/i).first().waitFor();
  }
  await world.picture(page, "watch-unknown");
});
