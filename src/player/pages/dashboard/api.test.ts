import { describe, expect, it } from "vitest";
import { Api, nextIn } from "./api";
import { Problem } from "./problem";

interface Asked {
  address: string;
  method: string;
  headers: Headers;
  body: unknown;
}

/** A client before a daemon that gives these answers, one after the other; an error stands for no answer. */
function clientBefore(...answers: (Response | Error)[]) {
  const asked: Asked[] = [];
  const waited: number[] = [];
  const api = new Api({
    fetch: async (address, init) => {
      const body = typeof init?.body === "string" ? (JSON.parse(init.body) as unknown) : undefined;
      asked.push({ address: String(address), method: init?.method ?? "GET", headers: new Headers(init?.headers), body });
      const answer = answers.shift();
      if (answer instanceof Response) return answer;
      throw answer ?? new Error("nothing more was expected");
    },
    wait: async (milliseconds) => void waited.push(milliseconds),
  });
  return { api, asked, waited };
}

const json = (body: unknown, headers: Record<string, string> = {}) => Response.json(body, { headers });
const problem = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/problem+json", ...headers } });
const lost = () => new TypeError("Failed to fetch");

describe("every request", () => {
  it("tells that it comes from the dashboard", async () => {
    const { api, asked } = clientBefore(json({ id: "str_1" }), json([]));
    await api.createStream({ name: "news" });
    await api.keys(20);
    expect(asked.map(({ headers }) => headers.get("X-Stream-Dashboard"))).toEqual(["1", "1"]);
  });

  it("names what the daemon found wrong, field by field", async () => {
    const errors = [{ field: "layers", message: "is 16, and may be 1 to 15" }];
    const { api } = clientBefore(problem(422, { detail: "layers is 16, and may be 1 to 15", errors }));
    const failed = await api.createStream({ name: "news", layers: 16 }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Problem);
    expect(failed).toMatchObject({ status: 422, message: "Layers is 16, and may be 1 to 15.", fields: errors });
  });

  it("tells how long to wait after too many", async () => {
    const { api } = clientBefore(problem(429, { detail: "60 requests a minute are allowed" }, { "Retry-After": "3" }));
    const failed = await api.stream("news").catch((error: unknown) => error);
    expect(failed).toMatchObject({ status: 429, retryAfter: 3 });
    expect(String(failed)).toContain("in 3 s");
  });

  it("tells that the daemon cannot be reached", async () => {
    const { api } = clientBefore(lost());
    await expect(api.stream("news")).rejects.toMatchObject({ isUnreachable: true });
  });

  it("says something of answers that are no problem documents", async () => {
    const { api } = clientBefore(new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }));
    await expect(api.stream("news")).rejects.toThrow("The answer was 502 Bad Gateway, without a reason.");
  });

  it("remembers how often the API key may ask", async () => {
    const { api } = clientBefore(json({}, { "RateLimit-Limit": "600", "RateLimit-Remaining": "598" }), json({}));
    await api.stream("news");
    await api.stream("news");
    expect(api.allowance).toEqual({ limit: 600, remaining: 598 });
  });

  it("puts ids into addresses as they are meant", async () => {
    const { api, asked } = clientBefore(json({}));
    await api.stream("../keys?x");
    expect(asked[0]?.address).toBe("/v1/streams/..%2Fkeys%3Fx");
  });
});

describe("a POST", () => {
  it("is sent again under the same key when its answer is lost", async () => {
    const { api, asked, waited } = clientBefore(lost(), lost(), json({ id: "str_1" }));
    await expect(api.createStream({ name: "news" })).resolves.toEqual({ id: "str_1" });
    const keys = asked.map(({ headers }) => headers.get("Idempotency-Key"));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
    expect(waited).toEqual([400, 1200]);
  });

  it("is not sent again when the daemon refused it", async () => {
    const { api, asked } = clientBefore(problem(409, { detail: "there is a stream news already" }));
    await expect(api.createStream({ name: "news" })).rejects.toMatchObject({ status: 409 });
    expect(asked).toHaveLength(1);
  });

  it("gives up after a few times", async () => {
    const { api, asked } = clientBefore(lost(), lost(), lost());
    await expect(api.pauseStream("news")).rejects.toMatchObject({ isUnreachable: true });
    expect(asked).toHaveLength(3);
  });

  it("has another key each time that somebody asks for it", async () => {
    const { api, asked } = clientBefore(json({}), json({}));
    await api.pauseStream("news");
    await api.pauseStream("news");
    expect(new Set(asked.map(({ headers }) => headers.get("Idempotency-Key"))).size).toBe(2);
  });
});

describe("a session", () => {
  it("is nobody's where the daemon knows none, and that is no end of one", async () => {
    const { api } = clientBefore(problem(401, { detail: "there is no session" }));
    let ended = 0;
    api.onSessionEnd = () => (ended += 1);
    await expect(api.session()).resolves.toBeNull();
    expect(ended).toBe(0);
  });

  it("has ended when a request is refused as nobody's", async () => {
    const { api } = clientBefore(problem(401, { detail: "the session has ended" }));
    let ended = 0;
    api.onSessionEnd = () => (ended += 1);
    await expect(api.streamStats("news")).rejects.toMatchObject({ status: 401 });
    expect(ended).toBe(1);
  });

  it("does not end by a wrong key at the door", async () => {
    const { api } = clientBefore(problem(401, { detail: "this API key is not known here" }));
    let ended = 0;
    api.onSessionEnd = () => (ended += 1);
    await expect(api.signIn("ak_wrong")).rejects.toThrow("This API key is not known here.");
    expect(ended).toBe(0);
  });

  it("is not said to be over when the daemon cannot be asked", async () => {
    const { api } = clientBefore(lost());
    await expect(api.session()).rejects.toMatchObject({ isUnreachable: true });
  });
});

describe("the way to the next page", () => {
  it("is that of the Link header, as a path", async () => {
    const { api, asked } = clientBefore(
      json([1], { Link: '</v1/streams?limit=2&cursor=abc>; rel="next"' }),
      json([2]),
    );
    const first = await api.streams({ archived: false, limit: 2 });
    expect(first).toEqual({ items: [1], next: "/v1/streams?limit=2&cursor=abc" });
    expect(await api.page(first.next ?? "")).toEqual({ items: [2], next: null });
    expect(asked[1]?.address).toBe("/v1/streams?limit=2&cursor=abc");
  });

  it("stays with the page's own origin, whatever the daemon calls itself", () => {
    expect(nextIn('<http://10.0.0.1:8080/v1/keys?cursor=a>; rel="next"', "/v1/keys")).toBe("/v1/keys?cursor=a");
  });

  it("is found among others", () => {
    const link = '</v1/keys?cursor=a>; rel="prev", </v1/keys?cursor=c>; title="x"; rel="next"';
    expect(nextIn(link, "/v1/keys")).toBe("/v1/keys?cursor=c");
    expect(nextIn('</v1/keys>; rel="prev"', "/v1/keys")).toBeNull();
    expect(nextIn(null, "/v1/keys")).toBeNull();
  });
});
