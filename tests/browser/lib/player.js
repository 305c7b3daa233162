import { compare, SIZE } from "./stamped.js";
import { PATIENCE, until, within } from "./wait.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */

/**
 * What the test reads of `<stream-player>` beside what is on screen.
 *
 * @typedef {HTMLElement & { soundLevel: number, state: string, stats: { framesShown: number, framesDropped: number } | null }} StreamPlayer
 */

/** A player as the person before it has it: what stands on it, and what can be done with it. */
export class Player {
  /** @param {Locator} element a `<stream-player>` */
  constructor(element) {
    this.element = element;
  }

  /** The only player of a page or frame. @param {{ locator: (selector: string) => Locator }} where */
  static in(where) {
    return new Player(where.locator("stream-player"));
  }

  /** @param {string} testId @returns {Locator} */
  part(testId) {
    return this.element.getByTestId(testId);
  }

  /** Clicks a control, which shows itself where a pointer moves. @param {string} testId */
  async press(testId) {
    await until(`${testId} is clicked`, async () => {
      const page = this.part(testId).page();
      const box = await this.element.boundingBox();
      if (!box) throw new Error("the player is not on the page");
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
      await page.mouse.move(box.x + box.width / 2 + 5, box.y + box.height / 3);
      await this.part(testId).click({ timeout: 2000 });
      return true;
    });
  }

  /** The words of a part, shown or not. @param {string} testId */
  async text(testId) {
    return ((await this.part(testId).first().textContent()) ?? "").trim();
  }

  /** The first number in a part. @param {string} testId */
  async figure(testId) {
    const text = await this.text(testId);
    const number = /-?\d+(\.\d+)?/.exec(text.replaceAll(",", ""));
    if (!number) throw new Error(`${testId} shows no number but ${JSON.stringify(text)}`);
    return Number(number[0]);
  }

  /** All that people are told of how it goes. */
  async told() {
    const parts = ["state", "layers-live", "layers-possible", "packets-recovered", "packets-lost", "packets-received", "rate", "frame-rate", "transport"];
    return Object.fromEntries(await Promise.all(parts.map(async (part) => [part, await this.text(part).catch(() => "-")])));
  }

  /**
   * Waits until it is in this state.
   *
   * @param {"connecting" | "live" | "offline" | "retrying" | "disabled" | "paused" | "reconnecting" | "failed" | "stopped"} state
   * @param {number} [within] milliseconds
   */
  async becomes(state, within) {
    let last = "";
    const look = async () => (last = (await this.text("state")).toLowerCase()) === state;
    await until(`the player is ${state}`, look, { within, told: () => `it is ${last}` });
  }

  /** Waits until it shows this message. @param {RegExp} message */
  async says(message) {
    await this.element.getByText(message).first().waitFor();
  }

  /** Pictures shown so far. */
  framesShown() {
    return this.element.evaluate((player) => /** @type {StreamPlayer} */ (player).stats?.framesShown ?? 0);
  }

  /** Waits until it has shown so many pictures more than now. @param {number} [more] */
  async moves(more = 25) {
    const start = await within("the player tells its figures", this.framesShown());
    let last = start;
    await until(`the player shows ${more} pictures more`, async () => (last = await this.framesShown()) >= start + more, {
      told: () => `it showed ${last - start}`,
    });
  }

  /** Waits until there is a picture on the screen where the player is: several colours, and not one. */
  async showsPicture() {
    const canvas = this.element.locator("canvas");
    await until("there is a picture on the screen", async () => (await colours(canvas.page(), await canvas.screenshot({ timeout: 5000 }))) >= 4);
  }

  /** Waits until the number of a part is as asked. @param {string} testId @param {string} what @param {(value: number) => boolean} is */
  async figureIs(testId, what, is) {
    let last = NaN;
    return until(`${testId} is ${what}`, async () => is((last = await this.figure(testId))) && { value: last }, { told: () => `it is ${last}` });
  }

  /** RMS of the sound that goes out, from the audio graph, 0 to 1. */
  soundLevel() {
    return this.element.evaluate((player) => /** @type {StreamPlayer} */ (player).soundLevel);
  }

  /** Waits for sound that can be heard. */
  async sounds() {
    await until("there is sound", async () => (await this.soundLevel()) > 0.002);
  }

  /** Waits for silence. */
  async isSilent() {
    await until("there is silence", async () => (await this.soundLevel()) < 0.0005);
  }
}

/**
 * How many colours a picture has that take half a percent of it or more, of four levels a channel.
 *
 * @param {Page} page any page: its browser decodes the picture
 * @param {Buffer} png
 */
function colours(page, png) {
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    if (!context) throw new Error("no canvas to look at a picture");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const counts = new Array(64).fill(0);
    for (let i = 0; i < data.length; i += 4) {
      counts[((data[i] ?? 0) >> 6) * 16 + ((data[i + 1] ?? 0) >> 6) * 4 + ((data[i + 2] ?? 0) >> 6)]++;
    }
    return counts.filter((count) => count > data.length / 4 / 200).length;
  }, png.toString("base64"));
}

/**
 * Pictures from the player's canvas while it plays, five shown ones apart, compared with the clip. Taking them costs
 * next to nothing, unlike pictures of the screen, which would leave the player less time than the layers take.
 *
 * @param {Player} player
 * @param {number} count
 * @param {string} folder
 */
export async function compareCanvas(player, count, folder) {
  const taken = player.element.evaluate(async (element, count) => {
    const canvas = element.shadowRoot?.querySelector("canvas");
    if (!canvas) throw new Error("the player has no canvas");
    const shown = () => /** @type {StreamPlayer} */ (element).stats?.framesShown ?? 0;
    const grabbed = [];
    for (let last = shown(); grabbed.length < count; ) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (shown() < last + 5) continue;
      last = shown();
      grabbed.push(await createImageBitmap(canvas));
    }
    const texts = [];
    for (const image of grabbed) {
      const copy = new OffscreenCanvas(image.width, image.height);
      copy.getContext("2d")?.drawImage(image, 0, 0);
      const bytes = new Uint8Array(await (await copy.convertToBlob({ type: "image/png" })).arrayBuffer());
      texts.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }
    return texts.map(btoa);
  }, count);
  const pictures = await within(`${count} pictures of the canvas`, taken, 3 * PATIENCE);
  return compare(pictures.map((text) => Buffer.from(text, "base64")), folder);
}

/**
 * A picture of the whole screen with the player on all of it, one clip sample a pixel, compared with the clip. What
 * lies over the picture is hidden by the parts that the element has for the pages around it.
 *
 * @param {Page} page
 * @param {Player} player
 * @param {string} folder
 */
export async function compareScreen(page, player, folder) {
  const before = page.viewportSize() ?? SIZE;
  await page.setViewportSize(SIZE);
  await player.element.locator("[part=frame]").press("f");
  await until("the player fills the screen", () => player.element.evaluate((element) => document.fullscreenElement === element));
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("stream-player::part(state), stream-player::part(headline), stream-player::part(bar), stream-player::part(panel) { visibility: hidden }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  });
  await player.moves(5);
  const picture = await page.screenshot();
  const left = page.evaluate(() => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.slice(0, -1);
    return document.exitFullscreen();
  });
  await within("the player leaves the full screen", left);
  await page.setViewportSize(before);
  return compare([picture], folder);
}

/**
 * Notes in every page of a context, from its first moment, when its player began to connect and when it showed its
 * first picture, in milliseconds since the page began.
 *
 * @param {import("playwright-core").BrowserContext} context
 */
export async function watchStart(context) {
  await context.addInitScript(() => {
    const noted = /** @type {{ connecting?: number, picture?: number }} */ ({});
    Object.assign(window, { noted });
    const look = () => {
      const player = /** @type {StreamPlayer | null} */ (document.querySelector("stream-player"));
      if (player?.state === "connecting") noted.connecting ??= performance.now();
      if ((player?.stats?.framesShown ?? 0) > 0) noted.picture ??= performance.now();
      if (noted.picture === undefined) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

/** How long the player of this page took from connecting to its first picture. @param {Page} page */
export async function startTime(page) {
  const noted = await until("the first picture is noted", () =>
    page.evaluate(() => {
      const { connecting, picture } = /** @type {{ noted: { connecting?: number, picture?: number } }} */ (/** @type {unknown} */ (window)).noted;
      return picture === undefined ? null : { connecting: connecting ?? 0, picture };
    }),
  );
  return noted.picture - noted.connecting;
}
