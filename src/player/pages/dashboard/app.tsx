import { useEffect, useState } from "preact/hooks";
import { Frame } from "./frame";
import { useAction } from "./hooks/use-action";
import { Loading } from "./parts/loading";
import { News } from "./parts/news";
import { ProblemNotice } from "./parts/notice";
import type { Problem } from "./problem";
import { SessionContext, useApi } from "./session";
import type { Session } from "./shapes";
import { SignIn } from "./sign-in";

/** Who is signed in: not known yet, nobody (and why, if there is something to say), or the session. */
type Known = { is: "unknown" } | { is: "nobody"; word: string | null } | { is: "session"; session: Session };

const ENDED = "Your session has ended. Sign in again to go on where you were.";

/** The dashboard: signing in, and what comes after it. */
export function App() {
  const api = useApi();
  const [known, setKnown] = useState<Known>({ is: "unknown" });
  const ask = useAction(async () => {
    const session = await api.session();
    setKnown(session ? { is: "session", session } : { is: "nobody", word: null });
  });
  useEffect(() => {
    api.onSessionEnd = () => setKnown({ is: "nobody", word: ENDED });
    void ask.run();
    return () => {
      api.onSessionEnd = () => {};
    };
  }, [api]);

  return (
    <News>
      {known.is === "unknown" && <Opening problem={ask.problem} onRetry={() => void ask.run()} />}
      {known.is === "nobody" && (
        <SignIn word={known.word} onSession={(session) => setKnown({ is: "session", session })} />
      )}
      {known.is === "session" && (
        <SessionContext.Provider value={known.session}>
          <Frame onSignOut={() => setKnown({ is: "nobody", word: "You have signed out." })} />
        </SessionContext.Provider>
      )}
    </News>
  );
}

function Opening({ problem, onRetry }: { problem: Problem | null; onRetry: () => void }) {
  return (
    <main class="page">
      {problem ? <ProblemNotice problem={problem} onRetry={onRetry} /> : <Loading what="the dashboard" />}
    </main>
  );
}
