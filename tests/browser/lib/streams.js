import { push } from "./publisher.js";
import { until } from "./wait.js";

/** @typedef {import("./scenario.js").World} World */
/** @typedef {import("./daemon.js").Daemon} Daemon */

/** A small picture and a tone, which cost little beside a browser on two cores. */
export const TEST_PICTURE = ["--input", "test://", "--bitrate", "800", "--audio-bitrate", "96"];

/**
 * Publishes to a stream, and waits until it is live.
 *
 * @param {World} world
 * @param {Daemon} daemon
 * @param {string} name
 * @param {string[]} [input]
 */
export async function publish(world, daemon, name, input = TEST_PICTURE) {
  const publisher = world.run(push(daemon, name, input));
  await isLive(daemon, name, publisher);
  return publisher;
}

/**
 * @param {Daemon} daemon
 * @param {string} name
 * @param {import("./programs.js").Program} publisher
 */
export async function isLive(daemon, name, publisher) {
  await until(`${name} is live`, async () => {
    publisher.stillRuns();
    return (await daemon.api("GET", `/v1/streams/${name}`)).state === "live";
  });
}

/**
 * A new stream that is live.
 *
 * @param {World} world
 * @param {Daemon} daemon
 * @param {string} name
 * @param {string[]} [input]
 */
export async function liveStream(world, daemon, name, input) {
  const stream = await daemon.createStream(name);
  return { stream, publisher: await publish(world, daemon, name, input) };
}
