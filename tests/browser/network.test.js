/** The player on networks as they are: UDP that is blocked, links of different width, a ceiling on the layers. */
import assert from "node:assert/strict";

import { Player, startTime, watchStart } from "./lib/player.js";
import { freeUdpPort } from "./lib/ports.js";
import { scenario } from "./lib/scenario.js";
import { liveStream } from "./lib/streams.js";
import { until } from "./lib/wait.js";

/** From the first attempt to the first picture, where UDP is blocked (milliseconds). */
const FOUND_OUT = 2000;
/** How often that is tried: a time that something else kept the machine busy says nothing of the player. */
const ATTEMPTS = 5;

scenario("where UDP is blocked from the beginning, the picture is there within two seconds by WebSocket", async (world) => {
  const { daemon } = await world.daemonBehindLinks({ viewer: { loss: 1 } });
  await liveStream(world, daemon, "news");
  const page = await world.page();
  await watchStart(page.context());
  const player = Player.in(page);
  let took = Infinity;
  for (let attempt = 1; attempt <= ATTEMPTS && took >= FOUND_OUT; attempt++) {
    await page.goto(`${daemon.url}/v/news`);
    took = await startTime(page);
    world.tell(`the first picture came after ${Math.round(took)} ms`);
  }
  assert.ok(took < FOUND_OUT, `the first picture came after ${Math.round(took)} ms`);
  await player.becomes("live");
  await player.moves();
  await player.showsPicture();
  assert.equal(await player.text("transport"), "WebSocket");
});

scenario("where UDP is blocked in the middle, the player goes on by WebSocket", async (world) => {
  const { daemon, viewerLink } = await world.daemonBehindLinks({});
  await liveStream(world, daemon, "news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves();
  assert.equal(await player.text("transport"), "WebTransport");
  await viewerLink.block();
  await until("the player goes on by WebSocket", async () => (await player.text("transport")) === "WebSocket");
  await player.becomes("live");
  await player.moves();
});

scenario("two players side by side, one behind a narrow link, show different layers", async (world) => {
  const { daemon, viewerLink } = await world.daemonBehindLinks({ viewer: { delay: 15 } });
  const narrowLink = await world.relay(await freeUdpPort(), daemon.ports.webtransport, { delay: 15, rate: 500 });
  const { stream } = await liveStream(world, daemon, "news", ["--input", "test://video", "--bitrate", "2500"]);
  // What an application does that finds its sources itself: the way to one of the players is another.
  const site = await world.site({
    "/": `<!doctype html><meta charset="utf-8"><title>Side by side</title>
      <style>body { display: flex; gap: 8px } stream-player { width: 620px }</style>
      <stream-player id="wide" muted autoplay server="${daemon.url}" playback-id="${stream.playbackId}"></stream-player>
      <stream-player id="narrow" muted server="${daemon.url}" playback-id="${stream.playbackId}"></stream-player>
      <script type="module">
        import "${daemon.url}/player.js";
        const narrow = document.getElementById("narrow");
        narrow.resolver = async (playbackId) => {
          const playable = await (await fetch("${daemon.url}/play/" + playbackId)).json();
          const lead = (source) => ({ ...source, uri: source.uri.replace(":${viewerLink.port}/", ":${narrowLink.port}/") });
          return { ...playable, sources: playable.sources.filter(({ protocol }) => protocol === "webtransport").map(lead) };
        };
        narrow.play();
      </script>`,
  });
  const page = await world.page();
  await page.goto(site.url);
  const [wide, narrow] = ["#wide", "#narrow"].map((id) => new Player(page.locator(id)));
  assert.ok(wide && narrow);
  await Promise.all([wide.moves(), narrow.moves()]);
  await Promise.all([wide.showsPicture(), narrow.showsPicture()]);
  let layers = [0, 0];
  await until(
    "the narrow link carries fewer layers than the wide one, for three seconds",
    async () => {
      for (let look = 0; look < 6; look++) {
        layers = await Promise.all([wide.figure("layers-live"), narrow.figure("layers-live")]);
        if (layers[0] === undefined || layers[1] === undefined || layers[1] < 1 || layers[0] <= layers[1]) return false;
        await wide.moves(12);
      }
      return true;
    },
    { told: () => `layers: ${layers.join(" and ")}` },
  );
  world.tell(`layers: ${layers.join(" and ")}`);
  await world.picture(page, "side-by-side");
});

scenario("the daemon does not send what is above the ceiling that a viewer sets", async (world) => {
  const { daemon, viewerLink } = await world.daemonBehindLinks({});
  await liveStream(world, daemon, "news");
  const page = await world.page();
  await page.goto(`${daemon.url}/v/news`);
  const player = Player.in(page);
  await player.moves(50);
  const { value: all } = await player.figureIs("layers-live", "3 or more", (layers) => layers >= 3);
  const rate = await viewerLink.backRate(3);

  await player.part("layer-select").selectOption({ value: "0" });
  await player.figureIs("layers-live", "1", (layers) => layers === 1);
  await until("the rate has fallen", async () => (await viewerLink.backRate(2)) < rate * 0.7);
  await player.moves();

  await player.part("layer-select").selectOption({ value: "" });
  await player.figureIs("layers-live", `${all} again`, (layers) => layers >= all);
});
