/* One journey through the console. Orders come as JSON on standard input, what was seen leaves as the last line of standard
 * output; whatever is not as it should be ends it with a message. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { texts } from "../../gateway/console/web/text.js";

const orders = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(`${orders.modules}/package.json`)("playwright-core");
const english = orders.language === "en";
const t = (key, ...values) => texts[key][english ? 1 : 0].replace(/\{(\d)\}/g, (_, n) => values[n]);
const comment = english ? "compared with the bureau's letter <b>7</b>" : "已与来文核对 <b>7</b>";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const complaints = [];

/* A window of its own, as this person. Everything that a browser complains about is a fault of the console, unless it was
 * said beforehand that it would. */
async function as(who) {
  const [certPath, keyPath] = orders.people[who];
  const context = await browser.newContext({
    clientCertificates: [{ origin: orders.origin, certPath, keyPath }], viewport: { width: 1360, height: 900 },
  });
  const page = await context.newPage();
  page.expected = [];
  page.sizes = {};
  page.on("console", (message) => {
    const said = `${message.text()} ${message.location().url}`;
    if (["error", "warning"].includes(message.type()) && !page.expected.some((part) => said.includes(part)))
      complaints.push(`${who}: ${said}`);
  });
  page.on("pageerror", (error) => complaints.push(`${who}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(orders.origin) && !request.url().startsWith("data:"))
      complaints.push(`${who}: asks ${request.url()}`);
  });
  page.on("response", async (answer) => {
    const headers = answer.headers();
    if (answer.url().includes("/console/"))
      page.sizes[answer.url()] = Number(headers["content-length"] || 0);
  });
  return page;
}

async function open(page, hash) {
  await page.goto(`${orders.origin}/console/${hash}`);
  await page.locator("h1").waitFor();
  const wanted = english ? "en" : "zh-CN";
  if (await page.locator("html").getAttribute("lang") !== wanted)
    await page.locator("header button").click();
  assert.equal(await page.locator("html").getAttribute("lang"), wanted);
}

const shot = (page, name) => page.screenshot({ path: `${orders.shots}/${orders.language}-${name}.png`, fullPage: true });
/* Waits until so many are there and no more. */
async function number(of, n) {
  for (let tries = 0; await of.count() !== n; tries++) {
    assert.ok(tries < 300, `${await of.count()} instead of ${n}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}
const see = (place, text) => place.getByText(text, { exact: false }).first().waitFor();

/* Chinese first: nothing was chosen yet. */
async function firstScreen() {
  const page = await as("operator-1");
  await page.goto(`${orders.origin}/console`);
  await page.locator("table").waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  assert.equal(await page.locator("h1").textContent(), texts.runs[0]);
  const bytes = Object.values(page.sizes).reduce((a, b) => a + b, 0);
  assert.ok(Object.keys(page.sizes).some((url) => url.endsWith("/app.js")), "app.js came");
  return { page, bytes };
}

async function list(page) {
  await open(page, `#/runs?state=held`);
  const rows = page.locator("tbody tr");
  await number(rows, 1);
  await see(rows, t("run.held"));
  await see(rows, t("who.approver"));
  await see(rows, orders.version);
  /* what was not carried out is not counted: —, not 0 */
  assert.equal(await rows.locator("td").nth(8).textContent(), "—");
  assert.equal(await page.locator("select").nth(1).inputValue(), "held");
  await shot(page, "runs");
  await page.locator("select").nth(1).selectOption("failed");
  await see(page, t("none"));
  assert.ok(page.url().endsWith("#/runs?state=failed"), page.url());
  await page.goBack();
  await number(rows, 1);
}

/* The keyboard alone: from the list into the run. */
async function detail(page) {
  await page.locator("tbody a").first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: t("run", orders.run) }).waitFor();
  await see(page, t("guard_says", 10, 0, 2, 40));
  await see(page, t("held"));
  await see(page.locator("table"), orders.markup);
  assert.equal(await page.locator("img").count(), 0, "markup is text");
  await shot(page, "run-held");
}

async function rejected(page) {
  await open(page, `#/runs/${orders.run}?action=rejected`);
  await page.getByRole("heading", { name: t("rows_rejected") }).waitFor();
  const rows = page.locator("tbody tr");
  await number(rows, 1);
  assert.match(await rows.first().textContent(), /uscc\./);
}

async function decideByKeyboard(page, what) {
  await page.locator("textarea").focus();
  await page.keyboard.type(comment);
  await page.keyboard.press("Tab");
  if (what === "reject")
    await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: t("cancel") }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
}

async function samePerson(page) {
  await open(page, `#/runs/${orders.run}`);
  await see(page, t("own"));
  await page.getByRole("button", { name: t("grant") }).click();
  await see(page, t("comment_needed"));
  page.expected.push("403");
  await decideByKeyboard(page, "grant");
  await see(page, t("same_person"));
  await shot(page, "same-person");
  page.expected.pop();
}

async function onlooker() {
  const page = await as("observer-1");
  await open(page, `#/runs/${orders.run}`);
  await see(page, t("not_approver"));
  assert.equal(await page.locator("textarea").count(), 0);
  await page.context().close();
}

async function secondPerson(first) {
  const page = await as("operator-2");
  await open(page, `#/runs/${orders.run}`);
  await tooLate(page);
  await decideByKeyboard(page, "grant");
  await page.getByRole("status").waitFor();
  assert.match(await page.getByRole("status").textContent(), new RegExp(t("sent_grant", "\\d+")));
  for (const window of [page, first]) {
    await window.locator(".lead .state", { hasText: t("run.done") }).waitFor();
    await see(window, t("approval.granted"));
    await see(window, comment);
    assert.equal(await window.locator(".counts div", { hasText: t("withdrawn") }).locator("dd").textContent(), "10");
  }
  await shot(page, "run-done");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "run-dark");
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  assert.ok(!await page.locator("header nav").isVisible(), "paper has no menu");
  await shot(page, "run-print");
  await page.context().close();
}

/* Somebody else was faster, as the gateway would say it. */
async function tooLate(page) {
  const problem = { title: "changed", status: 409, code: "approval.changed", detail: "changed", detail_zh: "已变化", trace_id: "0".repeat(32) };
  page.expected.push("409");
  await page.route("**/grant", (route) => route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify(problem) }));
  await decideByKeyboard(page, "grant");
  await see(page, t("changed"));
  await page.unroute("**/grant");
  page.expected.pop();
  await page.locator("textarea").fill("");
}

/* From the menu to the message that was taken in part. */
async function messages(page) {
  await page.getByRole("navigation", { name: t("menu") }).getByRole("link", { name: t("messages") }).click();
  await page.getByRole("heading", { level: 1, name: t("messages") }).waitFor();
  const rows = page.locator("tbody tr");
  /* what came in, taken or refused, stands among what was sent */
  await page.getByRole("link", { name: orders.message }).waitFor();
  await see(rows, orders.refusal);
  await shot(page, "messages");
  await page.locator("select").last().selectOption("partial");
  await number(rows, 1);
  assert.ok(page.url().endsWith("#/messages?state=partial"), page.url());
  await page.getByRole("link", { name: orders.message }).click();
  await page.getByRole("heading", { level: 1, name: t("message", orders.message) }).waitFor();
  for (const text of [t("stages"), t("receipt"), t("keys"), t("kind.certification.batch"), t("result.partial"), orders.version])
    await see(page.locator("main"), text);
  assert.equal(await page.locator("main img, main dd i, main td i").count(), 0, "markup is text");
  await shot(page, "message");
}

/* A message on its way out, as the gateway tells of one. */
async function outgoing(page) {
  const message = {
    id: "wc-1-9", kind: "whitelist.change", direction: "out", partner: "bank-a", form: "json", state: "waiting",
    stages: [], attempts: [{ time: "2026-11-24T10:00:02+08:00", outcome: "uncertain", code: "client.timeout", detail: "no <i>answer</i>" }],
  };
  await page.route(/messages\/wc-/, (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(message) }));
  await open(page, "#/messages/bank-a/wc-1-9");
  for (const text of [t("attempts_list"), t("message.uncertain"), "client.timeout", "no <i>answer</i>"])
    await see(page.locator("main"), text);
  await page.unrouteAll();
}

async function nowhere(page) {
  await page.goto(`${orders.origin}/console/#/nowhere/at/all`);
  await see(page, t("no_page"));
}

try {
  const { page, bytes } = await firstScreen();
  await list(page);
  await detail(page);
  await rejected(page);
  await samePerson(page);
  await onlooker();
  await secondPerson(page);
  await messages(page);
  await outgoing(page);
  await nowhere(page);
  assert.deepEqual(complaints, []);
  console.log(JSON.stringify({ bytes, comment }));
} catch (error) {
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}
