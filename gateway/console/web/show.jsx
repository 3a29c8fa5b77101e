/* show: how single values and tables look. What is not known is —, never 0. */
import { t, tag, word } from "./lang.js";

const absent = (value) => value === undefined || value === null || value === "";

export function Unknown() {
  return <span class="unknown" title={t("unknown")} aria-label={t("unknown")}>—</span>;
}

/* Any text of the API, as text. */
export function Text({ children }) {
  return absent(children) ? <Unknown /> : <>{String(children)}</>;
}

export function Code({ children }) {
  return absent(children) ? <Unknown /> : <code>{String(children)}</code>;
}

/* Who did it. */
export function Actor({ of }) {
  return of ? <>{word("actor", of.kind)}{of.id && <> <b>{of.id}</b></>}</> : <Text />;
}

export function Count({ n }) {
  return typeof n === "number" ? <span class="number">{n.toLocaleString(tag())}</span> : <Unknown />;
}

export function YesNo({ value }) {
  return absent(value) ? <Unknown /> : <>{t(value ? "yes" : "no")}</>;
}

/* A moment as the gateway wrote it, whatever this browser's zone: 2026-11-24 10:00:00. */
export function Time({ at }) {
  if (absent(at))
    return <Unknown />;
  return <time class="nowrap" dateTime={at} title={at}>{String(at).slice(0, 19).replace("T", " ")}</time>;
}

export function Took({ ms }) {
  if (typeof ms !== "number" || ms < 0)
    return <Unknown />;
  const s = Math.round(ms / 1000);
  if (ms < 1000)
    return <>{t("ms", ms)}</>;
  if (s < 60)
    return <>{t("seconds", (ms / 1000).toFixed(1))}</>;
  return <>{s < 3600 ? t("minutes", Math.floor(s / 60), s % 60) : t("hours", Math.floor(s / 3600), Math.floor((s % 3600) / 60))}</>;
}

const tones = {
  done: "good", delivered: "good", accepted: "good", granted: "good", listed: "good",
  held: "wait", open: "wait", pending: "wait", partial: "wait", waiting: "wait", uncertain: "wait", cancelled: "wait",
  failed: "bad", incomplete: "bad", rejected: "bad", refused: "bad", expired: "bad",
};

/* The word says it; the colour only helps. */
export function State({ group, value }) {
  return absent(value) ? <Unknown /> : <span class={`state ${tones[value] || ""}`}>{word(group, value)}</span>;
}

/* Names and values; a pair without a value is left out when it says so. */
export function Facts({ pairs }) {
  return (
    <dl class="facts">
      {pairs.filter(Boolean).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

/* columns: [{head, cell(item), number?}]; key(item, index) */
export function Table({ caption, columns, items, keyOf }) {
  if (items.length === 0)
    return <p class="empty">{t("none")}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead><tr>{columns.map((c) => <th scope="col" class={c.number ? "right" : ""} key={c.head}>{c.head}</th>)}</tr></thead>
        <tbody>
          {items.map((item, i) => (
            <tr key={keyOf ? keyOf(item, i) : i}>
              {columns.map((c) => <td class={c.number ? "right" : ""} key={c.head}>{c.cell(item)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/* Filters of a list; what is chosen goes to the address. fields: [{name, label, options: [[value, text]]}] */
export function Filters({ fields, query, onChange }) {
  const change = (name) => (event) => onChange({ ...query, after: undefined, [name]: event.currentTarget.value.trim() });
  return (
    <div class="filters noprint" role="search" aria-label={t("filter")}>
      {fields.map((f) => (
        <label key={f.name}>
          <span>{f.label}</span>
          {f.options ? (
            <select value={query[f.name] || ""} onChange={change(f.name)}>
              <option value="">{t("all")}</option>
              {f.options.map(([value, text]) => <option value={value} key={value}>{text}</option>)}
            </select>
          ) : <input value={query[f.name] || ""} onChange={change(f.name)} spellcheck={false} />}
        </label>
      ))}
    </div>
  );
}

/* A list is read page by page; the browser's back is the page before. */
export function Pager({ list, query, linkTo }) {
  return (
    <nav class="pager noprint">
      {query.after && <a href={linkTo({ ...query, after: undefined })}>{t("first")}</a>}
      {list.next && <a href={linkTo({ ...query, after: list.next })}>{t("next")}</a>}
    </nav>
  );
}
