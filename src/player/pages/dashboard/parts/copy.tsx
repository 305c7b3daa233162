import { useEffect, useState } from "preact/hooks";
import { copyText } from "../../shared/copy-text";

const SAID_FOR = 2000;

interface CopyProps {
  text: string;
  /** What is copied, as in `stream key`. */
  what: string;
}

/** A button that copies, and says so. */
export function Copy({ text, what }: CopyProps) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), SAID_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text)) ? "Copied" : "Failed");
  return (
    <>
      <button type="button" class="button copy" aria-label={`Copy ${what}`} onClick={() => void copy()} data-testid="copy">
        {said || "Copy"}
      </button>
      <span class="unseen" role="status">
        {said === "Failed" ? "The browser does not let this page copy; select the text instead." : said}
      </span>
    </>
  );
}
