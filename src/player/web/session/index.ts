import { decodeWorker, sessionWorker, wasmModule } from "#assets";
import type { DecodeStats, OpenSession, PlayerError, Session, SessionEvents, SessionOptions } from "../types";
import type { FromDecoder, FromSession, SessionState, ToDecoder, ToSession } from "./messages";
import { NO_LOAD } from "./no-stats";
import { checkPlayable } from "./playable";

export { PlayError, fetchPlayable } from "./playable";

/** How long the goodbye to the server may take. */
const GOODBYE_MS = 250;
/** How long after a worker failed the next one is made, and how often. */
const ANEW_MS = 500;
const MOST_ANEW = 5;

/** Receives a stream and decodes it in workers; connects again by itself. */
export const openSession: OpenSession = (options, events) => new WorkerSession(options, events);

/** The two workers of a session, and what goes between them and the page. */
class WorkerSession implements Session {
  private session: Worker | null = null;
  private decoder: Worker | null = null;
  private maxLayer: number | null;
  private load: DecodeStats = NO_LOAD;
  private failures = 0;
  private isClosed = false;

  constructor(
    private readonly options: SessionOptions,
    private readonly events: SessionEvents,
  ) {
    this.maxLayer = options.maxLayer;
    void this.start();
  }

  private async start(): Promise<void> {
    try {
      const module = await wasmModule();
      if (!this.isClosed) {
        this.open(module);
      }
    } catch (error) {
      this.fail({ code: "unsupported", message: `The player cannot start in this browser: ${String(error)}` });
    }
  }

  private open(module: WebAssembly.Module): void {
    const { port1, port2 } = new MessageChannel();
    const { latencyMs, token } = this.options;
    this.decoder = this.watch(decodeWorker(), (message: FromDecoder) => this.takeDecoded(message));
    this.session = this.watch(sessionWorker(), (message: FromSession) => this.take(message));
    const toDecoder: ToDecoder = { type: "open", module, units: port2 };
    this.decoder.postMessage(toDecoder, [port2]);
    this.say({ type: "open", module, decoder: port1, latencyMs, maxLayer: this.maxLayer, token }, [port1]);
  }

  private watch<T>(worker: Worker, take: (message: T) => void): Worker {
    const isMine = (): boolean => worker === this.session || worker === this.decoder;
    worker.onmessage = ({ data }: MessageEvent<T>) => isMine() && take(data);
    worker.onerror = (event) => isMine() && this.anew(event.message || "a worker could not be loaded");
    return worker;
  }

  private say(message: ToSession, transfer: Transferable[] = []): void {
    this.session?.postMessage(message, transfer);
  }

  private take(message: FromSession): void {
    switch (message.type) {
      case "resolve":
        void this.resolve(message.id);
        return;
      case "tracks":
        this.events.tracks(message.tracks);
        return;
      case "sound":
        this.failures = 0;
        this.events.sound(message.sound);
        return;
      case "encoded":
        this.failures = 0;
        this.events.encoded(message.unit);
        return;
      case "state":
        this.tell(message.state, message.error);
        return;
      case "stats":
        this.events.stats({ ...message.stats, ...this.load });
        return;
      case "closed":
    }
  }

  private takeDecoded(message: FromDecoder): void {
    switch (message.type) {
      case "picture":
        this.failures = 0;
        this.events.picture(message.picture);
        return;
      case "load":
        this.load = message.load;
        return;
      case "failed":
        this.fail(message.error);
    }
  }

  private async resolve(id: number): Promise<void> {
    try {
      const playable = checkPlayable(await this.options.resolve());
      this.say({ type: "resolved", id, playable });
    } catch (error) {
      this.say({ type: "unresolved", id, error: playerError(error) });
    }
  }

  private tell(state: SessionState, error?: PlayerError): void {
    if (error) {
      this.events.state(state, error);
    } else {
      this.events.state(state);
    }
  }

  /** A worker failed as a whole: both are made anew, a few times. */
  private anew(message: string): void {
    this.end();
    this.failures += 1;
    const error: PlayerError = { code: "internal", message: `The player failed and starts anew: ${message}` };
    if (this.failures > MOST_ANEW) {
      this.fail(error);
      return;
    }
    this.tell("reconnecting", error);
    setTimeout(() => this.isClosed || void this.start(), ANEW_MS * this.failures);
  }

  private fail(error: PlayerError): void {
    if (!this.isClosed) {
      this.close();
      this.tell("failed", error);
    }
  }

  setMaxLayer(maxLayer: number | null): void {
    this.maxLayer = maxLayer;
    this.say({ type: "max-layer", maxLayer });
  }

  close(): void {
    this.isClosed = true;
    this.end();
  }

  /** Ends the workers; that of the session may say goodbye before. */
  private end(): void {
    const { session, decoder } = this;
    this.session = null;
    this.decoder = null;
    decoder?.terminate();
    if (session) {
      const terminate = (): void => session.terminate();
      session.onmessage = ({ data }: MessageEvent<FromSession>) => data.type === "closed" && setTimeout(terminate, GOODBYE_MS);
      setTimeout(terminate, 4 * GOODBYE_MS);
      const close: ToSession = { type: "close" };
      session.postMessage(close);
    }
  }
}

const CODES: ReadonlySet<unknown> = new Set<PlayerError["code"]>([
  "not-found", "unauthorized", "refused", "unsupported", "network", "decode", "internal",
]);

/** Whether an application's resolver says itself what is wrong; other errors have codes, too, of their own kinds. */
function isPlayerError(error: unknown): error is PlayerError {
  return typeof error === "object" && error !== null && "code" in error && "message" in error && CODES.has(error.code);
}

function playerError(error: unknown): PlayerError {
  return isPlayerError(error)
    ? { code: error.code, message: String(error.message) }
    : { code: "network", message: "How to play this stream cannot be found out now." };
}
