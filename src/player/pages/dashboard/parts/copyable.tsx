import { Copy } from "./copy";

interface CopyableProps {
  /** What it is, as in `Playback URL`. */
  label: string;
  text: string;
  testId?: string;
  /** Several lines, as of a program. */
  block?: boolean;
  /** Whether it is an address that a browser can open. */
  href?: boolean;
}

/** Text that breaks between words, and within one only where it does not fit: never after the hyphens of an option. */
function Words({ of: text }: { of: string }) {
  return text.split(/(\s+)/).map((part) => (part.trim() === "" ? part : <span class="word">{part}</span>));
}

/** A text with its name and a button that copies it. */
export function Copyable({ label, text, testId, block = false, href = false }: CopyableProps) {
  return (
    <div class="copyable">
      <span class="copyable-label">{label}</span>
      <div class="copyable-row">
        {block ? (
          <pre tabIndex={0} aria-label={label} data-testid={testId}>
            <Words of={text} />
          </pre>
        ) : (
          <code data-testid={testId}>{href ? <a href={text}>{text}</a> : text}</code>
        )}
        <Copy text={text} what={label} />
      </div>
    </div>
  );
}
