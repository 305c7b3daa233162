/** Something is asked for, and not there yet. */
export function Loading({ what }: { what: string }) {
  return (
    <p class="loading dim" role="status">
      Loading {what} …
    </p>
  );
}
