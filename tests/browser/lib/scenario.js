import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { DESKTOP, launchChromium, NARROW, PHONE, Witness } from "./chromium.js";
import { Daemon } from "./daemon.js";
import { Origin } from "./origin.js";
import { freeUdpPort } from "./ports.js";
import { OUT, Program } from "./programs.js";
import { Relay } from "./relay.js";
import { Site } from "./site.js";
import { lastWaitedFor, within } from "./wait.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} BrowserContext */

/** No scenario takes longer, whatever the machine does. */
const LONGEST = 300_000;
/** How long the logs and pictures of a failure may take, and the end of what was started. */
const LONGEST_END = 30_000;
/** Lines of each log that are printed where a scenario fails. */
const TOLD = 40;

/**
 * A test in a world of its own: its programs and browsers end with it, and where it fails, what they said is printed
 * and how the pages looked is kept.
 *
 * @param {string} name
 * @param {(world: World) => Promise<void>} happens
 */
export function scenario(name, happens) {
  // The limit is not that of node:test: that leaves what was started running, and waits for it for ever.
  test(name, async (t) => {
    const world = new World(name, await mkdtemp(join(tmpdir(), "browser-test-")), (line) => t.diagnostic(line));
    try {
      await within("the scenario ends", happens(world), LONGEST, lastWaitedFor);
      world.judge();
    } catch (error) {
      await within("what went wrong is told", world.tellAll(), LONGEST_END).catch((error) => console.error(error.message));
      throw error;
    } finally {
      await within("everything ends", world.end(), LONGEST_END);
    }
  });
}

/** All that a scenario has started. */
export class World {
  /** @type {Daemon[]} */
  #daemons = [];
  /** @type {Program[]} */
  #programs = [];
  /** @type {import("playwright-core").Browser[]} */
  #browsers = [];
  /** @type {{ context: BrowserContext, witness: Witness }[]} */
  #contexts = [];
  /** @type {Site[]} */
  #sites = [];
  /** @type {Origin[]} */
  #origins = [];
  /** @type {string[]} */
  #tooWide = [];
  /** @type {RegExp[]} */
  #expected = [];

  /**
   * @param {string} name
   * @param {string} folder empty, and gone with the scenario
   * @param {(line: string) => void} tell says something for people in the summary
   */
  constructor(name, folder, tell) {
    this.name = name;
    this.folder = folder;
    this.tell = tell;
  }

  /** @param {Parameters<typeof Daemon.start>[0]} [options] */
  async daemon(options) {
    const daemon = await Daemon.start(options);
    this.#daemons.push(daemon);
    return daemon;
  }

  /**
   * A daemon behind relays: publishers are told the address of the one, browsers that of the other for WebTransport.
   *
   * @param {{ publisher?: import("./relay.js").Link, viewer?: import("./relay.js").Link, configuration?: import("./daemon.js").Configuration }} links
   */
  async daemonBehindLinks({ publisher = {}, viewer = {}, configuration = {} }) {
    const [fql, webtransport] = [await freeUdpPort(), await freeUdpPort()];
    const daemon = await this.daemon({ advertise: { fql, webtransport }, configuration });
    return {
      daemon,
      publisherLink: await this.relay(fql, daemon.ports.fql, publisher),
      viewerLink: await this.relay(webtransport, daemon.ports.webtransport, viewer),
    };
  }

  /**
   * @param {number} port
   * @param {number} target
   * @param {import("./relay.js").Link} link
   */
  async relay(port, target, link) {
    const relay = await Relay.start(port, target, link);
    this.#programs.push(relay.program);
    return relay;
  }

  /** Takes a program into the scenario. @param {Program} program */
  run(program) {
    this.#programs.push(program);
    return program;
  }

  /** @param {Record<string, string>} [pages] */
  async site(pages) {
    const site = await Site.open(pages);
    this.#sites.push(site);
    return site;
  }

  /** An origin that gives this file. @param {string} file */
  async origin(file) {
    const origin = await Origin.open(file);
    this.#origins.push(origin);
    return origin;
  }

  /**
   * A browser of its own with one window; `page.context().newPage()` opens more.
   *
   * @param {import("playwright-core").BrowserContextOptions & Parameters<typeof launchChromium>[0]} [options]
   */
  async page({ needsClick, devices, ...options } = {}) {
    const browser = await launchChromium({ needsClick, devices });
    this.#browsers.push(browser);
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    this.#contexts.push({ context, witness: await Witness.watch(context) });
    return context.newPage();
  }

  /**
   * Keeps a picture of a page at desktop and phone width, for people to look at, and fails where it does not fit.
   *
   * @param {Page} page
   * @param {string} name
   */
  async picture(page, name) {
    const before = page.viewportSize();
    for (const [width, size] of Object.entries({ desktop: DESKTOP, phone: PHONE, narrow: NARROW })) {
      await page.setViewportSize(size);
      await page.screenshot({ path: join(OUT, "screenshots", `${name}-${width}.png`), fullPage: true });
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (tooWide > 0) this.#tooWide.push(`${name} at ${size.width} pixels: ${tooWide} too wide`);
    }
    if (before) await page.setViewportSize(before);
  }

  /**
   * A violation of a policy that belongs to what is tried.
   *
   * @param {RegExp} pattern
   */
  expectsViolation(pattern) {
    this.#expected.push(pattern);
  }

  /** Fails where a page broke its policy, threw, or asked anybody who is not of this world. */
  judge() {
    const hosts = [
      ...this.#daemons.flatMap(({ ports }) => [ports.http, ports.webtransport].map((port) => `127.0.0.1:${port}`)),
      ...this.#sites.map((site) => site.host),
    ];
    if (this.#tooWide.length > 0) throw new Error(this.#tooWide.join("\n"));
    for (const { witness } of this.#contexts) {
      const wrong = [
        ...witness.violations.filter((text) => !this.#expected.some((each) => each.test(text))).map((text) => `violation of the policy: ${text}`),
        ...witness.exceptions.map((text) => `exception: ${text}`),
        ...witness.strangers(hosts).map((url) => `request to a third party: ${url}`),
      ];
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
    }
  }

  /** Prints the ends of all logs, and keeps pictures of all pages. */
  async tellAll() {
    const logs = [...this.#daemons.map((daemon) => ({ name: "streamd", lines: daemon.lines })), ...this.#programs];
    for (const { name, lines } of logs) this.#tellLog(name, lines);
    for (const { witness } of this.#contexts) this.#tellLog("console", [...witness.console, ...witness.exceptions]);
    const folder = join(OUT, "failures", this.name.replaceAll(/\W+/g, "-").slice(0, 80));
    await mkdir(folder, { recursive: true });
    for (const [i, page] of this.#contexts.flatMap(({ context }) => context.pages()).entries()) {
      const path = join(folder, `page-${i}.png`);
      // A page that has crashed has no picture; what went wrong is told without it.
      await page.screenshot({ path, timeout: 5000 }).then(() => console.log(`-- ${page.url()}: ${path}`), () => {});
    }
  }

  /** @param {string} name @param {string[]} lines */
  #tellLog(name, lines) {
    // A relay tells its figures every second, also where nothing passes.
    const news = lines.filter((line, i) => line !== lines[i - 1]);
    console.log(`-- ${name}\n${news.slice(-TOLD).join("\n")}`);
  }

  /** Ends everything. */
  async end() {
    await Promise.all(this.#browsers.map((browser) => browser.close()));
    this.#sites.forEach((site) => site.close());
    this.#origins.forEach((origin) => origin.close());
    await Promise.all(this.#programs.map((program) => program.stop()));
    await Promise.all(this.#daemons.map((daemon) => daemon.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
