import { spawn } from "node:child_process";
import { createServer } from "node:http";

import { Program } from "./programs.js";

/** Ten seconds of pictures and sound as an ordinary encoder makes them. @param {string} file */
export async function encode(file) {
  const input = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=10", "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=10"];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "0"];
  await new Program("ffmpeg", "ffmpeg", ["-nostdin", "-v", "error", ...input, ...video, "-c:a", "aac", "-ac", "2", file]).succeeds();
}

/**
 * An origin that cannot push: it gives a file, again and again and as fast as it plays, to who asks for `/live.ts`, when it
 * is told to.
 */
export class Origin {
  /** How many have asked for it. */
  asked = 0;
  #server;
  /** @type {Set<import("node:child_process").ChildProcess>} */
  #senders = new Set();
  /** @type {(() => void)[]} */
  #waiting = [];
  #isHeld = false;
  /** @type {number | null} */
  #refusal = null;

  /** @param {string} file */
  constructor(file) {
    this.#server = createServer((request, answer) => {
      this.asked += 1;
      const give = () => {
        if (this.#refusal !== null) return void answer.writeHead(this.#refusal).end();
        if (request.url?.split("?")[0] !== "/live.ts") return void answer.writeHead(404).end();
        answer.writeHead(200, { "content-type": "video/mp2t" });
        const what = ["-nostdin", "-v", "quiet", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", "mpegts", "-"];
        const sender = spawn("ffmpeg", what, { stdio: ["ignore", "pipe", "ignore"] });
        this.#senders.add(sender);
        // Whoever has gone reads nothing more.
        sender.stdout.on("error", () => {});
        sender.stdout.pipe(answer);
        answer.on("close", () => this.#end(sender));
      };
      if (this.#isHeld) this.#waiting.push(give);
      else give();
    });
  }

  /** @param {string} file */
  static async open(file) {
    const origin = new Origin(file);
    await new Promise((resolve) => origin.#server.listen(0, "127.0.0.1", () => resolve(null)));
    return origin;
  }

  /** Answers nobody until it is told to. */
  hold() {
    this.#isHeld = true;
  }

  /** Answers those who wait, and all who come. */
  release() {
    this.#isHeld = false;
    this.#waiting.splice(0).forEach((give) => give());
  }

  /** Answers with this status from now on, and ends what it gives; null to give again. @param {number | null} status */
  refuse(status) {
    this.#refusal = status;
    if (status !== null) this.#server.closeAllConnections();
  }

  /** @param {import("node:child_process").ChildProcess} sender */
  #end(sender) {
    sender.kill("SIGKILL");
    this.#senders.delete(sender);
  }

  get host() {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the origin is not open");
    return `127.0.0.1:${address.port}`;
  }

  get url() {
    return `http://${this.host}/live.ts`;
  }

  close() {
    this.#senders.forEach((sender) => this.#end(sender));
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
