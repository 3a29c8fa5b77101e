/* route: the page and its filters are the address behind #, so that they can be kept, sent and gone back to:
 * #/runs/run-0000000001?action=rejected */
import { useEffect, useState } from "preact/hooks";

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(parts, query = {}) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
  const path = parts.map(encodeURIComponent).join("/");
  return `#/${path}${[...given].length ? `?${given}` : ""}`;
}

export function go(parts, query) {
  location.hash = link(parts, query);
}

export function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = () => setHash(location.hash);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return parse(hash);
}
