import { describe, expect, it } from "vitest";
import type { Track } from "../../types";
import { audioConfig, videoConfig } from "./names";

type EncodedVideo = Extract<Track, { kind: "encoded-video" }>;
type EncodedAudio = Extract<Track, { kind: "encoded-audio" }>;

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const none = new Uint8Array(0);

function video(codec: EncodedVideo["codec"], config = "", caps = ""): EncodedVideo {
  return {
    id: 0, kind: "encoded-video", name: "", layers: 3, codec, width: 64, height: 48, frameRate: 25, config: bytes(config), caps,
  };
}

function audio(codec: EncodedAudio["codec"], config = ""): EncodedAudio {
  return {
    id: 1, kind: "encoded-audio", name: "", layers: 1, codec, sampleRate: 48_000, channels: 2, config: bytes(config), caps: "",
  };
}

// As x265 wrote them: video, sequence and picture parameter sets with start codes, and the head of hvcC.
const H265_KEY =
  "0000000140010c01ffff0408000003009e0800000300001e959809000000014201010408000003009e0800000300001e90041062cb2b35c995e0";
const HVCC = "0104080000009e08000000001ef000fcfff8f800000f03";

describe("what WebCodecs is told of a track", () => {
  it("is in avcC, which comes as a description", () => {
    const config = videoConfig(video("h264", "0142c01fffe1"), none);
    expect(config).toMatchObject({ codec: "avc1.42c01f", codedWidth: 64, codedHeight: 48 });
    expect(config?.description).toEqual(bytes("0142c01fffe1"));
  });

  it("is in the sequence parameter set of a byte stream, which has no description", () => {
    const key = bytes("00000001091000000001674d401f95000000000168ee");
    const config = videoConfig(video("h264", "", "video/x-h264, stream-format=(string)byte-stream"), key);
    expect(config?.codec).toBe("avc1.4d401f");
    expect(config).not.toHaveProperty("description");
    // A leftover configuration does not make lengths of start codes.
    const both = video("h264", "0142c01fffe1", "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au");
    expect(videoConfig(both, key)).toEqual(config);
  });

  it("is the same in hvcC and in H.265's sequence parameter set", () => {
    expect(videoConfig(video("h265", HVCC), none)?.codec).toBe("hvc1.4.10.L30.9e.8");
    expect(videoConfig(video("h265"), bytes(H265_KEY))?.codec).toBe("hev1.4.10.L30.9e.8");
  });

  it("is in av1C, and is what every decoder takes without it", () => {
    const config = videoConfig(video("av1", "812000000a0d"), none);
    expect(config?.codec).toBe("av01.1.00M.08");
    expect(config).not.toHaveProperty("description");
    expect(videoConfig(video("av1"), none)?.codec).toBe("av01.0.13M.08");
    expect(videoConfig(video("av1", "", "video/x-av1, bit-depth-luma=(uint)10"), none)?.codec).toBe("av01.0.13M.10");
  });

  it("is nothing while no parameter set came, or what came is cut short", () => {
    for (const key of ["", "00000165888400", "0000016742", "000001", "000000000000"]) {
      expect(videoConfig(video("h264"), bytes(key))).toBeNull();
      expect(videoConfig(video("h265"), bytes(key))).toBeNull();
    }
    expect(videoConfig(video("h264", "01"), none)).toBeNull();
    expect(videoConfig(video("h265", "0104"), none)).toBeNull();
    expect(videoConfig(video("h265"), bytes("000001420101040800"))).toBeNull();
  });

  it("is for sound in the AudioSpecificConfig, or in each unit's ADTS header", () => {
    expect(audioConfig(audio("aac", "1190"))).toEqual({
      codec: "mp4a.40.2", sampleRate: 48_000, numberOfChannels: 2, description: bytes("1190"),
    });
    expect(audioConfig(audio("aac", "2b11880800")).codec).toBe("mp4a.40.5");
    expect(audioConfig(audio("aac", "f94640")).codec).toBe("mp4a.40.42");
    expect(audioConfig(audio("aac"))).toEqual({ codec: "mp4a.40.2", sampleRate: 48_000, numberOfChannels: 2 });
  });

  it("has Opus's header only where it is whole", () => {
    const head = "4f707573486561640102380180bb0000000000";
    expect(audioConfig(audio("opus", head)).description).toEqual(bytes(head));
    for (const config of ["", "4f70757348656164", `00${head}`]) {
      expect(audioConfig(audio("opus", config))).toEqual({ codec: "opus", sampleRate: 48_000, numberOfChannels: 2 });
    }
  });
});
