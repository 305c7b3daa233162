/** How attributes are read. What cannot be understood counts as absent: a page is shown with what it has right. */

/** The highest layer there can be. */
export const HIGHEST_LAYER = 14;

/** A number of layers as a stream can have it, 0 to 15: figures that came wrong must not grow the page. */
export function clampLayers(count: number): number {
  return Math.min(Math.max(Math.floor(count) || 0, 0), HIGHEST_LAYER + 1);
}

/** From arrival to screen where nothing else is asked for. */
export const DEFAULT_LATENCY_MS = 300;

/** `max-layer`: a whole number from 0 to 14; anything else means all layers. */
export function parseMaxLayer(value: string | null): number | null {
  if (value === null || !/^\s*\d{1,3}\s*$/.test(value)) return null;
  return Math.min(Number(value), HIGHEST_LAYER);
}

/** `latency` in milliseconds, kept within 50 to 10,000; 300 where it is absent or no number. */
export function parseLatency(value: string | null): number {
  const milliseconds = value === null || value.trim() === "" ? Number.NaN : Number(value);
  if (!Number.isFinite(milliseconds)) return DEFAULT_LATENCY_MS;
  return Math.round(Math.min(Math.max(milliseconds, 50), 10_000));
}

/** A volume kept within 0 to 1; what is no number is 1. */
export function clampVolume(value: number): number {
  return Number.isNaN(value) ? 1 : Math.min(Math.max(value, 0), 1);
}
