/** Milliseconds since the epoch, finer than `Date.now` and never going back: the same in all workers of a page. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
