import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "./hooks/use-action";
import { Mark } from "../shared/mark";
import { Notice, ProblemNotice } from "./parts/notice";
import { TextField } from "./parts/text-field";
import { useApi } from "./session";
import type { Session } from "./shapes";

interface SignInProps {
  /** Why somebody sees this who did not ask for it. */
  word: string | null;
  onSession: (session: Session) => void;
}

/** Signing in with an API key. */
export function SignIn({ word, onSession }: SignInProps) {
  const api = useApi();
  const form = useRef<HTMLFormElement>(null);
  const [key, setKey] = useState("");
  const [isShown, setShown] = useState(false);
  const signIn = useAction(async () => onSession(await api.signIn(key.trim())));
  useEffect(() => {
    document.title = "Sign in · The Stream";
    form.current?.querySelector("input")?.focus();
  }, []);

  return (
    <main class="sign-in">
      <form
        ref={form}
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn.run();
        }}
      >
        <div class="brand">
          <Mark /> <span>The Stream</span>
        </div>
        <h1>Sign in</h1>
        {word && !signIn.problem && <Notice kind="info">{word}</Notice>}
        <ProblemNotice problem={signIn.problem} />
        <TextField
          label="API key"
          value={key}
          onChange={setKey}
          testId="api-key"
          hint={<>The first start of <code>streamd</code> prints one, once.</>}
          input={{ type: isShown ? "text" : "password", placeholder: "ak_…", required: true, name: "api-key" }}
        />
        <label class="check">
          <input type="checkbox" checked={isShown} onChange={(event) => setShown(event.currentTarget.checked)} />
          Show the key
        </label>
        <button class="button primary wide" disabled={signIn.busy || key.trim() === ""} data-testid="sign-in">
          {signIn.busy ? "Signing in …" : "Sign in"}
        </button>
        <details>
          <summary>I have no key</summary>
          <div class="stack tight small">
            <p>
              Whoever runs the daemon has the administrator's, and can make one with fewer rights for you on the page{" "}
              <em>API keys</em>.
            </p>
            <p>
              Was the administrator's lost? Set <code>STREAMD_ADMIN_KEY</code> to <code>ak_</code> and 24 to 128 letters
              and digits at random, and start <code>streamd</code> again: that is the key then.
            </p>
          </div>
        </details>
      </form>
    </main>
  );
}
