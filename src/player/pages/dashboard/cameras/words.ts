/** What was found of cameras, in words. */
import type { Device, DeviceSource } from "../shapes";

/** What a device is called: what it says of itself, or where it is. */
export function nameOf({ name, manufacturer, model, address }: Device): string {
  return name ?? ([manufacturer, model].filter(Boolean).join(" ") || address);
}

/** What else is known of it. */
export function aboutOf(device: Device): string {
  const { name, manufacturer, model, address } = device;
  const kind = name === null ? "" : [manufacturer, model].filter(Boolean).join(" ");
  return [kind, nameOf(device) === address ? "" : address].filter(Boolean).join(" · ");
}

/** Why not all is known of a device, as a sentence. */
export function problemText({ reason, detail }: NonNullable<Device["problem"]>): string {
  if (reason === "unauthorized") return "It wants a user and a password, or others: type them above, and look again.";
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
}

const CODECS: Record<string, string> = { h264: "H.264", h265: "H.265", jpeg: "JPEG" };

/** What a stream of a camera shows. */
export function videoText(video: DeviceSource["video"]): string {
  if (!video) return "";
  const { codec, width, height, framesPerSecond } = video;
  const size = width === null || height === null ? "" : `${width} × ${height}`;
  const speed = framesPerSecond === null ? "" : `${Math.round(framesPerSecond * 10) / 10}/s`;
  return [codec === null ? "" : (CODECS[codec] ?? codec), size, speed].filter(Boolean).join(", ");
}
