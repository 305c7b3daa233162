/** Milliseconds since the epoch, with fractions, and without the steps of a clock that is set. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
