import type { Playable, PlayerError, Track } from "../types";
import { Attempt, type AttemptEvents, type OpenCarrier } from "./attempt";
import { Backoff } from "./backoff";
import { now } from "./clock";
import { Connection, type Way, waysOf } from "./connection";
import { CLOSED, type Ending, endingOfCrash, endingOfError } from "./ending";
import type { SessionState, WorkerStats } from "./messages";
import { NO_STATS } from "./no-stats";
import { RecentLayers } from "./recent-layers";
import { type Outlets, Router } from "./router";
import { SourceWatch } from "./source";
import { type Arrival, type ReceiverStats, type SessionEvent, Wasm } from "./wasm";

const STATS_MS = 250;
/** Without a unit for so long, nobody publishes. */
const QUIET_MS = 2000;
/** Without any datagram for so long, the connection is away: a server says something every second. */
const SILENT_MS = 2500;

export interface ClientOptions {
  latencyMs: number;
  maxLayer: number | null;
  token: string | undefined;
}

/** What a client needs, and whom it tells. */
export interface ClientPorts extends Outlets {
  resolve(): Promise<Playable>;
  open: OpenCarrier;
  tracks(tracks: Track[]): void;
  state(state: SessionState, error?: PlayerError): void;
  stats(stats: WorkerStats): void;
}

/** Counts that begin anew with every session. */
const COUNTS = ["packetsReceived", "packetsLost", "packetsRecovered", "packetsLate", "unitsComplete", "unitsPartial", "unitsLost"] as const;
type Counts = Pick<ReceiverStats, (typeof COUNTS)[number]>;

/** Keeps a stream playing: asks how, connects, tells what comes, and begins again when it ends. */
export class Client {
  private connection: Connection | null = null;
  private router: Router | null = null;
  private state: SessionState | null = null;
  private isPaused = false;
  private pausedAt = 0;
  private lastUnit = 0;
  /** When the session of now began; null where it did not. */
  private startedAt: number | null = null;
  private readonly source: SourceWatch;
  private readonly recentLayers = new RecentLayers();
  private readonly past: Counts = { ...NO_STATS };
  private ticker: ReturnType<typeof setInterval> | undefined;
  private wakeUp: () => void = () => undefined;
  private isClosed = false;

  constructor(
    private readonly module: WebAssembly.Module,
    private readonly options: ClientOptions,
    private readonly ports: ClientPorts,
  ) {
    this.source = new SourceWatch(() => ports.resolve());
  }

  /** Plays until it is closed, or has failed for good. */
  async run(): Promise<void> {
    const backoff = new Backoff();
    this.tell("connecting");
    this.ticker = setInterval(() => this.tick(), STATS_MS);
    while (!this.isClosed) {
      this.startedAt = null;
      const { error, isFinal } = await this.playOnce();
      if (this.isClosed) {
        return;
      }
      this.tell(isFinal ? "failed" : "reconnecting", error);
      if (isFinal) {
        this.close();
        return;
      }
      // An attempt that never became a session was not a long one, however long it took to fail.
      await this.sleep(backoff.after(this.startedAt === null ? 0 : now() - this.startedAt));
    }
  }

  private async playOnce(): Promise<Ending> {
    let playable: Playable;
    try {
      playable = await this.ports.resolve();
      this.source.learn(playable);
    } catch (error) {
      return endingOfError(error as PlayerError);
    }
    if (this.isClosed) {
      return CLOSED;
    }
    try {
      return await this.watch(playable);
    } catch (error) {
      return endingOfCrash(error);
    } finally {
      this.leave();
    }
  }

  /** One session from its beginning to its end. */
  private watch(playable: Playable): Promise<Ending> {
    const { serverKey, playbackId } = playable;
    // A new instance each time: what went wrong with one before does not last.
    const wasm = new Wasm(this.module);
    this.router = new Router(wasm, this.ports);
    return new Promise((resolve) => {
      const begin = (way: Way, events: AttemptEvents): Attempt =>
        new Attempt(wasm, { ...this.options, serverKey, playbackId }, way, this.ports.open, events);
      const connection = new Connection(waysOf(playable), begin, {
        event: (event) => this.take(event, playable),
        ended: resolve,
      });
      this.connection = connection;
      this.stopWatching = resolve;
      connection.start();
    });
  }

  private stopWatching: (ending: Ending) => void = () => undefined;

  private take(event: SessionEvent, playable: Playable): void {
    switch (event.type) {
      case "started":
        this.startedAt = now();
        this.isPaused = playable.state === "paused";
        this.lastUnit = playable.state === "live" ? now() : 0;
        this.judge();
        return;
      case "tracks":
        this.recentLayers.clear();
        this.router?.setTracks(event.tracks);
        this.ports.tracks(event.tracks);
        return;
      case "unit":
        this.note(event.arrival);
        this.router?.unit(event.arrival);
        return;
      case "encoded":
        this.note(event.arrival);
        this.router?.encoded(event.arrival);
        return;
      case "paused":
        this.isPaused = event.paused;
        this.pausedAt = now();
        this.lastUnit = now();
        this.judge();
        return;
      case "ended":
    }
  }

  private note({ track, layers }: Arrival): void {
    this.goLive();
    if (track === this.router?.mainTrack) {
      this.recentLayers.add(now(), layers);
    }
  }

  private goLive(): void {
    // What was on its way when the stream was paused does not mean that it goes on.
    if (this.isPaused && now() < this.pausedAt + QUIET_MS) {
      return;
    }
    this.lastUnit = now();
    this.isPaused = false;
    this.source.isLive();
    this.tell("live");
  }

  private tick(): void {
    try {
      this.judge();
      this.tellStats();
    } catch (error) {
      // The next session has a module of its own.
      this.stopWatching(endingOfCrash(error));
    }
  }

  /** What silence means. */
  private judge(): void {
    const { connection } = this;
    if (!connection?.transport) {
      return;
    }
    if (now() > connection.heard + SILENT_MS) {
      this.tell("reconnecting");
    } else if (this.isPaused) {
      this.tell("paused");
    } else if (now() > this.lastUnit + QUIET_MS) {
      this.source.follow();
      this.tell(this.source.isComing ? "connecting" : "offline");
    } else if (this.state === "paused") {
      this.tell("connecting");
    }
  }

  private tell(state: SessionState, error?: PlayerError): void {
    if (state !== this.state || error) {
      this.state = state;
      this.ports.state(state, error);
    }
  }

  private tellStats(): void {
    const stats = this.connection?.stats() ?? NO_STATS;
    const layersLive = this.recentLayers.median(now()) ?? stats.layersLive;
    const sum = { ...stats, layersLive, transport: this.connection?.transport ?? null, source: this.source.stats };
    for (const count of COUNTS) {
      sum[count] += this.past[count];
    }
    this.ports.stats(sum);
  }

  private leave(): void {
    const { connection } = this;
    this.connection = null;
    this.recentLayers.clear();
    try {
      const last = connection?.stats();
      COUNTS.forEach((count) => (this.past[count] += last?.[count] ?? 0));
      this.router?.close();
    } catch {
      // A module that failed has nothing to tell any more.
    }
    this.router = null;
    connection?.close();
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.wakeUp = resolve;
      setTimeout(resolve, ms);
    });
  }

  setMaxLayer(maxLayer: number | null): void {
    this.options.maxLayer = maxLayer;
    this.connection?.setMaxLayer(maxLayer);
  }

  /** Says goodbye and ends. */
  close(): void {
    this.isClosed = true;
    clearInterval(this.ticker);
    this.connection?.close();
    this.stopWatching(CLOSED);
    this.wakeUp();
  }
}
