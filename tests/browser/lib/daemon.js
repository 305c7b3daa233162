import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freeTcpPort, freeUdpPort } from "./ports.js";
import { built, Program } from "./programs.js";
import { until } from "./wait.js";

/** The daemon's `[section]`s of configuration, each with keys and values as TOML writes them. @typedef {Record<string, Record<string, string>>} Configuration */

/** The real `streamd` on ports of its own, with a data folder of its own. */
export class Daemon {
  /** @type {Program[]} */
  #programs = [];

  /**
   * @param {string} folder
   * @param {{ http: number, fql: number, webtransport: number }} ports
   */
  constructor(folder, ports) {
    this.folder = folder;
    this.ports = ports;
    /** The administrator's API key. */
    this.key = `ak_${randomBytes(20).toString("hex")}`;
    this.url = `http://127.0.0.1:${ports.http}`;
  }

  /**
   * Starts one. Where a port is given to `advertise`, publishers or browsers are told that one: a relay's.
   *
   * @param {{ configuration?: Configuration, advertise?: { fql?: number, webtransport?: number } }} [options]
   */
  static async start({ configuration = {}, advertise = {} } = {}) {
    const ports = { http: await freeTcpPort(), fql: await freeUdpPort(), webtransport: await freeUdpPort() };
    const daemon = new Daemon(await mkdtemp(join(tmpdir(), "streamd-")), ports);
    /** @type {Configuration} */
    const all = { limits: { requests_per_minute: "6000", anonymous_requests_per_minute: "6000" }, ...configuration };
    for (const [section, port] of Object.entries(advertise)) {
      all[section] = { ...all[section], advertise: `["127.0.0.1:${port}"]` };
    }
    const lines = Object.entries(all).flatMap(([section, keys]) => [`[${section}]`, ...Object.entries(keys).map(([key, value]) => `${key} = ${value}`)]);
    await writeFile(join(daemon.folder, "streamd.toml"), `${lines.join("\n")}\n`);
    await daemon.launch();
    return daemon;
  }

  /** Starts it, or starts it again on the same ports and data. */
  async launch() {
    const { http, fql, webtransport } = this.ports;
    const parameters = ["--config", join(this.folder, "streamd.toml"), "--data", join(this.folder, "data")];
    const listen = ["--http", `127.0.0.1:${http}`, "--fql", `127.0.0.1:${fql}`, "--webtransport", `127.0.0.1:${webtransport}`];
    listen.push(...["--rtmp", "--srt", "--rtsp", "--rtc"].flatMap((flag) => [flag, "127.0.0.1:0"]));
    const program = new Program("streamd", built("streamd"), [...parameters, ...listen], { STREAMD_ADMIN_KEY: this.key });
    this.#programs.push(program);
    await until("streamd is ready", async () => {
      program.stillRuns();
      return (await fetch(`${this.url}/readyz`)).ok;
    });
  }

  /** The process of its last start. */
  get program() {
    const last = this.#programs.at(-1);
    if (!last) throw new Error("streamd was never started");
    return last;
  }

  /** Ends it, as `kill` does. */
  stop() {
    return this.program.stop();
  }

  /** Ends it and removes its data. */
  async close() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Its log, of all its starts. */
  get lines() {
    return this.#programs.flatMap((program) => program.lines);
  }

  /** What the command line `stream` needs to find it. */
  get environment() {
    return { STREAM_API_URL: this.url, STREAM_API_KEY: this.key };
  }

  /**
   * A call of the control API by the administrator, and what it answers; fails where the answer says no.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async api(method, path, body) {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  /**
   * Creates a stream, as the control API answers it.
   *
   * @param {string} name
   * @param {Record<string, unknown>} [more]
   */
  createStream(name, more = {}) {
    return this.api("POST", "/v1/streams", { name, layers: 12, ...more });
  }
}
