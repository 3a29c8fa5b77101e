/* messages: what was exchanged with partners: the list, and one message with its way through the gateway. */
import { address } from "./api.js";
import { said, t, word, words } from "./lang.js";
import { Loaded, ReadAt, useLoad } from "./load.jsx";
import { go, link } from "./route.js";
import { Code, Count, Facts, Filters, Pager, State, Table, Text, Time } from "./show.jsx";

const when = (message) => message.received || message.created || message.time;

const columns = () => [
  { head: t("time"), cell: (m) => <Time at={when(m)} /> },
  { head: t("message_id"), cell: (m) => <a href={link(["messages", m.partner || "", m.id].filter(Boolean))}><code>{m.id}</code></a> },
  { head: t("direction"), cell: (m) => <Text>{word("direction", m.direction)}</Text> },
  { head: t("partner"), cell: (m) => <Text>{m.partner}</Text> },
  { head: t("kind"), cell: (m) => <Text>{word("kind", m.kind)}</Text> },
  { head: t("form"), cell: (m) => <Text>{m.form}</Text> },
  { head: t("state"), cell: (m) => <State group="message" value={m.state} /> },
  { head: t("result"), cell: (m) => <State group="result" value={m.result} /> },
  { head: t("code"), cell: (m) => <Code>{m.code}</Code> },
  { head: t("sequence"), number: true, cell: (m) => <Text>{m.sequence > 0 ? m.sequence : undefined}</Text> },
];

const options = (group) => words(group).map((w) => [w, word(group, w)]);

/* The list is searched by state or by result, whichever has the word. */
const states = () => [...options("message"), ...options("result").filter(([w]) => !words("message").includes(w))];

export function MessagesPage({ query }) {
  const { partner, kind, state, direction, after } = query;
  const messages = useLoad(address("/admin/v1/messages", { partner, kind, state, direction, after, limit: 50 }), 10);
  const partners = useLoad("/admin/v1/partners");
  const fields = [
    { name: "direction", label: t("direction"), options: options("direction") },
    { name: "partner", label: t("partner"), options: (partners.value?.items || []).filter((p) => !p.person).map((p) => [p.id, p.name || p.id]) },
    { name: "kind", label: t("kind"), options: options("kind") },
    { name: "state", label: t("state"), options: states() },
  ];
  return (
    <>
      <h1 tabIndex={-1}>{t("messages")}</h1>
      <p class="about">{t("messages_about")}</p>
      <Filters fields={fields} query={query} onChange={(q) => go(["messages"], q)} />
      <Loaded from={messages} missing={t("not_available")}>
        {(list) => (
          <>
            <Table caption={t("messages")} columns={columns()} items={list.items} keyOf={(m) => `${m.direction} ${m.partner} ${m.id}`} />
            <Pager list={list} query={query} linkTo={(q) => link(["messages"], q)} />
          </>
        )}
      </Loaded>
      <ReadAt from={messages} />
    </>
  );
}

/* The members by which a business finds the message, as the catalogue names them. */
function Keys({ of }) {
  const show = (value) => (Array.isArray(value) ? value.join(", ") : value);
  return <Facts pairs={Object.entries(of).map(([name, value]) => [word("member", name), <Text>{show(value)}</Text>])} />;
}

function Receipt({ of }) {
  return (
    <Facts pairs={[
      [t("receipt_id"), <Code>{of.id}</Code>],
      [t("result"), <State group="result" value={of.result} />],
      of.code && [t("code"), <Code>{of.code}</Code>],
      [t("sequence"), <Text>{of.sequence > 0 ? of.sequence : undefined}</Text>],
      [t("time"), <Time at={of.time} />],
    ]} />
  );
}

function Part({ title, there, children }) {
  return there ? <section><h2>{title}</h2>{children}</section> : null;
}

const stageColumns = () => [
  { head: t("time"), cell: (s) => <Time at={s.time} /> },
  { head: t("stage"), cell: (s) => <b class="nowrap">{word("stage", s.name)}</b> },
  { head: t("detail"), cell: (s) => <Text>{said(s, "text")}</Text> },
];
const attemptColumns = () => [
  { head: t("time"), cell: (a) => <Time at={a.time} /> },
  { head: t("outcome"), cell: (a) => <Text>{said(a, "text") || word("message", a.outcome)}</Text> },
  { head: t("code"), cell: (a) => <Code>{a.code}</Code> },
  { head: t("detail"), cell: (a) => <Text>{said(a, "detail")}</Text> },
];
const rowColumns = () => [
  { head: t("index"), number: true, cell: (r) => <Count n={r.index} /> },
  { head: t("result"), cell: (r) => <State group="result" value={r.result} /> },
  { head: t("field"), cell: (r) => <Code>{r.field}</Code> },
  { head: t("code"), cell: (r) => <Code>{r.code}</Code> },
  { head: t("detail"), cell: (r) => <Text>{said(r, "detail") || said(r, "text")}</Text> },
];

function Head({ message: m }) {
  return (
    <>
      <p class="lead"><State group="message" value={m.state} /> <State group="result" value={m.result} /></p>
      <Facts pairs={[
        [t("direction"), <Text>{word("direction", m.direction)}</Text>],
        [t("partner"), <Text>{m.partner}</Text>],
        [t("kind"), <Text>{word("kind", m.kind)}</Text>],
        [t("form"), <Text>{m.form}</Text>],
        [t("created"), <Time at={m.created} />],
        [t("received_at"), <Time at={m.received} />],
        [t("sequence"), <Text>{m.sequence > 0 ? m.sequence : undefined}</Text>],
        m.code && [t("code"), <Code>{m.code}</Code>],
        m.place && [t("place"), <Code>{m.place}</Code>],
        m.trace_id && [t("trace_id"), <Code>{m.trace_id}</Code>],
      ]} />
      {said(m, "detail") && <p class="trouble">{said(m, "detail")}</p>}
    </>
  );
}

export function MessagePage({ rest }) {
  const id = rest[rest.length - 1];
  const partner = rest.length > 1 ? rest[0] : undefined;
  const message = useLoad(address(`/admin/v1/messages/${encodeURIComponent(id)}`, { partner }), 10);
  return (
    <>
      <p class="noprint"><a href={link(["messages"])}>← {t("back_messages")}</a></p>
      <h1 tabIndex={-1}>{t("message", id)}</h1>
      <Loaded from={message} missing={t("not_available")}>
        {(m) => (
          <>
            <Head message={m} />
            <Part title={t("keys")} there={m.keys && Object.keys(m.keys).length > 0}><Keys of={m.keys} /></Part>
            <Part title={t("stages")} there={m.stages?.length}><Table caption={t("stages")} columns={stageColumns()} items={m.stages} /></Part>
            <Part title={t("attempts_list")} there={m.attempts?.length}><Table caption={t("attempts_list")} columns={attemptColumns()} items={m.attempts} /></Part>
            <Part title={t("receipt")} there={m.receipt}><Receipt of={m.receipt} /></Part>
            <Part title={t("message_rows")} there={m.rows?.length}><Table caption={t("message_rows")} columns={rowColumns()} items={m.rows} /></Part>
          </>
        )}
      </Loaded>
      <ReadAt from={message} />
    </>
  );
}
