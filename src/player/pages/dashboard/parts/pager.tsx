interface PagerProps {
  /** Counted from 1. */
  page: number;
  onNext: (() => void) | null;
  onPrevious: (() => void) | null;
}

/** The way through a list in pages; nothing where there is one page only. */
export function Pager({ page, onNext, onPrevious }: PagerProps) {
  if (!onNext && !onPrevious) return null;
  return (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" class="button" disabled={!onPrevious} onClick={() => onPrevious?.()} data-testid="previous">
        Previous
      </button>
      <span class="dim small">Page {page}</span>
      <button type="button" class="button" disabled={!onNext} onClick={() => onNext?.()} data-testid="next">
        Next
      </button>
    </nav>
  );
}
