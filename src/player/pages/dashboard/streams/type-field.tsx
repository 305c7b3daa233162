import type { StreamType } from "../shapes";

const TYPES: ReadonlyArray<{ type: StreamType; name: string; how: string }> = [
  { type: "push", name: "Pushed", how: "an encoder sends it here" },
  { type: "pull", name: "Pulled", how: "the daemon fetches it from a camera or an origin while somebody watches" },
];

/** How the media of a new stream comes. */
export function TypeField({ value, onChange }: { value: StreamType; onChange: (type: StreamType) => void }) {
  return (
    <fieldset class="choices">
      <legend>Type</legend>
      {TYPES.map(({ type, name, how }) => (
        <label key={type} class="check">
          <input
            type="radio"
            name="stream-type"
            checked={value === type}
            onChange={() => onChange(type)}
            data-testid={`stream-type-${type}`}
          />
          <span>
            {name} <span class="dim">{how}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
