/* load: reads an address of the API and reads it again every so often while somebody looks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import { t } from "./lang.js";

const AGAIN_SECONDS = 5;
const nothing = { value: undefined, problem: undefined, at: undefined };

/* {value, problem, at, again}. What was read stays while it is read again, and when that fails. `seconds` may be a
 * function of the value; 0: once. path undefined: nothing is read. */
export function useLoad(path, seconds = 0) {
  const [got, setGot] = useState(nothing);
  const [turn, setTurn] = useState(0);
  const every = useRef(seconds);
  every.current = seconds;

  useEffect(() => setGot(nothing), [path]);
  useEffect(() => {
    let timer, left = false;
    const later = (s, value) => {
      if (s && !left)
        timer = setTimeout(read, s * 1000, value);
    };
    const wait = (value) => later(typeof every.current === "function" ? every.current(value) : every.current, value);
    const read = async (before) => {
      if (document.hidden && before !== undefined)
        return wait(before);
      try {
        const value = await get(path);
        left || setGot({ value, problem: undefined, at: new Date() });
        wait(value);
      } catch (problem) {
        left || setGot((old) => ({ ...old, problem }));
        /* a gateway that starts again or is busy; what it refuses, it refuses again */
        if (problem.status === 0 || problem.status >= 500 || problem.status === 429)
          later(AGAIN_SECONDS, before);
      }
    };
    if (path)
      read();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [path, turn]);
  return { ...got, again: useCallback(() => setTurn((n) => n + 1), []) };
}

export function Trouble({ problem }) {
  if (!problem)
    return null;
  return (
    <div class="trouble" role="alert">
      <p>{problem.text()}</p>
      {problem.code && <p class="small"><code>{problem.code}</code> {problem.body.trace_id && t("trace", problem.body.trace_id)}</p>}
    </div>
  );
}

/* The trouble, the wait, or the children made from what was read. `missing`: what is said when the gateway has no such
 * address. */
export function Loaded({ from, missing, children }) {
  if (!from.value && missing && from.problem?.code === "http.not_found")
    return <p class="empty">{missing}</p>;
  return (
    <>
      <Trouble problem={from.problem} />
      {from.value ? children(from.value) : !from.problem && <p class="empty" aria-busy="true">{t("loading")}</p>}
    </>
  );
}

/* As the gateway's own times are written. */
const beijing = (at) => new Date(at.getTime() + 8 * 3600e3).toISOString().slice(11, 19);

export function ReadAt({ from }) {
  return <p class="small noprint">{from.at && t("refreshed", beijing(from.at))}</p>;
}
