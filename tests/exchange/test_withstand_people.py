"""Decisions of people that overtake each other."""
import threading

import pytest

from lists import certified, firms
from withstand import start_run, status_of, wait_until, whole


@pytest.fixture
def loaded(gateway, bureau):
    bureau.control(rows=firms(15), version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


def withdraw(bureau, n, version):
    bureau.control(rows=[certified(i, status="withdrawn") if i < n else certified(i) for i in range(15)], version=version)


def decide(gateway, who, approval, what="grant"):
    return gateway.admin(who, f"/approvals/{approval}/{what}", "POST", json={"comment": f"{who} says {what}"})


@pytest.mark.asan
def test_a_held_run_is_overtaken_by_a_newer_one(loaded, bureau):
    """The old question is closed and decides nothing; the new one does."""
    withdraw(bureau, 3, "v2")
    old = loaded.sync()
    withdraw(bureau, 4, "v3")
    new = loaded.sync()
    assert old["state"] == new["state"] == "held" and old["approval"] != new["approval"]
    told = loaded.run(old["id"])
    assert told["state"] == "cancelled" and told["superseded_by"] == new["id"], told
    late = decide(loaded, "operator-1", old["approval"])
    assert late.status_code == 409 and late.json()["code"] == "approval.closed", late.text
    assert [a["id"] for a in loaded.ctl_items("approve", "list")] == [new["approval"]]
    assert status_of(loaded, certified(0)["uscc"]) == "listed"
    assert decide(loaded, "operator-1", new["approval"]).status_code == 200
    done = wait_until(lambda: (lambda r: r if r["state"] == "done" else None)(loaded.run(new["id"])), "the newer run to be carried out")
    assert done["counts"]["withdrawn"] == 4 and status_of(loaded, certified(3)["uscc"]) == "removed"
    whole(loaded)


def test_a_run_that_is_good_again_closes_the_held_one(loaded, bureau):
    """The bureau mends its list: the next run is done, the old question is closed, nobody was withdrawn."""
    withdraw(bureau, 5, "v2")
    held = loaded.sync()
    assert held["state"] == "held"
    bureau.control(rows=firms(15), version="v3")
    assert loaded.sync()["state"] == "done"
    assert loaded.run(held["id"])["state"] == "cancelled" and loaded.ctl_items("approve", "list") == []
    assert decide(loaded, "operator-2", held["approval"]).json()["code"] == "approval.closed"
    assert status_of(loaded, certified(0)["uscc"]) == "listed"


def test_a_failed_run_leaves_the_held_one_open(loaded, bureau):
    """A run that brought nothing decides nothing: the question stays."""
    withdraw(bureau, 3, "v2")
    held = loaded.sync()
    bureau.control(mode="html")
    start = start_run(loaded)
    loaded.raw("POST", f"/admin/v1/runs/{start}/cancel", "{}")
    assert loaded.run_end(start)["state"] in ("cancelled", "failed")
    assert loaded.run(held["id"])["state"] == "held"
    assert decide(loaded, "operator-2", held["approval"]).status_code == 200
    wait_until(lambda: loaded.run(held["id"])["state"] == "done", "the held run to be carried out")


@pytest.mark.asan
def test_of_two_approvers_at_once_exactly_one_decides(loaded):
    """Grant and reject of the same question at the same moment, ten times: one is taken, the other is told it was decided."""
    for i in range(10):
        code = certified(i)["uscc"]
        loaded.ctl("list", "propose", "suspend", code, "--ground", "abnormal_operation", "--reason", "notice 17")
        approval = next(a["id"] for a in loaded.ctl_items("approve", "list") if a["object"] == code)
        answers, barrier = {}, threading.Barrier(2)

        def act(who, what, approval=approval, answers=answers, barrier=barrier):
            loaded.admin(who, "/status")            # the connection is made before the race
            barrier.wait(10)
            answers[what] = decide(loaded, who, approval, what)

        threads = [threading.Thread(target=act, args=pair) for pair in (("operator-1", "grant"), ("operator-2", "reject"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        codes = {what: answer.status_code for what, answer in answers.items()}
        assert sorted(codes.values()) == [200, 409], codes
        winner = min(codes, key=codes.get)
        assert next(a for a in answers.values() if a.status_code == 409).json()["code"] == "approval.closed"
        assert status_of(loaded, code) == ("suspended" if winner == "grant" else "listed")
        shown = loaded.ctl_json("approve", "show", approval)
        assert shown["state"] == ("granted" if winner == "grant" else "rejected"), shown
    whole(loaded)


def test_the_firm_changed_since_the_proposal(loaded, bureau):
    """A proposal about a firm that a run has changed meanwhile is refused: look again."""
    code = certified(0)["uscc"]
    loaded.ctl("list", "propose", "suspend", code, "--ground", "abnormal_operation", "--reason", "notice 18")
    approval = next(a["id"] for a in loaded.ctl_items("approve", "list") if a["object"] == code)
    bureau.control(rows=[certified(0, level="市级"), *firms(15)[1:]], version="v2")
    assert loaded.sync()["state"] == "done"
    answer = decide(loaded, "operator-1", approval)
    assert answer.status_code == 409 and answer.json()["code"] in ("approval.changed", "approval.closed"), answer.text
    assert status_of(loaded, code) == "listed"
