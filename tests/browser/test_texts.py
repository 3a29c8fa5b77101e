"""The table of texts, read as the pages read it: everything that is said is there, in two languages."""
import json
import re
import subprocess

from exchange_harness import ROOT

WEB = ROOT / "gateway" / "console" / "web"


def table():
    code = f"import({json.dumps((WEB / 'text.js').as_uri())}).then(m => console.log(JSON.stringify(m.texts)))"
    return json.loads(subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True, timeout=60).stdout)


def test_each_text_has_both_languages_and_the_same_holes():
    for key, texts in table().items():
        assert len(texts) == 2 and all(texts), key
        assert sorted(re.findall(r"\{\d\}", texts[0])) == sorted(re.findall(r"\{\d\}", texts[1])), key


def test_what_the_pages_say_is_in_the_table():
    texts = table()
    for path in WEB.glob("*.jsx"):
        for key in re.findall(r'\bt\("([^"]+)"', path.read_text()):
            assert key in texts, f"{path.name}: {key}"


def test_no_page_writes_markup_or_asks_elsewhere():
    for path in [p for p in WEB.iterdir() if p.suffix in (".js", ".jsx", ".html", ".css")]:
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|https?://", text), path.name
        assert 'style="' not in text and "style={" not in text, f"{path.name}: the policy refuses styles in markup"


def test_every_kind_of_the_catalogue_has_a_word():
    kinds = [line.split(",")[0] for line in (ROOT / "schemas" / "catalog.csv").read_text().splitlines() if line[:1].islower()][1:]
    assert kinds
    missing = [kind for kind in kinds if f"kind.{kind}" not in table()]
    assert not missing
