/* run: one sync with its counts, why it is held, its rows. */
import { address } from "./api.js";
import { said, t, word, words } from "./lang.js";
import { Loaded, ReadAt, useLoad } from "./load.jsx";
import { Release } from "./release.jsx";
import { go, link } from "./route.js";
import { counted, sourceName } from "./runs.jsx";
import { Actor, Code, Count, Facts, Filters, Pager, State, Table, Text, Time, Took, YesNo } from "./show.jsx";

const COUNTS = ["received", "added", "renewed", "amended", "withdrawn", "absent", "unchanged", "rejected", "doubtful"];

function Counts({ run }) {
  const some = COUNTS.some((name) => counted(run, name) === undefined);
  return (
    <section>
      <h2>{t("counts")}</h2>
      <dl class="counts">
        {COUNTS.map((name) => <div key={name}><dt>{t(name)}</dt><dd><Count n={counted(run, name)} /></dd></div>)}
      </dl>
      {some && <p class="small">{t("uncounted")}</p>}
    </section>
  );
}

function Guard({ guard }) {
  return (
    <>
      <p>{t("guard_says", guard.wanted, guard.taken, guard.limit, guard.listed)}</p>
      <dl class="counts">
        {["wanted", "taken", "limit", "listed"].map((name) => (
          <div key={name}><dt>{t(`guard_${name}`)}</dt><dd><Count n={guard[name]} /></dd></div>
        ))}
      </dl>
    </>
  );
}

function Failure({ error }) {
  if (!error)
    return null;
  return (
    <section class="trouble">
      <h2>{t("error")}</h2>
      <p>{said(error, "text")}</p>
      <p>{said(error, "detail")} <code>{error.code}</code></p>
    </section>
  );
}

const sequences = (run) => run.first_seq > 0 && (run.last_seq > run.first_seq ? `${run.first_seq} – ${run.last_seq}` : run.first_seq);

function Course({ run, sources }) {
  const fetching = run.fetched_ms > 0 ? run.fetched_ms - run.started_ms : undefined;
  return (
    <section>
      <h2>{t("course")}</h2>
      <Facts pairs={[
        [t("source"), <Text>{sourceName(sources, run.source)}</Text>],
        [t("version"), <Text>{run.list_version}</Text>],
        [t("actor"), <Actor of={run.actor} />],
        [t("started"), <Time at={run.started} />],
        [t("fetched"), <Time at={run.fetched} />],
        [t("ended"), <Time at={run.ended} />],
        [t("fetch_took"), <Took ms={fetching} />],
        [t("duration"), <Took ms={run.duration_ms} />],
        [t("attempts"), <Count n={run.attempts > 0 ? run.attempts : undefined} />],
        [t("restarts"), <Count n={run.restarts} />],
        [t("announced"), <Count n={run.total >= 0 ? run.total : undefined} />],
        [t("full"), <YesNo value={run.full} />],
        [t("dry_run"), <YesNo value={run.dry_run} />],
        [t("initial"), <YesNo value={run.initial} />],
        [t("absence_counts"), <YesNo value={run.fetched_ms > 0 ? run.absence_counts : undefined} />],
        [t("sequences"), <Text>{sequences(run) || undefined}</Text>],
        run.awaiting > 0 && [t("awaiting"), <Count n={run.awaiting} />],
        run.origin && [t("origin"), <Text>{run.origin}</Text>],
        run.superseded_by && [t("superseded_by"), <a href={link(["runs", run.superseded_by])}>{run.superseded_by}</a>],
        [t("pages_digest"), <Code>{run.pages}</Code>],
      ]} />
    </section>
  );
}

const Move = ({ row }) => (row.from || row.to ? <>{word("listing", row.from)} → {word("listing", row.to)}</> : <Text />);

const rowColumns = () => [
  { head: t("line"), number: true, cell: (row) => <Text>{row.line}</Text> },
  { head: t("uscc"), cell: (row) => <Code>{row.uscc}</Code> },
  { head: t("name"), cell: (row) => <Text>{row.name}</Text> },
  { head: t("action"), cell: (row) => <State group="action" value={row.action} /> },
];
const changeColumns = () => [
  ...rowColumns(),
  { head: t("change"), cell: (row) => <Move row={row} /> },
  { head: t("reason"), cell: (row) => <Text>{said(row, "why") || said(row, "text")}</Text> },
  { head: t("sequence"), number: true, cell: (row) => <Text>{row.sequence}</Text> },
];
const rejectedColumns = () => [
  ...rowColumns().slice(0, 3),
  { head: t("field"), cell: (row) => <Code>{row.field}</Code> },
  { head: t("code"), cell: (row) => <Code>{row.code}</Code> },
  { head: t("detail"), cell: (row) => <>{said(row, "text")} <span class="small">{row.detail}</span></> },
];

function Rows({ id, query }) {
  const { action, after } = query;
  const rows = useLoad(address(`/admin/v1/runs/${encodeURIComponent(id)}/diff`, { action, after, limit: 50 }));
  const fields = [{ name: "action", label: t("action"), options: words("action").map((w) => [w, word("action", w)]) }];
  return (
    <section>
      <h2>{t(action === "rejected" ? "rows_rejected" : "rows")}</h2>
      <Filters fields={fields} query={query} onChange={(q) => go(["runs", id], q)} />
      <Loaded from={rows}>
        {(list) => (
          <>
            <Table caption={t("rows")} columns={action === "rejected" ? rejectedColumns() : changeColumns()} items={list.items} />
            <Pager list={list} query={query} linkTo={(q) => link(["runs", id], q)} />
          </>
        )}
      </Loaded>
    </section>
  );
}

const pace = (run) => (run?.state === "running" ? 2 : run?.state === "held" ? 4 : 0);

export function RunPage({ rest: [id], query, me }) {
  const run = useLoad(`/admin/v1/runs/${encodeURIComponent(id)}`, pace);
  const sources = useLoad("/admin/v1/sources");
  return (
    <>
      <p class="noprint"><a href={link(["runs"])}>← {t("back_runs")}</a></p>
      <h1 tabIndex={-1}>{t("run", id)}</h1>
      <Loaded from={run}>
        {(now) => (
          <>
            <p class="lead"><State group="run" value={now.state} /> <b>{word("who", now.next?.who)}</b> {said(now.next)}</p>
            {now.approval && <Release id={now.approval} me={me} onDecided={run.again}>{now.guard && <Guard guard={now.guard} />}</Release>}
            <Failure error={now.error} />
            {now.guard && !now.approval && <section><h2>{t("guard")}</h2><Guard guard={now.guard} /></section>}
            <Counts run={now} />
            {/* rows are other ones once the run has gone on */}
            <Rows key={`${now.state} ${now.phase}`} id={id} query={query} />
            <Course run={now} sources={sources.value} />
          </>
        )}
      </Loaded>
      <ReadAt from={run} />
    </>
  );
}
