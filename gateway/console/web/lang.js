/* lang: the language of the pages. Chinese unless this browser was told otherwise. */
import { texts } from "./text.js";

const KEPT = "pledged.language";
const TAGS = ["zh-CN", "en"];

function kept() {
  try {
    return localStorage.getItem(KEPT) === "en" ? 1 : 0;
  } catch {
    return 0; /* storage may be forbidden */
  }
}

let index = kept();
document.documentElement.lang = TAGS[index];

export function switchLanguage() {
  index = 1 - index;
  document.documentElement.lang = TAGS[index];
  try {
    localStorage.setItem(KEPT, index ? "en" : "zh");
  } catch {
    /* it holds until the page is left */
  }
}

/* The tag of the language that is not shown: the switch is written in it. */
export const otherTag = () => TAGS[1 - index];
export const tag = () => TAGS[index];

function fill(text, values) {
  return text.replace(/\{(\d)\}/g, (_, n) => String(values[n]));
}

/* A text of the table. */
export function t(key, ...values) {
  return fill(texts[key][index], values);
}

/* The word for a value of the API, or the value itself. */
export function word(group, value) {
  const known = texts[`${group}.${value}`];
  return known ? known[index] : value;
}

/* Names of a group, in the order of the table. */
export function words(group) {
  return Object.keys(texts).filter((key) => key.startsWith(`${group}.`)).map((key) => key.slice(group.length + 1));
}

/* A bilingual member of an answer, whichever way it is named: text_zh and text_en, zh and en, detail_zh and detail. */
export function said(object, name) {
  if (!object)
    return undefined;
  const both = name ? [object[`${name}_zh`], object[`${name}_en`] ?? object[name]] : [object.zh, object.en];
  return both[index] ?? both[1 - index];
}
