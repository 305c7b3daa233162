import { until, within } from "./wait.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./daemon.js").Daemon} Daemon */

/** The dashboard as the person before it has it. */
export class Dashboard {
  /** @param {Page} page @param {Daemon} daemon */
  constructor(page, daemon) {
    this.page = page;
    this.daemon = daemon;
  }

  /**
   * Opens the dashboard and signs in.
   *
   * @param {Page} page
   * @param {Daemon} daemon
   * @param {string} [key] the administrator's, if no other
   */
  static async signIn(page, daemon, key = daemon.key) {
    const dashboard = new Dashboard(page, daemon);
    await page.goto(`${daemon.url}/`);
    await page.getByLabel("API key").fill(key);
    await page.getByTestId("sign-in").click();
    await page.getByTestId("sign-out").waitFor();
    return dashboard;
  }

  /** @param {"streams" | "cameras" | "keys" | "webhooks"} place */
  async go(place) {
    await this.page.getByTestId(`nav-${place}`).click();
    await until(`the page of ${place}`, () => this.page.url().endsWith(`#/${place}`));
  }

  /** Makes a stream; its page opens. @param {string} name */
  async createStream(name) {
    await this.page.getByTestId("create-stream").click();
    await this.page.getByTestId("stream-name").fill(name);
    await this.page.getByTestId("create-stream-submit").click();
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** Opens the page of a stream of the list. @param {string} name */
  async openStream(name) {
    await this.go("streams");
    await this.page.getByRole("link", { name, exact: true }).click();
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /**
   * Copies by a button, and gives what the clipboard holds then.
   *
   * @param {string} what as the button says
   */
  async copy(what) {
    await within("the clipboard is emptied", this.page.evaluate(() => navigator.clipboard.writeText("")));
    await this.page.getByRole("button", { name: `Copy ${what}`, exact: true }).click();
    return until(`the clipboard holds the ${what}`, async () => (await this.page.evaluate(() => navigator.clipboard.readText())) || null);
  }

  /** Waits until the page of a stream says that its source is in this state. @param {string} state */
  async sourceIs(state) {
    const badge = this.page.getByTestId("source-state");
    let last = "";
    const look = async () => (last = (await badge.textContent())?.trim() ?? "") === state;
    await until(`the dashboard says that the source is ${state}`, look, { told: () => `it is ${last}` });
  }

  /** Waits until the page of a stream says that it is in this state. @param {string} state */
  async streamIs(state) {
    const badge = this.page.locator(".page-title").getByTestId("state");
    await until(`the dashboard says that the stream is ${state}`, async () => (await badge.textContent())?.trim() === state, {
      told: () => "",
    });
  }
}
