// The decoders of the tracks that are played and were made by another encoder.
import type { EncodedUnit, Track } from "../../types";
import { type Decoding, type DecodingEvents, decodingOf } from "./decoding";
import { Gate } from "./gate";

/** What the decoders of all tracks tell. */
export interface DecodersEvents extends Omit<DecodingEvents, "unsupported"> {
  /** A track cannot be played here; why, in words for people. */
  unsupported(track: Track, message: string): void;
}

/** A track's decoder and, before that of pictures, what waits for it. Sound is small: it waits decoded. */
interface Way {
  decoding: Decoding;
  gate: Gate | null;
}

/** Decodes the units of the tracks that are played. */
export class Decoders {
  private ways: Way[] = [];
  private turn = 0;

  /** `due` says which due time is presented now. */
  constructor(
    private readonly due: () => number,
    private readonly events: DecodersEvents,
  ) {}

  /** Decoders of tracks that stay as they are go on: a session that was begun anew tells its tracks again. */
  set(tracks: Track[]): void {
    const { turn, ways: before } = this;
    const ways = tracks.flatMap((track) => {
      const same = before.find(({ decoding }) => JSON.stringify(decoding.track) === JSON.stringify(track));
      return same ?? this.open(track) ?? [];
    });
    // A track that cannot be played may have ended everything meanwhile.
    this.ways = turn === this.turn ? ways : [];
    for (const way of [...before, ...ways]) if (!this.ways.includes(way)) shut(way);
  }

  add(unit: EncodedUnit): void {
    const way = this.ways.find(({ decoding }) => decoding.track.id === unit.track);
    if (way?.gate) way.gate.add(unit);
    else way?.decoding.decode(unit);
  }

  close(): void {
    this.turn++;
    for (const way of this.ways) shut(way);
    this.ways = [];
  }

  private open(track: Track): Way | null {
    const { events } = this;
    const decoding = decodingOf(track, { ...events, unsupported: (message) => this.giveUp(track, message) });
    if (!decoding) return null;
    const gate = track.kind === "encoded-video" ? new Gate(this.due, (unit) => decoding.decode(unit)) : null;
    return { decoding, gate };
  }

  private giveUp(track: Track, message: string): void {
    for (const way of this.ways.filter(({ decoding }) => decoding.track.id === track.id)) shut(way);
    this.ways = this.ways.filter(({ decoding }) => decoding.track.id !== track.id);
    this.events.unsupported(track, message);
  }
}

function shut({ decoding, gate }: Way): void {
  gate?.close();
  decoding.close();
}
