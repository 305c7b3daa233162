// The two ways to play samples at frames of an AudioContext.
import type { SoundOutput } from "./schedule";

/** What waits for the worklet to be loaded. */
const MAX_PENDING = 1024;

/** An output that can be emptied and taken down. */
export interface ClearableOutput extends SoundOutput {
  /** For people who look for the reason of something. */
  readonly kind: string;
  /** Drops all that was scheduled. */
  clear(): void;
  close(): void;
}

/** The AudioWorklet's way: it plays what it gets by messages. */
class WorkletOutput implements ClearableOutput {
  readonly kind = "AudioWorklet";

  constructor(private readonly node: AudioWorkletNode) {}

  play(frame: number, channels: Float32Array[]): void {
    const buffers = channels.map((channel) => channel.buffer);
    this.node.port.postMessage({ kind: "play", frame, channels }, buffers);
  }

  clear(): void {
    this.node.port.postMessage({ kind: "clear" });
  }

  close(): void {
    this.node.port.postMessage({ kind: "end" });
    this.node.disconnect();
  }
}

/** The way without AudioWorklet: a node a chunk. */
class BufferOutput implements ClearableOutput {
  readonly kind = "AudioBufferSourceNode";
  private readonly playing = new Set<AudioBufferSourceNode>();

  constructor(
    private readonly context: AudioContext,
    private readonly destination: AudioNode,
  ) {}

  play(frame: number, channels: Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    const buffer = this.context.createBuffer(channels.length, length, this.context.sampleRate);
    channels.forEach((samples, at) => buffer.getChannelData(at).set(samples));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.destination);
    source.onended = () => this.playing.delete(source);
    source.start(Math.max(0, frame / this.context.sampleRate));
    this.playing.add(source);
  }

  clear(): void {
    for (const source of this.playing) source.stop();
    this.playing.clear();
  }

  close(): void {
    this.clear();
  }
}

/** Keeps what comes until it is known which of the two ways it goes. */
export class Output implements ClearableOutput {
  private way: ClearableOutput | null = null;
  private pending: [number, Float32Array[]][] = [];
  private isClosed = false;

  constructor(context: AudioContext, destination: AudioNode, channels: number, workletUrl: string) {
    const buffers = (): void => this.use(new BufferOutput(context, destination));
    if (!context.audioWorklet || typeof AudioWorkletNode === "undefined") {
      buffers();
      return;
    }
    context.audioWorklet.addModule(workletUrl).then(() => {
      const options = { numberOfInputs: 0, outputChannelCount: [channels] };
      const node = new AudioWorkletNode(context, "stream-player-sound", options);
      node.connect(destination);
      this.use(new WorkletOutput(node));
    }).catch(buffers);
  }

  get kind(): string {
    return this.way?.kind ?? "none yet";
  }

  play(frame: number, channels: Float32Array[]): void {
    if (this.way) this.way.play(frame, channels);
    else if (this.pending.length < MAX_PENDING) this.pending.push([frame, channels]);
  }

  clear(): void {
    this.pending = [];
    this.way?.clear();
  }

  close(): void {
    this.isClosed = true;
    this.pending = [];
    this.way?.close();
    this.way = null;
  }

  private use(way: ClearableOutput): void {
    if (this.isClosed) {
      way.close();
      return;
    }
    this.way = way;
    for (const [frame, channels] of this.pending) way.play(frame, channels);
    this.pending = [];
  }
}
