/** @jsxImportSource preact */
/** A text to copy, with its button. */
import { useEffect, useRef, useState } from "preact/hooks";
import { copyText } from "./copy-text";

const SAID_FOR_MS = 2000;

export function Copyable({ name, text, testId }: { name: string; text: string; testId?: string }) {
  const source = useRef<HTMLElement>(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    const copied = await copyText(text);
    if (!copied && source.current) getSelection()?.selectAllChildren(source.current);
    setSaid(copied ? "Copied" : "Press Ctrl+C");
  };
  return (
    <div class="copyable">
      <pre tabIndex={0} role="group" aria-label={name}>
        <code ref={source} data-testid={testId}>
          {text}
        </code>
      </pre>
      <button type="button" class="button" aria-label={`Copy: ${name}`} onClick={() => void copy()}>
        {said || "Copy"}
      </button>
      <span class="unseen" role="status">
        {said}
      </span>
    </div>
  );
}
