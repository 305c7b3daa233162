// How datagrams come and go: WebTransport datagrams, or the binary messages of a WebSocket.

import type { Source, Transport } from "../types";

/** Datagrams that may wait to be read: more than a second of a fast stream. */
const WAITING = 4096;
/** Bytes that may wait in a WebSocket that does not get rid of them; datagrams past that are dropped, as a network does. */
const MOST_BUFFERED = 256 << 10;
const LARGEST = 65_536;

/** A way to the server. It calls `closed` once, whoever ends it. */
export interface Carrier {
  readonly transport: Transport;
  send(datagram: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface CarrierEvents {
  opened(): void;
  datagram(datagram: Uint8Array<ArrayBuffer>): void;
  closed(): void;
}

/** Whether this browser, on this page, has such a carrier. */
export function isAvailable(transport: Transport): boolean {
  return transport === "webtransport" ? typeof WebTransport === "function" : typeof WebSocket === "function";
}

export function openCarrier(transport: Transport, source: Source, events: CarrierEvents): Carrier {
  return transport === "webtransport" ? openWebTransport(source, events) : openWebSocket(source, events);
}

function openWebTransport(source: Source, events: CarrierEvents): Carrier {
  const options: WebTransportOptions = { congestionControl: "low-latency", requireUnreliable: true };
  const hashes = source.certificateHashes ?? [];
  if (hashes.length > 0) {
    options.serverCertificateHashes = hashes.map((hash) => ({ algorithm: "sha-256", value: fromBase64(hash) }));
  }
  const session = new WebTransport(source.uri, options);
  let isClosed = false;
  const closed = (): void => {
    if (!isClosed) {
      isClosed = true;
      events.closed();
    }
  };
  session.closed.then(closed, closed);
  let writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  const run = async (): Promise<void> => {
    await session.ready;
    session.datagrams.incomingHighWaterMark = WAITING;
    writer = session.datagrams.writable.getWriter();
    events.opened();
    const reader = session.datagrams.readable.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      events.datagram(next.value);
    }
  };
  run().then(closed, closed);
  return {
    transport: "webtransport",
    send: (datagram) => void writer?.write(datagram).catch(closed),
    close: () => {
      // A session that is not open yet is closed by this, too; that it fails then is no news.
      session.ready.then(
        () => session.close(),
        () => undefined,
      );
      closed();
    },
  };
}

function openWebSocket(source: Source, events: CarrierEvents): Carrier {
  const socket = new WebSocket(source.uri);
  socket.binaryType = "arraybuffer";
  let isClosed = false;
  const closed = (): void => {
    if (!isClosed) {
      isClosed = true;
      events.closed();
    }
  };
  socket.onopen = () => events.opened();
  socket.onclose = closed;
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data instanceof ArrayBuffer && data.byteLength <= LARGEST) {
      events.datagram(new Uint8Array(data));
    }
  };
  return {
    transport: "websocket",
    send: (datagram) => {
      if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_BUFFERED) {
        socket.send(datagram);
      }
    },
    close: () => {
      socket.onmessage = null;
      socket.close();
      closed();
    },
  };
}

function fromBase64(text: string): ArrayBuffer {
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(bytes, (character) => character.charCodeAt(0)).buffer;
}
