import { useRef, useState } from "preact/hooks";
import { useSettled } from "../hooks/use-settled";
import { Loading } from "../parts/loading";
import { Notice, ProblemNotice } from "../parts/notice";
import { Page } from "../parts/page";
import { Pager } from "../parts/pager";
import { lacking } from "../scopes";
import { useMay } from "../session";
import { CreateDialog } from "./create-dialog";
import type { Filter } from "./find";
import { FilterBar } from "./filter-bar";
import { FirstRun } from "./first-run";
import { StreamTable } from "./stream-table";
import { useListing } from "./use-listing";

const EVERYTHING: Filter = { text: "", state: "all" };

function isEverything(filter: Filter): boolean {
  return filter.text.trim() === "" && filter.state === "all";
}

/** The list of streams. */
export function StreamsPage() {
  const mayRead = useMay("streams:read");
  const mayWrite = useMay("streams:write");
  const [filter, setFilter] = useState(EVERYTHING);
  const [isCreating, setCreating] = useState(false);
  // What is listed follows what is typed, a moment later.
  const asked = useSettled(filter, 250);
  const { list, isComplete, page, onNext, onPrevious } = useListing(asked, mayRead);
  const found = list.value;
  const isFirstRun = isEverything(filter) && isEverything(asked) && page === 1 && found?.items.length === 0;
  // Once there is something to filter, the filter stays: who types into it must not lose it while it loads.
  const hasFilter = useRef(false);
  hasFilter.current = (hasFilter.current || found !== null) && !isFirstRun;

  const create = mayWrite ? (
    <button type="button" class="button primary" onClick={() => setCreating(true)} data-testid="create-stream">
      Create a stream
    </button>
  ) : (
    <p class="dim small">{lacking("streams:write")}</p>
  );
  return (
    <Page title="Streams" actions={isFirstRun ? undefined : create}>
      {!mayRead && <Notice kind="info">{lacking("streams:read")}</Notice>}
      <ProblemNotice problem={list.problem} onRetry={list.refresh} />
      {mayRead && !found && !list.problem && <Loading what="streams" />}
      {isFirstRun && (
        <FirstRun create={create} onArchived={() => setFilter({ ...EVERYTHING, state: "archived" })} />
      )}
      {hasFilter.current && <FilterBar filter={filter} onChange={setFilter} />}
      {found && found.items.length > 0 && <StreamTable streams={found.items} />}
      {found && found.items.length === 0 && !isFirstRun && (
        <p class="empty dim" role="status" data-testid="no-streams">
          No stream is like this.
        </p>
      )}
      {!isComplete && (
        <p class="dim small">There are very many streams; only the oldest of them were looked through.</p>
      )}
      <Pager page={page} onNext={onNext} onPrevious={onPrevious} />
      {isCreating && <CreateDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}
