import { describe, expect, it } from "vitest";
import { withheld } from "./withheld";

describe("what a browser withholds", () => {
  it("is nothing where it has all", () => {
    expect(withheld({ isSecureContext: true, has: () => true })).toEqual([]);
  });

  it("is told with its reason on a page without TLS", () => {
    const words = withheld({ isSecureContext: false, has: () => false });
    expect(words).toHaveLength(3);
    for (const line of words) expect(line).toContain("plain http://");
    expect(words[0]).toContain("WebTransport");
  });

  it("is told as the browser's own lack elsewhere", () => {
    expect(withheld({ isSecureContext: true, has: (name) => name !== "VideoDecoder" })).toEqual([
      "This browser has no WebCodecs: H.264, H.265, AV1, AAC and Opus tracks cannot be decoded.",
    ]);
  });
});
