// What can be drawn: pictures of the layered codec and frames of the browser's decoders.
import type { Picture, Track } from "../../types";

/** A picture that waits to be shown, with what its track says of how it is to look. */
export interface Image {
  content: Picture | VideoFrame;
  width: number;
  height: number;
  /** Width over height of a pixel. */
  pixelAspect: number;
  colorimetry: string;
  due: number;
  pts: number;
  /** Whether it counts as a new picture. */
  isNew: boolean;
}

/** Whether the planes are as long as the size says: what draws them may rely on it. */
export function isWhole({ width, height, planes }: Picture): boolean {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) return false;
  const chroma = ((width + 1) >> 1) * ((height + 1) >> 1);
  const sizes = planes.length === 1 ? [width * height] : [width * height, chroma, chroma];
  return planes.length === sizes.length && sizes.every((size, at) => planes[at]?.length === size);
}

/** The image of a decoded picture, or null where its planes are not what its size says. */
export function imageOf(picture: Picture, track: Track | undefined): Image | null {
  if (!isWhole(picture)) return null;
  const video = track?.kind === "video" ? track : null;
  const { width, height, due, pts, isNew } = picture;
  const pixelAspect = sensibleAspect(video?.pixelAspect ?? 1);
  return { content: picture, width, height, pixelAspect, colorimetry: video?.colorimetry ?? "", due, pts, isNew };
}

/** The image of a frame of the browser's decoder. It belongs to the image from now on. */
export function imageOfFrame(frame: VideoFrame, due: number, pts: number): Image {
  const { displayWidth: width, displayHeight: height } = frame;
  return { content: frame, width, height, pixelAspect: 1, colorimetry: "", due, pts, isNew: true };
}

/** Aspects that no camera has are a mistake, and would make canvases of any size. */
function sensibleAspect(aspect: number): number {
  return aspect >= 0.1 && aspect <= 10 ? aspect : 1;
}

/** The size of the canvas for an image: square pixels, none of the picture's own lost. */
export function canvasSize({ width, height, pixelAspect }: Image): { width: number; height: number } {
  return pixelAspect >= 1
    ? { width: Math.round(width * pixelAspect), height }
    : { width, height: Math.round(height / pixelAspect) };
}

/** Frees what the image holds outside of the script's memory. */
export function release({ content }: Image): void {
  if (isFrame(content)) content.close();
}

/** Whether it is a frame of the browser's decoder. */
export function isFrame(content: Picture | VideoFrame): content is VideoFrame {
  return typeof VideoFrame !== "undefined" && content instanceof VideoFrame;
}
