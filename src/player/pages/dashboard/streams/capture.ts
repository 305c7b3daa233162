/** Camera, screen and microphone, as the browser gives them. */
import { Problem } from "../problem";

/** What is published. */
export type Source = "camera" | "screen" | "microphone";

/** What the browser gave, and what is to be said of it. */
export interface Captured {
  media: MediaStream;
  /** What is missing, in a sentence. */
  note: string | null;
}

/**
 * Asks for the camera, the screen or the microphone. Sound comes from the microphone but for a screen's own; a camera
 * without one is taken without sound.
 */
export async function capture(source: Source): Promise<Captured> {
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (!devices) {
    throw new Problem(0, "This browser gives camera and screen only to pages on https:// or localhost.");
  }
  try {
    if (source === "screen") return { media: await devices.getDisplayMedia({ video: { frameRate: 30 }, audio: true }), note: null };
    if (source === "microphone") return { media: await devices.getUserMedia({ audio: true }), note: null };
    return await camera(devices);
  } catch (error) {
    throw new Problem(0, why(error, source));
  }
}

async function camera(devices: MediaDevices): Promise<Captured> {
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  try {
    return { media: await devices.getUserMedia({ audio: true, video }), note: null };
  } catch (error) {
    // Browsers do not say which of the two is missing.
    if (nameOf(error) !== "NotFoundError") throw error;
    const media = await devices.getUserMedia({ video });
    return { media, note: "There is no microphone on this machine: the picture goes without sound." };
  }
}

function why(error: unknown, source: Source): string {
  switch (nameOf(error)) {
    case "NotAllowedError":
      return `The browser was not allowed to use the ${source}. Allow it in the browser's settings of this page, and try again.`;
    case "NotFoundError":
      return `There is no ${source} on this machine.`;
    case "NotReadableError":
      return `The ${source} is in use by another program.`;
    default:
      return `The ${source} cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function nameOf(error: unknown): string {
  return error instanceof DOMException ? error.name : "";
}
