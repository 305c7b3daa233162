/** The control API, for a page that is signed in with a cookie session. */
import { Problem, problemOf, unreachable } from "./problem";
import type {
  ApiKey, Delivery, Discovery, DiscoveryRequest, NewKey, NewStream, NewWebhook, OwnApiKey, Page, Session, SourceEvent,
  Stream, StreamSettings, StreamStats, Webhook, WebhookSettings,
} from "./shapes";

/** Waits before a POST whose answer was lost is sent again, in milliseconds. */
const AGAIN_AFTER = [400, 1200];

/** How often the session's API key may ask, as the last answer told. */
export interface Allowance {
  /** Requests a minute. */
  limit: number;
  /** Those that are left now. */
  remaining: number;
}

/** What a test replaces. */
export interface Surroundings {
  fetch: typeof fetch;
  wait: (milliseconds: number) => Promise<void>;
}

const BROWSER: Surroundings = {
  fetch: (input, init) => fetch(input, init),
  wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
};

/** Every request of the dashboard. All methods throw a `Problem`, or an AbortError where their signal says so. */
export class Api {
  /** Called when the daemon does not know the session any more. */
  onSessionEnd: () => void = () => {};
  private told: Allowance | null = null;

  constructor(private readonly surroundings: Surroundings = BROWSER) {}

  /** What the last answer told of the API key's rate; null before one did. */
  get allowance(): Allowance | null {
    return this.told;
  }

  /** Opens a session with an API key. */
  async signIn(key: string): Promise<Session> {
    return read(await this.ask("POST", "/session", { body: { key } }));
  }

  /** The session that this browser has, or null. */
  async session(): Promise<Session | null> {
    try {
      return await read<Session>(await this.ask("GET", "/session"));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  }

  /** Ends the session. */
  async signOut(): Promise<void> {
    await this.ask("DELETE", "/session");
  }

  /** The first part of the list of streams, the oldest first. */
  streams(of: { archived: boolean; limit: number }, signal?: AbortSignal): Promise<Page<Stream>> {
    return this.page(`/v1/streams?limit=${of.limit}${of.archived ? "&archived=true" : ""}`, signal);
  }

  stream(id: string, signal?: AbortSignal): Promise<Stream> {
    return this.get(`/v1/streams/${encodeURIComponent(id)}`, signal);
  }

  streamStats(id: string, signal?: AbortSignal): Promise<StreamStats> {
    return this.get(`/v1/streams/${encodeURIComponent(id)}/stats`, signal);
  }

  /** What became of the latest attempts to open a stream's source, the newest first. */
  sourceEvents(id: string, signal?: AbortSignal): Promise<SourceEvent[]> {
    return this.get(`/v1/streams/${encodeURIComponent(id)}/source-events`, signal);
  }

  /** Looks for cameras in the daemon's network, which takes seconds. */
  async discover(request: DiscoveryRequest): Promise<Discovery> {
    return read(await this.asked("POST", "/v1/discover", { body: request }));
  }

  createStream(stream: NewStream): Promise<Stream> {
    return this.post("/v1/streams", stream);
  }

  changeStream(id: string, changes: StreamSettings): Promise<Stream> {
    return this.patch(`/v1/streams/${encodeURIComponent(id)}`, changes);
  }

  pauseStream(id: string): Promise<Stream> {
    return this.post(`/v1/streams/${encodeURIComponent(id)}/pause`);
  }

  resumeStream(id: string): Promise<Stream> {
    return this.post(`/v1/streams/${encodeURIComponent(id)}/resume`);
  }

  rotateStreamKey(id: string): Promise<Stream> {
    return this.post(`/v1/streams/${encodeURIComponent(id)}/rotate-key`);
  }

  async archiveStream(id: string): Promise<Stream> {
    return read(await this.asked("DELETE", `/v1/streams/${encodeURIComponent(id)}`));
  }

  /** The first part of the list of API keys, the revoked ones included, the oldest first. */
  keys(limit: number, signal?: AbortSignal): Promise<Page<ApiKey>> {
    return this.page(`/v1/keys?limit=${limit}`, signal);
  }

  /** The API key of the session, and what it has used. */
  ownKey(signal?: AbortSignal): Promise<OwnApiKey> {
    return this.get("/v1/keys/self", signal);
  }

  createKey(key: NewKey): Promise<ApiKey> {
    return this.post("/v1/keys", key);
  }

  async revokeKey(id: string): Promise<ApiKey> {
    return read(await this.asked("DELETE", `/v1/keys/${encodeURIComponent(id)}`));
  }

  /** The first part of the list of webhooks, the oldest first. */
  webhooks(limit: number, signal?: AbortSignal): Promise<Page<Webhook>> {
    return this.page(`/v1/webhooks?limit=${limit}`, signal);
  }

  webhook(id: string, signal?: AbortSignal): Promise<Webhook> {
    return this.get(`/v1/webhooks/${encodeURIComponent(id)}`, signal);
  }

  createWebhook(webhook: NewWebhook): Promise<Webhook> {
    return this.post("/v1/webhooks", webhook);
  }

  changeWebhook(id: string, changes: WebhookSettings): Promise<Webhook> {
    return this.patch(`/v1/webhooks/${encodeURIComponent(id)}`, changes);
  }

  testWebhook(id: string): Promise<Delivery> {
    return this.post(`/v1/webhooks/${encodeURIComponent(id)}/test`);
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.asked("DELETE", `/v1/webhooks/${encodeURIComponent(id)}`);
  }

  /** The first part of what a webhook was and will be told, the latest first. */
  deliveries(id: string, limit: number, signal?: AbortSignal): Promise<Page<Delivery>> {
    return this.page(`/v1/webhooks/${encodeURIComponent(id)}/deliveries?limit=${limit}`, signal);
  }

  /** The part of a list at this address, as `Page.next` names it. */
  async page<T>(address: string, signal?: AbortSignal): Promise<Page<T>> {
    const response = await this.asked("GET", address, { signal });
    return { items: await read<T[]>(response), next: nextIn(response.headers.get("Link"), address) };
  }

  private async get<T>(address: string, signal?: AbortSignal): Promise<T> {
    return read(await this.asked("GET", address, { signal }));
  }

  private async patch<T>(address: string, body: unknown): Promise<T> {
    return read(await this.asked("PATCH", address, { body }));
  }

  /**
   * A POST is named by a key at random, so that it can be sent again when its answer is lost, and is done once all the
   * same.
   */
  private async post<T>(address: string, body?: unknown): Promise<T> {
    const idempotencyKey = randomKey();
    for (const wait of AGAIN_AFTER) {
      try {
        return await read<T>(await this.asked("POST", address, { body, idempotencyKey }));
      } catch (error) {
        if (!(error instanceof Problem && error.isUnreachable)) throw error;
        await this.surroundings.wait(wait);
      }
    }
    return read(await this.asked("POST", address, { body, idempotencyKey }));
  }

  /** A request of the session, whose end it notices. */
  private async asked(method: string, address: string, request: Request = {}): Promise<Response> {
    try {
      return await this.ask(method, address, request);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.onSessionEnd();
      throw error;
    }
  }

  private async ask(method: string, address: string, request: Request = {}): Promise<Response> {
    const response = await this.surroundings
      .fetch(address, {
        method,
        headers: headersOf(request),
        body: request.body === undefined ? null : JSON.stringify(request.body),
        credentials: "same-origin",
        cache: "no-store",
        signal: request.signal ?? null,
      })
      .catch((error: unknown) => {
        throw request.signal?.aborted ? error : unreachable();
      });
    this.told = allowanceIn(response.headers) ?? this.told;
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

interface Request {
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

function headersOf(request: Request): Record<string, string> {
  // Pages of other origins cannot send this header: it tells the daemon that the request is no forged one.
  const headers: Record<string, string> = { Accept: "application/json", "X-Stream-Dashboard": "1" };
  if (request.body !== undefined) headers["Content-Type"] = "application/json";
  if (request.idempotencyKey) headers["Idempotency-Key"] = request.idempotencyKey;
  return headers;
}

async function read<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw unreachable();
  }
}

function allowanceIn(headers: Headers): Allowance | null {
  const [limit, remaining] = [headers.get("RateLimit-Limit"), headers.get("RateLimit-Remaining")];
  if (limit === null || remaining === null) return null;
  const allowance = { limit: Number(limit), remaining: Number(remaining) };
  return allowance.limit > 0 && allowance.remaining >= 0 ? allowance : null;
}

/** The address that `rel="next"` of a Link header (RFC 8288) names, relative to `address`; null where there is none. */
export function nextIn(link: string | null, address: string): string | null {
  for (const [, target, parameters] of (link ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[^,;]+)*)/g)) {
    if (target === undefined || !/;\s*rel="?next"?\s*(;|$)/.test(parameters ?? "")) continue;
    // Only the path: a proxy may have another origin than the daemon knows of.
    const next = new URL(target, new URL(address, "http://daemon.invalid"));
    return next.pathname + next.search;
  }
  return null;
}

/** 128 bits at random. `crypto.randomUUID` is not there on plain http:// from another host. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
