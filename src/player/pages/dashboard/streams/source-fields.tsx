import { TextField } from "../parts/text-field";
import { textsOf } from "../parts/texts";
import type { Problem } from "../problem";
import type { StreamForm } from "./form";

interface SourceFieldsProps {
  form: StreamForm;
  /** What is shown of the address that it has; null where it has none yet. */
  current: string | null;
  onChange: (form: StreamForm) => void;
  problem: Problem | null;
}

/** The inputs of what is pulled: from where, and when. */
export function SourceFields({ form, current, onChange, problem }: SourceFieldsProps) {
  const text = textsOf(form, onChange, problem);
  return (
    <>
      <TextField
        label={current === null ? "Source" : "New source"}
        {...text("source")}
        hint={
          <>
            {current !== null && (
              <>
                Now <code class="word">{current}</code>, where it stays if this is empty.{" "}
              </>
            )}
            rtsp://, rtsps://, srt://, rist://, tsudp://, dtsc://, fql://, or http(s):// that ends with .m3u8, .ts, .mkv,
            .webm or .mp4. It may hold a user and a password: it is kept encrypted, and shown without them.
          </>
        }
        testId="stream-source"
        input={{ inputMode: "url", autocapitalize: "none", placeholder: "rtsp://user:password@camera.local/live" }}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={form.always}
          onChange={(event) => onChange({ ...form, always: event.currentTarget.checked })}
          data-testid="stream-always"
        />
        <span>
          Always open <span class="dim">also while nobody watches</span>
        </span>
      </label>
    </>
  );
}
