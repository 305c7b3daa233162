import { useState } from "preact/hooks";
import { usePages } from "../hooks/use-pages";
import { Loading } from "../parts/loading";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { Pager } from "../parts/pager";
import { lacking } from "../scopes";
import { useApi, useMay } from "../session";
import type { ApiKey } from "../shapes";
import { CreateKeyDialog } from "./create-key-dialog";
import { KeyTable } from "./key-table";
import { OwnKey } from "./own-key";

const EVERY = 10_000;
const PAGE_SIZE = 20;

/** API keys: that of the session, and all others. */
export function KeysPage() {
  const api = useApi();
  const may = useMay("keys");
  const [isCreating, setCreating] = useState(false);
  const { list, page, onNext, onPrevious } = usePages(may ? "keys" : null, EVERY, (address, signal) =>
    address === null ? api.keys(PAGE_SIZE, signal) : api.page<ApiKey>(address, signal),
  );
  const create = (
    <button type="button" class="button primary" onClick={() => setCreating(true)} data-testid="create-key">
      Create an API key
    </button>
  );
  return (
    <Page title="API keys" actions={may && create}>
      <OwnKey />
      {!may && <Notice kind="info">{lacking("keys")} So it neither sees nor makes others.</Notice>}
      <ProblemNotice problem={list.problem} onRetry={list.refresh} />
      {may && !list.value && !list.problem && <Loading what="API keys" />}
      {list.value && <KeyTable keys={list.value.items} onChanged={list.refresh} />}
      <Pager page={page} onNext={onNext} onPrevious={onPrevious} />
      {isCreating && <CreateKeyDialog onCreated={list.refresh} onClose={() => setCreating(false)} />}
    </Page>
  );
}
