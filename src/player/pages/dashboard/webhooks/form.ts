/** What the form of a webhook holds, and what it asks of the daemon. */
import type { NewWebhook, Webhook, WebhookSettings } from "../shapes";

/** What webhooks can be told. */
export const EVENTS: ReadonlyArray<{ event: string; when: string; isCommon: boolean }> = [
  { event: "stream.created", when: "a stream was made", isCommon: true },
  { event: "stream.live", when: "somebody publishes a stream that nobody published", isCommon: true },
  { event: "stream.offline", when: "nobody publishes it any more", isCommon: true },
  { event: "stream.paused", when: "its media is dropped until it is resumed", isCommon: true },
  { event: "stream.resumed", when: "its media goes on", isCommon: true },
  { event: "stream.archived", when: "it is gone, and its key with it", isCommon: true },
  { event: "stream.source", when: "a source was opened, could not be, or has ended", isCommon: true },
  { event: "key.created", when: "an API key was made", isCommon: true },
  { event: "key.revoked", when: "an API key does nothing any more", isCommon: true },
  { event: "viewer.joined", when: "somebody began to watch", isCommon: false },
  { event: "viewer.left", when: "somebody stopped", isCommon: false },
];

/** Texts as they are typed, and what is chosen. */
export interface WebhookForm {
  url: string;
  description: string;
  events: string[];
}

/** A new webhook: told all but viewers' coming and going, as the daemon itself would choose. */
export const EMPTY: WebhookForm = {
  url: "",
  description: "",
  events: EVENTS.filter(({ isCommon }) => isCommon).map(({ event }) => event),
};

/** A webhook as it is now. */
export function formOf(webhook: Webhook): WebhookForm {
  return { url: webhook.url, description: webhook.description, events: webhook.events };
}

/** What a new webhook is asked to be. */
export function newWebhookOf(form: WebhookForm): NewWebhook {
  const { url, description, events } = form;
  return { url: url.trim(), events, ...(description === "" ? {} : { description }) };
}

/** What is to change: what the form holds otherwise, and nothing else. */
export function changesOf(form: WebhookForm, webhook: Webhook): WebhookSettings {
  const changes: WebhookSettings = {};
  if (form.url.trim() !== webhook.url) changes.url = form.url.trim();
  if (form.description !== webhook.description) changes.description = form.description;
  if ([...form.events].sort().join() !== [...webhook.events].sort().join()) changes.events = form.events;
  return changes;
}

/** What is wrong with the events: the daemon names an entry (`events[0]`), or all of them. */
export function isAboutEvents(field: string): boolean {
  return field === "events" || field.startsWith("events[");
}
