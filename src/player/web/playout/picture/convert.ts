// Samples to RGBA without WebGL and WebCodecs.
import type { Picture } from "../../types";
import type { Conversion } from "./colour";

const FRACTION = 16;
const HALF = 1 << (FRACTION - 1);

/** What each value of a sample adds to a colour, in fixed point. */
function table(factor: number, offset = 0): Int32Array {
  const scale = 1 << FRACTION;
  return Int32Array.from({ length: 256 }, (_, value) => Math.round((value * factor + 255 * offset) * scale));
}

/** Turns pictures of one colorimetry into RGBA. */
export class Converter {
  private readonly luma: Int32Array;
  private readonly redOfCr: Int32Array;
  private readonly greenOfCb: Int32Array;
  private readonly greenOfCr: Int32Array;
  private readonly blueOfCb: Int32Array;

  constructor({ matrix, offset }: Conversion) {
    const at = (index: number): number => matrix[index] ?? 0;
    this.luma = table(at(0));
    this.greenOfCb = table(at(4));
    // Rounding comes with the offsets.
    const half = HALF / (1 << FRACTION) / 255;
    this.redOfCr = table(at(2), (offset[0] ?? 0) + half);
    this.greenOfCr = table(at(5), (offset[1] ?? 0) + half);
    this.blueOfCb = table(at(7), (offset[2] ?? 0) + half);
  }

  /** Writes the picture's pixels, four bytes each. Grey pictures have chroma 128 everywhere. */
  convert(picture: Pick<Picture, "width" | "height" | "planes">, out: Uint8ClampedArray): void {
    const { width, height } = picture;
    const [y, cb, cr] = picture.planes;
    if (!y) return;
    const chromaWidth = (width + 1) >> 1;
    for (let row = 0; row < height; row++) {
      const chroma = (row >> 1) * chromaWidth;
      const line = row * width;
      if (cb && cr) this.line(y, cb, cr, line, chroma, width, out);
      else this.greyLine(y, line, width, out);
    }
  }

  private line(
    y: Uint8Array, cb: Uint8Array, cr: Uint8Array, line: number, chroma: number, width: number, out: Uint8ClampedArray,
  ): void {
    const { luma, redOfCr, greenOfCb, greenOfCr, blueOfCb } = this;
    // Indices are in range: planes were checked against the size when the picture came.
    for (let x = 0, to = line * 4; x < width; x += 2) {
      const b = cb[chroma] as number;
      const r = cr[chroma++] as number;
      const red = redOfCr[r] as number;
      const green = (greenOfCb[b] as number) + (greenOfCr[r] as number);
      const blue = blueOfCb[b] as number;
      for (let end = Math.min(x + 2, width), at = x; at < end; at++, to += 4) {
        const light = luma[y[line + at] as number] as number;
        out[to] = (light + red) >> FRACTION;
        out[to + 1] = (light + green) >> FRACTION;
        out[to + 2] = (light + blue) >> FRACTION;
        out[to + 3] = 255;
      }
    }
  }

  private greyLine(y: Uint8Array, line: number, width: number, out: Uint8ClampedArray): void {
    const { luma, redOfCr } = this;
    const black = redOfCr[128] as number;
    for (let x = 0, to = line * 4; x < width; x++, to += 4) {
      const light = ((luma[y[line + x] as number] as number) + black) >> FRACTION;
      out[to] = light;
      out[to + 1] = light;
      out[to + 2] = light;
      out[to + 3] = 255;
    }
  }
}
