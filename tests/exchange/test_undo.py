"""Undoing a run, and rules that change: proposed, looked at, and only then done."""
import json

import pytest
import yaml

from conftest import ROOT, wait_until
from lists import certified, firms


def statement(gateway, i):
    return gateway.firm("bank-a", certified(i)["uscc"]).json()


@pytest.fixture
def loaded(gateway, bureau):
    bureau.control(rows=firms(60), version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


def undo(gateway, run_id):
    proposed = gateway.ctl_json("sync", "revert", run_id, "--reason", "wrong list sent", who="operator-1")
    own = gateway.ctl("approve", "grant", proposed["approval"], "--comment", "mine", who="operator-1", check=False)
    assert own.returncode == 4
    gateway.ctl("approve", "grant", proposed["approval"], "--comment", "agreed with the bureau", who="operator-2")


@pytest.mark.asan
def test_a_run_is_undone_but_for_what_changed_since(loaded, bureau):
    """Withdrawn firms stand again, a new firm is gone, a renewal is taken back; what came later is kept."""
    rows = firms(60)
    rows[0], rows[1] = certified(0, status="withdrawn"), certified(1, status="withdrawn")
    rows[2] = certified(2, validUntil="2029-12-31")
    rows[3] = certified(3, level="市级")
    bureau.control(rows=rows + [certified(60)], version="v2")
    wrong = loaded.sync()
    assert wrong["state"] == "done" and wrong["counts"]["withdrawn"] == 2, wrong
    rows[3] = certified(3, level="国家级")
    bureau.control(rows=rows + [certified(60)], version="v3")
    assert loaded.sync()["counts"]["amended"] == 1
    since = statement(loaded, 5)["listed_since"]
    undo(loaded, wrong["id"])
    back = wait_until(lambda: (lambda s: s if s["status"] == "listed" else None)(statement(loaded, 0)), "the firm to stand again")
    assert "rectified" in back["reasons"] and back["listed_since"] == since
    assert statement(loaded, 1)["status"] == "listed"
    assert "valid_until" not in statement(loaded, 2)
    assert statement(loaded, 3)["certification"]["level"] == "国家级"
    assert statement(loaded, 60)["status"] == "not_listed"
    assert loaded.ctl_json("db", "rebuild")["equal"] is True


def test_a_firm_back_by_undoing_is_missed_anew(loaded, bureau):
    """Absent, undone, absent again: it takes two list versions once more."""
    for version in ("v2", "v3"):
        bureau.control(rows=firms(59), version=version)
        run = loaded.sync()
    assert run["counts"]["absent"] == 1 and statement(loaded, 59)["status"] == "removed"
    undo(loaded, run["id"])
    wait_until(lambda: statement(loaded, 59)["status"] == "listed", "the firm to stand again")
    bureau.control(rows=firms(59), version="v4")
    assert loaded.sync()["counts"]["absent"] == 0 and statement(loaded, 59)["status"] == "listed"
    bureau.control(rows=firms(59), version="v5")
    assert loaded.sync()["counts"]["absent"] == 1 and statement(loaded, 59)["status"] == "removed"


def test_what_cannot_be_undone_is_said(loaded, bureau):
    """A run that changed nothing, a dry run, an unknown run; an observer may not ask."""
    same = loaded.sync()
    assert loaded.ctl("sync", "revert", same["id"], "--reason", "x", check=False).returncode == 6
    dry = loaded.sync("dry_run")
    assert loaded.ctl("sync", "revert", dry["id"], "--reason", "x", check=False).returncode == 6
    assert loaded.ctl("sync", "revert", "run-9999999999", "--reason", "x", check=False).returncode == 5
    assert loaded.ctl("sync", "revert", same["id"], "--reason", "x", who="observer-1", check=False).returncode == 4


def new_rules(gateway, **changes):
    rules = yaml.safe_load((gateway.dir / "rules.yaml").read_text())
    newest = json.loads(json.dumps(rules["versions"][-1], default=str))
    newest.update(version="2026-9", valid_from="2026-11-01", **{**changes, "grounds": {**newest["grounds"], **changes.get("grounds", {})}})
    return {"versions": [*json.loads(json.dumps(rules["versions"], default=str)), newest]}


def suspend(gateway, i):
    proposed = gateway.ctl_json("list", "propose", "suspend", certified(i)["uscc"], "--ground", "abnormal_operation",
                                "--reason", "notice 7", who="operator-1")
    gateway.ctl("approve", "grant", proposed["approval"], "--comment", "seen", who="operator-2")
    assert statement(gateway, i)["status"] == "suspended"


@pytest.mark.asan
def test_rules_are_looked_at_and_then_followed(loaded, tmp_path):
    """config rules diff tells settings and firms and does nothing; a reload sweeps and records the activation."""
    suspend(loaded, 4)
    changed = new_rules(loaded, grounds={"abnormal_operation": "remove"})
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(changed, allow_unicode=True, sort_keys=False))
    told = loaded.ctl_json("config", "rules", "diff", str(other))
    assert {"from": "suspended", "to": "removed", "firms": 1} in told["firms"]["changes"], told
    assert {"setting": "abnormal_operation", "from": "suspend", "to": "remove"} in told["settings"]
    assert statement(loaded, 4)["status"] == "suspended"
    loaded.write("rules.yaml", changed)
    assert loaded.reload()[0] == 200
    wait_until(lambda: statement(loaded, 4)["status"] == "removed", "the sweep")
    assert statement(loaded, 4)["rules"] == "2026-9"
    wait_until(lambda: any(r.get("object") == "rules-version" and r.get("object_digest") == "2026-9" for r in records(loaded)),
               "the activation record")
    assert loaded.ctl_json("db", "rebuild")["equal"] is True


def records(gateway):
    return [json.loads(line)["record"] for line in gateway.ctl("--json", "journal", "export").stdout.splitlines() if line.strip()]


def test_rules_that_admit_let_in_who_waited(make_gateway, bureau):
    """approval → automatic: the firms that waited only for admission are listed by the sweep."""
    gateway = make_gateway(rules={"admission": "approval"})
    bureau.control(rows=firms(30), version="v1")
    gateway.sync()
    assert statement(gateway, 3)["status"] == "not_listed"
    gateway.write("rules.yaml", new_rules(gateway, admission="automatic"))
    assert gateway.reload()[0] == 200
    wait_until(lambda: statement(gateway, 29)["status"] == "listed", "the sweep")


def test_a_faulty_rules_file_is_told_with_its_place(loaded, tmp_path):
    """config rules diff of nonsense: line and column, exit 1, nothing done."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("versions:\n  - version: x\n    grounds: {flying: remove}\n")
    done = loaded.ctl("config", "rules", "diff", str(bad), check=False)
    assert done.returncode == 1 and "bad.yaml:" in done.stderr, (done.returncode, done.stderr)
