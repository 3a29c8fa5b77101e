"""The rules of a sync: one bad row spoils nothing, absence is not withdrawal, a broken list changes nothing."""
import json

import pytest

from conftest import wait_until
from lists import certified, firms


def status(gateway, code):
    return gateway.firm("bank-a", code).json()["status"]


@pytest.fixture
def loaded(gateway, bureau):
    bureau.control(rows=firms(15), version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


@pytest.mark.asan
def test_an_unchanged_list_changes_nothing_but_is_recorded(loaded, bureau):
    """The same rows again: all unchanged, one journal record for the run."""
    before = json.loads(loaded.raw("GET", "/admin/v1/journal/head")[1])["size"]
    run = loaded.sync()
    assert run["counts"]["unchanged"] == 15 and run["counts"]["added"] == 0
    assert json.loads(loaded.raw("GET", "/admin/v1/journal/head")[1])["size"] == before + 1


@pytest.mark.asan
@pytest.mark.parametrize("change, code, field", [
    ({"uscc": "9114010000000000A"}, "uscc.length", "uscc"),
    ({"uscc": "91140100000000000I"}, "uscc.charset", "uscc"),
    ({"uscc": "000000000000000000"}, "uscc.structure", "uscc"),
    ({"uscc": "9.1140100000000E+17"}, "uscc.spreadsheet_number", "uscc"),
    ({"uscc": "911400001123599669"}, "uscc.check_char", "uscc"),
    ({"name": ""}, "list.row_field", "name"),
    ({"certifiedOn": "2026-02-30"}, "list.row_field", "valid_from"),
    ({"validUntil": "2020-01-01"}, "list.row_field", "valid_until"),
    ({"documentNo": ""}, "list.row_field", "document_no"),
    ({"regionCode": "999999"}, "region.unknown", "region_code"),
    ({"status": "maybe"}, "list.row_field", "status"),
])
def test_a_bad_row_is_told_and_spoils_nothing(loaded, bureau, change, code, field):
    """Line, field and code are reported; the other new firm is listed."""
    rows = firms(15) + [{**certified(15), **change}, certified(16)]
    bureau.control(rows=rows, version="v2")
    run = loaded.sync()
    assert run["state"] == "done" and run["counts"]["rejected"] == 1 and run["counts"]["added"] == 1, run
    bad = [d for d in loaded.diff(run["id"]) if d["action"] == "rejected"]
    assert len(bad) == 1 and bad[0]["code"] == code and bad[0]["field"] == field and bad[0]["line"] == 16, bad
    assert status(loaded, certified(16)["uscc"]) == "listed"


def test_two_different_rows_for_one_code_are_both_refused(loaded, bureau):
    """Neither wins; the stored certification stays."""
    rows = firms(15) + [certified(3, documentNo="晋民营发〔2026〕9号"), certified(20), certified(20, level="市级")]
    bureau.control(rows=rows, version="v2")
    run = loaded.sync()
    assert run["counts"]["rejected"] == 4 and run["counts"]["added"] == 0, run["counts"]
    told = {d["uscc"]: d for d in loaded.diff(run["id"])}
    assert {d["code"] for d in told.values()} == {"list.row_conflict"}
    assert "17, 18" in told[certified(20)["uscc"]]["detail"] and "16" in told[certified(3)["uscc"]]["detail"], told
    assert status(loaded, certified(3)["uscc"]) == "listed" and status(loaded, certified(20)["uscc"]) == "not_listed"


def test_the_same_row_twice_is_one_row(loaded, bureau):
    """A repeated identical row is no conflict."""
    bureau.control(rows=firms(16) + [certified(2), certified(15)], version="v2")
    run = loaded.sync()
    assert run["counts"]["rejected"] == 0 and run["counts"]["added"] == 1, run["counts"]


def test_renewal_amendment_and_withdrawal(loaded, bureau):
    """Each kind of change is counted and told as what it is."""
    rows = firms(15)
    rows[0] = certified(0, validUntil="2028-12-31")
    rows[1] = certified(1, industryCode="C3599")
    rows[2] = certified(2, status="withdrawn")
    bureau.control(rows=rows, version="v2")
    run = loaded.sync()
    counts = run["counts"]
    assert (counts["renewed"], counts["amended"], counts["withdrawn"]) == (1, 1, 1), counts
    statement = loaded.firm("bank-a", certified(2)["uscc"]).json()
    assert statement["status"] == "removed" and statement["reasons"] == ["withdrawn"]
    assert loaded.firm("bank-a", certified(0)["uscc"]).json()["valid_until"] == "2028-12-31"


def test_absence_counts_only_from_two_list_versions(loaded, bureau):
    """Once missing is not withdrawn; missing from two versions in a row is."""
    gone = certified(14)["uscc"]
    bureau.control(rows=firms(14), version="v2")
    assert loaded.sync()["counts"]["absent"] == 0 and status(loaded, gone) == "listed"
    assert loaded.sync()["counts"]["absent"] == 0 and status(loaded, gone) == "listed"  # the same version proves nothing new
    bureau.control(rows=firms(14), version="v3")
    assert loaded.sync()["counts"]["absent"] == 1
    statement = loaded.firm("bank-a", gone).json()
    assert statement["status"] == "removed" and statement["reasons"] == ["absent_from_list"]


def test_a_firm_that_returns_was_not_absent(loaded, bureau):
    """Missing, back, missing: never two in a row."""
    for version, n in (("v2", 14), ("v3", 15), ("v4", 14)):
        bureau.control(rows=firms(n), version=version)
        assert loaded.sync()["counts"]["absent"] == 0
    assert status(loaded, certified(14)["uscc"]) == "listed"


@pytest.mark.asan
def test_withdrawing_three_of_fifteen_is_held_for_one_approver(loaded, bureau):
    """More than max(2, 5 %) at once: nothing changes until a person grants; then all of it does."""
    rows = firms(15)
    for i in range(3):
        rows[i] = certified(i, status="withdrawn")
    bureau.control(rows=rows, version="v2")
    run = loaded.sync()
    assert run["state"] == "held" and run["guard"]["wanted"] == 3 and run["guard"]["limit"] == 2, run
    assert run["next"]["who"] == "approver" and "grant" in run["next"]["en"] and "审批" in run["next"]["zh"], run
    told = loaded.diff(run["id"])
    assert [(row["uscc"], row["from"], row["to"]) for row in told] == sorted((certified(i)["uscc"], "listed", "removed") for i in range(3)), told
    assert not any("sequence" in row for row in told)
    assert status(loaded, certified(0)["uscc"]) == "listed"
    answer = loaded.admin("operator-1", f"/approvals/{run['approval']}/grant", "POST", json={"comment": "bureau confirmed by telephone"})
    assert answer.status_code == 200, answer.text
    done = wait_until(lambda: (lambda r: r if r["state"] == "done" else None)(loaded.run(run["id"])), "the run to be carried out")
    assert done["counts"]["withdrawn"] == 3, done
    assert status(loaded, certified(0)["uscc"]) == "removed"


def test_small_withdrawals_add_up_over_a_day(loaded, bureau):
    """Two now and one later is three within 24 h: the later run is held."""
    rows = firms(15)
    rows[0], rows[1] = certified(0, status="withdrawn"), certified(1, status="withdrawn")
    bureau.control(rows=rows, version="v2")
    assert loaded.sync()["state"] == "done"
    rows[2] = certified(2, status="withdrawn")
    bureau.control(rows=rows, version="v3")
    assert loaded.sync()["state"] == "held"


def test_a_rejected_hold_changes_nothing(loaded, bureau):
    """The approver says no: the run is cancelled and the list stands."""
    bureau.control(rows=[], version="v2")
    run = loaded.sync()
    assert run["state"] == "held" and run["hold_why"] == "list.empty"
    loaded.ctl("approve", "reject", run["approval"], "--comment", "empty by mistake", who="operator-2")
    wait_until(lambda: loaded.run(run["id"])["state"] == "cancelled", "the run to be cancelled")
    assert status(loaded, certified(0)["uscc"]) == "listed"


def test_twice_missing_three_of_fifteen_is_held(loaded, bureau):
    """Absence goes through the guard like any other removal."""
    bureau.control(rows=firms(12), version="v2")
    assert loaded.sync()["state"] == "done"
    bureau.control(rows=firms(12), version="v3")
    run = loaded.sync()
    assert run["state"] == "held" and run["guard"]["wanted"] == 3, run
    assert status(loaded, certified(14)["uscc"]) == "listed"


@pytest.mark.parametrize("mode, states, code", [
    ("500", {"failed"}, None), ("html", {"failed"}, None), ("repeat_page", {"incomplete", "failed"}, None),
    ("lose_page", {"incomplete", "held"}, None), ("announce_more", {"held", "incomplete"}, None), ("truncate", {"failed", "incomplete"}, None),
])
def test_a_broken_source_changes_nothing(loaded, bureau, mode, states, code):
    """The run says what happened and who acts next; no firm moves; the source's recovery is enough to go on."""
    bureau.control(rows=firms(1200, level="市级"), version="v2", mode=mode)
    run = loaded.sync()
    assert run["state"] in states, run
    assert run["state"] == "held" or run["error"]["code"], run
    assert status(loaded, certified(0)["uscc"]) == "listed"
    assert loaded.firm("bank-a", certified(0)["uscc"]).json()["certification"]["level"] == "省级"
    bureau.control(mode="normal")
    assert loaded.sync()["state"] == "done"


def test_a_list_that_changes_under_its_pages_is_begun_anew(loaded, bureau):
    """The run restarts and ends with the new version."""
    bureau.control(rows=firms(1200), version="v2", mode="change_version", times=1)
    run = loaded.sync()
    assert run["state"] == "done" and run["restarts"] == 1, run


def test_a_row_of_a_gigabyte_is_refused_and_the_gateway_stays_small(loaded, bureau):
    """The page is cut at its limit; the run fails; the process does not grow."""
    bureau.control(mode="huge_line", size=1 << 30)
    run = loaded.sync()
    assert run["state"] in ("failed", "incomplete") and run["error"]["code"], run
    with open(f"/proc/{loaded.process.pid}/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    assert peak < 200 * 1024, f"{peak} kB"


def test_a_row_over_64_kib_is_one_bad_row(loaded, bureau):
    """Too long for a row, small enough for a page: told by line, the others go on."""
    bureau.control(mode="huge_line")
    run = loaded.sync()
    assert run["state"] == "done" and run["counts"]["rejected"] == 1 and run["counts"]["unchanged"] == 14, run
    assert [d["code"] for d in loaded.diff(run["id"])] == ["list.row_too_long"]
    assert status(loaded, certified(0)["uscc"]) == "listed"


def test_a_dry_run_tells_and_changes_nothing(loaded, bureau):
    """The diff of what would be, and not a single record."""
    before = json.loads(loaded.raw("GET", "/admin/v1/journal/head")[1])["size"]
    bureau.control(rows=firms(16), version="v2")
    run = loaded.sync("dry_run")
    assert run["state"] == "done" and run["dry_run"] and run["counts"]["added"] == 1, run
    assert run["next"]["who"] == "operator" and "nothing has changed" in run["next"]["en"], run
    assert [d["to"] for d in loaded.diff(run["id"]) if d["uscc"] == certified(15)["uscc"]] == ["listed"]
    assert json.loads(loaded.raw("GET", "/admin/v1/journal/head")[1])["size"] == before
    assert status(loaded, certified(15)["uscc"]) == "not_listed"


def test_a_dry_run_tells_that_the_guard_would_stop_it(loaded, bureau):
    bureau.control(rows=[certified(i, status="withdrawn") for i in range(3)] + firms(15)[3:], version="v2")
    run = loaded.sync("dry_run")
    assert run["state"] == "done" and run["counts"]["withdrawn"] == 3 and run["guard"]["wanted"] == 3, run
    assert "held" in run["next"]["en"] and "审批" in run["next"]["zh"], run
    assert status(loaded, certified(0)["uscc"]) == "listed"


def test_a_doubtful_code_waits_for_a_person(loaded, bureau):
    """A wrong GB 11714 digit is a doubt: checking until one approver confirms."""
    doubtful = certified(40, uscc="911402001104037979", name="大同市兴达房地产开发公司")
    bureau.control(rows=firms(15) + [doubtful], version="v2")
    run = loaded.sync()
    assert run["counts"]["doubtful"] == 1
    statement = loaded.firm("bank-a", doubtful["uscc"]).json()
    assert statement["status"] == "not_listed" and statement["reasons"] == ["under_review"]
    waiting = [a for a in loaded.ctl_items("approve", "list") if a["object"] == doubtful["uscc"]]
    assert waiting[0]["text_en"].endswith("a person must confirm it") and waiting[0]["text_zh"].endswith("存疑，须人工确认"), waiting
    refused = loaded.admin("observer-1", f"/approvals/{waiting[0]['id']}/grant", "POST", json={"comment": "mine"}).json()
    assert "one of" in refused["detail"] and "需要以下角色之一" in refused["detail_zh"], refused
    loaded.ctl("approve", "grant", waiting[0]["id"], "--comment", "code checked against the register", who="operator-1")
    assert status(loaded, doubtful["uscc"]) == "listed"


def test_held_run_started_by_a_person_needs_another_person(loaded, bureau):
    """The operator who started it may not release it."""
    rows = firms(15)
    for i in range(3):
        rows[i] = certified(i, status="withdrawn")
    bureau.control(rows=rows, version="v2")
    run = loaded.sync(who="operator-1")
    assert run["state"] == "held"
    own = loaded.admin("operator-1", f"/approvals/{run['approval']}/grant", "POST", json={"comment": "mine"})
    assert own.status_code == 403 and own.json()["code"] == "approval.same_person"
    assert loaded.ctl("approve", "grant", run["approval"], "--comment", "mine", who="operator-1", check=False).returncode == 4
    assert loaded.admin("operator-2", f"/approvals/{run['approval']}/grant", "POST", json={"comment": "seen"}).status_code == 200


def test_admission_by_approval(make_gateway, bureau):
    """Priority is not automatic by default: one approval admits the whole run."""
    gateway = make_gateway(rules={"admission": "approval"})
    bureau.control(rows=firms(1500), version="v1")
    run = gateway.sync()
    assert run["state"] == "done" and run["awaiting"] == 1500, run
    assert status(gateway, certified(7)["uscc"]) == "not_listed"
    gateway.ctl("approve", "grant", run["approval"], "--comment", "list of the bureau seen on paper", who="operator-1")
    wait_until(lambda: status(gateway, certified(1499)["uscc"]) == "listed", "the admission to reach the last firm")
    assert status(gateway, certified(7)["uscc"]) == "listed"


def test_a_person_resumes_what_the_file_pauses(loaded, bureau):
    """sources.yaml says paused; resume starts the timer all the same, pause stops it again."""
    def source():
        return loaded.ctl_json("status")["sources"][0]
    assert source()["paused"] is True
    bureau.control(rows=firms(16), version="v2")
    loaded.ctl("sync", "resume", "bureau-sx", who="operator-1")
    assert source()["paused"] is False
    loaded.stop()
    loaded.start()
    assert source()["paused"] is False
    loaded.ctl("sync", "pause", "bureau-sx", who="operator-1")
    assert source()["paused"] is True
