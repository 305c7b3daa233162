// Decoding by WebCodecs of what another encoder made.
import type { EncodedUnit, Sound, Track } from "../../types";
import { now } from "../clock/now";
import { audioConfig, videoConfig } from "./names";
import { Silence } from "./silence";
import { UnitTimes } from "./times";

type EncodedVideo = Extract<Track, { kind: "encoded-video" }>;
type EncodedAudio = Extract<Track, { kind: "encoded-audio" }>;

/** A decoder that is further behind than this is too slow. */
const MOST_BEHIND_MS = 1500;
/** Units that wait while the browser is asked. */
const MOST_EARLY = 64;
/** A decoder that fails on one key unit after the other is of no use. */
const MOST_FAILURES = 8;

/** Names for people. */
const CODECS = { h264: "H.264", h265: "H.265", av1: "AV1", aac: "AAC", opus: "Opus" };

/** What a decoder tells. */
export interface DecodingEvents {
  frame(frame: VideoFrame, due: number, pts: number): void;
  sound(sound: Sound): void;
  /** It cannot be played here, in words for people. */
  unsupported(message: string): void;
}

/** A track's decoder. */
export interface Decoding {
  /** The track that it is of, as it was when decoding began. */
  readonly track: Track;
  decode(unit: EncodedUnit): void;
  close(): void;
}

/** A decoder for a track; null where it is not an encoded one, or the browser decodes nothing. */
export function decodingOf(track: Track, events: DecodingEvents): Decoding | null {
  switch (track.kind) {
    case "encoded-video":
      return typeof VideoDecoder === "undefined" ? missing(track, events) : new VideoDecoding(track, events);
    case "encoded-audio":
      return typeof AudioDecoder === "undefined" ? missing(track, events) : new AudioDecoding(track, events);
    default:
      return null;
  }
}

function missing(track: EncodedVideo | EncodedAudio, events: DecodingEvents): null {
  const why = globalThis.isSecureContext ? "which this browser does not have" : "which browsers give to https:// pages only";
  events.unsupported(`This stream's ${CODECS[track.codec]} track needs WebCodecs, ${why}.`);
  return null;
}

/** What both decoders do: ask whether the browser can, begin at a key unit, and begin again after errors. */
abstract class UnitDecoding<D extends VideoDecoder | AudioDecoder, C> implements Decoding {
  abstract readonly track: EncodedVideo | EncodedAudio;
  protected readonly times = new UnitTimes();
  protected decoder: D | null = null;
  private isAsking = false;
  private isClosed = false;
  private failures = 0;
  private readonly silence = new Silence();
  /** Units that came while the browser was asked whether it can decode them. */
  private early: EncodedUnit[] = [];

  constructor(protected readonly events: DecodingEvents) {}

  protected abstract canBeginAt(unit: EncodedUnit): boolean;
  /** Null where this unit does not tell how it is to be decoded. */
  protected abstract configOf(unit: EncodedUnit): C | null;
  protected abstract ask(config: C): Promise<boolean>;
  protected abstract open(config: C): D;
  protected abstract give(decoder: D, unit: EncodedUnit, timestamp: number): void;

  decode(unit: EncodedUnit): void {
    if (this.isClosed || !Number.isFinite(unit.pts) || !Number.isFinite(unit.due)) return;
    if (this.silence.isTooLong(now(), this.canBeginAt(unit))) {
      this.giveUp(`Nothing comes out of this browser's decoder for this stream's ${CODECS[this.track.codec]} track.`);
      return;
    }
    if (this.isAsking) {
      if (this.early.length < MOST_EARLY) this.early.push(unit);
      return;
    }
    if (this.decoder) this.decodeNow(this.decoder, unit);
    else if (this.canBeginAt(unit)) this.begin(unit);
  }

  close(): void {
    this.isClosed = true;
    this.shut();
  }

  /** Something came out: the decoder is well. */
  protected succeeded(): void {
    this.failures = 0;
    this.silence.end();
  }

  /** Gives the decoder up; the next key unit begins anew. */
  protected failed(): void {
    this.shut();
    // It says so itself, and is counted here.
    this.silence.end();
    this.failures++;
    if (this.failures < MOST_FAILURES) return;
    this.giveUp(`This browser's decoder fails on this stream's ${CODECS[this.track.codec]} track.`);
  }

  private begin(unit: EncodedUnit): void {
    const config = this.configOf(unit);
    if (!config) return;
    this.isAsking = true;
    this.early = [unit];
    this.ask(config).catch(() => false).then((isSupported) => {
      this.isAsking = false;
      const { early } = this;
      this.early = [];
      if (this.isClosed) return;
      if (isSupported) this.start(config, early);
      else this.giveUp(`This browser does not decode this stream's ${CODECS[this.track.codec]} track.`);
    });
  }

  private start(config: C, units: EncodedUnit[]): void {
    try {
      this.decoder = this.open(config);
    } catch {
      this.failed();
      return;
    }
    for (const unit of units) this.decode(unit);
  }

  private giveUp(message: string): void {
    this.events.unsupported(message);
    this.close();
  }

  private decodeNow(decoder: D, unit: EncodedUnit): void {
    if (unit.due - this.times.oldestDue > MOST_BEHIND_MS) {
      // Too slow: what waits is given up, and the next key unit begins where the stream is by then.
      this.shut();
      return;
    }
    try {
      this.give(decoder, unit, this.times.add(unit));
    } catch {
      this.failed();
    }
  }

  private shut(): void {
    this.early = [];
    this.times.clear();
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
  }
}

class VideoDecoding extends UnitDecoding<VideoDecoder, VideoDecoderConfig> {
  constructor(
    readonly track: EncodedVideo,
    events: DecodingEvents,
  ) {
    super(events);
  }

  protected canBeginAt({ isKey }: EncodedUnit): boolean {
    return isKey;
  }

  protected configOf(unit: EncodedUnit): VideoDecoderConfig | null {
    return videoConfig(this.track, unit.data);
  }

  protected async ask(config: VideoDecoderConfig): Promise<boolean> {
    return (await VideoDecoder.isConfigSupported(config)).supported ?? false;
  }

  protected open(config: VideoDecoderConfig): VideoDecoder {
    const decoder = new VideoDecoder({
      output: (frame) => this.take(frame),
      error: () => decoder === this.decoder && this.failed(),
    });
    decoder.configure(config);
    return decoder;
  }

  protected give(decoder: VideoDecoder, { isKey, data }: EncodedUnit, timestamp: number): void {
    decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp, data }));
  }

  private take(frame: VideoFrame): void {
    const times = this.times.take(frame.timestamp);
    if (!times) {
      frame.close();
      return;
    }
    this.succeeded();
    this.events.frame(frame, times.due, times.pts);
  }
}

class AudioDecoding extends UnitDecoding<AudioDecoder, AudioDecoderConfig> {
  constructor(
    readonly track: EncodedAudio,
    events: DecodingEvents,
  ) {
    super(events);
  }

  protected canBeginAt(): boolean {
    return true;
  }

  protected configOf(): AudioDecoderConfig {
    return audioConfig(this.track);
  }

  protected async ask(config: AudioDecoderConfig): Promise<boolean> {
    return (await AudioDecoder.isConfigSupported(config)).supported ?? false;
  }

  protected open(config: AudioDecoderConfig): AudioDecoder {
    const decoder = new AudioDecoder({
      output: (data) => this.take(data),
      error: () => decoder === this.decoder && this.failed(),
    });
    decoder.configure(config);
    return decoder;
  }

  protected give(decoder: AudioDecoder, { data }: EncodedUnit, timestamp: number): void {
    decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data }));
  }

  private take(data: AudioData): void {
    const times = this.times.take(data.timestamp);
    if (times) {
      this.succeeded();
      const { sampleRate } = data;
      this.events.sound({ track: this.track.id, sampleRate, channels: planes(data), ...times, concealed: false });
    }
    data.close();
  }
}

function planes(data: AudioData): Float32Array[] {
  return Array.from({ length: Math.min(data.numberOfChannels, 8) }, (_, planeIndex) => {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex, format: "f32-planar" });
    return samples;
  });
}
