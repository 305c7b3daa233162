import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BUILT, built, Program } from "./programs.js";

/** Pictures a second of the clip, and how many it has: more than the longest test watches. */
export const FRAME_RATE = 25;
export const FRAMES = 3500;
/** Its size: with 720p an encoder, two relays, a daemon and a browser that draws without a GPU take all of two cores. */
export const SIZE = { width: 640, height: 360 };

/** A picture of a screen: the number that it shows, and its luma PSNR against that picture of the clip, in dB. @typedef {{ file: string, number: number, psnr: number }} Compared */

/**
 * The bundled clip at 25 frames a second with sound, with the number of each picture in its upper left corner; made once.
 *
 * @param {{ width: number, height: number }} [size]
 */
export async function stampedClip({ width, height } = SIZE) {
  const folder = join(BUILT, "browser-tests");
  const file = join(folder, `stamped-${width}x${height}-${FRAMES}.mkv`);
  if (existsSync(file)) return file;
  await mkdir(folder, { recursive: true });
  const part = join(folder, `part-${process.pid}.mkv`);
  const parameters = ["write", part, "--frames", String(FRAMES), "--width", String(width), "--height", String(height)];
  await new Program("stamped-clip write", built("stamped-clip"), parameters).succeeds();
  await rename(part, file);
  return file;
}

/**
 * Compares pictures of a screen, PNG of the clip's size, with the clip.
 *
 * @param {Buffer[]} pictures
 * @param {string} folder to keep them in
 * @param {number} [coveredRows] rows at the bottom that do not count, because controls lie over them
 * @returns {Promise<Compared[]>}
 */
export async function compare(pictures, folder, coveredRows = 0) {
  await mkdir(folder, { recursive: true });
  const files = pictures.map((_, i) => join(folder, `picture-${i}.png`));
  await Promise.all(pictures.map((picture, i) => writeFile(files[i] ?? "", picture)));
  const parameters = ["compare", "--covered-rows", String(coveredRows), ...files];
  const lines = await new Program("stamped-clip compare", built("stamped-clip"), parameters).succeeds();
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}
