/** Figures and times as people read them. */

const RATE_UNITS = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
const BYTE_UNITS = ["bytes", "KiB", "MiB", "GiB"];

/** A rate in bit/s, with three digits. */
export function rate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, RATE_UNITS);
}

/** A number of bytes, with three digits. */
export function bytes(count: number): string {
  return scaled(count, 1024, BYTE_UNITS);
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let at = 0;
  // What would be rounded up to a whole step is one.
  while (at < units.length - 1 && value >= step * 0.9995) {
    value /= step;
    at += 1;
  }
  const digits = at === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[at] ?? ""}`;
}

/** A whole number with narrow spaces between its thousands, at which lines do not break. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Milliseconds. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** A share of one, in percent. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(value < 0.1 ? 2 : 1)} %`;
}

/** How long something lasts, in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

/** A point in time against now, as in `3 min ago` or `in 2 h`. */
export function relative(time: string, now = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Number.isNaN(seconds)) return time;
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  const text = duration(size < 60 ? size : size < 3600 ? size - (size % 60) : size).replace(/ 0 (s|min|h)$/, "");
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

/** A point in time on this machine's clock. */
export function moment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
