// Runs in the AudioWorklet: plays samples at the frames that they were scheduled for. Plain JavaScript, because the file
// is given to the browser as it is.

/** Chunks that wait at most; each is some milliseconds long. */
const MAX_CHUNKS = 8192;
/** What is left of the last sample after each frame in which there is nothing to play: silence without a click. */
const FALL = 0.98;

class StreamPlayerSound extends AudioWorkletProcessor {
  constructor() {
    super();
    /** @type {{frame: number, channels: Float32Array[]}[]} */
    this.chunks = [];
    /** @type {number[]} */
    this.last = [];
    this.ended = false;
    this.port.onmessage = ({ data }) => {
      if (data.kind === "play" && this.chunks.length < MAX_CHUNKS) this.chunks.push(data);
      else if (data.kind === "clear") this.chunks = [];
      else if (data.kind === "end") this.ended = true;
    };
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    const output = outputs[0];
    const length = output[0].length;
    for (let n = 0; n < length; ) {
      const frame = currentFrame + n;
      while (this.chunks.length > 0 && this.chunks[0].frame + this.chunks[0].channels[0].length <= frame) {
        this.chunks.shift();
      }
      const chunk = this.chunks[0];
      const begins = chunk ? Math.max(0, chunk.frame - frame) : length;
      const silent = Math.min(begins, length - n);
      if (silent > 0) this.fall(output, n, silent);
      n += silent;
      if (n < length && chunk) n += this.copy(output, n, chunk, currentFrame + n - chunk.frame);
    }
    return !this.ended;
  }

  fall(output, from, count) {
    output.forEach((channel, at) => {
      let value = this.last[at] ?? 0;
      for (let n = from; n < from + count; n++) channel[n] = value *= FALL;
      this.last[at] = Math.abs(value) < 1e-6 ? 0 : value;
    });
  }

  copy(output, to, chunk, from) {
    const count = Math.min(output[0].length - to, chunk.channels[0].length - from);
    output.forEach((channel, at) => {
      // Mono goes to left and right.
      const samples = chunk.channels[at] ?? (at < 2 ? chunk.channels[0] : undefined);
      if (!samples) return;
      channel.set(samples.subarray(from, from + count), to);
      this.last[at] = samples[from + count - 1];
    });
    return count;
  }
}

registerProcessor("stream-player-sound", StreamPlayerSound);
