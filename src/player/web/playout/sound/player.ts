// Sound as it comes from the session, played at its time; and the time that it is, for the pictures.
import type { Delay } from "../clock/delay";
import { now } from "../clock/now";
import type { Sound } from "../../types";
import { SoundGraph } from "./graph";
import { type Moment, SoundSchedule } from "./schedule";

const MAX_CHUNK_SECONDS = 2;
/** A context that may run does so within this time: nobody is asked to click before. */
const START_MS = 400;

/** Whether it is sound that can be played: it came from another thread, and from a server before that. */
export function isSensible({ channels, sampleRate, due }: Sound): boolean {
  const length = channels[0]?.length ?? 0;
  return (
    sampleRate >= 3000 && sampleRate <= 768_000 &&
    channels.length <= 8 && channels.every((channel) => channel.length === length) &&
    length > 0 && length <= sampleRate * MAX_CHUNK_SECONDS && Number.isFinite(due)
  );
}

/** Plays sound. Its clock leads while sound is heard. */
export class SoundPlayer {
  private graph: SoundGraph | null = null;
  private schedule: SoundSchedule | null = null;
  private volume = 1;
  private wasRunning = false;
  private isSlow = false;
  private grace: ReturnType<typeof setTimeout> | null = null;

  /** `onChange` is called when the browser begins or ceases to let sound out. */
  constructor(
    private readonly delay: Delay,
    private readonly onChange: () => void,
  ) {}

  /** Takes an AudioContext, if there is none yet, and asks for sound to be let out. */
  start(): void {
    if (!this.graph) {
      this.graph = SoundGraph.create(() => this.changed());
      const { graph } = this;
      if (graph) this.schedule = new SoundSchedule(graph.sampleRate, graph.outputs, graph.output, this.delay);
      graph?.setVolume(this.volume);
    }
    this.resume();
  }

  /** Gives the AudioContext back. */
  stop(): void {
    this.graph?.close();
    this.graph = null;
    this.schedule = null;
    this.wasRunning = false;
    this.isSlow = false;
    if (this.grace !== null) clearTimeout(this.grace);
    this.grace = null;
  }

  /** Drops what was scheduled. */
  clear(): void {
    this.graph?.output.clear();
    this.schedule?.reset();
  }

  get isRunning(): boolean {
    return this.graph?.isRunning ?? false;
  }

  /** Whether there is an AudioContext that the browser keeps silent. */
  get isHeldBack(): boolean {
    return this.isSlow && this.graph !== null && !this.graph.isRunning;
  }

  get level(): number {
    return this.graph?.level ?? 0;
  }

  /** Sound that is scheduled ahead of what is heard, in ms. */
  get aheadMs(): number {
    const moment = this.moment();
    return moment && this.schedule ? this.schedule.ahead(moment.heard) : 0;
  }

  /** How sound goes out, for people who look for the reason of something. */
  get kind(): string {
    return this.graph?.output.kind ?? "none";
  }

  /** 0 to 1. */
  setVolume(volume: number): void {
    this.volume = volume;
    this.graph?.setVolume(volume);
  }

  /** Schedules sound. While the browser lets none out it is dropped: its time passes all the same. */
  add(sound: Sound): void {
    if (!isSensible(sound)) return;
    const moment = this.moment();
    if (moment) this.schedule?.add(sound, moment);
  }

  /** The due time of what is heard now; null where nothing is. */
  heardDue(): number | null {
    const moment = this.moment();
    return moment && this.schedule ? this.schedule.dueAt(moment.heard) : null;
  }

  private resume(): void {
    this.graph?.resume();
    if (!this.isRunning) this.grace ??= setTimeout(() => this.judge(), START_MS);
  }

  private judge(): void {
    this.grace = null;
    this.isSlow = !this.isRunning;
    if (this.isSlow) this.onChange();
  }

  private moment(): Moment | null {
    return this.graph?.moment(now()) ?? null;
  }

  private changed(): void {
    // What was scheduled before the context stood still would come too late by as long as it did.
    const { wasRunning, isRunning } = this;
    if (wasRunning !== isRunning) this.clear();
    this.wasRunning = isRunning;
    // A call took the sound, or the machine slept: where the browser does not give it back, a click is asked for.
    if (wasRunning && !isRunning) this.resume();
    this.onChange();
  }
}
