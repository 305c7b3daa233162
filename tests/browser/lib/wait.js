import { setTimeout as pause } from "node:timers/promises";

/** How long anything may take that has no time of its own: a busy machine is slow, and not broken. */
export const PATIENCE = 40_000;
/** How often a condition is looked at while it is waited for. */
const LOOK = 50;

/** What was last waited for: tells where a scenario got stuck. */
let latest = "nothing";

/** For people: what was last waited for. */
export const lastWaitedFor = () => `the last that was waited for: ${latest}`;

/**
 * What a promise gives, or an error where it has not within this time: pages and programs may never answer.
 *
 * @template T
 * @param {string} what says in the error what did not happen
 * @param {Promise<T> | T} promise
 * @param {number} [within] milliseconds
 * @param {() => unknown} [told] what to add to the error
 * @returns {Promise<T>}
 */
export async function within(what, promise, within = PATIENCE, told = () => "") {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error([`not within ${within / 1000} s: ${what}`, told()].filter(Boolean).join("\n"))), within);
  });
  try {
    return await /** @type {Promise<T>} */ (Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits until `look` gives something that is not false, null or undefined, and gives that. What it throws counts as
 * no; the last of that is in the error.
 *
 * @template T
 * @param {string} what says in an error which condition did not come true
 * @param {() => T | Promise<T>} look
 * @param {{ within?: number, told?: () => unknown }} [options] milliseconds, and what to add to an error
 * @returns {Promise<NonNullable<Exclude<T, false>>>}
 */
export async function until(what, look, { within: patience = PATIENCE, told = () => "" } = {}) {
  const deadline = performance.now() + patience;
  latest = what;
  /** @type {unknown} */
  let trouble = "";
  for (;;) {
    try {
      const seen = await within(`${what}: no answer`, look(), Math.max(deadline - performance.now(), LOOK));
      if (seen !== false && seen !== null && seen !== undefined) {
        return /** @type {NonNullable<Exclude<T, false>>} */ (seen);
      }
      trouble = "";
    } catch (error) {
      trouble = error instanceof Error ? error.message : error;
    }
    if (performance.now() > deadline) {
      const more = [trouble, told()].filter(Boolean).map((part) => `\n${part}`);
      throw new Error(`not within ${patience / 1000} s: ${what}${more.join("")}`);
    }
    await pause(LOOK);
  }
}
