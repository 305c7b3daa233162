/** One session of WHIP (RFC 9725): media of this browser on its way to the daemon. */
import { Problem, problemOf, unreachable } from "../problem";

/** How long the connection may take. */
const LONGEST = 15_000;
/** How long it may be disturbed before it counts as lost. */
const DISTURBED = 4_000;

/** How a session went away by itself: because the daemon ended it, or because nothing came through any more. */
export type Gone = "ended" | "lost";

/** A session that stands. */
export interface Session {
  /** Says goodbye: the stream is offline at once. Never fails, and may be called again. */
  end: () => Promise<void>;
}

/**
 * Begins a session with a stream key; done when the connection stands.
 *
 * @param onGone called once where it goes away by itself
 */
export async function openSession(media: MediaStream, streamKey: string, onGone: (how: Gone) => void): Promise<Session> {
  const connection = new RTCPeerConnection();
  let resource: string | null = null;
  let isOver = false;
  const end = async () => {
    isOver = true;
    connection.close();
    // A session that is gone already has nothing to say goodbye to.
    if (resource) await fetch(resource, { method: "DELETE" }).catch(() => undefined);
  };
  const gone = (how: Gone) => {
    if (isOver) return;
    isOver = true;
    connection.close();
    onGone(how);
  };
  try {
    for (const track of media.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [media] });
      if (track.kind === "video") preferH264(transceiver);
    }
    await connection.setLocalDescription(await connection.createOffer());
    const answer = await offer(connection.localDescription?.sdp ?? "", streamKey);
    resource = answer.headers.get("location");
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    await connected(connection);
    watch(connection, gone);
    return { end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** H.264 is what players of all protocols take: HLS and television sets have no VP8, which browsers prefer. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const isH264 = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === "video/h264";
  transceiver.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))]);
}

async function offer(sdp: string, streamKey: string): Promise<Response> {
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${streamKey}` };
  const answer = await fetch("/whip", { method: "POST", headers, body: sdp }).catch(() => {
    throw unreachable();
  });
  if (answer.status === 401) {
    throw new Problem(401, "The stream key is not valid: it was changed, or the stream is archived. Load this page again.");
  }
  if (answer.status !== 201) throw await problemOf(answer);
  return answer;
}

function connected(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Problem(0, "The media port cannot be reached. It is a UDP port: is it open in the firewall?"));
    const timer = setTimeout(fail, LONGEST);
    const look = () => {
      const state = connection.connectionState;
      if (state !== "connected" && state !== "failed") return;
      clearTimeout(timer);
      connection.removeEventListener("connectionstatechange", look);
      if (state === "connected") resolve();
      else fail();
    };
    connection.addEventListener("connectionstatechange", look);
    look();
  });
}

function watch(connection: RTCPeerConnection, gone: (how: Gone) => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    const state = connection.connectionState;
    if (state === "failed") gone("lost");
    else if (state === "disconnected") timer = setTimeout(() => gone("lost"), DISTURBED);
  };
  connection.addEventListener("connectionstatechange", look);
  // The daemon's goodbye is that of DTLS; the state of the whole connection does not tell it from a disturbance.
  const transport = connection.getSenders()[0]?.transport;
  transport?.addEventListener("statechange", () => {
    if (transport.state === "closed") gone("ended");
  });
  look();
}
