import { moment, relative } from "../format";
import { useClock } from "../hooks/use-clock";

/** A point in time, told against now; exactly for those who point at it. */
export function Time({ at }: { at: string }) {
  useClock(10_000);
  return (
    <time dateTime={at} title={moment(at)}>
      {relative(at)}
    </time>
  );
}
