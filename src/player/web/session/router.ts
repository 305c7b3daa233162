import type { EncodedUnit, Sound, Track } from "../types";
import type { AudioTrack, Units } from "./messages";
import { type Arrival, SoundDecoder, type Wasm } from "./wasm";

const ALL_LAYERS = 14;

/** Where media goes. */
export interface Outlets {
  video(message: Units): void;
  sound(sound: Sound): void;
  encoded(unit: EncodedUnit): void;
}

/** Which tracks are played: the first picture and the first sound, those in layers before encoded ones. */
export function choose(tracks: Track[]): { picture: Track | undefined; sound: Track | undefined } {
  const first = (...kinds: Track["kind"][]): Track | undefined =>
    kinds.map((kind) => tracks.find((track) => track.kind === kind)).find((track) => track !== undefined);
  return { picture: first("video", "encoded-video"), sound: first("audio", "encoded-audio") };
}

/** Sends units where they are decoded; sound, which costs little, is decoded right here. */
export class Router {
  private picture: Track | undefined;
  private sound: Track | undefined;
  private decoder: SoundDecoder | null = null;

  constructor(
    private readonly wasm: Wasm,
    private readonly outlets: Outlets,
  ) {}

  /** The track whose layers are told: that of the picture, or of the sound where there is no picture. */
  get mainTrack(): number | undefined {
    return (this.picture ?? this.sound)?.id;
  }

  setTracks(tracks: Track[]): void {
    const { picture, sound } = choose(tracks);
    if (JSON.stringify(picture) !== JSON.stringify(this.picture)) {
      this.outlets.video({ type: "track", track: picture?.kind === "video" ? picture : null });
    }
    this.picture = picture;
    this.sound = sound;
    this.setDecoder(sound?.kind === "audio" ? sound : undefined);
  }

  private setDecoder(track: AudioTrack | undefined): void {
    const decoder = this.decoder;
    if (decoder && track && decoder.sampleRate === track.sampleRate && decoder.channels === track.channels) {
      decoder.reset();
      return;
    }
    decoder?.free();
    this.decoder = track ? new SoundDecoder(this.wasm, track.sampleRate, track.channels, track.bits) : null;
  }

  /** Takes a unit in layers. */
  unit(arrival: Arrival): void {
    if (arrival.track === this.picture?.id) {
      const { data, due, pts, isKey, referenceLayers } = arrival;
      this.outlets.video({ type: "unit", data, due, pts, isKey, referenceLayers });
    } else if (arrival.track === this.sound?.id && this.decoder) {
      this.hear(this.decoder, arrival);
    }
  }

  private hear(decoder: SoundDecoder, { track, data, due, pts, lost }: Arrival): void {
    const { filled, concealed, channels } = decoder.decode(data, pts, lost > 0, ALL_LAYERS);
    if ((channels[0]?.length ?? 0) === 0) {
      return;
    }
    const before = (filled / decoder.sampleRate) * 1e3;
    this.outlets.sound({
      track,
      sampleRate: decoder.sampleRate,
      channels,
      due: due - before,
      pts: pts - before,
      concealed: concealed || filled > 0,
    });
  }

  /** Takes a unit that another encoder made. */
  encoded({ track, data, due, pts, duration, isKey }: Arrival): void {
    if (track === this.picture?.id || track === this.sound?.id) {
      this.outlets.encoded({ track, data, due, pts, duration, isKey });
    }
  }

  close(): void {
    this.decoder?.free();
    this.decoder = null;
  }
}

