// Finishes pages/dist for streamd to build in: the player that other sites load beside the pages, and beside every
// file that gains by it one in brotli and one in gzip, so that the daemon never compresses anything itself.
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const PAGES = new URL("pages/dist/", import.meta.url).pathname;
const PLAYER = new URL("dist/player.js", import.meta.url).pathname;
const COMPRESSIBLE = /\.(html|js|css|wasm|svg|json|txt)$/;
// Below this the headers cost more than is won.
const LEAST = 512;

const encodings = [
  [".br", (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })],
  [".gz", (bytes) => promisify(gzip)(bytes, { level: 9 })],
];

async function compress(path) {
  const bytes = await readFile(path);
  if (bytes.length < LEAST) return;
  for (const [end, encode] of encodings) {
    const encoded = await encode(bytes);
    if (encoded.length < bytes.length * 0.95) await writeFile(path + end, encoded);
  }
}

async function* files(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

try {
  await copyFile(PLAYER, join(PAGES, "player.js"));
} catch (error) {
  if (error.code !== "ENOENT") throw error;
  throw new Error("dist/player.js is not there: run `npm run build` first");
}
for await (const path of files(PAGES)) {
  if (COMPRESSIBLE.test(path)) await compress(path);
}
