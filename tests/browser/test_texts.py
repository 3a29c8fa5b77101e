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


def test_nothing_in_the_table_is_said_nowhere():
    said = "\n".join(p.read_text() for p in WEB.iterdir() if p.suffix in (".js", ".jsx") and p.name != "text.js")
    words = set(re.findall(r"[\w.]+", said))
    prefixes = re.findall(r"t\(`(\w+)\$\{", said)
    groups = set(re.findall(r'(?:word|words|options)\("(\w+)"', said)) | set(re.findall(r'group="(\w+)"', said))
    for key in table():
        group = key.split(".")[0] if "." in key else None
        assert group in groups if group else key in words or any(key.startswith(p) for p in prefixes), key


def test_every_word_of_the_catalogue_is_there():
    """Kinds, and the members by which a business finds a message."""
    lines = [line.split(",") for line in (ROOT / "schemas" / "catalog.csv").read_text().splitlines() if line[:1].islower()]
    head, kinds, texts = lines[0], lines[1:], table()
    assert head[0] == "kind" and head[-1] == "keys" and kinds
    wanted = {f"kind.{line[0]}" for line in kinds} | {f"member.{key}" for line in kinds for key in line[-1].split()}
    assert not wanted - set(texts)
