import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PageProps {
  title: string;
  /** Before the title, as in a way back. */
  above?: ComponentChildren;
  /** Beside the title. */
  aside?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** Whether no page was shown before: the first one leaves the focus where the browser put it. */
let isFirst = true;

/** A page with its heading, which takes the focus when somebody comes to it. */
export function Page({ title, above, aside, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${title} · The Stream`;
  }, [title]);
  return (
    <main id="main" class="page" tabIndex={-1}>
      {above}
      <div class="page-head">
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {aside}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </main>
  );
}
