/** What a page can have of a browser. */
export interface Surroundings {
  isSecureContext: boolean;
  has(name: string): boolean;
}

const NEEDS: [name: string, what: string][] = [
  ["WebTransport", "WebTransport: the stream comes over a WebSocket, which falls behind where packets are lost."],
  ["VideoDecoder", "WebCodecs: H.264, H.265, AV1, AAC and Opus tracks cannot be decoded."],
  ["AudioWorklet", "AudioWorklet: sound takes a way that is more easily disturbed."],
];

/** The surroundings of this page. */
export function surroundings(): Surroundings {
  return { isSecureContext: globalThis.isSecureContext ?? true, has: (name) => name in globalThis };
}

/** What this browser does not give to this page, in words for people, each with what follows from it. */
export function withheld({ isSecureContext, has }: Surroundings): string[] {
  const why = isSecureContext
    ? "This browser has no "
    : "This page came over plain http:// from another host, so the browser withholds ";
  return NEEDS.filter(([name]) => !has(name)).map(([, what]) => why + what);
}
