import type { ComponentChildren } from "preact";
import { useAction } from "../hooks/use-action";
import { Dialog } from "./dialog";
import { ProblemNotice } from "./notice";

interface ConfirmProps {
  title: string;
  /** What the button says, as in `Archive my-first-stream`. */
  action: string;
  /** What happens then, so that nobody has to guess. */
  children: ComponentChildren;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  testId: string;
}

/** Asks before something that cannot be undone. The focus begins on the button that does nothing. */
export function Confirm({ title, action, children, onConfirm, onClose, testId }: ConfirmProps) {
  const confirm = useAction(async () => {
    await onConfirm();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <div class="stack tight">{children}</div>
        <ProblemNotice problem={confirm.problem} />
        <div class="actions end">
          <button type="button" class="button" autofocus onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            class="button danger"
            disabled={confirm.busy}
            onClick={() => void confirm.run()}
            data-testid={testId}
          >
            {action}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
