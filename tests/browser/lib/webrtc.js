import { until, within } from "./wait.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ session: string, etag: string | null, close: () => void }} Session */
/** What these tests keep in a page. @typedef {Window & { webrtc: { connection: RTCPeerConnection, session: string, etag: string | null, video: HTMLVideoElement, audio: AnalyserNode | null } }} Kept */

/**
 * Publishes by WHIP from a page: its camera and microphone, or pictures that say when they were drawn and a tone.
 *
 * @param {Page} page of the daemon's origin
 * @param {string} key
 * @param {{ url?: string, codec?: string, source?: "camera" | "stamps" }} [options] the codec's MIME type
 */
export async function publishByWhip(page, key, { url = "/whip", codec = "video/VP8", source = "camera" } = {}) {
  const answered = page.evaluate(
    async ({ key, url, codec, source }) => {
      const stream = source === "camera" ? await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 25 }, audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } }) : stamps();
      const connection = new RTCPeerConnection();
      for (const track of stream.getTracks()) {
        const transceiver = connection.addTransceiver(track, { direction: "sendonly" });
        if (track.kind !== "video") continue;
        const capable = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
        transceiver.setCodecPreferences(capable.filter(({ mimeType }) => mimeType.toLowerCase() === codec.toLowerCase() || mimeType === "video/rtx"));
      }
      await connection.setLocalDescription(await connection.createOffer());
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/sdp", ...(key ? { authorization: `Bearer ${key}` } : {}) },
        body: connection.localDescription?.sdp,
      });
      const text = await answer.text();
      if (answer.status !== 201) throw new Error(`${answer.status} ${text}`);
      const session = answer.headers.get("location") ?? "";
      Object.assign(window, { webrtc: { connection, session, etag: answer.headers.get("etag") } });
      await connection.setRemoteDescription({ type: "answer", sdp: text });
      return session;

      /** Pictures whose upper half is the time as 32 bars, and a tone. */
      function stamps() {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [640, 360];
        const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
        const draw = () => {
          const time = Date.now() % 2 ** 32;
          for (let bit = 0; bit < 32; bit++) {
            context.fillStyle = Math.floor(time / 2 ** bit) % 2 ? "#fff" : "#000";
            context.fillRect(bit * 20, 0, 20, 180);
          }
          context.fillStyle = `hsl(${time % 360} 80% 50%)`;
          context.fillRect(0, 180, 640, 180);
        };
        setInterval(draw, 40);
        const audio = new AudioContext();
        const out = audio.createMediaStreamDestination();
        const tone = audio.createOscillator();
        tone.connect(out);
        tone.start();
        return new MediaStream([...canvas.captureStream(25).getVideoTracks(), ...out.stream.getAudioTracks()]);
      }
    },
    { key, url, codec, source },
  );
  const session = await within("the offer is answered", answered);
  await isConnected(page);
  return session;
}

/**
 * Plays by WHEP in a page.
 *
 * @param {Page} page of the daemon's origin
 * @param {string} playbackId
 */
export async function playByWhep(page, playbackId) {
  const answered = page.evaluate(async (url) => {
    const connection = new RTCPeerConnection();
    const media = new MediaStream();
    const video = document.createElement("video");
    Object.assign(video, { autoplay: true, playsInline: true, width: 640, height: 360 });
    connection.addEventListener("track", ({ track, receiver }) => {
      // What a page does that is to be quick.
      Object.assign(receiver, { jitterBufferTarget: 0 });
      media.addTrack(track);
    });
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    await connection.setLocalDescription(await connection.createOffer());
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/sdp" }, body: connection.localDescription?.sdp });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`${answer.status} ${text}`);
    const session = answer.headers.get("location") ?? "";
    Object.assign(window, { webrtc: { connection, session, etag: answer.headers.get("etag"), video } });
    await connection.setRemoteDescription({ type: "answer", sdp: text });
    video.srcObject = media;
    document.body.append(video);
    return session;
  }, `/play/${playbackId}/webrtc`);
  const session = await within("the offer is answered", answered);
  await isConnected(page);
  return session;
}

/** @param {Page} page */
async function isConnected(page) {
  const state = () => page.evaluate(() => /** @type {Kept} */ (/** @type {unknown} */ (window)).webrtc.connection.connectionState);
  await until("the page is connected", async () => (await state()) === "connected", { told: state });
}

/**
 * What a viewer has had so far.
 *
 * @param {Page} page
 */
export function received(page) {
  return page.evaluate(async () => {
    const { connection, video } = /** @type {Kept} */ (/** @type {unknown} */ (window)).webrtc;
    const all = [...(await connection.getStats()).values()];
    /** @param {string} kind */
    const of = (kind) => all.find((each) => each.type === "inbound-rtp" && each.kind === kind) ?? {};
    const codec = all.find((each) => each.id === of("video").codecId)?.mimeType;
    return {
      frames: Number(of("video").framesDecoded ?? 0),
      energy: Number(of("audio").totalAudioEnergy ?? 0),
      width: video.videoWidth,
      height: video.videoHeight,
      shown: video.currentTime,
      codec,
      plis: Number(of("video").pliCount ?? 0),
      nacks: Number(of("video").nackCount ?? 0),
    };
  });
}

/** The picture that a viewer sees, small. @param {Page} page @returns {Promise<number[]>} */
export function picture(page) {
  return page.evaluate(() => {
    const { video } = /** @type {Kept} */ (/** @type {unknown} */ (window)).webrtc;
    const canvas = new OffscreenCanvas(32, 24);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(video, 0, 0, 32, 24);
    return [...context.getImageData(0, 0, 32, 24).data];
  });
}

/** How long ago the stamped picture that a viewer sees was drawn, in milliseconds. @param {Page} page @returns {Promise<number>} */
export function age(page) {
  return page.evaluate(() => {
    const { video } = /** @type {Kept} */ (/** @type {unknown} */ (window)).webrtc;
    const canvas = new OffscreenCanvas(640, 360);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(video, 0, 0, 640, 360);
    let time = 0;
    for (let bit = 0; bit < 32; bit++) {
      const [red] = context.getImageData(bit * 20 + 10, 90, 1, 1).data;
      time += red > 127 ? 2 ** bit : 0;
    }
    return (Date.now() % 2 ** 32) - time;
  });
}
