"""Messages that are taken: what a partner sends, in each form and with each algorithm, has its consequence and its receipt."""
import base64
import concurrent.futures
import json

import pytest

import messages
from conftest import PARTNERS, wait_until
from messages import INCLUSIVE, ENVELOPED, Reader, Reference, Shape, certification, exclusion
from lists import certified, firms
from uscc import ORG_ALPHABET, check_char, code

BATCH = "certification.batch"
HOUR = 3600


def marked(values, *also):
    """Parameters of which some are also played at the sanitized build."""
    return [pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.asan if v in also else ()) for v in values]


def batch(*rows, version="2026-11"):
    return {"list_version": version, "rows": list(rows)}


def wrong_check(i):
    right = code(i)
    return right[:17] + ("0" if right[17] != "0" else "1")


def doubtful(i):
    """A code whose last sum is right and whose organisation code is not."""
    right = code(i)
    first = right[:16] + ORG_ALPHABET[(ORG_ALPHABET.index(right[16]) + 1) % 10]
    return first + check_char(first)


def head(gateway):
    return json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])["size"]


def records(gateway, since):
    """Records since then, without the gateway's own about its keys and files."""
    lines = gateway.raw("GET", f"/admin/v1/journal/export?from={since + 1}")[1].decode().splitlines()
    return [record for record in (json.loads(line)["record"] for line in lines) if record["kind"] not in ("access", "config")]


def alg_of(gateway, partner):
    p = gateway.partners[partner]
    return p.get("answer_alg", p.get("alg", "ES256"))


def receipt_of(gateway, partner, answer, status=200):
    """The receipt in an answer, its signature, envelope and form judged."""
    assert answer.status_code == status, answer.text
    receipt = Reader(gateway.pki).message(answer, alg_of(gateway, partner))
    said, body = receipt["envelope"], receipt["body"]
    assert (said["kind"], said["version"], said["sender"], said["receiver"]) == ("receipt", 1, messages.GATEWAY, partner), said
    assert said["id"] == f"r-{body['sequence']}" and said["in_reply_to"] == body["of"], receipt
    return body


def send(gateway, partner, message, status=200):
    body = receipt_of(gateway, partner, gateway.post_message(partner, message), status)
    assert body["of"] == message.id
    return body


def say(gateway, partner, form, kind, body, status=200, **changes):
    """One good message, its receipt's body."""
    return send(gateway, partner, gateway.author(partner).write(form, kind, body, **changes), status)


def standing(gateway, i, who="bank-a"):
    return gateway.firm(who, code(i)).json()


@pytest.fixture
def listed(gateway, bureau):
    """A gateway that has taken the bureau's list of twelve firms."""
    bureau.control(rows=firms(12), version="2026-10")
    assert gateway.sync()["state"] == "done"
    return gateway


# ---- certifications -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("partner", ["bureau-sx", "bureau-ty"])
@pytest.mark.parametrize("form", marked(messages.FORMS, "xml"))
def test_a_certification_makes_a_firm_listed(listed, partner, form):
    """ES256 and SM2, JSON, flattened and XML: accepted, the receipt verifies, the bank's next question sees the firm."""
    assert standing(listed, 40)["status"] == "not_listed"
    receipt = say(listed, partner, form, BATCH, batch(certification(40), certification(41, valid_until="2099-12-31")))
    assert receipt["result"] == "accepted" and "rows" not in receipt, receipt
    first, second = standing(listed, 40), standing(listed, 41)
    assert (first["status"], first["lane"], first["reasons"]) == ("listed", "priority", ["certified"]), first
    assert first["certification"]["document_no"] == "晋民营发〔2026〕1号" and first["name"] == messages.firm_name(40)
    assert second["status"] == "listed" and second["valid_until"] == "2099-12-31"
    assert 0 < first["sequence"] < second["sequence"] < receipt["sequence"] <= head(listed)


@pytest.mark.parametrize("partner", ["bureau-sx", "bureau-ty"])
def test_the_source_of_a_statement_is_that_of_the_certification(listed, partner):
    """A firm that a bureau pushed is not told as known from another bureau's list."""
    say(listed, partner, "json", BATCH, batch(certification(42)))
    assert standing(listed, 42)["source"]["id"] == partner, standing(listed, 42)["source"]


def test_rs256_where_it_is_agreed(make_gateway, pki):
    """A registry that signs with RSA is understood in each form and answered with the algorithm of its file."""
    pki.issue("registry-ty-sign-rs256", "RS256", "sign")
    file = {**PARTNERS, "registry-ty": {**PARTNERS["registry-ty"], "alg": "RS256", "sign": "registry-ty-sign-rs256.pem"}}
    gateway = make_gateway(partners=file, settings={"signing.rsa": {"certificate": str(pki / "gateway-sign-rsa.pem"),
                                                                   "key": str(pki / "gateway-sign-rsa.key")}})
    for form in messages.FORMS:
        answer = gateway.post_message("registry-ty", gateway.author("registry-ty").write(form, "echo", {"text": "你好"}))
        assert Reader(gateway.pki).message(answer, "RS256")["body"] == {"text": "你好"}, answer.text


@pytest.mark.parametrize("form", marked(messages.FORMS, "json"))
def test_each_row_has_its_own_verdict(listed, form):
    """Good rows are listed; a wrong code is rejected, a doubtful one waits for a person, and neither stops the others."""
    receipt = say(listed, "bureau-sx", form, BATCH, batch(
        certification(50), certification(51, uscc=wrong_check(51)), certification(52, uscc=doubtful(52)),
        certification(53, uscc=code(53).lower()), certification(54, region_code="999999"), certification(55)))
    rows = {row["index"]: row for row in receipt["rows"]}
    assert receipt["result"] == "partial", receipt
    assert (rows[1]["result"], rows[1]["code"], rows[1]["field"]) == ("rejected", "uscc.check_char", "uscc")
    assert (rows[2]["result"], rows[2]["code"]) == ("pending", "uscc.org_code")
    assert (rows[4]["result"], rows[4]["code"], rows[4]["field"]) == ("rejected", "region.unknown", "region_code")
    assert all(rows.get(i, {"result": "accepted"})["result"] == "accepted" for i in (0, 3, 5)), receipt
    assert [standing(listed, i)["status"] for i in (50, 53, 54, 55)] == ["listed", "listed", "not_listed", "listed"]
    waiting = listed.firm("bank-a", doubtful(52)).json()
    assert (waiting["status"], waiting["reasons"]) == ("not_listed", ["under_review"]), waiting


def test_a_batch_of_bad_rows_is_decided_too(listed):
    """Nothing in it can be accepted: 200 and a receipt that says so, row by row."""
    receipt = say(listed, "bureau-sx", "json", BATCH, batch(certification(1, uscc=wrong_check(1)), certification(2, uscc="9114")))
    assert receipt["result"] == "rejected" and [row["code"] for row in receipt["rows"]] == ["uscc.check_char", "uscc.length"], receipt


def mailbox(gateway, partner, after=0):
    """What waits for a partner, each message verified: [(n, {"envelope":…,"body":…})]."""
    page = gateway.ask(partner, f"/v1/mailbox?after={after}").json()
    reader = Reader(gateway.pki)
    return [(m["n"], reader.content(alg_of(gateway, partner), m["media_type"], base64.b64decode(m["body"]), m.get("signature")))
            for m in page["messages"]]


@pytest.mark.parametrize("partner, form", marked([("bureau-sx", "json"), ("bureau-ty", "xml"), ("bureau-sx", "flat")],
                                                        ("bureau-ty", "xml")))
@pytest.mark.parametrize("verdict, result", [("grant", "accepted"), ("reject", "rejected")])
def test_what_a_person_decides_comes_as_a_later_receipt(listed, partner, form, verdict, result):
    """Nothing can be decided without a person: 202. Then the second receipt is in the mailbox, and the same bytes still get the first."""
    message = listed.author(partner).write(form, BATCH, batch(certification(60, uscc=doubtful(60))))
    receipt = send(listed, partner, message, 202)
    assert receipt["result"] == "pending" and receipt["rows"][0]["result"] == "pending", receipt
    state = listed.ask(partner, f"/v1/messages/{message.id}").json()
    assert state["state"] == "pending" and state["receipt"]["body"] == receipt and "later_receipt" not in state
    waiting = listed.ctl_items("approve", "list")
    assert len(waiting) == 1, waiting
    listed.ctl("approve", verdict, waiting[0]["id"], "--comment", "已核对", who="operator-1")
    n, later = wait_until(lambda: next((m for m in mailbox(listed, partner) if m[1]["body"].get("of") == message.id), None), "the later receipt")
    assert later["envelope"]["id"] == f"r-{n}" and later["envelope"]["kind"] == "receipt" and later["envelope"]["receiver"] == partner
    assert later["body"]["result"] == result and later["body"]["rows"][0]["index"] == 0, later
    assert listed.firm("bank-a", doubtful(60)).json()["status"] == ("listed" if verdict == "grant" else "not_listed")
    state = listed.ask(partner, f"/v1/messages/{message.id}").json()
    assert state["state"] == result and state["receipt"]["body"] == receipt and state["later_receipt"]["body"] == later["body"]
    again = listed.post_message(partner, message)
    assert receipt_of(listed, partner, again, 202) == receipt and again.headers["X-Duplicate"] == "true"
    listed.ask(partner, "/v1/mailbox/ack", "POST", json={"upto": n})
    assert mailbox(listed, partner, n) == []


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_other_actions_of_a_batch(listed, form):
    """renew and amend change what the statement says, withdraw takes the firm off the list."""
    until = "2099-06-30"
    assert say(listed, "bureau-sx", form, BATCH, batch(certification(3, action="renew", valid_until=until)))["result"] == "accepted"
    assert standing(listed, 3)["valid_until"] == until
    assert say(listed, "bureau-sx", form, BATCH, batch(certification(3, action="amend", level="国家级", valid_until=until)))["result"] == "accepted"
    assert standing(listed, 3)["certification"]["level"] == "国家级"
    assert say(listed, "bureau-sx", form, BATCH, batch(certification(3, action="withdraw", reason="不再符合条件")))["result"] == "accepted"
    gone = standing(listed, 3)
    assert (gone["status"], gone["reasons"]) == ("removed", ["withdrawn"]), gone
    assert listed.ctl_json("db", "rebuild")["equal"] is True


@pytest.mark.asan
def test_a_batch_that_withdraws_a_third_is_held(listed):
    """The rows that would empty the list wait for a person and have changed nothing; the others are decided."""
    withdrawals = [certification(i, action="withdraw") for i in range(4)]
    receipt = say(listed, "bureau-sx", "xml", BATCH, batch(*withdrawals, certification(70)))
    assert receipt["result"] == "partial" and len(receipt["rows"]) == 4, receipt
    assert {(row["result"], row["code"]) for row in receipt["rows"]} == {("pending", "guard.held")}, receipt
    assert [standing(listed, i)["status"] for i in (0, 1, 2, 3, 70)] == ["listed"] * 5
    receipt = say(listed, "bureau-sx", "json", BATCH, batch(*withdrawals, version="2026-12"), 202)
    assert receipt["result"] == "pending" and standing(listed, 0)["status"] == "listed"


@pytest.mark.parametrize("form", marked(["json", "xml"], "xml"))
def test_ten_thousand_rows_in_one_message(listed, form):
    """The largest batch is taken whole."""
    rows = [{"action": "grant", "uscc": code(i), "name": f"企业{i}", "document_no": "1号", "valid_from": "2026-03-01"} for i in range(1000, 11000)]
    receipt = say(listed, "bureau-sx", form, BATCH, batch(*rows))
    assert receipt["result"] == "accepted", str(receipt)[:500]
    assert standing(listed, 10999)["status"] == "listed" and head(listed) >= 10000


# ---- exclusions ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("partner, form", marked([("bureau-sx", "json"), ("onestop-sx", "xml")], ("onestop-sx", "xml")))
def test_an_exclusion_and_its_lifting(listed, partner, form):
    """A bank learns the category, not the ground; lifted by the one who imposed it, the firm is listed as before."""
    before = standing(listed, 5)
    assert say(listed, partner, form, "exclusion.notice", {"rows": [exclusion(5)]})["result"] == "accepted"
    suspended = standing(listed, 5)
    assert (suspended["status"], suspended["reasons"]) == ("suspended", ["exclusion.operation"]), suspended
    assert standing(listed, 5, "onestop-sx")["reasons"] == ["exclusion.abnormal_operation"]
    assert say(listed, partner, form, "exclusion.notice", {"rows": [exclusion(5, action="lift")]})["result"] == "accepted"
    after = standing(listed, 5)
    assert (after["status"], after["listed_since"]) == ("listed", before["listed_since"])


def test_a_ground_is_lifted_by_its_imposer_only(listed):
    """Another partner's lifting is told row by row, and the firm stays suspended."""
    say(listed, "bureau-sx", "json", "exclusion.notice", {"rows": [exclusion(6)]})
    receipt = say(listed, "onestop-sx", "json", "exclusion.notice", {"rows": [exclusion(6, action="lift")]})
    assert receipt["result"] == "rejected" and standing(listed, 6)["status"] == "suspended", receipt


def test_an_exclusion_under_another_name_waits(listed):
    """The code is a firm's, the name is not: perhaps another firm is meant."""
    receipt = say(listed, "bureau-sx", "xml", "exclusion.notice", {"rows": [exclusion(7, name="完全不同的企业")]}, 202)
    assert receipt["result"] == "pending" and receipt["rows"][0]["field"] == "name", receipt
    assert standing(listed, 7)["status"] == "listed"


# ---- the same again ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", marked(messages.FORMS, "flat"))
@pytest.mark.parametrize("partner", ["bureau-sx", "bureau-ty"])
def test_the_same_bytes_get_the_first_receipt(listed, partner, form):
    """Also after a restart: the same body, X-Duplicate, no record more."""
    message = listed.author(partner).write(form, BATCH, batch(certification(80), certification(81, uscc=wrong_check(81))))
    first = listed.post_message(partner, message)
    receipt = receipt_of(listed, partner, first)
    size = head(listed)
    assert "X-Duplicate" not in first.headers
    for restart in (False, True):
        if restart:
            listed.stop()
            listed.start()
            size = head(listed)
        again = listed.post_message(partner, message)
        assert receipt_of(listed, partner, again) == receipt and again.headers["X-Duplicate"] == "true"
        assert records(listed, size) == []
        if form != "xml":
            assert again.content == first.content       # XML carries its signature inside


def test_signed_anew_it_is_still_the_same_message(listed):
    """The bytes are what counts: ECDSA signs the same body differently each time."""
    message = listed.author("bureau-sx").json(BATCH, batch(certification(82)))
    other = listed.author("bureau-sx").seal_json(message.body, message.id)
    assert other.signature != message.signature
    first, again = listed.post_message("bureau-sx", message), listed.post_message("bureau-sx", other)
    assert again.status_code == 200 and again.headers["X-Duplicate"] == "true" and again.content == first.content


def test_two_partners_may_use_one_id(listed):
    """An id is unique per sender; each finds its own message under it."""
    name = messages.new_id()
    first = say(listed, "bureau-sx", "json", BATCH, batch(certification(83)), id=name)
    second = say(listed, "bureau-ty", "xml", BATCH, batch(certification(84)), id=name)
    assert first["sequence"] != second["sequence"]
    for partner, receipt in (("bureau-sx", first), ("bureau-ty", second)):
        assert listed.ask(partner, f"/v1/messages/{name}").json()["receipt"]["body"] == receipt


@pytest.mark.parametrize("form", marked(messages.FORMS, "xml"))
def test_sent_many_times_at_once_it_is_decided_once(listed, form):
    """A sender in a hurry: sixteen connections, one record, one receipt."""
    message = listed.author("bureau-sx").write(form, BATCH, batch(certification(85)))
    size = head(listed)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: listed.post_message("bureau-sx", message), range(16)))
    receipts = [receipt_of(listed, "bureau-sx", answer) for answer in answers]
    assert all(receipt == receipts[0] for receipt in receipts)
    assert sum("X-Duplicate" not in answer.headers for answer in answers) == 1
    told = records(listed, size)
    assert len(told) == 2 and told[-1]["kind"] == "message", told


@pytest.mark.asan
def test_what_has_a_receipt_outlives_a_kill(listed):
    """Killed right after the answer: the firm is listed and the same bytes get the same receipt."""
    message = listed.author("bureau-ty").xml(BATCH, batch(certification(86)))
    receipt = send(listed, "bureau-ty", message)
    listed.kill()
    listed.start()
    assert standing(listed, 86)["status"] == "listed"
    again = listed.post_message("bureau-ty", message)
    assert receipt_of(listed, "bureau-ty", again) == receipt and again.headers["X-Duplicate"] == "true"


# ---- time ---------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", marked(messages.FORMS, "json"))
def test_ages(make_gateway, bureau, form):
    """First delivery after two hours: accepted. The same bytes again after six hours and after ninety days: the first receipt.
    First delivery after four days: message.stale."""
    gateway = make_gateway(clock=True)
    bureau.control(rows=firms(12), version="2026-10")
    gateway.sync()
    author = gateway.author("bureau-sx")
    message, never_sent = (author.write(form, BATCH, batch(certification(i))) for i in (90, 91))
    gateway.set_clock(2 * HOUR)
    receipt = send(gateway, "bureau-sx", message)
    assert receipt["result"] == "accepted" and standing(gateway, 90)["status"] == "listed"
    for hours in (8, 90 * 24):
        gateway.set_clock(hours * HOUR)
        again = gateway.post_message("bureau-sx", message)
        assert receipt_of(gateway, "bureau-sx", again) == receipt and again.headers["X-Duplicate"] == "true"
    gateway.set_clock(4 * 24 * HOUR)
    stale = gateway.post_message("bureau-sx", never_sent)
    assert (stale.status_code, stale.json()["code"]) == (422, "message.stale"), stale.text


def test_a_clock_that_is_five_minutes_ahead_is_tolerated(listed):
    """Four minutes ahead and 71 hours behind are accepted; a question may be four minutes old."""
    for i, later in ((92, 4 * 60), (93, -71 * HOUR)):
        assert say(listed, "bureau-sx", "json", BATCH, batch(certification(i)), created=messages.moment(later))["result"] == "accepted"
    assert listed.post_message("bank-a", listed.author("bank-a").json("echo", created=messages.moment(-4 * 60))).status_code == 200


# ---- looking back --------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form, name", [("json", "json"), ("flat", "jose"), ("xml", "xml")])
def test_what_became_of_a_message(listed, form, name):
    """The sender sees state and receipt, signed; so does an operator who names the sender; nobody else learns that it exists."""
    message = listed.author("bureau-sx").write(form, BATCH, batch(certification(94)))
    receipt = send(listed, "bureau-sx", message)
    answer = listed.ask("bureau-sx", f"/v1/messages/{message.id}")
    state = answer.json()
    Reader(listed.pki).jws("ES256", answer.content, answer.headers["x-jws-signature"])
    assert (state["id"], state["kind"], state["sender"], state["form"], state["state"]) == (message.id, BATCH, "bureau-sx", name, "accepted")
    assert state["receipt"]["body"] == receipt and state["sequence"] == receipt["sequence"]
    assert listed.ask("operator-1", f"/v1/messages/{message.id}?sender=bureau-sx").json()["receipt"]["body"] == receipt
    for who, path in (("bureau-ty", message.id), ("bank-a", f"{message.id}?sender=bureau-sx"), ("operator-1", message.id),
                      ("bureau-sx", "m-none")):
        unknown = listed.ask(who, f"/v1/messages/{path}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "message.unknown"), (who, unknown.text)


# ---- other hands -------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("partner", marked(["bank-a", "bank-b", "bureau-ty", "onestop-sx", "registry-ty"], "bank-b"))
@pytest.mark.parametrize("form", messages.FORMS)
def test_an_echo_is_answered_and_leaves_no_record(gateway, partner, form):
    """The first thing a partner tries: its text comes back in a signed message, in its form and algorithm."""
    size, text = head(gateway), "你好，<世界> & “龘”𠮷"
    message = gateway.author(partner).write(form, "echo", {"text": text}, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    answer = gateway.post_message(partner, message)
    said = Reader(gateway.pki).message(answer, alg_of(gateway, partner))
    assert answer.headers["Content-Type"].startswith("application/xml" if form == "xml" else "application/json")
    assert said["body"] == {"text": text} and said["envelope"]["in_reply_to"] == message.id and said["envelope"]["receiver"] == partner
    assert records(gateway, size) == []


@pytest.mark.parametrize("partner", ["bank-a", "bank-b"])
@pytest.mark.parametrize("form", marked(messages.FORMS, "xml"))
def test_a_bank_that_only_exchanges_messages_asks_by_one(listed, partner, form):
    """The statements say what the other way of asking says, in the order of the codes, duplicates kept; nothing is recorded."""
    size, codes = head(listed), [code(3), code(500), code(1).lower(), code(3)]
    message = listed.author(partner).write(form, "whitelist.query", {"codes": codes})
    said = Reader(listed.pki).message(listed.post_message(partner, message), alg_of(listed, partner))
    assert said["envelope"]["kind"] == "whitelist.statement" and said["envelope"]["in_reply_to"] == message.id
    told = said["body"]["statements"]
    assert [(s["uscc"], s["status"]) for s in told] == [
        (code(3), "listed"), (code(500), "not_listed"), (code(1), "listed"), (code(3), "listed")]
    other = listed.firm(partner, code(3)).json()
    assert {name: told[0][name] for name in ("status", "reasons", "since", "sequence", "certification", "source")} == {
        name: other[name] for name in ("status", "reasons", "since", "sequence", "certification", "source")}
    assert records(listed, size) == []


@pytest.mark.parametrize("form", marked(messages.FORMS, "json"))
def test_a_mailbox_by_message(listed, form):
    """mailbox.pull gives what GET /v1/mailbox gives."""
    def pulled():
        answer = listed.post_message("bank-a", listed.author("bank-a").write(form, "mailbox.pull", {"after": 0}))
        return Reader(listed.pki).message(answer)["body"]
    say(listed, "bureau-sx", "json", "exclusion.notice", {"rows": [exclusion(4)]})
    page = wait_until(lambda: (lambda p: p if p.get("messages") else None)(pulled()), "a change to be told")
    same = listed.ask("bank-a", "/v1/mailbox?after=0").json()
    assert page["messages"][0] == same["messages"][0] and page["last"] == same["last"]


def test_headers_that_a_jws_may_have(listed):
    """kid, typ, cty, iat and what nobody knows do not matter when they are right."""
    author = listed.author("bureau-sx")
    for i, header in enumerate(({"kid": author.signer.kid}, {"typ": "message+jws", "cty": "json"}, {"iat": 1}, {"x-our-own": [1, {"a": None}]})):
        message = author.json(BATCH, batch(certification(100 + i)), header=header)
        assert send(listed, "bureau-sx", message)["result"] == "accepted", header


def test_ways_of_writing_one_xml(listed):
    """Declaration, another prefix for the signature, prefixes for ours, white space, a KeyName, our own certificate."""
    author = listed.author("bureau-sx")

    def text(i):
        return messages.as_xml(author.head(BATCH), batch(certification(i)))
    with open(author.signer.path.replace(".key", ".pem")) as f:
        own = "".join(line for line in f.read().split("\n") if not line.startswith("-"))
    prefixed = text(112).replace("<", "<m:").replace("<m:/", "</m:").replace("xmlns=", "xmlns:m=")
    spaced = text(113).replace("><", ">\n  <")
    ways = [
        b'<?xml version="1.0" encoding="UTF-8"?>\r\n' + author.seal_xml(text(110)).body,
        author.seal_xml(text(111), shape=Shape(prefix="")).body,
        messages.before_last(prefixed, "</m:Message>", messages.signature_of(prefixed, author.signer, where="</m:Message>")).encode(),
        author.seal_xml(spaced).body,
        author.seal_xml(text(114), shape=Shape(key_info=f"<ds:KeyName>{author.signer.kid}</ds:KeyName>")).body,
        author.seal_xml(text(115), shape=Shape(key_info=f"<ds:X509Data><ds:X509Certificate>{own}</ds:X509Certificate></ds:X509Data>")).body,
    ]
    for i, body in enumerate(ways):
        answer = listed.post_message("bureau-sx", messages.Message(body, "application/xml"))
        assert receipt_of(listed, "bureau-sx", answer)["result"] == "accepted", (i, answer.text)
        assert standing(listed, 110 + i)["status"] == "listed"


def test_json_members_in_any_order_and_escaped(listed):
    """What JSON allows is one message: other order, white space, escapes."""
    author = listed.author("bureau-sx")
    told = json.loads(messages.as_json(author.head(BATCH), batch(certification(120))))
    turned = {"body": {name: told["body"][name] for name in reversed(told["body"])}, "envelope": dict(reversed(told["envelope"].items()))}
    body = json.dumps(turned, indent=2, ensure_ascii=True).encode()
    assert send(listed, "bureau-sx", author.seal_json(body, told["envelope"]["id"]))["result"] == "accepted"
    assert standing(listed, 120)["name"] == messages.firm_name(120)


@pytest.mark.asan
def test_another_profile_that_was_agreed(make_gateway, bureau):
    """A partner whose file names inclusive C14N, DER values and URIs of its own is understood so, answered so, and not otherwise."""
    uris = {"signature_uri": "http://www.w3.org/2021/04/xmldsig-more#sm2-sm3", "digest_uri": "http://www.w3.org/2021/04/xmldsig-more#sm3"}
    file = {**PARTNERS, "bureau-ty": {**PARTNERS["bureau-ty"], "xml": {"c14n": "inclusive", "encoding": "der", **uris}}}
    gateway = make_gateway(partners=file)
    bureau.control(rows=firms(2), version="2026-10")
    gateway.sync()
    author = gateway.author("bureau-ty")
    shape = Shape(c14n=INCLUSIVE, method=uris["signature_uri"], made_by=lambda data: messages.der_of(author.signer.sign(data)),
                  references=(Reference(transforms=(ENVELOPED, INCLUSIVE), digest=uris["digest_uri"]),))
    answer = gateway.post_message("bureau-ty", author.xml(BATCH, batch(certification(130)), shape=shape))
    assert answer.status_code == 200, answer.text
    assert uris["signature_uri"].encode() in answer.content and INCLUSIVE.encode() in answer.content
    assert standing(gateway, 130)["status"] == "listed"
    plain = gateway.post_message("bureau-ty", author.xml(BATCH, batch(certification(131))))
    assert (plain.status_code, plain.json()["code"]) == (401, "signature.profile"), plain.text


def test_another_sm2_id_that_was_agreed(make_gateway, pki):
    """The distinguishing id of the partner file is the one that counts for what it signs."""
    file = {**PARTNERS, "bank-b": {**PARTNERS["bank-b"], "sm2_id": "BANK-B@1234"}}
    gateway = make_gateway(partners=file)
    author = gateway.author("bank-b")
    for form in messages.FORMS:
        assert gateway.post_message("bank-b", author.write(form, "echo")).status_code == 200
    other = messages.Author("bank-b", messages.Signer(author.signer.path, "SM2"))
    assert gateway.post_message("bank-b", other.json("echo")).json()["code"] == "signature.invalid"


def test_a_key_that_is_replaced(listed, pki):
    """Old and new key overlap; after the reload that drops the old one it is refused, and the new one goes on."""
    pki.issue("bureau-sx-sign-next", use="sign")
    old = listed.author("bureau-sx")
    new = messages.Author("bureau-sx", messages.Signer(pki / "bureau-sx-sign-next.key"))
    listed.write_partners({**PARTNERS, "bureau-sx": {**PARTNERS["bureau-sx"], "sign": "bureau-sx-sign-next.pem"}})
    assert send(listed, "bureau-sx", old.json(BATCH, batch(certification(140))))["result"] == "accepted"
    assert listed.reload()[0] == 200
    refused = listed.post_message("bureau-sx", old.json(BATCH, batch(certification(141))))
    assert (refused.status_code, refused.json()["code"]) == (401, "signature.invalid"), refused.text
    assert send(listed, "bureau-sx", new.json(BATCH, batch(certification(141))))["result"] == "accepted"
    assert wait_until(lambda: standing(listed, 141)["status"] == "listed", "the firm to be listed")
    assert certified(141)["uscc"] == code(141)
