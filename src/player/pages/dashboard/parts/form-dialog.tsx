import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../hooks/use-action";
import type { Problem } from "../problem";
import { Dialog } from "./dialog";
import { ProblemNotice } from "./notice";

interface FormDialogProps {
  title: string;
  /** What the button says. */
  action: string;
  testId: string;
  /** Fields of the API that have an input of their own, where their problems stand. */
  fields: readonly string[];
  onSubmit: () => Promise<void>;
  onClose: () => void;
  children: (problem: Problem | null) => ComponentChildren;
}

/** A form in a dialog. What the daemon finds wrong stands beside its field, and the first of those takes the focus. */
export function FormDialog({ title, action, testId, fields, onSubmit, onClose, children }: FormDialogProps) {
  const form = useRef<HTMLFormElement>(null);
  const submit = useAction(onSubmit);
  useEffect(() => {
    if (submit.problem) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [submit.problem]);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        ref={form}
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit.run();
        }}
      >
        {children(submit.problem)}
        <ProblemNotice problem={submit.problem} fields={fields} />
        <div class="actions end">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button primary" disabled={submit.busy} data-testid={testId}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
