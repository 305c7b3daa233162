/** One value for each time; null where there is none. */
export type Line = (number | null)[];

/** Each line with all before it beneath: the sums from the first one up. Where one has no value, none of them has. */
export function stack(lines: readonly Line[]): Line[] {
  const stacked: Line[] = [];
  for (const line of lines) {
    const below = stacked.at(-1);
    stacked.push(line.map((value, at) => {
      const base = below ? below[at] ?? null : 0;
      return value === null || base === null ? null : base + value;
    }));
  }
  return stacked;
}
