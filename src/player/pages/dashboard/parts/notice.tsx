import type { ComponentChildren } from "preact";
import type { Problem } from "../problem";

/** A word on the state of things, in a box. */
export function Notice({ kind, children }: { kind: "info" | "warn" | "bad" | "good"; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
      {children}
    </div>
  );
}

interface ProblemNoticeProps {
  problem: Problem | null;
  /** Fields whose problems stand beside them. */
  fields?: readonly string[];
  onRetry?: () => void;
}

/** Why something did not work, in the daemon's words. */
export function ProblemNotice({ problem, fields = [], onRetry }: ProblemNoticeProps) {
  const text = problem?.outside(fields);
  if (!text) return null;
  return (
    <Notice kind="bad">
      <p data-testid="problem">{text}</p>
      {onRetry && (
        <button type="button" class="button small" onClick={onRetry}>
          Try again
        </button>
      )}
    </Notice>
  );
}
