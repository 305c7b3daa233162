import { describe, expect, it } from "vitest";
import { credentialsFor, withCredentials } from "./credentials";

describe("credentials", () => {
  it("are put into an address, and taken apart there as they were typed", () => {
    const [username, password] = ["ad min@home", "p%40ss:w/ö?#&'()*![]"];
    const address = withCredentials("rtsp://192.168.7.20:554/stream?channel=1", { username, password });
    const [before = "", after] = address.split("@");
    expect(after).toBe("192.168.7.20:554/stream?channel=1");
    const [user = "", secret = "", ...more] = before.slice("rtsp://".length).split(":");
    expect([decodeURIComponent(user), decodeURIComponent(secret), more]).toEqual([username, password, []]);
  });

  it("are told to those alone who ask for a user", () => {
    const given = { username: "a", password: "b" };
    expect(credentialsFor({ needsCredentials: true }, given)).toEqual(given);
    expect(withCredentials("rtsp://camera/live", credentialsFor({ needsCredentials: false }, given))).toBe("rtsp://camera/live");
  });

  it("take the place of others", () => {
    const given = { username: "a", password: "" };
    expect(withCredentials("rtsp://old:one@camera/live", given)).toBe("rtsp://a:@camera/live");
  });

  it("change nothing where there are none, nor where there is no address", () => {
    const none = { username: "", password: "" };
    expect(withCredentials("rtsp://camera/live", none)).toBe("rtsp://camera/live");
    expect(withCredentials("camera", { username: "a", password: "b" })).toBe("camera");
  });
});
