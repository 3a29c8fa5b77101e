/* main: the frame around every page, and the one list of pages. */
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { otherTag, switchLanguage, t } from "./lang.js";
import { Trouble, useLoad } from "./load.jsx";
import { MessagePage, MessagesPage } from "./messages.jsx";
import { link, useRoute } from "./route.js";
import { RunPage } from "./run.jsx";
import { RunsPage } from "./runs.jsx";

/* A page has the first word of its address, its name in the menu, a list and what is behind a line of it. */
const pages = [
  { word: "runs", List: RunsPage, Detail: RunPage },
  { word: "messages", List: MessagesPage, Detail: MessagePage },
];

function Menu({ now }) {
  return (
    <nav aria-label={t("menu")} class="noprint">
      <ul>
        {pages.map(({ word }) => (
          <li key={word}><a href={link([word])} aria-current={word === now ? "page" : undefined}>{t(word)}</a></li>
        ))}
      </ul>
    </nav>
  );
}

function Who({ me }) {
  if (!me.value)
    return <Trouble problem={me.problem} />;
  return <span class="who">{me.value.name || me.value.partner} <span class="small">{me.value.gateway}</span></span>;
}

/* Where a reader with a keyboard or a screen reader goes on after a step to another page. */
function useArrival(place) {
  const first = useRef(true);
  useEffect(() => {
    const head = document.querySelector("h1");
    document.title = head ? `${head.textContent} · ${t("title")}` : t("title");
    if (!first.current)
      head?.focus();
    first.current = false;
  }, [place]);
}

function Body({ route, me }) {
  const [word, ...rest] = route.parts;
  const page = pages.find((p) => p.word === (word || pages[0].word));
  if (!page || rest.length > 2)
    return <p class="empty">{t("no_page")}</p>;
  const Page = rest.length ? page.Detail : page.List;
  return <Page key={rest.join("/")} rest={rest} query={route.query} me={me.value} />;
}

function App() {
  const route = useRoute();
  const me = useLoad("/v1/whoami");
  const [, redraw] = useState(0);
  const speak = () => {
    switchLanguage();
    redraw((n) => n + 1);
  };
  const now = route.parts[0] || pages[0].word;
  useArrival(route.parts.join("/") + otherTag());
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>{t("skip")}</a>
      <header>
        <strong>{t("title")}</strong>
        <Menu now={now} />
        <Who me={me} />
        <button type="button" class="noprint" lang={otherTag()} onClick={speak}>{t("language")}</button>
      </header>
      <main id="main" tabIndex={-1}>
        {me.value?.partner === "unknown" && <p class="trouble" role="alert">{t("stranger")}</p>}
        <Body route={route} me={me} />
      </main>
    </>
  );
}

const place = document.getElementById("app");
place.replaceChildren();
render(<App />, place);
