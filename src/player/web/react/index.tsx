/** The player for React: `Player` over `<stream-player>`. Renders on a server too; it plays in the browser. */
import { createElement, useEffect, useImperativeHandle, useRef, type CSSProperties, type ReactElement, type Ref } from "react";
import type {
  PlayerError,
  PlayerState,
  PlayerStats,
  Resolver,
  StateChange,
  StreamPlayerElement,
  StreamPlayerEventMap,
} from "../index";
import "../index";

export type { Playable, PlayerError, PlayerState, PlayerStats, Resolver, Source } from "../index";

export interface PlayerOptions {
  /** Plays as soon as it is on the page. */
  autoplay?: boolean;
  muted?: boolean;
  /** The highest layer that is wanted, 0 to 14; null or absent for all. */
  maxLayer?: number | null;
  /** From arrival to screen in milliseconds, 50 to 10,000; 300 by default. */
  latency?: number;
}

export interface PlayerProps {
  /** What `contentId` names; live streams are what there is. */
  contentType?: "live";
  /** The stream's playback ID. */
  contentId: string;
  options?: PlayerOptions;
  /** The daemon's address, as `https://live.example.com`; that of the page by default. */
  server?: string;
  /** For applications that find their sources themselves. Keep one function, not a new one for each rendering. */
  resolver?: Resolver;
  /** A playback token, where the stream asks for one. */
  token?: string;
  onStateChange?: (state: PlayerState, error?: PlayerError) => void;
  /** About four times a second while it plays. */
  onStats?: (stats: PlayerStats) => void;
  onError?: (error: PlayerError) => void;
  className?: string;
  style?: CSSProperties;
  /** The element, for its methods (`play()`, `stop()`) and properties. */
  playerRef?: Ref<StreamPlayerElement | null>;
}

/** Shows a live stream. */
export function Player(props: PlayerProps): ReactElement {
  const { contentType = "live", contentId, options = {}, server, resolver, token, className, style, playerRef } = props;
  if (contentType !== "live") throw new Error(`contentType is ${String(contentType)}, and may be "live"`);
  const element = useRef<StreamPlayerElement>(null);
  useImperativeHandle<StreamPlayerElement | null, StreamPlayerElement | null>(playerRef, () => element.current, []);

  // Before what makes it play: that tells its first states at once.
  useEvent(element, "statechange", props.onStateChange && (({ state, error }: StateChange) => props.onStateChange?.(state, error)));
  useEvent(element, "stats", props.onStats);
  useEvent(element, "error", props.onError);

  const autoplay = options.autoplay ?? false;
  useEffect(() => {
    const player = element.current;
    if (!player) return;
    player.resolver = resolver ?? null;
    player.token = token;
    // Not an attribute: it would play, and ask the server, before it knows the resolver.
    player.autoplay = autoplay;
  }, [resolver, token, autoplay]);

  return createElement("stream-player", {
    ref: element,
    "playback-id": contentId,
    server: server === "" ? undefined : server,
    "max-layer": options.maxLayer ?? undefined,
    latency: options.latency,
    muted: options.muted ? true : undefined,
    class: className,
    style,
  });
}

type Events = Pick<StreamPlayerEventMap, "statechange" | "stats" | "error">;
type Detail<K extends keyof Events> = Events[K] extends CustomEvent<infer D> ? D : never;

/** Hears an event with the newest listener, without listening anew for each rendering. */
function useEvent<K extends keyof Events>(
  element: { current: StreamPlayerElement | null },
  type: K,
  listener: ((detail: Detail<K>) => void) | undefined,
): void {
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => {
    const player = element.current;
    const hear = (event: Event) => newest.current?.((event as CustomEvent<Detail<K>>).detail);
    player?.addEventListener(type, hear);
    return () => player?.removeEventListener(type, hear);
  }, [element, type]);
}
