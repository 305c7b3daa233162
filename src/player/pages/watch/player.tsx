/** @jsxImportSource preact */
import { useEffect, useRef } from "preact/hooks";
import "../../web";
import type { PlayerState, SourceState } from "../../web";
import { applyOptions } from "../embed/options";

interface Props {
  playbackId: string;
  query: string;
  onState: (state: PlayerState) => void;
  /** What the source of the stream does, where it has one. */
  onSource: (source: SourceState | null) => void;
}

/** The player of the page: plays by itself unless the query says `autoplay=0`. */
export function LivePlayer({ playbackId, query, onState, onSource }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const options = new URLSearchParams(query);
    if (!options.has("autoplay")) options.set("autoplay", "1");
    const player = document.createElement("stream-player");
    player.addEventListener("statechange", (event) => onState(event.detail.state));
    player.addEventListener("stats", (event) => onSource(event.detail.source?.state ?? null));
    applyOptions(player, options);
    player.playbackId = playbackId;
    place.current?.append(player);
    return () => player.remove();
  }, [playbackId, query]);
  return <div class="stage" ref={place} />;
}
