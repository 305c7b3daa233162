import { describe, expect, it } from "vitest";
import type { Device } from "../shapes";
import { aboutOf, nameOf, problemText, videoText } from "./words";

const DEVICE: Device = {
  id: "urn:uuid:1", address: "192.168.7.20", name: "Front door", manufacturer: "Acme", model: "C1", sources: [], needsCredentials: false,
  problem: null,
};

describe("a device", () => {
  it("is called what it says, or what it is, or where it is", () => {
    const [nameless, silent] = [{ ...DEVICE, name: null }, { ...DEVICE, name: null, manufacturer: null, model: null }];
    expect([DEVICE, nameless, silent].map(nameOf)).toEqual(["Front door", "Acme C1", "192.168.7.20"]);
    expect([DEVICE, nameless, silent].map(aboutOf)).toEqual(["Acme C1 · 192.168.7.20", "192.168.7.20", ""]);
  });
});

describe("a problem of a device", () => {
  it("is told in the daemon's words, but for what can be mended here", () => {
    expect(problemText({ reason: "unreachable", detail: "nothing answers there" })).toBe("Nothing answers there.");
    expect(problemText({ reason: "unauthorized", detail: "it wants another" })).toMatch(/type them above/);
  });
});

describe("what a stream of a camera shows", () => {
  it("is told as far as it is known", () => {
    expect(videoText({ codec: "h264", width: 1920, height: 1080, framesPerSecond: 25 })).toBe("H.264, 1920 × 1080, 25/s");
    expect(videoText({ codec: "vc-1", width: null, height: 1080, framesPerSecond: 12.5 })).toBe("vc-1, 12.5/s");
    expect(videoText(null)).toBe("");
  });
});
