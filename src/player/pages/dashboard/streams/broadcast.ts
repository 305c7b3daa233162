/** Publishing from this browser, for as long as it is wanted: what is lost on the way is begun anew. */
import { asProblem, Problem } from "../problem";
import { openSession, type Gone, type Session } from "./whip";

/** How long it waits before it tries again, in milliseconds: at first, and at most. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 10_000;

/** What is published from this page: one at a time, until it is ended or cannot go on. */
export interface Broadcast {
  /** Says goodbye: the stream is offline at once. */
  end: () => Promise<void>;
}

/** Who wants to know how it goes. */
export interface Listener {
  /** The connection is lost; it is tried again. */
  onLost: () => void;
  /** It stands again. */
  onBack: () => void;
  /** It cannot go on, and is over; called once. */
  onOver: (reason: string) => void;
}

/** What is published, and where. */
export interface Published {
  media: MediaStream;
  streamKey: string;
  playbackId: string;
}

/** Publishes; done when the connection stands for the first time. Camera and screen are given back at the end. */
export async function broadcast(published: Published, listener: Listener): Promise<Broadcast> {
  const { media } = published;
  let session: Session | null = null;
  let isOver = false;
  const giveBack = () => {
    isOver = true;
    for (const track of media.getTracks()) track.stop();
  };
  const end = async () => {
    giveBack();
    await session?.end();
  };
  const breakOff = (reason: string) => {
    if (isOver) return;
    void end();
    listener.onOver(reason);
  };
  const open = () => openSession(media, published.streamKey, (how) => void comeBack(how));
  const comeBack = async (how: Gone) => {
    listener.onLost();
    for (let wait = FIRST_WAIT; !isOver; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (isOver) return;
      try {
        // The daemon may not know yet that it is gone, and would take the next one for somebody else's.
        await session?.end();
        if (how === "ended" && (await isLive(published.playbackId))) return breakOff("Somebody else publishes this stream now.");
        session = await open();
        // It may have been ended meanwhile.
        if (isOver) return void session.end();
        return listener.onBack();
      } catch (error) {
        const problem = asProblem(error);
        if (isFinal(problem)) return breakOff(problem.message);
      }
    }
  };
  for (const track of media.getTracks()) {
    // Browsers have their own button that ends the sharing of a screen.
    track.addEventListener("ended", () => breakOff(`The ${track.kind === "video" ? "picture" : "sound"} was ended.`));
  }
  try {
    session = await open();
  } catch (error) {
    giveBack();
    throw error;
  }
  return { end };
}

/** Whether there is no use in trying again. */
function isFinal({ status }: Problem): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

async function isLive(playbackId: string): Promise<boolean> {
  const answer = await fetch(`/play/${playbackId}`);
  const stream = (await answer.json()) as { state?: unknown };
  return stream.state === "live";
}
