/**
 * What the control API says and takes, as `/v1/openapi.json` describes it. Times are RFC 3339 in UTC, rates bit/s.
 */

/** One thing that an API key may do. */
export type Scope = "streams:read" | "streams:write" | "ingest" | "keys" | "webhooks" | "admin";

/** What an API key may use at most; null is no limit of its own. */
export interface Limits {
  /** Streams that it and the keys made with it may have. */
  streams: number | null;
  /** Layers that its streams may have. */
  layers: number | null;
  /** Requests a minute. */
  rate: number | null;
}

/** Who is signed in: the API key of the session, without its text. */
export interface Session {
  id: string;
  name: string;
  scopes: Scope[];
  limits: Limits;
  /** When the session ends, if it is not used until then. */
  expiresAt: string | null;
}

/** An API key as lists show it. */
export interface ApiKey {
  id: string;
  name: string;
  scopes: Scope[];
  limits: Limits;
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /** The secret, in the answer to its making and never again. */
  key?: string;
}

/** The API key that asks, and what it has used. */
export interface OwnApiKey extends ApiKey {
  usage: {
    /** Streams that it and the keys made with it have. */
    streams: number;
    /** How many more it may make, by all limits that hold for it; null where none does. */
    streamsLeft: number | null;
  };
}

/** What a new API key is asked to be. */
export interface NewKey {
  name: string;
  scopes: Scope[];
  limits?: Partial<Limits>;
  expiresAt?: string;
}

/** What a stream does. */
export type StreamState = "offline" | "idle" | "live" | "recording" | "paused" | "archived";

/** What the source of a pulled stream does. */
export type SourceState = "idle" | "connecting" | "live" | "retrying" | "disabled";

/** What the source of a pulled stream does now. */
export interface SourceStatus {
  state: SourceState;
  since: string;
  /** Attempts that have failed since it was live. */
  failures: number;
  /** Why the latest of them has. */
  reason: string | null;
  /** When it is tried again. */
  retryAt: string | null;
}

/** What became of an attempt to open a source. */
export interface SourceEvent {
  at: string;
  outcome: "live" | "failed" | "ended";
  reason: string | null;
  /** The same for people. */
  detail: string | null;
  /** What was connected to. */
  address: string | null;
  tookMs: number;
}

/** How much of a stream the hub keeps, whichever is reached first. */
export interface Ring {
  seconds: number;
  bytes: number;
}

/** Whether an encoder sends it, or the daemon fetches it. */
export type StreamType = "push" | "pull";

/** A stream. */
export interface Stream {
  id: string;
  name: string;
  description: string;
  type: StreamType;
  /** Where a pulled stream comes from, as far as it is shown; null where it is pushed. */
  source: string | null;
  /** Whether its source is open while nobody watches, too; null where it is pushed. */
  always: boolean | null;
  sourceStatus: SourceStatus | null;
  /** 1 to 15. */
  layers: number;
  fec: string;
  region: string;
  record: boolean;
  /** Null for API keys without the scope `ingest`, and when it is archived. */
  streamKey: string | null;
  playbackId: string;
  state: StreamState;
  ingest: { fql: string };
  playback: { page: string; play: string; fql: string };
  ring: Ring;
  createdAt: string;
  updatedAt: string;
  archivedAt: string | null;
}

/** What a stream may be asked to be; what is not named stays, or is the daemon's default. */
export interface StreamSettings {
  name?: string;
  description?: string;
  layers?: number;
  fec?: string;
  region?: string;
  ring?: Partial<Ring>;
  /** Where it is fetched from. It may hold a password. */
  source?: string;
  always?: boolean;
}

/** A new stream: a name, and whatever else is wanted. */
export type NewStream = StreamSettings & { name: string; type?: StreamType };

/** What is asked of the daemon's network. */
export interface DiscoveryRequest {
  /** Of the cameras: both or neither. */
  username?: string;
  password?: string;
  /** The devices that are asked; all, where it is missing. */
  addresses?: string[];
}

/** Cameras of the daemon's network. */
export interface Discovery {
  devices: Device[];
  /** Whether more have answered than are told of. */
  isMore: boolean;
}

/** A device that has answered. */
export interface Device {
  id: string;
  address: string;
  name: string | null;
  manufacturer: string | null;
  model: string | null;
  sources: DeviceSource[];
  /** Whether it refused to answer without a user. */
  needsCredentials: boolean;
  /** Why not all is known of it. */
  problem: { reason: string; detail: string } | null;
}

/** One stream of a device. */
export interface DeviceSource {
  /** As the device calls it. */
  name: string;
  /** What a stream of it may be called. */
  streamName: string;
  /** Without credentials. */
  source: string;
  video: { codec: string | null; width: number | null; height: number | null; framesPerSecond: number | null } | null;
}

/** What a stream does now, in figures. */
export interface StreamStats {
  state: StreamState;
  sourceStatus: SourceStatus | null;
  uptimeSeconds: number;
  viewers: number;
  publisher: PublisherStats | null;
  tracks: TrackStats[];
  packets: PacketStats;
  delayMs: number | null;
}

/** The publishing session. */
export interface PublisherStats {
  address: string;
  roundTripMs: number | null;
  queueingDelayMs: number | null;
  /** What arrives, parity included. */
  rate: number;
}

/** One track of a live stream. */
export interface TrackStats {
  id: number;
  kind: string;
  name: string;
  codec: string;
  bitrate: number;
  frameRate: number;
  layers: number;
  /** The lowest layer first. */
  layerRates: number[];
  unitsComplete: number;
  unitsPartial: number;
  unitsLost: number;
}

/** Datagrams of the publishing session since it began. */
export interface PacketStats {
  received: number;
  lost: number;
  recovered: number;
  late: number;
}

/** A webhook. */
export interface Webhook {
  id: string;
  url: string;
  events: string[];
  description: string;
  enabled: boolean;
  createdAt: string;
  updatedAt: string;
  /** What deliveries are signed with, in the answer to its making and never again. */
  secret?: string;
}

/** What a webhook may be asked to be. */
export interface WebhookSettings {
  url?: string;
  events?: string[];
  description?: string;
  enabled?: boolean;
}

/** A new webhook: an address, and whatever else is wanted. */
export type NewWebhook = WebhookSettings & { url: string };

/** One event on its way to one webhook. */
export interface Delivery {
  id: string;
  event: string;
  eventId: string;
  sequence: number;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  statusCode: number | null;
  error: string | null;
  createdAt: string;
  attemptedAt: string | null;
  nextAttemptAt: string | null;
  /** What is sent, where the daemon tells it. */
  body?: unknown;
}

/** Part of a list. */
export interface Page<T> {
  items: T[];
  /** The address of the next part; null at the end. */
  next: string | null;
}
