"""What people see of the messages that partners send: the list, one message's way, and the command line over both."""
import json

import pytest

from conftest import wait_until
from messages import certification
from uscc import code

pytestmark = pytest.mark.asan


def batch(*rows, **changes):
    return {"list_version": "2026-11", "rows": list(rows), **changes}


@pytest.fixture
def busy(gateway):
    """Two batches (one in part), one refused for its signature, one for its schema, and an echo, which leaves nothing."""
    bureau, other = gateway.author("bureau-sx"), gateway.author("bureau-ty")
    assert gateway.post_message("bureau-sx", bureau.xml("certification.batch", batch(certification(1), certification(2)), id="b-1")).status_code == 200
    part = batch(certification(3), {**certification(4), "uscc": "91140100MA0BADBADX"})
    assert gateway.post_message("bureau-ty", other.json("certification.batch", part, id="b-2")).status_code == 200
    changed = bureau.json("certification.batch", batch(certification(5)), id="b-3")
    assert gateway.post_message("bureau-sx", changed.but(body=changed.body.replace(b"2026-11", b"2026-12"))).status_code == 401
    assert gateway.post_message("bureau-sx", bureau.flat("certification.batch", {"rows": []}, id="b-4")).status_code == 422
    assert gateway.post_message("bank-a", gateway.author("bank-a").json("echo", {"text": "x"})).status_code == 200
    wait_until(lambda: len(ids(gateway, "&state=refused")) == 2, "what was refused to be noted")
    return gateway


def listed(gateway, query=""):
    answer = gateway.admin("observer-1", f"/messages{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(gateway, query=""):
    return [item["id"] for item in listed(gateway, f"?direction=in{query}")["items"]]


def pages(gateway, limit, query="", between=lambda: None):
    """Every page's items; `between` happens while somebody turns the page."""
    seen, after = [], ""
    while True:
        page = listed(gateway, f"?limit={limit}{query}{after}")
        assert len(page["items"]) <= limit
        seen += page["items"]
        if not page["more"]:
            return seen
        after = f"&after={page['next']}"
        between()


def test_the_list_is_newest_first_and_complete(busy):
    """Each message once, with who sent it, in which form, what became of it and why."""
    items = listed(busy, "?direction=in")["items"]
    assert [(m["partner"], m["form"], m["state"], m.get("result"), m.get("code")) for m in items] == [
        ("bureau-sx", "jose", "refused", None, "schema.invalid"),
        ("bureau-sx", "json", "refused", None, "signature.invalid"),
        ("bureau-ty", "json", "accepted", "partial", None),
        ("bureau-sx", "xml", "accepted", "accepted", None)]
    assert [m["id"] for m in items if m["state"] == "accepted"] == ["b-2", "b-1"]
    assert all(m["direction"] == "in" and m["received"] for m in items)
    assert [m["sequence"] for m in items if "sequence" in m] == sorted((m["sequence"] for m in items if "sequence" in m), reverse=True)


def test_the_list_is_filtered(busy):
    assert ids(busy, "&partner=bureau-ty") == ["b-2"]
    assert ids(busy, "&state=accepted&kind=certification.batch") == ["b-2", "b-1"]
    assert ids(busy, "&state=partial") == ["b-2"]
    assert len(ids(busy, "&state=refused")) == 2 and ids(busy, "&kind=credit.report") == []
    for wrong in ("?direction=up", "?after=x", "?after=0.1", "?after=1", "?after=1.1.1", "?after=1.1.x.", "?limit=0", "?name=x"):
        answer = busy.admin("observer-1", f"/messages{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "http.query"), wrong


def test_pages_lose_and_repeat_nothing(busy):
    """Whatever the page's size, all pages together are the list, in and out; what comes meanwhile does not shift them."""
    def come():
        busy.post_message("bureau-sx", busy.author("bureau-sx").json("certification.batch", batch(certification(9))))

    def named(items):
        return [(m["id"], m["partner"], m["direction"]) for m in items]
    for query, limits in (("", (1, 2, 3, 7)), ("&direction=in", (1, 3)), ("&direction=out", (1, 2, 5)), ("&partner=bank-a", (1,))):
        for limit in limits:
            whole = named(listed(busy, f"?limit=1000{query}")["items"])
            assert len(set(whole)) == len(whole) > limit
            assert named(pages(busy, limit, query, come)) == whole, (query, limit)


def test_what_was_sent_is_listed_too(busy):
    """One line a partner, though the id is the same for all; the state follows what the partner does."""
    sent = wait_until(lambda: [m for m in listed(busy, "?direction=out&kind=whitelist.change")["items"] if m["partner"] == "bank-a"], "a change")
    assert {(m["direction"], m["state"], m["form"]) for m in sent} == {("out", "waiting", "json")} and all(m["created"] for m in sent)
    told = busy.admin("observer-1", f"/messages/{sent[0]['id']}").json()
    assert {a["partner"] for a in told["attempts"]} >= {"bank-a", "bank-b"} and {a["outcome"] for a in told["attempts"]} == {"waiting"}
    assert [s["name"] for s in told["stages"]] == ["made"] and "山西" not in json.dumps(told, ensure_ascii=False)
    busy.ask("bank-a", "/v1/mailbox/ack", "POST", json={"upto": busy.ask("bank-a", "/v1/mailbox?after=0").json()["last"]})
    states = {m["partner"]: m["state"] for m in listed(busy, f"?direction=out&kind={sent[0]['kind']}&limit=1000")["items"] if m["id"] == sent[0]["id"]}
    assert states["bank-a"] == "fetched" and states["bank-b"] == "waiting"


def test_what_is_passed_on_is_followed(gateway):
    """From the bank to the registry: received, passed on, waiting, fetched."""
    answer = gateway.post_message("bank-a", gateway.author("bank-a").json("guidance.request", id="g-1"))
    assert answer.status_code == 200, answer.text
    told = gateway.admin("observer-1", "/messages/g-1").json()
    assert told["stages"][-1]["name"] == "forwarded" and "registry-ty" in told["stages"][-1]["text_en"]
    (attempt,) = [a for a in told["attempts"] if a["partner"] == "registry-ty"]
    assert attempt["outcome"] == "waiting" and attempt["id"] == f"f-{told['sequence']}"
    (line,) = [m for m in listed(gateway, "?direction=out&partner=registry-ty")["items"] if m["id"] == attempt["id"]]
    assert line["kind"] == "guidance.request"
    gateway.ask("registry-ty", "/v1/mailbox/ack", "POST", json={"upto": told["sequence"]})
    (attempt,) = [a for a in gateway.admin("observer-1", "/messages/g-1").json()["attempts"] if a["partner"] == "registry-ty"]
    assert attempt["outcome"] == "fetched"


def test_one_message_tells_its_way(busy):
    """Stages in order and in both languages, keys of its kind, verdicts on rows, the receipt; never the body."""
    answer = busy.admin("observer-1", "/messages/b-2?partner=bureau-ty")
    told = answer.json()
    assert [s["name"] for s in told["stages"]] == ["raw", "verified", "mapped", "decided", "receipt"]
    assert all(s["text_en"] and s["text_zh"] and s["time"] for s in told["stages"])
    assert told["keys"]["uscc"] == [code(3), "91140100MA0BADBADX"] and told["keys"]["document_no"] == ["晋民营发〔2026〕1号"]
    assert [(r["index"], r["result"]) for r in told["rows"]] == [(1, "rejected")] and told["rows"][0]["code"].startswith("uscc.")
    assert told["receipt"]["of"] == "b-2" and told["receipt"]["id"] == f"r-{told['sequence']}" and told["receipt"]["result"] == "partial"
    assert told["attempts"] == [] and "山西示例第3号" not in answer.text
    xml = busy.admin("observer-1", "/messages/b-1").json()
    assert xml["keys"]["uscc"] == [code(1), code(2)] and xml["rows"] == []
    missing = busy.admin("observer-1", "/messages/b-2?partner=bureau-sx")
    assert (missing.status_code, missing.json()["code"]) == (404, "message.unknown")


def test_a_refused_message_tells_why(busy):
    told = busy.admin("observer-1", "/messages/b-4").json()
    assert (told["state"], told["code"], [s["name"] for s in told["stages"]]) == ("refused", "schema.invalid", ["raw", "refused"])
    assert told["place"].startswith("/body") and "rows" not in told and "receipt" not in told


def test_nobody_else_sees_them(busy):
    assert busy.ask("bank-a", "/admin/v1/messages").status_code == 404
    answer = busy.admin("bureau-sx", "/messages")
    assert answer.status_code == 403 and json.loads(answer.text)["code"] == "sender.role"


# ---- on the command line

def test_list_show_and_trace(busy):
    """The same on the command line, in both languages; 5 when there is no such message."""
    assert [m["id"] for m in busy.ctl_items("msg", "list", "--direction", "in", "--state", "accepted")] == ["b-2", "b-1"]
    table = busy.ctl("msg", "list", "--partner", "bureau-ty", "--lang", "zh").stdout
    assert "b-2" in table and "部分接受" in table and "收到" in table
    assert busy.ctl_json("msg", "show", "b-2")["receipt"]["result"] == "partial"
    shown = busy.ctl("msg", "show", "b-2").stdout
    assert "bureau-ty" in shown and "91140100MA0BADBADX" in shown
    for arguments, words in (((), ("bytes of json came", "signed by bureau-ty", "its rows became", "a part of it was accepted", "receipt r-")),
                             (("--lang", "zh"), ("字节", "密钥", "各行", "部分接受，第", "回执 r-"))):
        trace = busy.ctl("msg", "trace", "b-2", *arguments).stdout
        places = [trace.index(word) for word in words]
        assert places == sorted(places) and "uscc." in trace, trace
    assert busy.ctl_json("msg", "trace", "b-4")["code"] == "schema.invalid"
    gone = busy.ctl("msg", "show", "none", check=False)
    assert gone.returncode == 5 and "[message.unknown]" in gone.stderr
    assert busy.ctl("msg", "list", "--direction", "up", check=False).returncode == 2
