import { built, Program } from "./programs.js";
import { until } from "./wait.js";

/**
 * What a link does: a share of datagrams that are lost, milliseconds each way, kilobits a second, milliseconds of
 * queue before that rate.
 *
 * @typedef {{ loss?: number, delay?: number, rate?: number, queue?: number, seed?: number }} Link
 */

/** A relay that loses, delays and limits UDP datagrams, and whose link changes when a test says so. */
export class Relay {
  #program;

  /** @param {Program} program @param {number} port */
  constructor(program, port) {
    this.#program = program;
    this.port = port;
  }

  /**
   * @param {number} port of the loopback address, to listen on
   * @param {number} target the port to send to
   * @param {Link} link
   */
  static async start(port, target, link) {
    const options = Object.entries(link).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const program = new Program(`relay ${port}`, built("lossy-relay"), [`127.0.0.1:${port}`, `127.0.0.1:${target}`, ...options]);
    await until(`the relay on port ${port} runs`, () => {
      program.stillRuns();
      return program.lines.some((line) => line.includes("Ctrl-C ends it"));
    });
    return new Relay(program, port);
  }

  get program() {
    return this.#program;
  }

  /**
   * Changes the link, and waits until the relay has it.
   *
   * @param {"loss" | "delay" | "queue" | "rate"} option
   * @param {number | "none"} value
   */
  async change(option, value) {
    const before = this.#program.lines.filter((line) => line.startsWith("changed:")).length;
    this.#program.say(`${option} ${value}`);
    await until(`the relay takes "${option} ${value}"`, () => this.#program.lines.filter((line) => line.startsWith("changed:")).length > before);
  }

  /** Nothing passes any more. */
  block() {
    return this.change("loss", 1);
  }

  /** What has come to the relay so far, as it told at last: towards the target, and back. */
  counts() {
    const line = this.#program.lines.findLast((line) => line.startsWith("there:")) ?? "";
    const [there, back] = [...line.matchAll(/(\d+) datagrams of (\d+) bytes, (\d+) lost, (\d+) over the rate/g)].map(
      ([, datagrams, bytes, lost, overflowed]) => ({
        datagrams: Number(datagrams),
        bytes: Number(bytes),
        lost: Number(lost),
        overflowed: Number(overflowed),
      }),
    );
    return there && back ? { there, back } : null;
  }

  /**
   * Bits a second that came back from the target lately: over so many of its lines, one a second.
   *
   * @param {number} seconds
   */
  async backRate(seconds) {
    const bytes = () => this.#program.lines.filter((line) => line.startsWith("there:")).map((line) => Number(/back: \d+ datagrams of (\d+) bytes/.exec(line)?.[1]));
    const start = bytes().length;
    const all = await until(`${seconds} seconds of the relay's figures`, () => {
      const now = bytes();
      return now.length > start + seconds && now;
    });
    return ((all[start + seconds] ?? 0) - (all[start] ?? 0)) * 8 / seconds;
  }
}
