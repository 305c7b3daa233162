import { describe, expect, test } from "vitest";
import type { Playable } from "../../web";
import { elsewhere, sharing } from "./snippets";

const playable: Playable = { playbackId: "7r3kd2m5qxvnh4ta", name: "news", state: "live", serverKey: "k", sources: [], tracks: [] };

describe("what can be copied", () => {
  test("the page's own address, a frame and the element", () => {
    const [url, frame, element] = sharing("https://live.example.com", "abc").map((snippet) => snippet.text);
    expect(url).toBe("https://live.example.com/v/abc");
    expect(frame).toContain('src="https://live.example.com/embed/abc"');
    expect(element).toContain('<stream-player playback-id="abc" server="https://live.example.com">');
  });

  test("the pipeline has the server's own address, as one word of a shell", () => {
    const sources = [{ protocol: "fql", uri: "fql://h:4242/play/abc?server-key=k&x='" }];
    const texts = elsewhere({ ...playable, sources }).map((snippet) => snippet.text);
    expect(texts).toEqual([
      "stream play 7r3kd2m5qxvnh4ta",
      `gst-launch-1.0 playbin3 uri='fql://h:4242/play/abc?server-key=k&x='\\'''`,
    ]);
  });

  test("without an FQL address there is the command line alone", () => {
    expect(elsewhere(playable)).toHaveLength(1);
  });
});
