import type { Filter } from "./find";

const STATES: ReadonlyArray<{ state: Filter["state"]; label: string }> = [
  { state: "all", label: "All states" },
  { state: "live", label: "live" },
  { state: "paused", label: "paused" },
  { state: "idle", label: "idle" },
  { state: "offline", label: "offline" },
  { state: "archived", label: "archived" },
];

/** Which streams are shown. */
export function FilterBar({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const choose = (chosen: string) => {
    const found = STATES.find(({ state }) => state === chosen);
    if (found) onChange({ ...filter, state: found.state });
  };
  return (
    <div class="filter-bar" role="search">
      <input
        class="field"
        type="search"
        aria-label="Search streams"
        placeholder="Search by name, description or playback ID"
        value={filter.text}
        onInput={(event) => onChange({ ...filter, text: event.currentTarget.value })}
        data-testid="search-streams"
      />
      <select
        class="field"
        aria-label="State"
        value={filter.state}
        onChange={(event) => choose(event.currentTarget.value)}
        data-testid="filter-state"
      >
        {STATES.map(({ state, label }) => (
          <option key={state} value={state}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
