import { ROOT } from "./programs.js";
import { until } from "./wait.js";

/** @typedef {import("playwright-core").Page} Page */

const SCRIPT = `${ROOT}/tests/browser/node_modules/hls.js/dist/hls.js`;

/**
 * What hls.js 1.7 warns of that no playlist is the reason of: it sets the duration while a buffer is being filled, and
 * tries again; and it comes by parts of a segment that it had loaded as a whole.
 */
const OF_ITS_OWN = [/SourceBuffer blocked callback InvalidStateError: Failed to set the 'duration'/, /Need buffer at .* but next unloaded part starts at/];

/** What hls.js says of itself. @typedef {{ warnings: string[], time: number, latency: number, behind: number, sound: number, width: number, stalls: number }} Told */

/**
 * Begins to play by HLS, in low latency, on a page of any origin without a policy of its own.
 *
 * @param {Page} page
 * @param {string} uri
 */
export async function playByHls(page, uri) {
  await page.addScriptTag({ path: SCRIPT });
  await page.evaluate(play, uri);
}

/** @param {Page} page @returns {Promise<Told>} */
export async function told(page) {
  const told = /** @type {Told} */ (await page.evaluate(() => /** @type {any} */ (window).tell()));
  return { ...told, warnings: told.warnings.filter((warning) => !OF_ITS_OWN.some((own) => own.test(warning))) };
}

/** Waits until there are pictures of this width, and until they have moved on for so long. @param {Page} page @param {number} width @param {number} seconds */
export async function plays(page, width, seconds) {
  const words = () => told(page).then(JSON.stringify);
  await until("it plays", async () => (await told(page)).time > 0 && (await told(page)).width === width, { told: words });
  const begun = (await told(page)).time;
  await until(`it has played for ${seconds} seconds`, async () => (await told(page)).time > begun + seconds, { told: words });
}

/** In the page. @param {string} uri */
function play(uri) {
  const all = /** @type {any} */ (window);
  const warnings = /** @type {string[]} */ ([]);
  const warn = (/** @type {unknown[]} */ ...what) => warnings.push(what.join(" "));
  const quiet = () => {};
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const debug = { trace: quiet, debug: quiet, log: quiet, info: quiet, warn, error: warn };
  const hls = new all.Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5, debug });
  hls.on(all.Hls.Events.ERROR, (/** @type {unknown} */ _, /** @type {{ details: string }} */ { details }) => warn("error", details));
  let stalls = 0;
  video.addEventListener("waiting", () => (stalls += 1));
  hls.loadSource(uri);
  hls.attachMedia(video);
  void video.play();
  all.tell = () => ({
    warnings,
    time: video.currentTime,
    latency: hls.latency,
    behind: hls.playingDate ? (Date.now() - hls.playingDate.getTime()) / 1000 : Infinity,
    sound: /** @type {any} */ (video).webkitAudioDecodedByteCount,
    width: video.videoWidth,
    stalls,
  });
}
