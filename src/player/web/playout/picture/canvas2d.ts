// Drawing where there is no WebGL.
import { type Conversion, conversion } from "./colour";
import { Converter } from "./convert";
import { type Image, canvasSize, isFrame } from "./image";
import type { Painter } from "./painter";
import type { Picture } from "../../types";

/** How a picture's colours are converted, kept while its colorimetry stays. */
interface Colours {
  key: string;
  conversion: Conversion;
  converter: Converter;
}

/** Draws by Canvas 2D: the browser converts colours where it has `VideoFrame`, this script elsewhere. */
export class Canvas2dPainter implements Painter {
  private readonly context: CanvasRenderingContext2D;
  private colours: Colours | null = null;
  private pixels: ImageData | null = null;
  private scratch: HTMLCanvasElement | null = null;
  private byFrame = typeof VideoFrame !== "undefined";
  private packed = new Uint8Array(0);

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("This browser draws neither by WebGL nor by Canvas 2D.");
    this.context = context;
  }

  get kind(): string {
    return this.byFrame ? "canvas2d, colours by VideoFrame" : "canvas2d, colours by script";
  }

  draw(image: Image): boolean {
    const size = canvasSize(image);
    if (this.canvas.width !== size.width) this.canvas.width = size.width;
    if (this.canvas.height !== size.height) this.canvas.height = size.height;
    const { content } = image;
    if (isFrame(content)) this.context.drawImage(content, 0, 0, size.width, size.height);
    else if (!this.drawByFrame(content, image)) this.drawPixels(content, image);
    return true;
  }

  dispose(): void {
    this.pixels = null;
    this.scratch = null;
  }

  /** Lets the browser convert: it has SIMD for that. Grey pictures have no format there that all browsers take. */
  private drawByFrame(picture: Picture, image: Image): boolean {
    if (!this.byFrame || picture.planes.length !== 3) return false;
    let frame: VideoFrame;
    try {
      frame = this.frameOf(picture, image);
    } catch {
      this.byFrame = false;
      return false;
    }
    this.context.drawImage(frame, 0, 0, this.canvas.width, this.canvas.height);
    frame.close();
    return true;
  }

  private frameOf(picture: Picture, image: Image): VideoFrame {
    const { colorSpace } = this.coloursOf(image).conversion;
    const length = picture.planes.reduce((sum, plane) => sum + plane.length, 0);
    if (this.packed.length !== length) this.packed = new Uint8Array(length);
    const layout: PlaneLayout[] = [];
    let offset = 0;
    for (const plane of picture.planes) {
      this.packed.set(plane, offset);
      layout.push({ offset, stride: layout.length === 0 ? picture.width : (picture.width + 1) >> 1 });
      offset += plane.length;
    }
    return new VideoFrame(this.packed, {
      format: "I420",
      codedWidth: picture.width,
      codedHeight: picture.height,
      timestamp: 0,
      layout,
      // The transfer and the primaries of the screen's own colours: only the matrix and the range are converted.
      // (TypeScript's list of matrices lacks BT.2020's.)
      colorSpace: { ...colorSpace, primaries: "bt709", transfer: "iec61966-2-1" } as VideoColorSpaceInit,
    });
  }

  private drawPixels(picture: Picture, image: Image): void {
    const { width, height } = picture;
    if (this.pixels?.width !== width || this.pixels.height !== height) this.pixels = new ImageData(width, height);
    this.coloursOf(image).converter.convert(picture, this.pixels.data);
    if (this.canvas.width === width && this.canvas.height === height) {
      this.context.putImageData(this.pixels, 0, 0);
      return;
    }
    this.scratch ??= document.createElement("canvas");
    this.scratch.width = width;
    this.scratch.height = height;
    this.scratch.getContext("2d")?.putImageData(this.pixels, 0, 0);
    this.context.drawImage(this.scratch, 0, 0, this.canvas.width, this.canvas.height);
  }

  private coloursOf({ colorimetry, height }: Image): Colours {
    const key = `${colorimetry} ${height > 576}`;
    if (this.colours?.key !== key) {
      const of = conversion(colorimetry, height);
      this.colours = { key, conversion: of, converter: new Converter(of) };
    }
    return this.colours;
  }
}
