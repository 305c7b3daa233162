import type { Source, Transport } from "../types";
import { type Carrier, type CarrierEvents } from "./carrier";
import { now } from "./clock";
import { type ReceiverStats, type SessionEvent, type ViewOptions, ViewingSession, type Wasm } from "./wasm";

/** Goodbyes and the like: more than a session ever has to say at a time. */
const MOST_SENT = 64;
/** A timer that comes so late was kept back by work, and datagrams may wait: they are taken first. */
const LATE_MS = 5;

export type OpenCarrier = (transport: Transport, source: Source, events: CarrierEvents) => Carrier;

export interface AttemptEvents {
  event(event: SessionEvent): void;
  /** The carrier is gone, or could not be opened. */
  lost(): void;
  /** The wasm module failed, and is of no use any more. */
  broken(error: unknown): void;
}

/** A viewing session over one carrier. */
export class Attempt {
  readonly transport: Transport;
  /** When the last datagram came. */
  heard = now();
  private carrier: Carrier | null;
  private session: ViewingSession | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isPumping = false;

  constructor(
    private readonly wasm: Wasm,
    private readonly options: ViewOptions,
    way: { transport: Transport; source: Source },
    open: OpenCarrier,
    private readonly events: AttemptEvents,
  ) {
    this.transport = way.transport;
    this.carrier = open(way.transport, way.source, {
      opened: () => this.guard(() => this.begin()),
      datagram: (datagram) => this.guard(() => this.take(datagram)),
      closed: () => this.lose(),
    });
  }

  private begin(): void {
    if (this.carrier) {
      this.session = ViewingSession.open(this.wasm, this.options, now());
      this.pump();
    }
  }

  private take(datagram: Uint8Array): void {
    this.heard = now();
    this.session?.handleDatagram(this.heard, datagram);
    this.schedulePump();
  }

  /** Looks at the session once all datagrams are taken that are there: none of their units is given up before. */
  private schedulePump(): void {
    if (!this.isPumping) {
      this.isPumping = true;
      setTimeout(() => this.guard(() => this.pump()), 0);
    }
  }

  private pump(): void {
    this.isPumping = false;
    const session = this.session;
    if (!session) {
      return;
    }
    this.sendAll(session);
    for (let event = session.event(); event; event = this.session && session.event()) {
      this.events.event(event);
    }
    if (this.session) {
      this.arm(session);
    }
  }

  private sendAll(session: ViewingSession): void {
    const time = now();
    for (let i = 0; i < MOST_SENT; i++) {
      const datagram = session.transmit(time);
      if (!datagram) {
        return;
      }
      this.carrier?.send(datagram);
    }
  }

  private arm(session: ViewingSession): void {
    clearTimeout(this.timer);
    const at = session.timeout();
    if (Number.isFinite(at)) {
      this.timer = setTimeout(() => this.guard(() => this.wake(at)), Math.max(1, at - now()));
    }
  }

  private wake(at: number): void {
    if (now() > at + LATE_MS) {
      this.schedulePump();
    } else {
      this.pump();
    }
  }

  stats(): ReceiverStats | null {
    return this.session && this.session.stats(now());
  }

  setMaxLayer(maxLayer: number | null): void {
    this.guard(() => {
      this.options.maxLayer = maxLayer;
      this.session?.setMaxLayer(maxLayer);
      this.schedulePump();
    });
  }

  /** Says goodbye and ends the carrier; no event follows. */
  close(): void {
    clearTimeout(this.timer);
    const session = this.session;
    this.session = null;
    if (session) {
      try {
        session.close(now());
        this.sendAll(session);
        session.free();
      } catch {
        // A module that failed has nothing to say any more.
      }
    }
    const carrier = this.carrier;
    this.carrier = null;
    carrier?.close();
  }

  private lose(): void {
    if (this.carrier) {
      this.events.lost();
    }
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.events.broken(error);
    }
  }
}
