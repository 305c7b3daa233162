// What WebCodecs calls the codec of a track: read from the track's configuration, or from its first key unit.
import type { Track } from "../../types";

type EncodedVideo = Extract<Track, { kind: "encoded-video" }>;
type EncodedAudio = Extract<Track, { kind: "encoded-audio" }>;

const H264_SPS = 7;
const H265_SPS = 33;

/** The configuration of a decoder for pictures of this track; null where this key unit does not tell. */
export function videoConfig(track: EncodedVideo, key: Uint8Array): VideoDecoderConfig | null {
  const codec = videoCodec(track, key);
  if (!codec) return null;
  const config: VideoDecoderConfig = { codec, optimizeForLatency: true };
  if (track.width > 0 && track.height > 0) Object.assign(config, { codedWidth: track.width, codedHeight: track.height });
  // Without a description units are taken to have start codes. AV1 has its sequence header in them in any case.
  if (track.codec !== "av1" && hasDescription(track)) config.description = track.config;
  return config;
}

/** The configuration of a decoder for sound of this track. */
export function audioConfig(track: EncodedAudio): AudioDecoderConfig {
  const { sampleRate, channels, config } = track;
  const base = { sampleRate, numberOfChannels: channels };
  if (track.codec === "opus") {
    return isOpusHead(config) ? { codec: "opus", ...base, description: config } : { codec: "opus", ...base };
  }
  // Without a description each unit is taken to have an ADTS header.
  if (config.length < 2) return { codec: "mp4a.40.2", ...base };
  return { codec: `mp4a.40.${audioObjectType(config)}`, ...base, description: config };
}

/** Byte streams bring their parameters along, whatever else the track says. */
function hasDescription({ config, caps }: EncodedVideo): boolean {
  return config.length > 0 && !/stream-format=\(?(string\))?byte-stream/.test(caps);
}

function videoCodec(track: EncodedVideo, key: Uint8Array): string | null {
  switch (track.codec) {
    case "h264":
      return hasDescription(track) ? h264Name(track.config) : h264Name(nal(key, (head) => (head & 31) === H264_SPS));
    case "h265":
      return hasDescription(track)
        ? h265Name(track.config.subarray(1), track.caps.includes("hev1") ? "hev1" : "hvc1")
        : h265Name(plain(nal(key, (head) => ((head >> 1) & 63) === H265_SPS)).subarray(3), "hev1");
    case "av1":
      return av1Name(track);
  }
}

/** Profile, constraints and level are the second to fourth byte, of `avcC` as of a sequence parameter set. */
function h264Name(bytes: Uint8Array): string | null {
  const [, profile, constraints, level] = bytes;
  if (profile === undefined || constraints === undefined || level === undefined) return null;
  return `avc1.${[profile, constraints, level].map(hex).join("")}`;
}

/** From the twelve bytes of profile, tier and level, as ISO/IEC 14496-15 has it. */
function h265Name(bytes: Uint8Array, format: string): string | null {
  if (bytes.length < 12) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
  const head = view.getUint8(0);
  const space = ["", "A", "B", "C"][head >> 6] ?? "";
  const tier = (head & 32) === 0 ? "L" : "H";
  const constraints = Array.from({ length: 6 }, (_, at) => view.getUint8(5 + at));
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [format, `${space}${head & 31}`, reversed(view.getUint32(1)).toString(16), `${tier}${view.getUint8(11)}`];
  return [...parts, ...constraints.map((byte) => byte.toString(16))].join(".");
}

/** From `av1C` where there is one; else what any decoder of eight or ten bits takes. */
function av1Name({ config, caps }: EncodedVideo): string {
  const [, second, third] = config;
  if (second === undefined || third === undefined) {
    const isDeep = /bit-depth-luma=\(?(uint\)|int\))?10/.test(caps);
    return `av01.0.13M.${isDeep ? "10" : "08"}`;
  }
  const level = String(second & 31).padStart(2, "0");
  const tier = (third & 128) === 0 ? "M" : "H";
  const depth = (third & 64) === 0 ? "08" : (third & 32) === 0 ? "10" : "12";
  return `av01.${second >> 5}.${level}${tier}.${depth}`;
}

/** Five bits, or six more behind an escape. */
function audioObjectType(config: Uint8Array): number {
  const [first = 0, second = 0] = config;
  const type = first >> 3;
  return type === 31 ? 32 + ((first & 7) << 3) + (second >> 5) : type;
}

function isOpusHead(config: Uint8Array): boolean {
  return config.length >= 19 && String.fromCharCode(...config.subarray(0, 8)) === "OpusHead";
}

/** The first NAL unit after a start code whose first byte is asked for; empty where there is none. */
function nal(data: Uint8Array, isIt: (head: number) => boolean): Uint8Array {
  for (let at = startCode(data, 0); at < data.length; at = startCode(data, at)) {
    if (isIt(data[at] ?? 0)) return data.subarray(at, at + 64);
  }
  return new Uint8Array(0);
}

/** What follows the next start code. */
function startCode(data: Uint8Array, from: number): number {
  for (let at = from; at + 3 <= data.length; at++) {
    if (data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1) return at + 3;
  }
  return data.length;
}

/** Without the bytes that keep start codes from appearing inside of a NAL unit. */
function plain(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, at) => !(byte === 3 && at >= 2 && bytes[at - 1] === 0 && bytes[at - 2] === 0));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** The bits of a 32-bit number from last to first. */
function reversed(value: number): number {
  let out = 0;
  for (let bit = 0; bit < 32; bit++) out = (out << 1) | ((value >>> bit) & 1);
  return out >>> 0;
}
