import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { within } from "./wait.js";

/** The repository. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
/** Where cargo puts what it builds. */
export const BUILT = join(resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target"), process.env.PROFILE ?? "debug");
/** Where tests put what people may want to look at. */
export const OUT = join(ROOT, "out");

/** Lines of a program's output that are kept. */
const KEPT = 2000;
/** How long a program may take that is waited for (ms). */
const LONGEST = 120_000;

/** @type {Set<Program>} */
const running = new Set();
// Whatever ends the tests, nothing goes on without them.
process.on("exit", () => running.forEach((program) => program.killNow()));
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => process.exit(130));
}

/**
 * A program of this repository.
 *
 * @param {string} name
 */
export function built(name) {
  const file = join(BUILT, name);
  if (!existsSync(file)) throw new Error(`no ${file}: build it with \`cargo build --workspace\``);
  return file;
}

/** A running program, and the last of what it said. */
export class Program {
  /** @type {string[]} */
  #lines = [];
  #child;
  /** @type {Promise<void>} */
  #ended;
  /** @type {string | null} */
  #end = null;

  /**
   * @param {string} name for people
   * @param {string} file
   * @param {string[]} parameters
   * @param {Record<string, string>} [environment] added to that of the tests
   */
  constructor(name, file, parameters, environment = {}) {
    this.name = name;
    this.#child = spawn(file, parameters, {
      cwd: ROOT,
      env: { ...process.env, GST_PLUGIN_PATH: BUILT, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(this);
    this.#keep(this.#child.stdout);
    this.#keep(this.#child.stderr);
    // It may have ended before it reads a line.
    this.#child.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      /** @param {string} how */
      const end = (how) => {
        this.#end = how;
        running.delete(this);
        resolve();
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** The process, where it has begun. */
  get pid() {
    return this.#child.pid;
  }

  /** The last lines that it printed, standard output and error together. */
  get lines() {
    return this.#lines;
  }

  /** How it ended; null while it runs. */
  get end() {
    return this.#end;
  }

  /** Gives it a line on standard input. @param {string} line */
  say(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Fails where it has ended. */
  stillRuns() {
    if (this.#end !== null) throw new Error(`${this.name} has ended: ${this.#end}\n${this.#lines.slice(-10).join("\n")}`);
  }

  /** Waits for its end, which has to be a success. */
  async succeeds() {
    const told = () => this.#lines.slice(-10).join("\n");
    await within(`${this.name} ends`, this.#ended, LONGEST, told).finally(() => this.killNow());
    if (this.#end !== "exit code 0") throw new Error(`${this.name}: ${this.#end}\n${this.#lines.join("\n")}`);
    return this.#lines;
  }

  /**
   * Asks it to end, and kills it where it has not within ten seconds.
   *
   * @param {NodeJS.Signals} [signal]
   */
  async stop(signal = "SIGTERM") {
    if (this.#end !== null) return;
    this.#child.kill(signal);
    const late = setTimeout(() => this.killNow(), 10_000);
    await this.#ended;
    clearTimeout(late);
  }

  /** Kills it as `kill -9` does, without waiting. */
  killNow() {
    this.#child.kill("SIGKILL");
  }

  /** @param {NodeJS.ReadableStream} stream */
  #keep(stream) {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (/** @type {string} */ text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#lines.splice(0, Math.max(0, this.#lines.length - KEPT));
    });
  }
}
