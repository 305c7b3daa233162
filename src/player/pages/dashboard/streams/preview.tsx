import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../parts/notice";

interface PreviewProps {
  playbackId: string;
  /** Whether it waits until somebody starts it. */
  isQuiet: boolean;
}

/** The stream as a viewer sees it, without sound until somebody asks for it. */
export function Preview({ playbackId, isQuiet }: PreviewProps) {
  const place = useRef<HTMLDivElement>(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const player = document.createElement("stream-player");
    player.setAttribute("playback-id", playbackId);
    player.toggleAttribute("autoplay", !isQuiet);
    player.setAttribute("muted", "");
    // The player is most of what the dashboard weighs: it is fetched when it is needed.
    import("../../../web").then(
      () => place.current?.replaceChildren(player),
      () => setBroken(true),
    );
    return () => player.remove();
    // Who has it play already keeps it when what is to be done by itself changes.
  }, [playbackId]);
  if (isBroken) return <Notice kind="warn">The player could not be fetched, so there is no preview.</Notice>;
  return <div ref={place} class="preview" data-testid="preview" />;
}
