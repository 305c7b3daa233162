import { Notice } from "../parts/notice";
import { TextField } from "../parts/text-field";
import { textsOf } from "../parts/texts";
import { aboutField, type Problem } from "../problem";
import { EVENTS, isAboutEvents, type WebhookForm } from "./form";

interface WebhookFieldsProps {
  form: WebhookForm;
  onChange: (form: WebhookForm) => void;
  problem: Problem | null;
}

/** The inputs of a webhook, to make it or to change it. */
export function WebhookFields({ form, onChange, problem }: WebhookFieldsProps) {
  const text = textsOf(form, onChange, problem);
  const toggle = (event: string, on: boolean) => {
    onChange({ ...form, events: on ? [...form.events, event] : form.events.filter((other) => other !== event) });
  };
  const wrong = problem?.fields.find(({ field }) => isAboutEvents(field));
  return (
    <>
      <TextField
        label="URL"
        {...text("url")}
        hint="Where events are sent: https, or http. Private and local addresses only where the daemon is configured to allow them."
        testId="webhook-url"
        input={{ type: "url", required: true, placeholder: "https://example.com/hook", autofocus: true }}
      />
      <TextField
        label="Description"
        {...text("description")}
        testId="webhook-description"
      />
      <fieldset class="choices">
        <legend>Events</legend>
        {EVENTS.map(({ event, when }) => (
          <label key={event} class="check">
            <input
              type="checkbox"
              checked={form.events.includes(event)}
              onChange={(changed) => toggle(event, changed.currentTarget.checked)}
              data-testid={`event-${event}`}
            />
            <span>
              <code>{event}</code> <span class="dim small">{when}</span>
            </span>
          </label>
        ))}
        {wrong && <p class="field-error" role="alert">{aboutField("Events", wrong.message)}</p>}
      </fieldset>
      {form.events.length === 0 && (
        <Notice kind="warn">With no event chosen, it is told all but viewers' coming and going.</Notice>
      )}
    </>
  );
}
