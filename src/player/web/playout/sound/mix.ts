// From the channels of a track to those of the sound card.

const MIDDLE = Math.SQRT1_2;

/** What each channel adds to left and right, in the order in which GStreamer has the channels by default. */
const STEREO: Record<number, [left: number, right: number][]> = {
  3: [[1, 0], [0, 1], [MIDDLE, MIDDLE]],
  4: [[1, 0], [0, 1], [MIDDLE, 0], [0, MIDDLE]],
  5: [[1, 0], [0, 1], [MIDDLE, MIDDLE], [MIDDLE, 0], [0, MIDDLE]],
  // The fourth of 5.1, 6.1 and 7.1 is for low frequencies, and is left out as ITU-R BS.775 has it.
  6: [[1, 0], [0, 1], [MIDDLE, MIDDLE], [0, 0], [MIDDLE, 0], [0, MIDDLE]],
  7: [[1, 0], [0, 1], [MIDDLE, MIDDLE], [0, 0], [MIDDLE, 0], [0, MIDDLE], [MIDDLE, MIDDLE]],
  8: [[1, 0], [0, 1], [MIDDLE, MIDDLE], [0, 0], [MIDDLE, 0], [0, MIDDLE], [MIDDLE, 0], [0, MIDDLE]],
};

/**
 * Channels as an output of `outputs` channels can have them. Mono and stereo stay, and 5.1 where the output has six
 * channels (Web Audio has the same order). All others become stereo: centre and surround by 0.707, low frequencies left
 * out, and the whole as much lower as it takes to never clip.
 */
export function mix(channels: Float32Array[], outputs: number): Float32Array[] {
  const weights = STEREO[channels.length];
  if (!weights || (channels.length === 6 && outputs >= 6)) return channels;
  const total = weights.reduce((sum, [left]) => sum + left, 0);
  return [0, 1].map((side) => {
    const out = new Float32Array(channels[0]?.length ?? 0);
    channels.forEach((samples, channel) => {
      const weight = (weights[channel]?.[side] ?? 0) / total;
      if (weight === 0) return;
      for (let n = 0; n < out.length; n++) out[n] = (out[n] as number) + weight * (samples[n] ?? 0);
    });
    return out;
  });
}
