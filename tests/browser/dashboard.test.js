/** The dashboard: signing in, streams, keys, webhooks. */
import assert from "node:assert/strict";

import { Dashboard } from "./lib/dashboard.js";
import { Player } from "./lib/player.js";
import { scenario } from "./lib/scenario.js";
import { liveStream } from "./lib/streams.js";
import { until } from "./lib/wait.js";

const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };

scenario("a wrong key is refused, the right one opens a session that scripts cannot read, and signing out ends it", async (world) => {
  const daemon = await world.daemon();
  const page = await world.page();
  await page.goto(`${daemon.url}/`);
  await page.getByTestId("sign-in").waitFor();
  await world.picture(page, "dashboard-sign-in");
  await page.getByLabel("API key").fill("ak_not0a0key0of0this0daemon00");
  await page.getByTestId("sign-in").click();
  await page.getByTestId("problem").waitFor();
  await world.picture(page, "dashboard-wrong-key");

  await Dashboard.signIn(page, daemon);
  const [cookie, ...others] = await page.context().cookies();
  assert.ok(cookie?.httpOnly && cookie.sameSite === "Strict" && others.length === 0, JSON.stringify([cookie, ...others]));
  assert.ok(!cookie.value.includes(daemon.key));
  assert.equal(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })), "{}");
  await page.reload();
  await page.getByTestId("first-run").waitFor();
  await world.picture(page, "dashboard-first-run");

  await page.getByTestId("sign-out").click();
  await page.getByTestId("sign-in").waitFor();
  assert.equal(await page.evaluate(async () => (await fetch("/session")).status), 401);
  const stolen = await fetch(`${daemon.url}/session`, { headers: { cookie: `${cookie.name}=${cookie.value}`, "x-stream-dashboard": "1" } });
  assert.equal(stolen.status, 401, "the session goes on after signing out");
});

scenario("streams are created, found, changed and archived", async (world) => {
  const daemon = await world.daemon();
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await page.getByTestId("create-stream").click();
  await page.getByTestId("stream-name").fill("Not a name!");
  await page.getByTestId("create-stream-submit").click();
  await page.locator("[aria-invalid=true]").waitFor();
  await world.picture(page, "dashboard-create-stream");
  await page.getByTestId("stream-name").fill("news");
  await page.getByTestId("stream-layers").fill("9");
  await page.getByTestId("create-stream-submit").click();
  await page.getByRole("heading", { level: 1, name: "news" }).waitFor();
  assert.equal((await daemon.api("GET", "/v1/streams/news")).layers, 9);
  await world.picture(page, "dashboard-stream-offline");

  await page.getByTestId("edit-stream").click();
  await page.getByTestId("stream-description").fill("What happens in town");
  await page.getByTestId("save-stream").click();
  await page.getByText("What happens in town").waitFor();
  assert.equal((await daemon.api("GET", "/v1/streams/news")).description, "What happens in town");

  await daemon.createStream("sports");
  await dashboard.go("streams");
  await page.getByTestId("stream-row").nth(1).waitFor();
  await world.picture(page, "dashboard-streams");
  await page.getByTestId("search-streams").fill("spo");
  await until("only the stream that is searched for", async () => (await page.getByTestId("stream-row").count()) === 1);

  await dashboard.openStream("sports");
  await page.getByTestId("archive-stream").click();
  await page.getByTestId("confirm-archive").click();
  await until("the stream is archived", () => daemon.api("GET", "/v1/streams/sports").then(() => false, () => true));
});

scenario("the page of a live stream shows it, with figures and charts that move", async (world) => {
  const { daemon } = await world.daemonBehindLinks({ publisher: { loss: 0.05 } });
  const page = await world.page();
  await liveStream(world, daemon, "news");
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.openStream("news");
  await dashboard.streamIs("live");
  const preview = Player.in(page.getByTestId("preview"));
  if (await preview.part("start").isVisible()) await preview.part("start").click();
  await preview.moves();
  await preview.showsPicture();
  const points = async () => Number(await page.getByTestId("chart-rate").getAttribute("data-points"));
  const first = await points();
  await until("the chart of the rate grows", async () => (await points()) >= first + 5);
  const figure = async (/** @type {string} */ id) => Number((await page.locator(".figures").getByTestId(id).textContent())?.replace(/[^\d]/g, ""));
  await until("the preview is counted as a viewer", async () => (await figure("viewers")) === 1);
  const recovered = await until("packets were recovered", () => figure("packets-recovered"));
  await until("more packets are recovered", async () => (await figure("packets-recovered")) > recovered);
  await world.picture(page, "dashboard-stream-live");
});

scenario("a stream key is hidden until it is asked for, and a new one cuts off who has the old one", async (world) => {
  const daemon = await world.daemon();
  const page = await world.page(CLIPBOARD);
  const { stream } = await liveStream(world, daemon, "news");
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.openStream("news");
  assert.ok(!(await page.content()).includes(stream.streamKey), "the key is in the page before it is asked for");
  await page.getByTestId("show-stream-key").click();
  assert.equal(await page.getByTestId("stream-key").textContent(), stream.streamKey);
  assert.equal(await dashboard.copy("Stream key"), stream.streamKey);

  await page.getByTestId("rotate-stream-key").click();
  await page.getByTestId("confirm-rotate").click();
  await until("another key is shown", async () => (await page.getByTestId("stream-key").textContent()) !== stream.streamKey);
  const fresh = await dashboard.copy("Stream key");
  assert.equal(fresh, (await daemon.api("GET", "/v1/streams/news")).streamKey);
  const old = await fetch(`${daemon.url}/v1/ingest`, { headers: { authorization: `Bearer ${stream.streamKey}` } });
  assert.equal(old.status, 401);
});

scenario("a key with fewer rights sees less, and signs nobody in once it is revoked", async (world) => {
  const daemon = await world.daemon();
  await daemon.createStream("news");
  const page = await world.page(CLIPBOARD);
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.go("keys");
  await page.getByTestId("create-key").click();
  await page.getByTestId("key-name").fill("for the screen in the hall");
  for (const scope of ["streams:read", "streams:write", "ingest"]) await page.getByTestId(`scope-${scope}`).setChecked(scope === "streams:read");
  await world.picture(page, "dashboard-create-key");
  await page.getByTestId("create-key-submit").click();
  const key = (await page.getByTestId("new-key").textContent())?.trim() ?? "";
  assert.match(key, /^ak_/);
  assert.equal(await dashboard.copy("API key"), key);
  await page.getByTestId("secret-kept").click();
  const row = page.getByTestId("key-row").filter({ hasText: "for the screen in the hall" });
  await row.waitFor();
  await world.picture(page, "dashboard-keys");

  const hall = await world.page();
  const lesser = await Dashboard.signIn(hall, daemon, key);
  await lesser.openStream("news");
  assert.equal(await hall.getByTestId("pause").count() + await hall.getByTestId("create-stream").count(), 0);
  assert.ok(!(await hall.content()).includes((await daemon.api("GET", "/v1/streams/news")).streamKey));
  await world.picture(hall, "dashboard-lesser-key");

  await row.getByTestId("revoke-key").click();
  await page.getByTestId("confirm-revoke").click();
  await row.getByText(/revoked/).waitFor();
  await hall.getByTestId("sign-in").waitFor();
  await hall.getByLabel("API key").fill(key);
  await hall.getByTestId("sign-in").click();
  await hall.getByTestId("problem").waitFor();
});

scenario("a webhook is told what happens, and the dashboard shows what became of it", async (world) => {
  const daemon = await world.daemon({ configuration: { webhooks: { allow_private: "true" } } });
  const receiver = await world.site();
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.go("webhooks");
  await page.getByTestId("create-webhook").click();
  await page.getByTestId("webhook-url").fill(`${receiver.url}/hook`);
  await world.picture(page, "dashboard-create-webhook");
  await page.getByTestId("create-webhook-submit").click();
  await page.getByTestId("webhook-secret").waitFor();
  await page.getByTestId("secret-kept").click();
  await page.getByTestId("webhook-row").getByRole("link").first().click();
  await page.getByTestId("test-webhook").click();
  await until("the test came", () => receiver.posted.length > 0);
  await daemon.createStream("news");
  await until("the new stream is told", () => receiver.posted.some(({ type }) => type === "stream.created"));
  const delivered = page.locator('[data-testid="delivery-row"][data-state="delivered"]');
  await until("both deliveries are shown", async () => (await delivered.count()) >= 2);
  await world.picture(page, "dashboard-webhook");
  await dashboard.go("webhooks");
  await page.getByTestId("webhook-row").waitFor();
  await world.picture(page, "dashboard-webhooks");
});
