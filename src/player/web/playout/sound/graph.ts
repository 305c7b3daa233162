// The AudioContext of a player: volume, level, and the clock of what is heard.
import { soundWorkletUrl } from "#assets";
import { ContextClock } from "../clock/context-clock";
import { Output } from "./output";
import type { Moment } from "./schedule";

/** Changes of the volume take about three times this, in seconds: no click, no delay that is felt. */
const RAMP = 0.012;
/** From the page to the thread that plays: messages and the buffers on the way take so long at most, mostly. */
const LEAD_MS = 25;
/** Longer than any sound card's; Bluetooth is at 0.2 to 0.3. */
const MAX_OUTPUT_LATENCY = 0.5;

/** Where sound goes out. */
export class SoundGraph {
  readonly output: Output;
  readonly outputs: number;
  private readonly gain: GainNode;
  private readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;
  private readonly clock = new ContextClock();

  /** Null where the browser has no Web Audio, or no more of it for this page. */
  static create(onChange: () => void): SoundGraph | null {
    if (typeof AudioContext === "undefined") return null;
    try {
      return new SoundGraph(new AudioContext({ latencyHint: "interactive" }), onChange);
    } catch {
      return null;
    }
  }

  private constructor(
    private readonly context: AudioContext,
    onChange: () => void,
  ) {
    this.outputs = context.destination.maxChannelCount >= 6 ? 6 : 2;
    if (this.outputs > context.destination.channelCount) context.destination.channelCount = this.outputs;
    this.gain = context.createGain();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.gain.connect(this.analyser).connect(context.destination);
    this.output = new Output(context, this.gain, this.outputs, soundWorkletUrl());
    context.onstatechange = () => {
      this.clock.reset();
      onChange();
    };
  }

  get sampleRate(): number {
    return this.context.sampleRate;
  }

  /** Whether sound goes out, and the context's clock with it. */
  get isRunning(): boolean {
    return this.context.state === "running";
  }

  /** Asks the browser to let sound out. It does from a click; the promise of the context itself may stay open. */
  resume(): void {
    if (this.context.state !== "closed") this.context.resume().catch(() => undefined);
  }

  setVolume(volume: number): void {
    this.gain.gain.setTargetAtTime(volume, this.context.currentTime, RAMP);
  }

  /** RMS of what goes out now. */
  get level(): number {
    if (!this.isRunning) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    const sum = this.samples.reduce((total, sample) => total + sample * sample, 0);
    return Math.sqrt(sum / this.samples.length);
  }

  /** What is heard and what can be written at this moment of the page's clock; null while nothing goes out. */
  moment(now: number): Moment | null {
    if (!this.isRunning) return null;
    const { currentTime, sampleRate } = this.context;
    const latency = Math.min(this.context.outputLatency || this.context.baseLatency || 0, MAX_OUTPUT_LATENCY);
    this.clock.sample(now, (currentTime - latency) * 1000);
    const heard = (this.clock.contextAt(now) * sampleRate) / 1000;
    const writable = (currentTime + LEAD_MS / 1000) * sampleRate;
    return { now, heard, writable };
  }

  close(): void {
    this.output.close();
    this.context.onstatechange = null;
    if (this.context.state !== "closed") this.context.close().catch(() => undefined);
  }
}
