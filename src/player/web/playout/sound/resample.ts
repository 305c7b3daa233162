// Sound of one rate as sound of another, which may change a little all the time without a click.

/** Taps on each side of a sample. */
const HALF = 8;
const PHASES = 256;
/** Of the Kaiser window: about 70 dB. */
const BETA = 7;

function bessel(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; k < 30; k++) sum += term *= (x / 2 / k) ** 2;
  return sum;
}

/** Windowed sinc for each position between two samples, `2 * half` taps a phase, one phase more for interpolation. */
function kernel(half: number, cutoff: number): Float32Array {
  const taps = new Float32Array((PHASES + 1) * 2 * half);
  for (let phase = 0; phase <= PHASES; phase++) {
    for (let tap = 0; tap < 2 * half; tap++) {
      const x = tap - half + 1 - phase / PHASES;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
      const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (x / half) ** 2))) / bessel(BETA);
      taps[phase * 2 * half + tap] = cutoff * sinc * window;
    }
  }
  return taps;
}

/** Makes sound of `inRate` into sound of `outRate`, chunk by chunk, without a seam between them. */
export class Resampler {
  private readonly half: number;
  private readonly taps: Float32Array;
  /** The last samples of each channel, which the next chunk's first ones need. */
  private history: Float32Array[];
  /** Where the next output sample lies, in input samples from the start of the history. */
  private position: number;

  constructor(
    private readonly inRate: number,
    private readonly outRate: number,
    channels: number,
  ) {
    const cutoff = Math.min(1, outRate / inRate);
    // A lower cutoff makes a longer filter; 192 kHz to 8 kHz is the longest.
    this.half = Math.ceil(HALF / cutoff);
    this.taps = kernel(this.half, cutoff);
    this.history = Array.from({ length: channels }, () => new Float32Array(2 * this.half));
    this.position = this.half;
  }

  /** How much later than the input the output is, in ms. */
  get latencyMs(): number {
    return (this.half * 1000) / this.inRate;
  }

  /** Takes a chunk, an array a channel, and plays it `speed` times as fast. */
  process(chunk: Float32Array[], speed: number): Float32Array[] {
    const step = (this.inRate / this.outRate) * speed;
    const kept = 2 * this.half;
    const available = kept + (chunk[0]?.length ?? 0);
    // The taps of an output sample reach `half` samples further.
    const count = Math.max(0, Math.ceil((available - this.half - this.position) / step));
    const from = this.position;
    const out = this.history.map((history, channel) => {
      const input = new Float32Array(available);
      input.set(history);
      input.set(chunk[channel] ?? new Float32Array(available - kept), kept);
      this.history[channel] = input.slice(available - kept);
      return this.convolve(input, from, step, count);
    });
    this.position = from + count * step - (available - kept);
    return out;
  }

  private convolve(input: Float32Array, from: number, step: number, count: number): Float32Array {
    const { taps, half } = this;
    const width = 2 * half;
    const out = new Float32Array(count);
    for (let n = 0; n < count; n++) {
      const position = from + n * step;
      const whole = Math.floor(position);
      const phase = (position - whole) * PHASES;
      const low = Math.floor(phase);
      const part = phase - low;
      let a = 0;
      let b = 0;
      // In range: `count` was chosen so that the last taps end with the input.
      for (let tap = 0, at = whole - half + 1, of = low * width; tap < width; tap++, at++, of++) {
        const sample = input[at] as number;
        a += sample * (taps[of] as number);
        b += sample * (taps[of + width] as number);
      }
      out[n] = a + (b - a) * part;
    }
    return out;
  }
}
