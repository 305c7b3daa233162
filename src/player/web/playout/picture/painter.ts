// The ways to draw, the cheapest first.
import { Canvas2dPainter } from "./canvas2d";
import type { Image } from "./image";
import { WebGlPainter } from "./webgl";

/** Draws images into one canvas. */
export interface Painter {
  /** How it draws, for people who look for the reason of something. */
  readonly kind: string;
  /** Draws; false where that is not possible now (the graphics context is lost). The canvas keeps what was drawn. */
  draw(image: Image): boolean;
  dispose(): void;
}

/**
 * The painter for a canvas: WebGL where a graphics processor does it, Canvas 2D elsewhere, because WebGL in software
 * costs more than converting colours. `redraw` is called when a lost graphics context is back.
 */
export function painterFor(canvas: HTMLCanvasElement, redraw: () => void): Painter {
  return WebGlPainter.on(canvas, redraw) ?? new Canvas2dPainter(canvas);
}
