// From the colorimetry of a track to the numbers that turn its samples into RGB.

/** What samples are multiplied with: R, G and B are rows of `matrix` times (Y, Cb, Cr, each 0 to 1) plus `offset`. */
export interface Conversion {
  /** 3 by 3, a row each for R, G and B. */
  matrix: number[];
  /** For R, G and B. */
  offset: number[];
  /** The same in WebCodecs' words, for `VideoFrame`. */
  colorSpace: { matrix: ColourMatrix; fullRange: boolean };
}

type ColourMatrix = "bt709" | "smpte170m" | "bt2020-ncl";

/** What red and blue contribute to luma. */
const WEIGHTS: Record<ColourMatrix, [red: number, blue: number]> = {
  bt709: [0.2126, 0.0722],
  smpte170m: [0.299, 0.114],
  "bt2020-ncl": [0.2627, 0.0593],
};

/** Names that GStreamer has for usual colorimetry. */
const NAMES = new Map<string, [ColourMatrix, fullRange: boolean]>([
  ["bt601", ["smpte170m", false]],
  ["bt709", ["bt709", false]],
  // SMPTE 240M differs from BT.709 by less than anybody sees.
  ["smpte240m", ["bt709", false]],
  ["bt2020", ["bt2020-ncl", false]],
  ["bt2020-10", ["bt2020-ncl", false]],
  ["bt2100-pq", ["bt2020-ncl", false]],
  ["bt2100-hlg", ["bt2020-ncl", false]],
]);

/** GStreamer's numbers of matrices, in `range:matrix:transfer:primaries`. */
const NUMBERED = new Map<string, ColourMatrix>([
  ["3", "bt709"],
  ["4", "smpte170m"],
  ["5", "bt709"],
  ["6", "bt2020-ncl"],
]);

/** Standard definition is BT.601 and larger pictures are BT.709 where nothing is said, as GStreamer has it. */
function matrixBySize(height: number): ColourMatrix {
  return height > 576 ? "bt709" : "smpte170m";
}

function read(colorimetry: string, height: number): [ColourMatrix, boolean] {
  const named = NAMES.get(colorimetry);
  if (named) return named;
  const [range, matrix] = colorimetry.split(":");
  return [NUMBERED.get(matrix ?? "") ?? matrixBySize(height), range === "1"];
}

/** The conversion of pictures with this colorimetry (as GStreamer writes it; empty where unknown) and height. */
export function conversion(colorimetry: string, height: number): Conversion {
  const [name, fullRange] = read(colorimetry, height);
  const [red, blue] = WEIGHTS[name];
  const green = 1 - red - blue;
  const luma = fullRange ? 1 : 255 / 219;
  const chroma = fullRange ? 1 : 255 / 224;
  const black = fullRange ? 0 : 16 / 255;
  const rows: [cb: number, cr: number][] = [
    [0, 2 * (1 - red)],
    [(-2 * (1 - blue) * blue) / green, (-2 * (1 - red) * red) / green],
    [2 * (1 - blue), 0],
  ];
  const middle = 128 / 255;
  return {
    matrix: rows.flatMap(([cb, cr]) => [luma, cb * chroma, cr * chroma]),
    offset: rows.map(([cb, cr]) => -black * luma - middle * chroma * (cb + cr)),
    colorSpace: { matrix: name, fullRange },
  };
}
