/** Cameras of the network: found, and one step from being streams. */
import assert from "node:assert/strict";
import { join } from "node:path";

import { Dashboard } from "./lib/dashboard.js";
import { Player } from "./lib/player.js";
import { Program, ROOT } from "./lib/programs.js";
import { scenario } from "./lib/scenario.js";
import { until } from "./lib/wait.js";

/** @typedef {import("./lib/scenario.js").World} World */

const PASSWORD = "hunter2@/%";

/**
 * One of the cameras of tests/e2e, and the numbers that it prints when it is ready.
 *
 * @param {World} world
 * @param {string} script
 * @param {string[]} options
 */
async function camera(world, script, options) {
  // The system's own Python has the system's modules; another one may be before it in the path.
  const program = world.run(new Program(script, "/usr/bin/python3", [join(ROOT, "tests/e2e", script), ...options]));
  const line = await until(`${script} is ready`, () => {
    program.stillRuns();
    return program.lines.find((line) => /^\d+( \d+)*$/.test(line));
  });
  return line.split(" ").map(Number);
}

scenario("cameras of the network are found, and become streams in one step", async (world) => {
  // An address of its own: other tests' cameras hear the same probes.
  const at = `127.${192 + (Math.trunc(process.pid / 62500) % 60)}.${Math.trunc(process.pid / 250) % 250}.${1 + (process.pid % 250)}`;
  const [rtsp] = await camera(world, "rtsp_camera.py", ["--address", at, "--password", PASSWORD]);
  const uri = `rtsp://${at}:${rtsp}/camera`;
  await camera(world, "onvif_camera.py", ["--address", at, "--password", PASSWORD, "--uri", uri]);
  const discover = { enabled: "true", interfaces: '["127.0.0.1"]' };
  const daemon = await world.daemon({ configuration: { pull: { allow_private: "true" }, discover } });
  // The name that is proposed is that of another stream.
  await daemon.createStream("front-door");
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.go("cameras");
  await world.picture(page, "dashboard-cameras");
  const device = page.locator(`[data-testid=camera][data-address="${at}"]`);
  // A probe may be lost on a machine that is busy.
  const find = () =>
    until("the camera is found", async () => {
      await page.getByTestId("find-cameras").click();
      await page.getByRole("button", { name: "Look again" }).waitFor();
      return (await device.count()) === 1;
    });
  await page.getByTestId("camera-addresses").fill(at);
  await find();
  const problem = device.getByTestId("camera-problem");
  assert.equal(await problem.getAttribute("data-reason"), "unauthorized");
  await world.picture(page, "dashboard-cameras-password");

  await page.getByTestId("camera-user").fill("admin");
  await page.getByTestId("camera-addresses").fill("front door");
  await page.getByTestId("find-cameras").click();
  await page.locator(".field-error", { hasText: /something else than IPv4 addresses/i }).waitFor();
  await page.getByTestId("camera-addresses").fill(at);
  await page.getByTestId("camera-password").fill(PASSWORD);
  await find();
  const source = device.getByTestId("camera-source");
  await source.waitFor();
  assert.equal(await problem.count(), 0);
  assert.match((await device.textContent()) ?? "", /Front door.*Example & Sons EX-1.*127\./);
  assert.match((await source.textContent()) ?? "", /H\.264, 320 × 240/);
  assert.equal(await source.locator("code").textContent(), uri);
  await world.picture(page, "dashboard-cameras-found");

  await source.getByTestId("add-camera").click();
  await source.locator(".field-error", { hasText: /there is a stream front-door already/i }).waitFor();
  await world.picture(page, "dashboard-cameras-name-taken");
  await source.getByTestId("camera-stream-name").fill("door");
  await source.getByTestId("add-camera").click();
  await source.getByTestId("camera-stream").waitFor();
  await world.picture(page, "dashboard-cameras-added");
  const { source: shown, type } = await daemon.api("GET", "/v1/streams/door");
  assert.deepEqual([type, shown], ["pull", `rtsp://***@${at}:${rtsp}/***`]);

  await source.getByTestId("camera-stream").click();
  await page.getByRole("heading", { level: 1, name: "door" }).waitFor();
  const preview = Player.in(page.getByTestId("preview"));
  await preview.press("start");
  await dashboard.sourceIs("live");
  await preview.moves();
  assert.ok(!(await page.content()).includes("hunter2"), "the password is in the page");
});

scenario("where no cameras are looked for, it is said how they would be", async (world) => {
  const daemon = await world.daemon();
  const page = await world.page();
  const dashboard = await Dashboard.signIn(page, daemon);
  await dashboard.go("cameras");
  await page.getByTestId("find-cameras").click();
  await page.getByTestId("problem").getByText(/STREAMD_DISCOVER_ENABLED/).waitFor();
  await world.picture(page, "dashboard-cameras-off");
});
