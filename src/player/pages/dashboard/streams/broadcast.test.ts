import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { broadcast } from "./broadcast";
import { capture } from "./capture";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A connection that is as the test says once it has an answer. */
class Connection extends EventTarget {
  static becomes = "connected";
  static all: Connection[] = [];
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  transport = Object.assign(new EventTarget(), { state: "connected" });
  constructor() {
    super();
    Connection.all.push(this);
  }
  preferred: { mimeType: string }[] = [];
  addTransceiver() {
    return { setCodecPreferences: (codecs: { mimeType: string }[]) => (this.preferred = codecs) };
  }
  getSenders = () => [{ transport: this.transport }];
  createOffer = async () => ({ sdp: "offer" });
  async setLocalDescription(description: { sdp: string }) {
    this.localDescription = description;
  }
  async setRemoteDescription() {
    this.is(Connection.becomes);
  }
  is(state: string) {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
  saysGoodbye() {
    this.transport.state = "closed";
    this.transport.dispatchEvent(new Event("statechange"));
  }
  close() {
    this.connectionState = "closed";
  }
}

class Track extends EventTarget {
  kind = "video";
  stop = vi.fn();
}

const created = async () => new Response("answer", { status: 201, headers: { location: "/whip/session/abc" } });
const refused = (status: number, detail: string) => async () => new Response(JSON.stringify({ detail }), { status });

/** A daemon that answers offers so, one after the other, the last one for ever; and a page that publishes. */
function world({ answers = [created], becomes = "connected", state = "offline" }: { answers?: (() => Promise<Response>)[]; becomes?: string; state?: string } = {}) {
  Connection.becomes = becomes;
  Connection.all = [];
  const offers: RequestInit[] = [];
  const asked = vi.fn(async (url: string, init: RequestInit = {}) => {
    if (url.startsWith("/play/")) return new Response(JSON.stringify({ state }));
    if (init.method === "DELETE") return new Response(null);
    offers.push(init);
    return (answers.length > 1 ? answers.shift() : answers[0])?.() ?? Promise.reject(new Error("no answer"));
  });
  vi.stubGlobal("RTCPeerConnection", Connection);
  const codecs = ["video/VP8", "video/rtx", "video/H264"].map((mimeType) => ({ mimeType }));
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs }) });
  vi.stubGlobal("fetch", asked);
  const track = new Track();
  const media = { getTracks: () => [track] } as unknown as MediaStream;
  const listener = { onLost: vi.fn(), onBack: vi.fn(), onOver: vi.fn() };
  const begin = () => broadcast({ media, streamKey: "sk_secret", playbackId: "abc" }, listener);
  const goodbyes = () => asked.mock.calls.filter(([, init]) => init?.method === "DELETE");
  return { offers, goodbyes, track, listener, begin };
}

describe("a broadcast", () => {
  it("shows the key in a header alone, and says goodbye at its end", async () => {
    const { offers, goodbyes, track, begin } = world();
    const current = await begin();
    expect(offers[0]?.headers).toMatchObject({ authorization: "Bearer sk_secret", "content-type": "application/sdp" });
    expect(offers[0]?.body).toBe("offer");
    expect(Connection.all[0]?.preferred[0]?.mimeType).toBe("video/H264");
    await current.end();
    expect(goodbyes()).toEqual([["/whip/session/abc", { method: "DELETE" }]]);
    expect(track.stop).toHaveBeenCalled();
  });

  it("that is refused gives the camera back and says why", async () => {
    const { track, begin } = world({ answers: [refused(409, "another publisher is live")] });
    await expect(begin()).rejects.toThrow("Another publisher is live.");
    expect(track.stop).toHaveBeenCalled();
  });

  it("with a key that was changed says what to do", async () => {
    const { begin } = world({ answers: [refused(401, "no stream has this key")] });
    await expect(begin()).rejects.toThrow("The stream key is not valid: it was changed");
  });

  it("whose media does not get through says so", async () => {
    const { goodbyes, begin } = world({ becomes: "failed" });
    await expect(begin()).rejects.toThrow("UDP");
    expect(goodbyes()).toHaveLength(1);
  });

  it("ends with the screen that the browser ends, once", async () => {
    const { track, listener, begin } = world();
    await begin();
    track.dispatchEvent(new Event("ended"));
    track.dispatchEvent(new Event("ended"));
    expect(listener.onOver).toHaveBeenCalledTimes(1);
    expect(listener.onLost).not.toHaveBeenCalled();
  });
});

describe("a connection that is lost", () => {
  it("begins anew with the same camera until the daemon takes it, and its old session is ended first", async () => {
    const unreachable = () => Promise.reject(new TypeError("no network"));
    const { offers, goodbyes, track, listener, begin } = world({ answers: [created, unreachable, refused(503, "it starts"), created] });
    await begin();
    Connection.all[0]?.is("failed");
    expect(listener.onLost).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(listener.onBack).toHaveBeenCalledTimes(1);
    expect(offers).toHaveLength(4);
    expect(goodbyes().length).toBeGreaterThan(0);
    expect(track.stop).not.toHaveBeenCalled();
    expect(listener.onOver).not.toHaveBeenCalled();
  });

  it("is not lost where it was only disturbed", async () => {
    const { listener, begin } = world();
    await begin();
    Connection.all[0]?.is("disconnected");
    await vi.advanceTimersByTimeAsync(2_000);
    Connection.all[0]?.is("connected");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(listener.onLost).not.toHaveBeenCalled();
    Connection.all[0]?.is("disconnected");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(listener.onLost).toHaveBeenCalledTimes(1);
  });

  it("gives up where the key was changed meanwhile", async () => {
    const { track, listener, begin } = world({ answers: [created, refused(401, "no stream has this key")] });
    await begin();
    Connection.all[0]?.saysGoodbye();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(listener.onOver.mock.calls[0]?.[0]).toMatch(/stream key is not valid/);
    expect(track.stop).toHaveBeenCalled();
  });

  it("leaves the stream to somebody else who has taken it over", async () => {
    const { offers, listener, begin } = world({ state: "live" });
    await begin();
    Connection.all[0]?.saysGoodbye();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(listener.onOver).toHaveBeenCalledWith("Somebody else publishes this stream now.");
    expect(offers).toHaveLength(1);
  });

  it("is not tried again once it was stopped", async () => {
    const { offers, listener, begin } = world();
    const current = await begin();
    Connection.all[0]?.is("failed");
    await current.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(offers).toHaveLength(1);
    expect(listener.onBack).not.toHaveBeenCalled();
  });
});

describe("the camera", () => {
  const fails = (name: string) => () => Promise.reject(new DOMException("no", name));

  it("that nobody allows is named", async () => {
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: fails("NotAllowedError") } });
    await expect(capture("camera")).rejects.toThrow("The browser was not allowed to use the camera.");
  });

  it("that there is none of is named", async () => {
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: fails("NotFoundError") } });
    await expect(capture("camera")).rejects.toThrow("There is no camera on this machine.");
  });

  it("goes without sound where there is no microphone", async () => {
    const media = {};
    const getUserMedia = async ({ audio }: { audio?: boolean }) => (audio ? fails("NotFoundError")() : media);
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
    expect(await capture("camera")).toEqual({ media, note: expect.stringContaining("no microphone") });
  });

  it("is not given to pages without a secure origin", async () => {
    vi.stubGlobal("navigator", {});
    await expect(capture("camera")).rejects.toThrow("https://");
  });
});
