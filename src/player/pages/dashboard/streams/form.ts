/** What the forms of a stream hold, and what they ask of the daemon. */
import { formatFec, parseFec, type FecSetting } from "../fec";
import { whole } from "../numbers";
import { Problem, type FieldProblem } from "../problem";
import type { NewStream, Ring, Session, Stream, StreamSettings, StreamType } from "../shapes";

const MEBIBYTE = 1_048_576;
/** How many layers a stream has when nobody says. */
const DEFAULT_LAYERS = 12;

/** Texts as they are typed. */
export interface StreamForm {
  name: string;
  description: string;
  type: StreamType;
  /** Where a pulled stream is to come from; of one that there is, empty to leave it where it is. */
  source: string;
  always: boolean;
  layers: string;
  fec: FecSetting;
  region: string;
  ringSeconds: string;
  ringMebibytes: string;
}

/** Fields of the API that the form has a place for. */
export const FORM_FIELDS = [
  "name", "description", "source", "layers", "fec", "region", "ring.seconds", "ring.bytes",
] as const;

/** For a new stream, within the limits of the session's API key. */
export function emptyForm(session: Pick<Session, "limits">): StreamForm {
  return {
    name: "",
    description: "",
    type: "push",
    source: "",
    always: false,
    layers: String(Math.min(DEFAULT_LAYERS, session.limits.layers ?? DEFAULT_LAYERS)),
    fec: parseFec("adaptive"),
    region: "auto",
    ringSeconds: "",
    ringMebibytes: "",
  };
}

/** A stream as it is now. */
export function formOf(stream: Stream): StreamForm {
  return {
    name: stream.name,
    description: stream.description,
    type: stream.type,
    // What is shown of it is not all of it: nothing to go on from.
    source: "",
    always: stream.always ?? false,
    layers: String(stream.layers),
    fec: parseFec(stream.fec),
    region: stream.region,
    ringSeconds: String(stream.ring.seconds),
    ringMebibytes: String(stream.ring.bytes / MEBIBYTE),
  };
}

/** What a new stream is asked to be. What is left empty is not asked for. Throws a `Problem` where a number is none. */
export function newStreamOf(form: StreamForm): NewStream {
  const stream: NewStream = { ...settingsOf(form), name: form.name };
  if (form.type === "push") return stream;
  return { ...stream, type: "pull", ...sourceOf(form), always: form.always };
}

/** What is to change of the stream: what the form holds otherwise, and nothing else. */
export function changesOf(form: StreamForm, stream: Stream): StreamSettings {
  const [now, then] = [settingsOf(formOf(stream)), settingsOf(form)];
  const changes: StreamSettings = {};
  if (form.name !== stream.name) changes.name = form.name;
  if (form.description !== stream.description) changes.description = form.description;
  if (then.layers !== undefined && then.layers !== now.layers) changes.layers = then.layers;
  if (then.fec !== undefined && then.fec !== stream.fec) changes.fec = then.fec;
  if (then.region !== undefined && then.region !== stream.region) changes.region = then.region;
  const ring: Partial<Ring> = {};
  if (then.ring?.seconds !== undefined && then.ring.seconds !== stream.ring.seconds) ring.seconds = then.ring.seconds;
  if (then.ring?.bytes !== undefined && then.ring.bytes !== stream.ring.bytes) ring.bytes = then.ring.bytes;
  if (Object.keys(ring).length > 0) changes.ring = ring;
  if (stream.type === "push") return changes;
  if (form.always !== stream.always) changes.always = form.always;
  return { ...changes, ...sourceOf(form) };
}

/** The address, where one was typed. */
function sourceOf(form: StreamForm): { source?: string } {
  const source = form.source.trim();
  return source === "" ? {} : { source };
}

function settingsOf(form: StreamForm): StreamSettings {
  const errors: FieldProblem[] = [];
  const settings: StreamSettings = { fec: formatFec(form.fec) };
  if (form.description !== "") settings.description = form.description;
  if (form.region.trim() !== "") settings.region = form.region.trim();
  const layers = whole("layers", form.layers, errors);
  if (layers !== null) settings.layers = layers;
  const ring: Partial<Ring> = {};
  const seconds = whole("ring.seconds", form.ringSeconds, errors);
  if (seconds !== null) ring.seconds = seconds;
  const bytes = whole("ring.bytes", form.ringMebibytes, errors, MEBIBYTE);
  if (bytes !== null) ring.bytes = bytes;
  if (Object.keys(ring).length > 0) settings.ring = ring;
  if (errors.length > 0) throw new Problem(422, "A field has a value that it cannot have.", errors);
  return settings;
}
