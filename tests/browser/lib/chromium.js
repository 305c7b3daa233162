import { chromium } from "playwright-core";

/** @typedef {import("playwright-core").BrowserContextOptions} BrowserContextOptions */
/** @typedef {import("playwright-core").Page} Page */

/** Sizes that pages are looked at in. */
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const NARROW = { width: 320, height: 640 };

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const SWITCHES = [
  // Tests often run as root, in containers, where Chromium's own sandbox does not work.
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What pages get that ask for camera, microphone or screen. @typedef {keyof typeof DEVICES} Devices */
const DEVICES = {
  // A camera with a moving picture and a microphone that beeps, without asking a person.
  given: ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  // Without a person who allows it.
  refused: ["--use-fake-device-for-media-stream"],
  none: ["--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream"],
};

/**
 * Chromium. Sound plays without a click unless `needsClick`.
 *
 * @param {{ needsClick?: boolean, devices?: Devices }} [options]
 */
export function launchChromium({ needsClick = false, devices = "given" } = {}) {
  const autoplay = needsClick ? [] : ["--autoplay-policy=no-user-gesture-required"];
  return chromium.launch({ executablePath: EXECUTABLE, args: [...SWITCHES, ...DEVICES[devices], ...autoplay] });
}

/** What went wrong in the pages of one context, and what they asked for. */
export class Witness {
  /** Violations of the pages' Content-Security-Policy. @type {string[]} */
  violations = [];
  /** Exceptions that nobody caught. @type {string[]} */
  exceptions = [];
  /** What stands in the console. @type {string[]} */
  console = [];
  /** URLs of all requests, WebSockets included. @type {Set<string>} */
  requests = new Set();

  /** @param {import("playwright-core").BrowserContext} context */
  static async watch(context) {
    const witness = new Witness();
    await context.exposeBinding("tellViolation", (_, /** @type {string} */ text) => witness.violations.push(text));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const tell = /** @type {{ tellViolation?: (text: string) => void }} */ (/** @type {unknown} */ (window)).tellViolation;
        tell?.(`${location.href}: ${event.violatedDirective} forbids ${event.blockedURI} (${event.sourceFile}:${event.lineNumber}) ${event.sample}`);
      });
    });
    context.on("request", (request) => witness.requests.add(request.url()));
    context.on("page", (page) => witness.#watchPage(page));
    return witness;
  }

  /** @param {Page} page */
  #watchPage(page) {
    page.on("pageerror", (error) => this.exceptions.push(`${page.url()}: ${error.stack ?? error.message}`));
    page.on("websocket", (socket) => this.requests.add(socket.url()));
    page.on("console", (message) => {
      const text = message.text();
      this.console.push(`${page.url()}: ${message.type()}: ${text}`);
      // Workers have no document that would tell.
      if (text.includes("Content Security Policy")) this.violations.push(text);
    });
  }

  /** Requests to others than these hosts (with their ports). @param {string[]} hosts */
  strangers(hosts) {
    return [...this.requests].filter((url) => {
      const { protocol, host } = new URL(url);
      return !["data:", "blob:", "about:"].includes(protocol) && !hosts.includes(host);
    });
  }
}
