"""Delivery: changes of the list reach the banks, each once by its id, in order, whatever happens on the way."""
import base64
import concurrent.futures
import json
import random
import time

import pytest

from conftest import PARTNERS, wait_until
from lists import certified
from messages import Reader, exclusion
from standin import StandIn

DAY = 86400


def channel(bank, **changes):
    return {"adapter": "bank", "settings": {"url": bank.url}, **changes}


def with_channel(name, bank, **changes):
    return {**PARTNERS, name: {**PARTNERS[name], "channel": channel(bank, **changes)}}


@pytest.fixture
def stand_in(pki, tmp_path):
    made = []

    def make(name="bank-a", program="bank", **kw):
        made.append(StandIn(pki, tmp_path, program, name, **kw))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def bank(stand_in):
    return stand_in()


@pytest.fixture
def sent_to(make_gateway, bank):
    """sent_to(form="xml", …): a gateway whose bank-a has this channel."""
    def make(clock=False, **changes):
        gateway = make_gateway(partners=with_channel("bank-a", bank, **changes), clock=clock)
        gateway.bank = bank
        return gateway
    return make


def put(gateway, bureau, numbers, version, **arguments):
    bureau.control(rows=[certified(i) for i in numbers], version=version)
    run = gateway.sync(*arguments.get("how", ()))
    assert run["state"] == "done", run
    return run


def arrived(bank):
    """Ids in the order in which they came first."""
    return list(dict.fromkeys(line["id"] for line in bank.seen(event="message", signature="valid")))


def queue(gateway, partner="bank-a"):
    status, raw = gateway.raw("GET", f"/admin/v1/partners/{partner}")
    assert status == 200, raw
    return json.loads(raw)["delivery"]


def wait_state(gateway, state, partner="bank-a", seconds=60):
    return wait_until(lambda: (lambda q: q if q["state"] == state else None)(queue(gateway, partner)), f"state {state}", seconds)


def wait_empty(gateway, partner="bank-a", seconds=60):
    return wait_until(lambda: (lambda q: q if q["waiting"] == 0 and q["state"] == "ok" else None)(queue(gateway, partner)),
                      "an empty queue", seconds)


def mailbox(gateway, who, after=0, wait=0):
    answer = gateway.ask(who, f"/v1/mailbox?after={after}&wait={wait}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def everything(gateway, who):
    """All messages of a mailbox, page by page."""
    found, after = [], 0
    while True:
        page = mailbox(gateway, who, after)
        if not page["messages"]:
            return found
        found += page["messages"]
        after = page["last"]


def content(message):
    return json.loads(base64.b64decode(message["body"]))


def changes_in(messages):
    return [change for m in messages if m["id"].startswith("wc-") for change in content(m)["body"]["changes"]]


def journal_size(gateway):
    return json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])["size"]


def act(gateway, path, body=None, expected=200):
    status, raw = gateway.raw("POST", f"/admin/v1{path}", json.dumps(body or {}))
    assert status == expected, raw
    return json.loads(raw)


# ---- the way that works ------------------------------------------------------------------------------------------------

@pytest.mark.asan
def test_a_change_reaches_the_bank(sent_to, bank, bureau, pki):
    """First the word to take the snapshot, then the changes of a run in one signed message, done by a signed receipt."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    put(gateway, bureau, range(6), "v1")
    wait_until(lambda: len(arrived(bank)) == 2, "two messages")
    wait_empty(gateway)
    first, second = everything(gateway, "bank-a")
    assert [first["id"], second["id"]] == arrived(bank)
    assert content(first)["body"]["changes"] == [] and first["id"] == f"wc-1-{first['n']}"
    reader = Reader(pki)
    reader.jws("ES256", base64.b64decode(second["body"]), second["signature"])
    message = content(second)
    assert message["envelope"]["receiver"] == "*" and message["envelope"]["sender"] == "ippledge-sx"
    assert message["envelope"]["id"] == f"wc-{message['body']['first']}-{message['body']['last']}" == second["id"]
    assert second["n"] == message["body"]["last"]
    told = message["body"]["changes"]
    assert sorted(c["uscc"] for c in told) == sorted(certified(i)["uscc"] for i in range(6))
    assert all((c["from"], c["to"], c["reasons"]) == ("not_listed", "listed", ["certified"]) for c in told)
    assert [c["sequence"] for c in told] == sorted(c["sequence"] for c in told)
    statement = gateway.firm("bank-a", told[0]["uscc"]).json()
    assert statement["sequence"] == told[0]["sequence"] and statement["name"] == told[0]["name"]


def test_one_signature_for_all_of_a_form(make_gateway, bureau, pki):
    """Two partners of one algorithm are given the same bytes, another algorithm has its own."""
    gateway = make_gateway()
    put(gateway, bureau, range(3), "v1")
    of = {who: [m for m in everything(gateway, who) if content(m)["body"]["changes"]] for who in ("bank-a", "onestop-sx", "bank-b")}
    assert of["bank-a"] == of["onestop-sx"] and len(of["bank-a"]) == 1
    assert of["bank-b"][0]["body"] == of["bank-a"][0]["body"] and of["bank-b"][0]["signature"] != of["bank-a"][0]["signature"]
    Reader(pki).jws("SM2", base64.b64decode(of["bank-b"][0]["body"]), of["bank-b"][0]["signature"])
    assert everything(gateway, "registry-ty") == []


@pytest.mark.parametrize("program,form", [("bank", "xml"), ("onestop", "xml"), ("bank_tcp", "xml")])
def test_xml_and_its_receipts(make_gateway, stand_in, bureau, program, form):
    """The same over XML: HTTPS and frames."""
    name = "onestop-sx" if program == "onestop" else "bank-a"
    peer = stand_in(name, program)
    settings = {"address": peer.url.split("//")[-1]} if program == "bank_tcp" else {"url": peer.url}
    adapter = {"bank_tcp": "banktcp"}.get(program, program)
    partners = {**PARTNERS, name: {**PARTNERS[name], "channel": {"adapter": adapter, "form": form, "settings": settings}}}
    gateway = make_gateway(partners=partners)
    put(gateway, bureau, range(3), "v1")
    wait_until(lambda: len(arrived(peer)) == 2, "two messages")
    assert wait_empty(gateway, name)["form"] == "xml"
    assert [m["media_type"] for m in everything(gateway, name)] == ["application/xml"] * 2


def test_first_list_is_not_told_one_by_one(sent_to, bank, bureau):
    """--initial: banks are told to take the snapshot, once, instead of every change."""
    gateway = sent_to()
    put(gateway, bureau, range(700), "v1", how=("initial",))
    wait_until(lambda: len(arrived(bank)) == 2, "two messages")
    wait_empty(gateway)
    messages = everything(gateway, "bank-a")
    assert len(messages) == 2 and changes_in(messages) == []
    body = content(messages[1])["body"]
    assert body["last"] - body["first"] >= 699
    put(gateway, bureau, range(701), "v2")
    wait_until(lambda: len(arrived(bank)) == 3, "the next change")
    assert [c["uscc"] for c in changes_in(everything(gateway, "bank-a"))] == [certified(700)["uscc"]]


def test_an_admitted_first_list_is_not_told_one_by_one(make_gateway, bank, bureau):
    """Where a person admits the first list, the word comes when that is done, and not one change before."""
    gateway = make_gateway(partners=with_channel("bank-a", bank), rules={"admission": "approval"})
    put(gateway, bureau, range(1500), "v1", how=("initial",))
    assert len(arrived(bank)) == 1
    approval = next(a for a in gateway.ctl_items("approve", "list") if a["what"] == "admit")
    gateway.ctl("approve", "grant", approval["id"], "--comment", "首批名单", who="operator-1")
    wait_until(lambda: len(arrived(bank)) == 2, "the word")
    wait_empty(gateway)
    messages = everything(gateway, "bank-a")
    body = content(messages[1])["body"]
    assert len(messages) == 2 and body["changes"] == [] and body["last"] - body["first"] == 1499
    assert gateway.firm("bank-a", certified(1499)["uscc"]).json()["status"] == "listed"


def test_a_long_run_is_cut(sent_to, bank, bureau):
    """1,203 changes are three messages, in order, none lost."""
    gateway = sent_to()
    put(gateway, bureau, range(1203), "v1")
    wait_until(lambda: len(arrived(bank)) == 4, "four messages")
    wait_empty(gateway)
    messages = everything(gateway, "bank-a")
    sizes = [len(content(m)["body"]["changes"]) for m in messages]
    assert sizes == [0, 500, 500, 203]
    told = [c["sequence"] for c in changes_in(messages)]
    assert told == sorted(told) and len(set(told)) == 1203
    assert arrived(bank) == [m["id"] for m in messages]


# ---- refusals, doubts --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("order", [{"do": "status", "status": 422, "code": "schema.invalid"}, {"do": "result", "result": "rejected"}])
def test_a_refused_message_stops_its_queue(sent_to, bank, bureau, order):
    """What the bank itself refuses becomes failed; nothing passes it until a person says so."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.behave(order)
    put(gateway, bureau, range(2), "v1")
    stopped = wait_state(gateway, "stopped")
    assert stopped["last_error"]["code"] in ("adapter.rejected", "delivery.refused")
    put(gateway, bureau, range(3), "v2")
    assert wait_until(lambda: queue(gateway)["waiting"] == 2, "two waiting") and queue(gateway)["state"] == "stopped"
    refused = everything(gateway, "bank-a")[1]["id"]
    if order["do"] == "result":
        done = act(gateway, "/messages/resend", {"ids": [refused], "partner": "bank-a", "skip": True})
    else:
        done = act(gateway, "/messages/resend", {"ids": [refused]})
    assert done["items"] == [{"id": refused, "partners": 1}]
    wait_empty(gateway)
    assert arrived(bank) == [m["id"] for m in everything(gateway, "bank-a")]
    again = act(gateway, "/messages/resend", {"ids": [arrived(bank)[-1]]}, 409)
    assert again["code"] == "delivery.state"
    assert act(gateway, "/messages/resend", {"ids": ["wc-9-9"]}, 404)["code"] == "message.unknown"


def test_a_refusal_may_be_skipped(sent_to, bank, bureau):
    """on_refusal: skip lets the next one go; the failed one can be sent again by a person."""
    gateway = sent_to(on_refusal="skip")
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.behave({"do": "status", "status": 422, "code": "schema.invalid"})
    put(gateway, bureau, range(2), "v1")
    bank.wait_for("the refusal", event="turned_away")
    wait_empty(gateway)
    put(gateway, bureau, range(3), "v2")
    wait_until(lambda: len(arrived(bank)) == 2, "the next one")
    ids = [m["id"] for m in everything(gateway, "bank-a")]
    assert arrived(bank) == [ids[0], ids[2]]
    act(gateway, "/messages/resend", {"ids": [ids[1]]})
    wait_until(lambda: arrived(bank) == [ids[0], ids[2], ids[1]], "the one sent again")


@pytest.mark.parametrize("doubt", ["cut", "cut_mid", "no_receipt", "wrong_signature", "wrong_of"])
def test_a_doubt_is_resolved_by_asking(sent_to, bank, bureau, doubt):
    """The message was kept but no receipt came that counts: it is asked about, and never sent twice."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.behave({"do": doubt})
    put(gateway, bureau, range(2), "v1")
    wait_state(gateway, "uncertain")
    asked = bank.wait_for("the question", event="ask")
    assert asked["known"]
    wait_empty(gateway)
    assert len(bank.seen(event="message", id=asked["id"])) == 1


def test_what_had_not_arrived_is_sent_again(sent_to, bank, bureau):
    """Cut off before it was read: asked about, not known, sent again with the same bytes."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.behave({"do": "cut_before"})
    put(gateway, bureau, range(2), "v1")
    assert not bank.wait_for("the question", event="ask")["known"]
    wait_empty(gateway)
    assert len(arrived(bank)) == 2


def test_no_receipt_may_be_agreed(sent_to, bank, bureau):
    """receipt: none: a 2xx alone is done."""
    gateway = sent_to(receipt="none")
    bank.behave({"do": "no_receipt", "times": 0})
    put(gateway, bureau, range(2), "v1")
    wait_until(lambda: len(arrived(bank)) == 2, "two messages")
    wait_empty(gateway)
    assert bank.seen(event="ask") == []


# ---- receipts that follow, and what is passed on ---------------------------------------------------------------------------

def test_a_receipt_follows(sent_to, bank, bureau, pki):
    """What waited for a person is answered later, by channel and mailbox: the platform learns what became of it."""
    gateway = sent_to()
    put(gateway, bureau, range(3), "v1")
    message = gateway.author("onestop-sx").json("exclusion.notice", {"rows": [exclusion(1, name="另一家公司")]})
    pending = gateway.post_message("onestop-sx", message)
    assert pending.status_code == 202, pending.text
    before = everything(gateway, "onestop-sx")
    approval = gateway.ctl_items("approve", "list")[0]["id"]
    gateway.ctl("approve", "grant", approval, "--comment", "已核实", who="operator-1")
    later = wait_until(lambda: everything(gateway, "onestop-sx")[len(before):], "what follows")
    receipts = [m for m in later if m["id"].startswith("r-")]
    Reader(pki).jws("ES256", base64.b64decode(receipts[0]["body"]), receipts[0]["signature"])
    body = content(receipts[0])["body"]
    assert body["of"] == message.id and body["result"] == "accepted" and receipts[0]["id"] == f"r-{receipts[0]['n']}"
    assert [m["id"].split("-")[0] for m in later] == ["wc", "r"], later      # in the order of the journal
    bank.wait_for("the change at the bank", event="message", id=later[0]["id"])
    wait_empty(gateway)
    assert [m["id"] for m in everything(gateway, "bank-a")] == arrived(bank)


@pytest.mark.parametrize("form", ["json", "flat", "xml"])
def test_a_question_is_passed_on(make_gateway, stand_in, form):
    """bank-a asks the registry: its words, under the gateway's signature, and the id it is answered by."""
    registry = stand_in("registry-ty")
    gateway = make_gateway(partners=with_channel("registry-ty", registry))
    question = gateway.author("bank-a").write(form, "guidance.request")
    answer = gateway.post_message("bank-a", question)
    assert answer.status_code == 200, answer.text
    line = registry.wait_for("the question", event="message", kind="guidance.request")
    assert line["signature"] == "valid" and line["id"].startswith("f-")
    passed = content(everything(gateway, "registry-ty")[0])
    assert passed["envelope"]["in_reply_to"] == question.id and passed["envelope"]["receiver"] == "registry-ty"
    assert passed["body"]["question"] == "质押登记需要哪些材料？"


def test_pulled_by_a_message(make_gateway, bureau, pki):
    """Who only exchanges messages has the mailbox as an answer."""
    gateway = make_gateway()
    put(gateway, bureau, range(2), "v1")
    messages = everything(gateway, "bank-a")
    for form in ("json", "xml"):
        answer = gateway.post_message("bank-a", gateway.author("bank-a").write(form, "mailbox.pull", {"after": messages[0]["n"]}))
        assert answer.status_code == 200, answer.text
        pulled = Reader(pki).message(answer)["body"]
        assert pulled["last"] == messages[-1]["n"] and pulled["messages"][0]["id"] == messages[1]["id"]
        assert pulled["messages"][0]["body"] == messages[1]["body"]


# ---- outages ------------------------------------------------------------------------------------------------------------

def test_kill_at_random_moments(sent_to, bank, bureau):
    """300 changes flow while the gateway is killed again and again: every change once by its id, in order, equal bytes."""
    gateway = sent_to()
    bank.behave({"do": "normal", "seconds": 0.03, "times": 0})     # so that something is always on its way
    dice = random.Random(20261125)
    for i in range(60):
        put(gateway, bureau, range((i + 1) * 5), f"v{i}")
        if i % 5 == 4:
            time.sleep(dice.random() * 0.05)     # the moment is the test's dice, not a wait for something
            gateway.kill()
            gateway.start()
    wait_empty(gateway, seconds=120)
    messages = everything(gateway, "bank-a")
    assert arrived(bank) == [m["id"] for m in messages]
    digests = {}
    for line in bank.seen(event="message"):
        assert line["signature"] == "valid" and digests.setdefault(line["id"], line["sha256"]) == line["sha256"], line
    told = [c["sequence"] for c in changes_in(messages)]
    assert told == sorted(set(told)) and len(told) == 300


def test_killed_while_a_run_is_carried_out(sent_to, bank, bureau):
    """A run cut off by a kill is told whole, when it has been rolled forward, and not before."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bureau.control(rows=[certified(i) for i in range(6000)], version="v1")
    before = journal_size(gateway)
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    assert status == 202, raw
    wait_until(lambda: journal_size(gateway) > before, "the run to be carried out")
    told = len(arrived(bank))
    gateway.kill()
    gateway.start()
    assert told == 1 and gateway.run(json.loads(raw)["run"])["state"] == "done"
    wait_until(lambda: len(arrived(bank)) == 13, "twelve messages", 120)
    wait_empty(gateway)
    assert len(changes_in(everything(gateway, "bank-a"))) == 6000


def test_a_bank_that_is_killed_loses_nothing(sent_to, bank, bureau):
    """It comes back and gets what waited, in order."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.kill()
    put(gateway, bureau, range(3), "v1")
    put(gateway, bureau, range(6), "v2")
    wait_state(gateway, "retrying")
    wait_until(lambda: queue(gateway)["waiting"] == 2, "both changes to wait")
    bank.start()
    wait_empty(gateway)
    assert arrived(bank) == [m["id"] for m in everything(gateway, "bank-a")] and len(arrived(bank)) == 3


def test_unreachable_over_a_weekend(sent_to, bank, bureau):
    """Three days without the bank: nothing fails, one message is tried at each step, order holds."""
    gateway = sent_to(clock=True)
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.kill()
    for i in range(4):
        put(gateway, bureau, range(3 * (i + 1)), f"v{i}")
        failures = queue(gateway)["failures"]
        gateway.set_clock((i + 1) * DAY * 3 // 4)
        wait_until(lambda: queue(gateway)["failures"] > failures, "one more attempt")
    wait_until(lambda: queue(gateway)["waiting"] == 4, "four changes to wait")
    away = wait_state(gateway, "unreachable")
    assert away["attempts"] == away["failures"]
    bank.start()
    gateway.set_clock(3 * DAY + 7200)
    wait_empty(gateway)
    assert arrived(bank) == [m["id"] for m in everything(gateway, "bank-a")]


def test_given_up_after_seven_days(sent_to, bank, bureau):
    """What waited longer is expired, and the bank is told to take the snapshot; what comes then goes on."""
    gateway = sent_to(clock=True)
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    bank.kill()
    put(gateway, bureau, range(3), "v1")
    wait_state(gateway, "retrying")
    lost = everything(gateway, "bank-a")[1]["id"]
    gateway.set_clock(8 * DAY)
    wait_until(lambda: "delivery.expired partner=bank-a" in gateway.log_text(), "the end of patience")
    bank.start()
    gateway.set_clock(8 * DAY + 7200)
    wait_until(lambda: len(arrived(bank)) == 2, "the snapshot's word")
    wait_empty(gateway)
    word = everything(gateway, "bank-a")[0]
    assert arrived(bank)[1] == word["id"] != lost and content(word)["body"]["changes"] == []
    put(gateway, bureau, range(4), "v2")
    wait_until(lambda: len(arrived(bank)) == 3, "the next change")
    act(gateway, "/messages/resend", {"ids": [lost]})
    wait_until(lambda: arrived(bank)[-1] == lost, "the lost one sent again by a person")


def test_one_partner_does_not_delay_another(make_gateway, stand_in, bureau):
    """bank-a hangs; bank-b gets its messages."""
    a, b = stand_in("bank-a"), stand_in("bank-b", gateway="gateway-sign-sm2")
    partners = with_channel("bank-a", a)
    partners["bank-b"] = {**partners["bank-b"], "channel": channel(b)}
    a.behave({"do": "hang", "times": 0, "on": "any"})
    gateway = make_gateway(partners=partners)
    for i in range(3):
        put(gateway, bureau, range(i + 1), f"v{i}")
    wait_until(lambda: len(arrived(b)) == 4, "everything at bank-b")
    assert len(arrived(a)) <= 1
    a.behave()


# ---- people -------------------------------------------------------------------------------------------------------------

def test_pause_and_resume(sent_to, bank, bureau):
    """A paused partner is sent nothing, over a restart too; resumed, it gets what waited."""
    gateway = sent_to()
    bank.wait_for("the first word", event="message")
    wait_empty(gateway)
    gateway.ctl("partner", "pause", "bank-a")
    put(gateway, bureau, range(2), "v1")
    gateway.stop()
    gateway.start()
    wait_until(lambda: queue(gateway)["waiting"] == 1, "the change to wait")
    assert queue(gateway)["state"] == "paused" and len(arrived(bank)) == 1
    gateway.ctl("partner", "resume", "bank-a")
    wait_until(lambda: len(arrived(bank)) == 2, "what waited")
    assert gateway.ctl("partner", "pause", "nobody", check=False).returncode == 5


def test_going_back(sent_to, bank, bureau):
    """recover --since sends again what was sent since, with the same ids and bytes."""
    gateway = sent_to()
    for i in range(3):
        put(gateway, bureau, range(2 * i + 2), f"v{i}")
    wait_until(lambda: len(arrived(bank)) == 4, "four messages")
    wait_empty(gateway)
    gateway.ctl("msg", "recover", "--partner", "bank-a", "--since", "1h")
    wait_until(lambda: len(bank.seen(event="message")) == 8, "all of them again")
    for line in bank.seen(duplicate=True):
        assert len({other["sha256"] for other in bank.seen(event="message", id=line["id"])}) == 1


def test_trying_a_partner(sent_to, bank):
    """partner test: name, TCP, TLS, authentication and a signed echo, each told."""
    gateway = sent_to()
    test = gateway.ctl_json("partner", "test", "bank-a")
    steps = {step["name"]: step["ok"] for step in test["steps"]}
    assert all(steps[name] for name in ("name", "tcp", "tls", "authentication", "echo")), test
    assert bank.seen(kind="echo")
    bank.kill()
    failed = gateway.ctl("--json", "partner", "test", "bank-a", check=False)
    assert failed.returncode == 1 and json.loads(failed.stdout)["steps"][-1]["name"] == "tcp"


# ---- mailbox ------------------------------------------------------------------------------------------------------------

@pytest.mark.asan
def test_mailbox(make_gateway, bureau):
    """Fetched in order, acknowledged, never beyond what there is; each partner sees its own."""
    gateway = make_gateway()
    put(gateway, bureau, range(2), "v1")
    put(gateway, bureau, range(4), "v2")
    messages = wait_until(lambda: (lambda m: m if len(m) == 3 else None)(everything(gateway, "bank-a")), "three messages")
    assert [m["n"] for m in messages] == sorted(m["n"] for m in messages)
    assert mailbox(gateway, "bank-a", messages[0]["n"])["messages"] == messages[1:]
    assert queue(gateway)["waiting"] == 3
    ack = gateway.ask("bank-a", "/v1/mailbox/ack", "POST", json={"upto": messages[1]["n"]})
    assert ack.status_code == 200 and queue(gateway)["waiting"] == 1
    assert gateway.ask("bank-a", "/v1/mailbox/ack", "POST", json={"upto": 1}).json() == ack.json()
    future = gateway.ask("bank-a", "/v1/mailbox/ack", "POST", json={"upto": messages[2]["n"] + 1})
    assert future.status_code == 422 and future.json()["code"] == "mailbox.future"
    assert queue(gateway, "bank-b")["waiting"] == 3
    assert mailbox(gateway, "bureau-sx") == {"messages": [], "last": 0}
    assert gateway.ask("operator-1", "/v1/mailbox").status_code == 403


def test_mailbox_waits(make_gateway, bureau):
    """wait answers as soon as there is something, and empty when the time is over."""
    gateway = make_gateway()
    last = everything(gateway, "bank-a")[-1]["n"]
    assert mailbox(gateway, "bank-a", last, 1) == {"messages": [], "last": last}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(gateway.ask, "bank-a", f"/v1/mailbox?after={last}&wait=30") for _ in range(8)]
        wait_until(lambda: "pledged_mailbox_waiters 8" in gateway.raw("GET", "/metrics")[1].decode(), "all to wait")
        put(gateway, bureau, range(2), "v1")
        answers = [w.result() for w in waiting]
    assert all(len(a.json()["messages"]) == 1 for a in answers)


def test_stopping_answers_who_waits(make_gateway):
    """A stop does not leave anybody waiting."""
    gateway = make_gateway()
    last = everything(gateway, "bank-a")[-1]["n"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(gateway.ask, "bank-a", f"/v1/mailbox?after={last}&wait=60")
        wait_until(lambda: "pledged_mailbox_waiters 1" in gateway.raw("GET", "/metrics")[1].decode(), "it to wait")
        gateway.sessions.clear()
        assert gateway.stop() == 0
        assert waiting.result().json()["messages"] == []
