import { createServer } from "node:http";

/** Somebody else's site: an HTTP server on an origin of its own, with the pages that it is given. */
export class Site {
  /** Bodies of what was posted to it, the webhooks among them, as JSON. @type {any[]} */
  posted = [];
  #server;

  /** @param {Record<string, string>} pages HTML by path */
  constructor(pages) {
    this.#server = createServer((request, answer) => {
      if (request.method === "POST") {
        let body = "";
        request.setEncoding("utf8").on("data", (text) => (body += text));
        request.on("end", () => {
          this.posted.push(JSON.parse(body));
          answer.end();
        });
        return;
      }
      const page = pages[new URL(request.url ?? "/", "http://site").pathname];
      answer.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
      answer.end(page);
    });
  }

  /** @param {Record<string, string>} [pages] */
  static async open(pages = {}) {
    const site = new Site(pages);
    await new Promise((resolve) => site.#server.listen(0, "127.0.0.1", () => resolve(null)));
    return site;
  }

  get host() {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the site is not open");
    return `127.0.0.1:${address.port}`;
  }

  get url() {
    return `http://${this.host}`;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
