import { CamerasPage } from "./cameras/cameras-page";
import { useAction } from "./hooks/use-action";
import { useRoute } from "./hooks/use-route";
import { KeysPage } from "./keys/keys-page";
import { Mark } from "../shared/mark";
import { ProblemNotice } from "./parts/notice";
import { Page } from "./parts/page";
import { hrefOf, type Route } from "./router";
import { useApi, useSession } from "./session";
import { StreamPage } from "./streams/stream-page";
import { StreamsPage } from "./streams/streams-page";
import { WebhookPage } from "./webhooks/webhook-page";
import { WebhooksPage } from "./webhooks/webhooks-page";

const PLACES = [
  { page: "streams", name: "Streams", with: "stream" },
  { page: "cameras", name: "Cameras", with: null },
  { page: "keys", name: "API keys", with: null },
  { page: "webhooks", name: "Webhooks", with: "webhook" },
] as const;

/** What is around every page: the way to the others, who is signed in, and signing out. */
export function Frame({ onSignOut }: { onSignOut: () => void }) {
  const route = useRoute();
  const api = useApi();
  const session = useSession();
  const signOut = useAction(async () => {
    await api.signOut();
    onSignOut();
  });
  return (
    <>
      <button type="button" class="button skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <header class="frame">
        <a class="brand" href={hrefOf({ page: "streams" })} aria-label="The Stream, list of streams">
          <Mark /> <span>The Stream</span>
        </a>
        <nav aria-label="Pages">
          {PLACES.map((place) => (
            <a
              key={place.page}
              href={hrefOf({ page: place.page })}
              aria-current={route.page === place.page ? "page" : route.page === place.with ? "true" : undefined}
              data-testid={`nav-${place.page}`}
            >
              {place.name}
            </a>
          ))}
        </nav>
        <div class="account">
          <span class="account-name dim small" title="The API key of this session">
            {session.name}
          </span>
          <button
            type="button"
            class="button plain"
            disabled={signOut.busy}
            onClick={() => void signOut.run()}
            data-testid="sign-out"
          >
            Sign out
          </button>
        </div>
      </header>
      {signOut.problem && (
        <div class="page">
          <ProblemNotice problem={signOut.problem} />
        </div>
      )}
      <Place route={route} />
    </>
  );
}

function Place({ route }: { route: Route }) {
  switch (route.page) {
    case "streams":
      return <StreamsPage key="streams" />;
    case "stream":
      return <StreamPage key={route.id} id={route.id} />;
    case "cameras":
      return <CamerasPage key="cameras" />;
    case "keys":
      return <KeysPage key="keys" />;
    case "webhooks":
      return <WebhooksPage key="webhooks" />;
    case "webhook":
      return <WebhookPage key={route.id} id={route.id} />;
    case "unknown":
      return (
        <Page title="No such page" key="unknown">
          <p>
            There is nothing at this address. The <a href={hrefOf({ page: "streams" })}>streams</a> are a good place to
            go on.
          </p>
        </Page>
      );
  }
}
