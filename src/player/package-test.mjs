// Packs the npm package as `npm publish` would, and uses it as an application does: type-checks against it, imports it
// on a server, and builds a page with it. Needs dist/ (`npm run build`).
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const HERE = new URL(".", import.meta.url).pathname;
const NAME = "@mirrorfractal/stream-player";
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");

const COMPONENT = `
import { StreamPlayerElement, type PlayerStats, type Playable } from "${NAME}";
const player: StreamPlayerElement = document.createElement("stream-player");
player.playbackId = "7r3kd2m5qxvnh4ta";
player.maxLayer = null;
player.resolver = async (playbackId): Promise<Playable> => (await fetch("/find/" + playbackId)).json();
player.addEventListener("statechange", (event) => console.log(event.detail.state, event.detail.error?.message));
player.addEventListener("stats", (event) => { const stats: PlayerStats = event.detail; console.log(stats.layersLive); });
player.addEventListener("click", (event) => console.log(event.clientX));
document.body.append(player);
await player.play();
`;

const WRAPPER = `
import { createRef } from "react";
import type { StreamPlayerElement } from "${NAME}";
import { Player } from "${NAME}/react";
const player = createRef<StreamPlayerElement>();
export const app = (
  <Player
    contentType="live"
    contentId="7r3kd2m5qxvnh4ta"
    server="https://live.example.com"
    options={{ autoplay: true, muted: true, maxLayer: 3, latency: 500 }}
    onStateChange={(state, error) => console.log(state, error?.code)}
    onStats={(stats) => console.log(stats.packetsRecovered)}
    playerRef={player}
  />
);
`;

let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "stream-player-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: HERE });
  const [{ filename }] = JSON.parse(stdout);
  const home = join(folder, "node_modules", NAME);
  await mkdir(home, { recursive: true });
  await run("tar", ["xzf", join(folder, filename), "--strip-components", "1", "-C", home]);
  await mkdir(join(folder, "node_modules/@types"));
  for (const name of ["react", "@types/react"]) {
    await symlink(join(HERE, "node_modules", name), join(folder, "node_modules", name));
  }
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await writeFile(join(folder, "component.ts"), COMPONENT);
  await writeFile(join(folder, "wrapper.tsx"), WRAPPER);
});

after(() => rm(folder, { recursive: true, force: true }));

/** Type-checks files in the application's folder; tells what the compiler says. */
async function typeCheck(resolution, ...files) {
  const module = resolution === "nodenext" ? "nodenext" : "esnext";
  const options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--jsx", "react-jsx"];
  const how = ["--module", module, "--moduleResolution", resolution];
  return run(process.execPath, [TSC, ...options, ...how, ...files], { cwd: folder }).then(
    () => "",
    (error) => error.stdout,
  );
}

test("the package holds the player, its types, its readme and its licences, and nothing else", async () => {
  const home = join(folder, "node_modules", NAME);
  const files = await readdir(home, { recursive: true, withFileTypes: true });
  const names = files.filter((file) => file.isFile()).map((file) => join(file.parentPath ?? file.path, file.name).slice(home.length + 1));
  for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "package.json", "dist/player.js", "dist/react.js"]) {
    assert.ok(names.includes(name), `${name} is missing among ${names}`);
  }
  const strange = names.filter((name) => !/^(README\.md|LICENSE-\w+|package\.json|dist\/(player|react)\.js|dist\/types\/.*\.d\.ts)$/.test(name));
  assert.deepEqual(strange, []);
});

for (const resolution of ["bundler", "nodenext"]) {
  test(`an application type-checks against it with ${resolution} resolution`, async () => {
    assert.equal(await typeCheck(resolution, "component.ts", "wrapper.tsx"), "");
  });
}

test("wrong use does not type-check", async () => {
  await writeFile(join(folder, "wrong.tsx"), WRAPPER.replace('contentType="live"', 'contentType="film"'));
  assert.match(await typeCheck("bundler", "wrong.tsx"), /wrong\.tsx.*"film"/);
});

test("a server can import both entries", async () => {
  const script = `
    const { StreamPlayerElement } = await import("${NAME}");
    const { Player } = await import("${NAME}/react");
    console.log(typeof StreamPlayerElement, typeof Player);
  `;
  await writeFile(join(folder, "server.mjs"), script);
  const { stdout } = await run(process.execPath, ["server.mjs"], { cwd: folder });
  assert.equal(stdout.trim(), "function function");
});

test("a bundler makes one file of it, with everything inside", async () => {
  await writeFile(join(folder, "index.html"), '<!doctype html><script type="module" src="/component.ts"></script>');
  const { build } = await import("vite");
  await build({ root: folder, configFile: false, logLevel: "error", build: { target: "es2022", outDir: "out" } });
  const assets = await readdir(join(folder, "out/assets"));
  assert.equal(assets.length, 1, `more than one file: ${assets}`);
  const text = await readFile(join(folder, "out/assets", assets[0]), "utf8");
  assert.match(text, /stream-player/);
  const packed = await readFile(join(folder, "node_modules", NAME, "dist/player.js"), "utf8");
  assert.doesNotMatch(packed, /new URL\("[^"]*\.(wasm|js)"/, "the package would load a file from beside it");
});
