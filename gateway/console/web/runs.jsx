/* runs: the list of syncs, and what of a run's counts is known. */
import { address } from "./api.js";
import { said, t, word, words } from "./lang.js";
import { Loaded, ReadAt, useLoad } from "./load.jsx";
import { go, link } from "./route.js";
import { Count, Filters, Pager, State, Table, Text, Time, Took } from "./show.jsx";

const READ = ["received", "rejected", "doubtful"];

/* The number, or undefined while nobody can know it: rows are counted when the list is complete, changes when they are
 * carried out. A run that waits or failed has a 0 there that means nothing. */
export function counted(run, name) {
  const n = run.counts?.[name];
  if (run.state === "done" || (run.state === "running" && run.phase === "apply"))
    return n;
  if (READ.includes(name) && (run.fetched_ms > 0 || n > 0))
    return n;
  return undefined;
}

export const sourceName = (sources, id) => sources?.items.find((s) => s.id === id)?.name || id;

/* Often while something happens. */
const pace = (list) => (list?.items.some((run) => run.state === "running") ? 2 : 10);

const number = (name) => ({ head: t(name), number: true, cell: (run) => <Count n={counted(run, name)} /> });

function columns(sources) {
  return [
    { head: t("started"), cell: (run) => <a href={link(["runs", run.id])}><Time at={run.started} /></a> },
    { head: t("source"), cell: (run) => <Text>{sourceName(sources, run.source)}</Text> },
    { head: t("state"), cell: (run) => <State group="run" value={run.state} /> },
    { head: t("version"), cell: (run) => <Text>{run.list_version}</Text> },
    ...["received", "added", "renewed", "amended", "withdrawn", "absent", "rejected"].map(number),
    { head: t("duration"), cell: (run) => <span class="nowrap"><Took ms={run.duration_ms} /></span> },
    { head: t("who_next"), cell: (run) => <><b>{word("who", run.next?.who)}</b> <span class="small">{said(run.next)}</span></> },
  ];
}

export function RunsPage({ query }) {
  const { source, state, after } = query;
  const runs = useLoad(address("/admin/v1/runs", { source, state, after, limit: 50 }), pace);
  const sources = useLoad("/admin/v1/sources");
  const fields = [
    { name: "source", label: t("source"), options: (sources.value?.items || []).map((s) => [s.id, s.name || s.id]) },
    { name: "state", label: t("state"), options: words("run").map((w) => [w, word("run", w)]) },
  ];
  return (
    <>
      <h1 tabIndex={-1}>{t("runs")}</h1>
      <p class="about">{t("runs_about")}</p>
      <Filters fields={fields} query={query} onChange={(q) => go(["runs"], q)} />
      <Loaded from={runs}>
        {(list) => (
          <>
            <Table caption={t("runs")} columns={columns(sources.value)} items={list.items} keyOf={(run) => run.id} />
            <Pager list={list} query={query} linkTo={(q) => link(["runs"], q)} />
          </>
        )}
      </Loaded>
      <ReadAt from={runs} />
    </>
  );
}
