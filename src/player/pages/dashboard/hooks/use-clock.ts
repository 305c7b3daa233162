import { useEffect, useState } from "preact/hooks";

/** Now, in milliseconds since the epoch, anew every `interval` milliseconds. */
export function useClock(interval: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}
