import type { ComponentChildren } from "preact";
import { Copyable } from "./copyable";
import { Dialog } from "./dialog";
import { Notice } from "./notice";

interface SecretDialogProps {
  title: string;
  label: string;
  secret: string;
  testId: string;
  onClose: () => void;
  /** Why it is worth to be copied now. */
  children: ComponentChildren;
}

/** A secret that can be seen only now. */
export function SecretDialog({ title, label, secret, testId, onClose, children }: SecretDialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <Notice kind="warn">{children}</Notice>
        <Copyable label={label} text={secret} testId={testId} />
        <div class="actions end">
          <button type="button" class="button primary" onClick={onClose} data-testid="secret-kept">
            I have kept it
          </button>
        </div>
      </div>
    </Dialog>
  );
}
