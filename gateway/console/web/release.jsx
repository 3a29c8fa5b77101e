/* release: a held run waits for a person: why, what has not been done, and that person's decision. */
import { useRef, useState } from "preact/hooks";
import { newKey, post } from "./api.js";
import { said, t } from "./lang.js";
import { Loaded, Trouble, useLoad } from "./load.jsx";
import { Actor, Facts, State, Time } from "./show.jsx";

/* What a refusal means to whoever pressed the button. */
const PLAIN = { "approval.same_person": "same_person", "approval.changed": "changed", "approval.closed": "closed" };

function Refusal({ problem }) {
  const plain = PLAIN[problem?.code];
  if (!plain)
    return <Trouble problem={problem} />;
  return <div class="trouble" role="alert"><p>{t(plain)}</p><p class="small"><code>{problem.code}</code></p></div>;
}

/* The same decision sent again keeps its key, so that a lost answer cannot make it count twice. */
function useKey() {
  const kept = useRef({});
  return (act) => {
    if (kept.current.act !== act)
      kept.current = { act, key: newKey() };
    return kept.current.key;
  };
}

function Sure({ what, busy, onYes, onNo }) {
  return (
    <div class="sure" role="group" aria-label={t("sure")}>
      <p>{t("sure")}</p>
      {/* the safe answer has the focus */}
      <button type="button" onClick={onNo} disabled={busy} ref={(b) => b && !b.dataset.met && (b.dataset.met = "1", b.focus())}>{t("cancel")}</button>
      <button type="button" class="strong" onClick={onYes} disabled={busy}>{busy ? t("deciding") : t("confirm", t(what))}</button>
    </div>
  );
}

function Form({ id, onDecided }) {
  const [comment, setComment] = useState("");
  const [asking, setAsking] = useState();
  const [busy, setBusy] = useState(false);
  const [empty, setEmpty] = useState(false);
  const [problem, setProblem] = useState();
  const key = useKey();

  const choose = (what) => () => {
    setProblem(undefined);
    setEmpty(comment.trim() === "");
    setAsking(comment.trim() === "" ? undefined : what);
  };
  const send = async () => {
    setBusy(true);
    try {
      const body = { comment: comment.trim() };
      const answer = await post(`/admin/v1/approvals/${encodeURIComponent(id)}/${asking}`, body, key(`${asking} ${body.comment}`));
      onDecided(asking, answer.sequence);
    } catch (refused) {
      setProblem(refused);
      if (refused.status === 409)
        onDecided();
    }
    setBusy(false);
    setAsking(undefined);
  };
  return (
    <div class="noprint">
      <h3>{t("decide")}</h3>
      <label class="comment">
        <span>{t("comment")}</span>
        <textarea rows={3} maxLength={500} value={comment} readOnly={busy || !!asking} aria-invalid={empty}
          onInput={(event) => setComment(event.currentTarget.value)} />
      </label>
      {empty && <p class="trouble" role="alert">{t("comment_needed")}</p>}
      <Refusal problem={problem} />
      {asking ? <Sure what={asking} busy={busy} onYes={send} onNo={() => setAsking(undefined)} /> : (
        <p class="buttons">
          <button type="button" class="strong" onClick={choose("grant")}>{t("grant")}</button>
          <button type="button" onClick={choose("reject")}>{t("reject")}</button>
        </p>
      )}
    </div>
  );
}

function Decision({ approval }) {
  return (
    <>
      <p><State group="approval" value={approval.state} /> {approval.decided_by && t("decided_by", approval.decided_by, String(approval.decided || "").slice(0, 19).replace("T", " "))}</p>
      {approval.comment && <blockquote>{approval.comment}</blockquote>}
    </>
  );
}

function Who({ approval, me }) {
  if (!me)
    return null;
  if (!me.roles?.includes("approver"))
    return <p class="small">{t("not_approver")}</p>;
  return approval.maker?.kind === "person" && approval.maker.id === me.partner ? <p class="note">{t("own")}</p> : null;
}

/* `children`: what the decision is about, shown above it. */
export function Release({ id, me, onDecided, children }) {
  const approval = useLoad(`/admin/v1/approvals/${encodeURIComponent(id)}`, (now) => (now?.state === "open" ? 4 : 0));
  const [told, setTold] = useState();
  const decided = (what, sequence) => {
    if (what)
      setTold([what, sequence]);
    approval.again();
    onDecided();
  };
  return (
    <Loaded from={approval}>
      {(now) => {
        const open = now.state === "open";
        return (
          <section class={open ? "held" : ""}>
            <h2>{t(!open ? "decision" : now.what === "run" ? "held" : "waits")}</h2>
            {told && <p class="good note noprint" role="status">{t(`sent_${told[0]}`, told[1])}</p>}
            <p>{said(now, "text")}</p>
            {children}
            <Facts pairs={[[t("maker"), <Actor of={now.maker} />], [t("made"), <Time at={now.made} />]]} />
            {open ? <Who approval={now} me={me} /> : <Decision approval={now} />}
            {open && me?.roles?.includes("approver") && <Form id={id} onDecided={decided} />}
          </section>
        );
      }}
    </Loaded>
  );
}
