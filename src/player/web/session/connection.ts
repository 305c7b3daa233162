import type { Playable, Source, Transport } from "../types";
import type { AttemptEvents } from "./attempt";
import { isAvailable } from "./carrier";
import { CARRIER_LOST, type Ending, NO_WAY, UNREACHABLE, endingOf, endingOfCrash } from "./ending";
import type { ReceiverStats, SessionEvent } from "./wasm";

/**
 * How long the first way may take until the second is tried beside it: long enough for packets that are lost from its
 * handshake, short enough for a picture within two seconds where it is blocked.
 */
const HEAD_START_MS = 1000;
/** When the first way is tried once more beside itself: a link that loses packets loses those of handshakes, too. */
const AGAIN_MS = 350;
/** How long all of them may take together. */
const PATIENCE_MS = 10_000;

/** The ways that a player can take, the best first. */
const PREFERENCE: Transport[] = ["webtransport", "websocket"];

export interface Way {
  transport: Transport;
  source: Source;
}

/** The ways of a stream that this browser has. */
export function waysOf(playable: Playable, available: (transport: Transport) => boolean = isAvailable): Way[] {
  return PREFERENCE.filter(available).flatMap((transport) => {
    const source = playable.sources.find(({ protocol }) => protocol === transport);
    return source ? [{ transport, source }] : [];
  });
}

export interface ConnectionEvents {
  /** What happens in the session that won. */
  event(event: SessionEvent): void;
  /** It is over; nothing follows. */
  ended(ending: Ending): void;
}

/** What a connection needs of an `Attempt`. */
export interface Trial {
  readonly transport: Transport;
  readonly heard: number;
  stats(): ReceiverStats | null;
  setMaxLayer(maxLayer: number | null): void;
  close(): void;
}

/**
 * One session with the server, over the way that answers first. The ways are tried one after the other, with a head start
 * for those before, and the first of several twice.
 */
export class Connection {
  private readonly attempts = new Set<Trial>();
  private winner: Trial | null = null;
  private timers: ReturnType<typeof setTimeout>[] = [];
  private isOver = false;
  private last: ReceiverStats | null = null;
  private waiting: Way[];

  /** `begin` begins a session over a way; what it tells, it tells later. */
  constructor(
    ways: Way[],
    private readonly begin: (way: Way, events: AttemptEvents) => Trial,
    private readonly events: ConnectionEvents,
  ) {
    const [first] = ways;
    this.waiting = first && ways.length > 1 ? [first, ...ways] : [...ways];
  }

  start(): void {
    if (this.waiting.length === 0) {
      this.end(NO_WAY);
      return;
    }
    this.after(PATIENCE_MS, () => this.end(UNREACHABLE));
    this.tryNext();
  }

  private after(ms: number, work: () => void): void {
    this.timers.push(setTimeout(work, ms));
  }

  private tryNext(): void {
    const way = this.waiting.shift();
    if (!way || this.winner || this.isOver) {
      return;
    }
    const [next] = this.waiting;
    if (next) {
      this.after(next === way ? AGAIN_MS : HEAD_START_MS - AGAIN_MS, () => this.tryNext());
    }
    const box: { attempt?: Trial } = {};
    const events = {
      event: (event: SessionEvent) => box.attempt && this.take(box.attempt, event),
      lost: () => this.lose(box.attempt),
      broken: (error: unknown) => this.end(endingOfCrash(error)),
    };
    try {
      box.attempt = this.begin(way, events);
      this.attempts.add(box.attempt);
    } catch {
      // An address that the browser does not take.
      this.lose(undefined);
    }
  }

  private take(attempt: Trial, event: SessionEvent): void {
    if (!this.winner && event.type === "started") {
      this.choose(attempt);
    }
    if (attempt !== this.winner || this.isOver) {
      return;
    }
    if (event.type === "ended") {
      this.end(endingOf(event.reason));
    } else {
      this.events.event(event);
    }
  }

  private choose(winner: Trial): void {
    this.winner = winner;
    this.clearTimers();
    for (const other of this.attempts) {
      if (other !== winner) {
        other.close();
      }
    }
  }

  private lose(attempt: Trial | undefined): void {
    if (this.isOver || (this.winner && attempt !== this.winner)) {
      return;
    }
    if (attempt) {
      this.attempts.delete(attempt);
      attempt.close();
      // A way that fails at once does so once more.
      this.waiting = this.waiting.filter(({ transport }) => transport !== attempt.transport);
    }
    if (this.winner) {
      this.end(CARRIER_LOST);
    } else if (this.waiting.length > 0) {
      this.tryNext();
    } else if (this.attempts.size === 0) {
      this.end(UNREACHABLE);
    }
  }

  private end(ending: Ending): void {
    if (!this.isOver) {
      this.close();
      this.events.ended(ending);
    }
  }

  private clearTimers(): void {
    this.timers.forEach(clearTimeout);
    this.timers = [];
  }

  /** How the session goes; null before there is one. */
  get transport(): Transport | null {
    return this.winner?.transport ?? null;
  }

  /** When the server was heard last; 0 before it was. */
  get heard(): number {
    return this.winner?.heard ?? 0;
  }

  /** What came; after the end, what came until then. */
  stats(): ReceiverStats | null {
    return this.winner?.stats() ?? this.last;
  }

  setMaxLayer(maxLayer: number | null): void {
    this.attempts.forEach((attempt) => attempt.setMaxLayer(maxLayer));
  }

  private lastStats(): ReceiverStats | null {
    try {
      return this.stats();
    } catch {
      // A module that failed has nothing to tell any more.
      return this.last;
    }
  }

  /** Ends it without an event. */
  close(): void {
    this.isOver = true;
    this.clearTimers();
    this.last = this.lastStats();
    this.attempts.forEach((attempt) => attempt.close());
    this.attempts.clear();
  }
}
