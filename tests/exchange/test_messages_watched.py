"""What people see of the messages that partners send: the list, one message's way, and the command line over both."""
import json

import pytest

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
    return gateway


def listed(gateway, query=""):
    answer = gateway.admin("observer-1", f"/messages{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(gateway, query=""):
    return [item["id"] for item in listed(gateway, query)["items"]]


def test_the_list_is_newest_first_and_complete(busy):
    """Each message once, with who sent it, in which form, what became of it and why."""
    items = listed(busy)["items"]
    assert [(m["partner"], m["form"], m["state"], m.get("result"), m.get("code")) for m in items] == [
        ("bureau-sx", "jose", "refused", None, "schema.invalid"),
        ("bureau-sx", "json", "refused", None, "signature.invalid"),
        ("bureau-ty", "json", "accepted", "partial", None),
        ("bureau-sx", "xml", "accepted", "accepted", None)]
    assert [m["id"] for m in items if m["state"] == "accepted"] == ["b-2", "b-1"]
    assert all(m["direction"] == "in" and m["received"] for m in items)
    assert [m["sequence"] for m in items if "sequence" in m] == sorted((m["sequence"] for m in items if "sequence" in m), reverse=True)


def test_the_list_is_filtered(busy):
    assert ids(busy, "?partner=bureau-ty") == ["b-2"]
    assert ids(busy, "?state=accepted&kind=certification.batch") == ["b-2", "b-1"]
    assert ids(busy, "?state=partial") == ["b-2"]
    assert len(ids(busy, "?state=refused")) == 2 and ids(busy, "?kind=credit.report") == [] and ids(busy, "?direction=out") == []
    for wrong in ("?direction=up", "?after=x", "?after=0.1", "?after=1", "?limit=0", "?name=x"):
        answer = busy.admin("observer-1", f"/messages{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "http.query"), wrong


def test_pages_lose_and_repeat_nothing(busy):
    """Whatever the page's size, all pages together are the list; what comes meanwhile does not shift them."""
    whole = [(m["id"], m["received"]) for m in listed(busy)["items"]]
    for limit in (1, 2, 3):
        seen, query = [], f"?limit={limit}"
        while True:
            page = listed(busy, query)
            assert len(page["items"]) <= limit
            seen += [(m["id"], m["received"]) for m in page["items"]]
            if not page["more"]:
                break
            query = f"?limit={limit}&after={page['next']}"
            busy.post_message("bureau-sx", busy.author("bureau-sx").json("certification.batch", batch(certification(9))))
        assert seen == whole
        whole = [(m["id"], m["received"]) for m in listed(busy)["items"]]


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
