"""What follows from the kinds beside certifications and exclusions: credit, pledges, rights, objections, what is passed on."""
import base64
import datetime
import json

import pytest

import messages
from conftest import PARTNERS, wait_until
from lists import certified
from messages import CST, credit, exclusion, firm_name, patent
from test_messages import say
from uscc import code

BANK_A = code(500)
TODAY = datetime.datetime.now(CST).date()


def day(back=0):
    return (TODAY - datetime.timedelta(days=back)).isoformat()


@pytest.fixture
def listed(gateway, bureau):
    """A gateway with three firms on the list."""
    bureau.control(rows=[certified(i, name=firm_name(i)) for i in (1, 2, 3)], version="2026-10")
    assert gateway.sync()["state"] == "done"
    return gateway


def standing(gateway, i, who="bank-a"):
    return gateway.firm(who, code(i)).json()


def rows_of(receipt):
    return {row["index"]: row for row in receipt.get("rows", [])}


def state_of(gateway, who, message_id):
    return gateway.ask(who, f"/v1/messages/{message_id}").json()


def open_proposal(gateway, what):
    return next(p for p in gateway.admin("operator-1", "/approvals").json()["items"] if p["what"] == what)


def decide(gateway, what, verb):
    proposal = open_proposal(gateway, what)
    answer = gateway.admin("operator-1", f"/approvals/{proposal['id']}/{verb}", "POST", json={"comment": "已核对"})
    assert answer.status_code == 200, answer.text
    return proposal


def mailbox(gateway, who, kind, after=0):
    """Messages of a kind that wait for a partner, as JSON."""
    found = []
    for item in gateway.ask(who, f"/v1/mailbox?after={after}").json()["messages"]:
        if "json" in item["media_type"]:
            message = json.loads(base64.b64decode(item["body"]))
            if message["envelope"]["kind"] == kind:
                found.append(message)
    return found


def later_receipt(gateway, who, of):
    def there():
        return next((m["body"] for m in mailbox(gateway, who, "receipt") if m["body"]["of"] == of), None)
    return wait_until(there, f"the later receipt of {of}")


def rebuilds(gateway):
    """What followed is state made of records: a rebuild comes to the same."""
    answer = gateway.admin("sysadmin-1", "/db/rebuild", "POST", json={})
    assert answer.status_code == 200, answer.text


# ---- credit -----------------------------------------------------------------------------------------------------------------

@pytest.mark.asan
@pytest.mark.parametrize("form", messages.FORMS)
def test_a_loan_from_line_to_settlement(listed, form):
    """Rows are judged against what this bank reported before; an unknown number is kept and said."""
    report = [credit(1, event="credit_line", loan_no=None, amount_fen=1000, date=day()), credit(1, amount_fen=600, date=day(), due=None),
              credit(1, event="repayment", amount_fen=700, date=day(), due=None), credit(1, event="repayment", amount_fen=100, date=day(), due=None),
              credit(1, event="drawdown", loan_no="借据1b", amount_fen=501, date=day(), due=None),
              credit(2, event="repayment", amount_fen=5, date=day(), due=None, credit_no=None),
              credit(2, event="drawdown", amount_fen=None, date=day(), due=None),
              credit(2, event="contact", amount_fen=None, rate_bp=None, due=None, date=day(-1)),
              credit(3, event="refused", credit_no=None, loan_no=None, amount_fen=None, rate_bp=None, due=None, date=day(), reason="不符合条件")]
    receipt = say(listed, "bank-a", form, "credit.report", {"rows": report})
    rows = rows_of(receipt)
    assert receipt["result"] == "partial", receipt
    assert [(i, r["result"], r["code"], r["field"]) for i, r in sorted(rows.items())] == [
        (2, "rejected", "credit.sums", "amount_fen"), (4, "rejected", "credit.sums", "amount_fen"),
        (5, "accepted", "credit.unknown_no", "loan_no"), (6, "rejected", "credit.member", "amount_fen"),
        (7, "rejected", "credit.date", "date")], receipt
    rebuilds(listed)


def test_a_row_is_taken_back_by_message_and_row(listed):
    """void names `message id / row`; once, by its own bank; then the money is lent no more."""
    first = listed.author("bank-a").json("credit.report", {"rows": [credit(1, event="contact", date=day(), due=None, amount_fen=None),
                                                                    credit(1, credit_no=None, amount_fen=600, date=day(), due=None)]})
    assert listed.post_message("bank-a", first).status_code == 200
    void = {"event": "void", "uscc": code(1), "date": day(), "corrects": f"{first.id}/1"}
    other = say(listed, "bank-b", "json", "credit.report", {"rows": [void]})
    assert rows_of(other)[0]["code"] == "credit.corrects", other
    both = say(listed, "bank-a", "json", "credit.report", {"rows": [void, void]})
    assert (both["result"], rows_of(both)[1]["code"]) == ("partial", "credit.corrects"), both
    again = say(listed, "bank-a", "json", "credit.report", {"rows": [
        credit(1, event="opening", credit_no=None, amount_fen=50, date=day(), due=None),
        credit(1, event="settled", credit_no=None, amount_fen=50, date=day(), due=None),
        credit(1, event="drawdown", credit_no=None, amount_fen=1, date=day(), due=None)]})
    assert [(i, r["code"]) for i, r in rows_of(again).items()] == [(2, "credit.state")], again
    rebuilds(listed)


# ---- pledges and what banks are told of them ----------------------------------------------------------------------------------

def pledge(number, event, *rights, **changes):
    return {"registration_no": number, "event": event, "date": day(), "right_kind": "patent",
            "pledgors": [{"uscc": code(1), "name": firm_name(1)}], "pledgee": {"uscc": BANK_A, "name": "甲银行"},
            "rights": [{"number": patent(r)} if isinstance(r, int) else r for r in rights], **changes}


def tell(gateway, number, event, *rights, form="json", status=200, **changes):
    return say(gateway, "registry-ty", form, "pledge.registration", pledge(number, event, *rights, **changes), status)


def right(gateway, who, number, kind="patent", status=200, **parameters):
    answer = gateway.ask(who, f"/v1/rights/{kind}/{number}", params=parameters)
    assert answer.status_code == status, answer.text
    if status == 200:
        alg = gateway.partners[who].get("answer_alg", gateway.partners[who].get("alg", "ES256"))
        messages.Reader(gateway.pki).jws(alg, answer.content, answer.headers["x-jws-signature"])
    return answer.json()


@pytest.fixture
def registry(make_gateway):
    """A gateway where bank-a has told its own code."""
    return make_gateway(partners={**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "uscc": BANK_A}})


def test_nothing_is_claimed_before_the_register_was_heard(registry):
    """unknown, signed, logged; then none_known and pledged, its number only to the pledgee; a wrong number is refused."""
    assert right(registry, "bank-a", patent(1))["pledge"] == "unknown"
    assert tell(registry, "Y1", "filed", 1)["result"] == "accepted"
    told = right(registry, "bank-a", patent(1))
    assert told["pledge"] == "none_known" and told["number"] == patent(1).replace(".", ""), told
    assert told["source"]["id"] == "registry-ty" and told["source"]["freshness"] == "on_time"
    assert tell(registry, "Y1", "accepted", 1)["result"] == "accepted"
    assert tell(registry, "Y1", "registered", 1)["result"] == "accepted"
    own, other = right(registry, "bank-a", "ZL" + patent(1)), right(registry, "bank-b", patent(1))
    assert (own["pledge"], own["since"], own["registration_no"]) == ("pledged", day(), "Y1"), own
    assert other["pledge"] == "pledged" and "registration_no" not in other, other
    wrong = right(registry, "bank-a", patent(1)[:-1] + ("0" if patent(1)[-1] != "0" else "1"), status=422)
    assert wrong["code"] == "patent.check", wrong
    right(registry, "bureau-sx", patent(1), status=403)
    assert right(registry, "bank-a", "1", kind="design", status=404)["code"] == "http.not_found"
    lines = registry.admin("operator-1", "/access?partner=bank-b").json()["items"]
    assert [(line["uscc"], line["outcome"], line["status"]) for line in lines if line["route"] == "rights.get"] == [
        ("patent:" + patent(1).replace(".", ""), "pledged", 200)], lines
    assert tell(registry, "Y1", "cancelled", 1)["result"] == "accepted"
    assert right(registry, "bank-a", patent(1))["pledge"] == "none_known"
    rebuilds(registry)


@pytest.mark.parametrize("pledgee, told_to", [({"name": "某分行", "uscc": BANK_A}, ["bank-a"]), ({"name": "甲银行", "uscc": code(501)}, []),
                                              ({"name": "甲 银行"}, ["bank-a"]), ({"name": "乙银行", "uscc": code(501)}, ["bank-b"]),
                                              ({"name": "丙银行"}, [])])
def test_the_pledgee_is_known_by_its_code_or_else_by_its_name(registry, pledgee, told_to):
    """Codes decide where both are known; bank-b has told none, so its name has to do."""
    assert tell(registry, "Y1", "registered", 1, pledgee=dict(reversed(pledgee.items())))["result"] == "accepted"
    assert [who for who in ("bank-a", "bank-b") if "registration_no" in right(registry, who, patent(1))] == told_to


def test_a_register_that_is_silent_for_long_says_nothing(make_gateway):
    """After stale_after the pledge that was known is unknown; the next word of the register makes it known again."""
    gateway = make_gateway(clock=True)
    assert tell(gateway, "Y1", "registered", 1)["result"] == "accepted"
    assert right(gateway, "bank-a", patent(1))["pledge"] == "pledged"
    gateway.set_clock(8 * 86400)
    told = right(gateway, "bank-a", patent(1))
    assert (told["pledge"], told["source"]["freshness"]) == ("unknown", "stale"), told


@pytest.mark.parametrize("form", messages.FORMS)
def test_an_illegal_step_is_refused(gateway, form):
    """As a whole, with its code; nothing changes."""
    refused = tell(gateway, "Y2", "accepted", 1, form=form)
    assert (refused["result"], refused["code"]) == ("rejected", "pledge.unknown"), refused
    assert tell(gateway, "Y2", "registered", 1, form=form)["result"] == "accepted"
    assert tell(gateway, "Y2", "registered", 1, form=form)["code"] == "pledge.state"
    assert tell(gateway, "Y3", "registered", 2, form=form, date=day(-1))["code"] == "pledge.date"
    assert tell(gateway, "Y3", "registered", {"number": "12345"}, form=form)["code"] == "patent.form"
    assert tell(gateway, "Y3", "registered", {"number": "12345"}, form=form, right_kind="trademark")["code"] == "trademark.class"
    assert tell(gateway, "Y2", "changed", 1, 2, form=form)["result"] == "accepted"
    assert tell(gateway, "Y2", "changed", 1, form=form)["result"] == "accepted"
    assert right(gateway, "bank-b", patent(2))["pledge"] == "none_known"


@pytest.mark.asan
@pytest.mark.parametrize("verb, result, holder", [("grant", "accepted", "Y2"), ("reject", "rejected", "Y1")])
def test_a_right_pledged_elsewhere_waits_for_a_person(registry, verb, result, holder):
    """Granted, the new registration stands and the other is superseded; rejected, the old one stays. A second receipt says so."""
    assert tell(registry, "Y1", "registered", 1, 2)["result"] == "accepted"
    message = registry.author("registry-ty").json("pledge.registration", pledge("Y2", "registered", 1))
    answer = registry.post_message("registry-ty", message)
    assert answer.status_code == 202 and answer.json()["body"]["code"] == "pledge.live_elsewhere", answer.text
    assert right(registry, "bank-a", patent(1))["registration_no"] == "Y1"
    proposal = decide(registry, "pledge", verb)
    assert proposal["object"] == "Y2" and "Y1" in json.dumps(proposal), proposal
    receipt = later_receipt(registry, "registry-ty", message.id)
    assert receipt["result"] == result, receipt
    assert right(registry, "bank-a", patent(1))["registration_no"] == holder
    free = right(registry, "bank-a", patent(2))
    assert free["pledge"] == ("none_known" if verb == "grant" else "pledged"), free
    assert tell(registry, "Y1", "cancelled", 1, 2)["result"] == "accepted"
    assert right(registry, "bank-a", patent(1))["pledge"] == ("pledged" if verb == "grant" else "none_known")
    rebuilds(registry)


def test_a_trademark_is_a_number_and_a_class(registry):
    """Two classes of one number are two rights; without a class the caller is asked; a pledge ends with its own last day."""
    mark = {"right_kind": "trademark"}
    assert tell(registry, "T1", "registered", {"number": "1234567", "class": "9"}, **mark)["result"] == "accepted"
    assert right(registry, "bank-a", "1234567", kind="trademark")["registration_no"] == "T1"
    assert tell(registry, "T2", "registered", {"number": "1234567", "class": "35"}, **mark)["result"] == "accepted"
    assert right(registry, "bank-a", "1234567", kind="trademark", status=422)["code"] == "trademark.class"
    assert right(registry, "bank-a", "1234567", kind="trademark", **{"class": 35})["registration_no"] == "T2"
    assert right(registry, "bank-a", "1234567", kind="trademark", **{"class": 10})["pledge"] == "none_known"
    over = {**mark, "date": day(400), "valid_until": day(1)}
    assert tell(registry, "T3", "registered", {"number": "G765", "class": "9"}, **over)["result"] == "accepted"
    assert right(registry, "bank-a", "G765", kind="trademark")["pledge"] == "none_known"
    assert tell(registry, "T4", "registered", {"number": "G765", "class": "9"}, **mark)["result"] == "accepted"
    assert right(registry, "bank-a", "G765", kind="trademark")["registration_no"] == "T4"


# ---- legal status ------------------------------------------------------------------------------------------------------------

def status_row(i, status, **changes):
    return {"right_kind": "patent", "number": patent(i), "uscc": code(i), "status": status, "since": day(3), **changes}


def say_status(gateway, *rows, who="ippublic-sx", form="json", status=200):
    return say(gateway, who, form, "right.status", {"rows": list(rows)}, status)


@pytest.mark.asan
@pytest.mark.parametrize("form", messages.FORMS)
def test_a_lost_right_excludes_its_firm_until_none_is_lost(listed, form):
    """Two patents lapse, one after the other returns: the firm is back only with the second."""
    assert say_status(listed, status_row(1, "lapsed"), status_row(11, "invalidated", uscc=code(1)), form=form)["result"] == "accepted"
    told = standing(listed, 1)
    assert (told["status"], told["reasons"]) == ("suspended", ["exclusion.ip"]), told
    assert standing(listed, 1, "onestop-sx")["reasons"] == ["exclusion.rights_lapsed"]
    say_status(listed, status_row(1, "valid"), form=form)
    assert standing(listed, 1)["status"] == "suspended"
    say_status(listed, status_row(11, "preserved", uscc=None), form=form)
    assert standing(listed, 1)["status"] == "listed"
    assert right(listed, "bank-b", patent(11))["legal_status"] == "preserved"
    rebuilds(listed)


def test_the_firm_of_a_right_is_found_by_its_live_pledge(listed):
    """A row without a code is about the pledgor; another platform's word does not lift what this one imposed."""
    tell(listed, "Y1", "registered", 7)
    say_status(listed, status_row(7, "lapsed", uscc=None))
    assert standing(listed, 1)["status"] == "suspended"
    say_status(listed, status_row(7, "valid", uscc=None), who="onestop-sx")
    assert standing(listed, 1)["status"] == "suspended"
    say_status(listed, status_row(7, "valid", uscc=None))
    assert standing(listed, 1)["status"] == "listed"


def test_too_many_lost_rights_at_once_wait_for_a_person(listed):
    """The guard holds what would empty the list; several rights of one firm count once."""
    several = say_status(listed, *(status_row(i, "lapsed", uscc=code(1)) for i in (21, 22, 23, 24)))
    assert several["result"] == "accepted" and standing(listed, 1)["status"] == "suspended", several
    held = say_status(listed, status_row(2, "lapsed"), status_row(3, "lapsed"), status=202)
    assert {row["code"] for row in held["rows"]} == {"guard.held"}, held
    assert standing(listed, 2)["status"] == "listed"
    decide(listed, "message", "grant")
    wait_until(lambda: standing(listed, 2)["status"] == standing(listed, 3)["status"] == "suspended", "the held rows")
    rebuilds(listed)


def test_a_wrong_number_costs_its_row(listed):
    receipt = say_status(listed, status_row(1, "valid"), status_row(2, "lapsed", number="20251000000"))
    assert (receipt["result"], rows_of(receipt)[1]["code"], rows_of(receipt)[1]["field"]) == ("partial", "patent.form", "number"), receipt


# ---- enterprise data ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", messages.FORMS)
def test_enterprise_data_is_taken_over_and_a_new_name_waits(listed, form):
    """Another scale is data, a region elsewhere changes no place, a new name waits for a person, unknown firms are refused."""
    receipt = say(listed, "onestop-sx", form, "enterprise.update", {"rows": [
        {"uscc": code(1), "region_code": "110108", "scale": "2"}, {"uscc": code(2), "name": "山西新名科技有限公司"}, {"uscc": code(99), "scale": "2"}]})
    rows = rows_of(receipt)
    assert 0 not in rows and rows[1]["result"] == "pending" and (rows[2]["result"], rows[2]["code"]) == ("rejected", "firm.unknown"), receipt
    firm = listed.admin("operator-1", f"/firms/{code(1)}").json()
    assert standing(listed, 1)["status"] == "listed" and "110108" in json.dumps(firm), firm
    assert (standing(listed, 2)["status"], standing(listed, 2)["name"]) == ("listed", firm_name(2))
    decide(listed, "firm", "grant")
    assert standing(listed, 2)["name"] == "山西新名科技有限公司"
    rebuilds(listed)


# ---- objections ----------------------------------------------------------------------------------------------------------------

def object_to(gateway, i, against, form="json"):
    message = gateway.author("onestop-sx").write(form, "objection", {"uscc": code(i), "name": firm_name(i), "against": str(against),
                                                                     "statement": "本企业并无异常。"})
    return message, gateway.post_message("onestop-sx", message)


@pytest.mark.asan
@pytest.mark.parametrize("by_sequence", [False, True])
def test_an_objection_is_upheld(listed, by_sequence):
    """disputed while it is open; granted, the firm is listed as if it had never been off, and the sender is told."""
    since = standing(listed, 1)["listed_since"]
    say(listed, "onestop-sx", "json", "exclusion.notice", {"rows": [exclusion(1)]})
    off = standing(listed, 1)
    assert off["status"] == "suspended" and not off["disputed"]
    message, answer = object_to(listed, 1, off["sequence"] if by_sequence else "abnormal_operation")
    assert answer.status_code == 202, answer.text
    assert standing(listed, 1)["disputed"] is True and standing(listed, 1)["status"] == "suspended"
    proposal = open_proposal(listed, "objection")
    assert proposal["object"] == code(1) and "本企业并无异常" in json.dumps(proposal, ensure_ascii=False), proposal
    decide(listed, "objection", "grant")
    assert later_receipt(listed, "onestop-sx", message.id)["result"] == "accepted"
    told = standing(listed, 1)
    assert (told["status"], told["disputed"], told["listed_since"]) == ("listed", False, since), told
    assert "rectified" in told["reasons"], told
    rebuilds(listed)


def test_an_objection_is_dismissed(listed):
    """The dispute ends, the exclusion stays, the receipt says why; two objections are two questions."""
    say(listed, "onestop-sx", "json", "exclusion.notice", {"rows": [exclusion(1)]})
    first, answer = object_to(listed, 1, "abnormal_operation", "xml")
    second, _ = object_to(listed, 1, "abnormal_operation")
    assert answer.status_code == 202
    decide(listed, "objection", "reject")
    decided = [m for m in (first, second) if len(state_of(listed, "onestop-sx", m.id).get("receipts", [])) > 1]
    assert standing(listed, 1)["disputed"] is True, decided
    decide(listed, "objection", "reject")
    wait_until(lambda: standing(listed, 1)["disputed"] is False, "the end of the dispute")
    receipt = later_receipt(listed, "onestop-sx", second.id)
    assert (receipt["result"], receipt["code"]) == ("rejected", "objection.dismissed"), receipt
    assert standing(listed, 1)["status"] == "suspended"


def test_an_objection_needs_something_to_object_to(listed):
    for i, against, expected in [(1, "abnormal_operation", "objection.against"), (1, 999999, "objection.against"),
                                 (99, "abnormal_operation", "firm.unknown")]:
        _, answer = object_to(listed, i, against)
        assert answer.status_code == 200 and answer.json()["body"]["code"] == expected, answer.text
    assert standing(listed, 1)["disputed"] is False


# ---- passed on -----------------------------------------------------------------------------------------------------------------

@pytest.mark.asan
@pytest.mark.parametrize("form", messages.FORMS)
def test_a_question_goes_to_the_registry_and_its_answer_back(gateway, form):
    """The registry finds it in its mailbox; its answer names what it saw and comes to who asked, and to no other."""
    body = {"uscc": code(1), "right_kind": "patent", "number": patent(1), "question": "需要哪些材料？"}
    asked = gateway.author("bank-a").write(form, "guidance.request", body)
    assert gateway.post_message("bank-a", asked).status_code == 200
    question = wait_until(lambda: mailbox(gateway, "registry-ty", "guidance.request"), "the question")[0]
    assert question["body"] == body and question["envelope"]["in_reply_to"] == asked.id, question
    for of in (question["envelope"]["id"], asked.id):
        assert say(gateway, "registry-ty", form, "guidance.answer", {"of": of, "answer": "见办事指南。", "result": "answered"})["result"] == "accepted"
    answers = wait_until(lambda: len(a := mailbox(gateway, "bank-a", "guidance.answer")) == 2 and a, "the answers")
    assert answers[0]["body"]["answer"] == "见办事指南。"
    assert mailbox(gateway, "bank-b", "guidance.answer") == []
    stray = say(gateway, "registry-ty", form, "guidance.answer", {"of": "g-0", "answer": "?", "result": "answered"})
    assert (stray["result"], stray["code"]) == ("rejected", "guidance.unknown"), stray


@pytest.mark.parametrize("kind", ["policy.document", "basedata.update", "right.status"])
def test_what_one_platform_tells_the_other_hears(gateway, kind):
    body = messages.sample(kind)
    assert say(gateway, "ippublic-sx", "json", kind, body)["result"] == "accepted"
    heard = wait_until(lambda: mailbox(gateway, "onestop-sx", kind), kind)[0]
    assert heard["body"] == messages.without_none(body) and heard["envelope"]["sender"] == messages.GATEWAY, heard
    assert mailbox(gateway, "ippublic-sx", kind) == [] and mailbox(gateway, "bank-a", kind) == []


# ---- a day compared ------------------------------------------------------------------------------------------------------------

@pytest.mark.asan
@pytest.mark.parametrize("form", messages.FORMS)
def test_a_day_is_compared(gateway, form):
    """Equal: accepted. Else each difference is a row: not known here, other bytes, not named, never sent."""
    sent = [gateway.author("bank-a").json("credit.report", {"rows": [credit(i, event="contact", amount_fen=None, due=None, date=day())]})
            for i in (1, 2, 3)]
    receipts = [gateway.post_message("bank-a", m).json()["envelope"]["id"] for m in sent]
    named = [{"id": m.id, "sha256": messages.hashlib.sha256(m.body).hexdigest()} for m in sent]
    received = [{"id": r, "sha256": "0" * 64} for r in receipts]
    equal = say(gateway, "bank-a", form, "reconciliation", {"day": day(), "sent": named, "received": received})
    assert equal["result"] == "accepted" and "rows" not in equal, equal
    differing = say(gateway, "bank-a", form, "reconciliation", {
        "day": day(), "sent": [named[0], {**named[1], "sha256": "f" * 64}, {"id": "m-lost", "sha256": "0" * 64}],
        "received": [received[0], {"id": "r-999999", "sha256": "0" * 64}]})
    rows = rows_of(differing)
    assert differing["result"] == "partial", differing
    assert {i: rows[i]["code"] for i in (1, 2, 4)} == {1: "reconciliation.differs", 2: "reconciliation.unknown", 4: "reconciliation.unknown"}, rows
    assert sent[2].id in [row["detail"] for row in rows.values() if row["code"] == "reconciliation.missing"], rows
