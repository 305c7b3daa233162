/** @jsxImportSource preact */
/** The mark of The Stream: layers, from the coarsest below to the finest on top. */

const LAYERS = [
  ["#f5a524", "M16 30 2 23l4-2 10 5 10-5 4 2z"],
  ["#f0627e", "M16 24.5 2 17.5l4-2 10 5 10-5 4 2z"],
  ["#8b7bff", "M16 19 2 12l4-2 10 5 10-5 4 2z"],
  ["#38c6f4", "M16 14 2 7l14-7 14 7z"],
] as const;

export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      {LAYERS.map(([fill, d]) => (
        <path key={d} fill={fill} d={d} />
      ))}
    </svg>
  );
}
