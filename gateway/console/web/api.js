/* api: asks the gateway. What goes wrong is a Problem, in the words of the gateway where it has some. */
import { said, t } from "./lang.js";

export class Problem extends Error {
  constructor(status, body) {
    super(body.code || String(status));
    this.status = status;
    this.body = body;
    this.code = body.code;
  }

  /* In the language shown now, not in that of when it happened. */
  text() {
    if (this.status === 0)
      return t("offline");
    return said(this.body, "detail") || this.body.title || t("unreadable", this.status);
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "same-origin", redirect: "error", ...options });
  } catch {
    throw new Problem(0, {});
  }
  let body = {};
  try {
    body = await answer.json();
  } catch {
    throw new Problem(answer.status, {});
  }
  if (!answer.ok)
    throw new Problem(answer.status, body);
  return body;
}

/* "/admin/v1/runs" and {source: "x", state: ""}: what is empty is left out. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `${path}?${given.map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&")}` : path;
}

export const get = (path) => ask(path, {});

/* The key stays the same when the same act is sent again, so it is done once. */
export function post(path, body, key) {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
}

export const newKey = () => crypto.randomUUID();
