// The worker that decodes pictures.

import type { FromDecoder, ToDecoder, Units } from "./messages";
import { Pictures } from "./pictures";

/** Wakes the worker between two pictures, so that units which came meanwhile are seen first. */
const turn = new MessageChannel();
let pictures: Pictures | null = null;
let isTurning = false;

function post(message: FromDecoder, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

function open({ module, units }: ToDecoder): void {
  pictures = new Pictures(module, {
    picture: (picture) => post({ type: "picture", picture }, picture.planes.slice(0, 1).map((plane) => plane.buffer)),
    load: (load) => post({ type: "load", load }),
    failed: (error) => post({ type: "failed", error }),
  });
  units.onmessage = ({ data }: MessageEvent<Units>) => {
    pictures?.take(data);
    schedule();
  };
}

function schedule(): void {
  if (!isTurning && pictures && pictures.length > 0) {
    isTurning = true;
    turn.port2.postMessage(null);
  }
}

turn.port1.onmessage = () => {
  isTurning = false;
  pictures?.decodeNext();
  schedule();
};

self.onmessage = ({ data }: MessageEvent<ToDecoder>) => open(data);
