"""The console as two people use it, in Debian's Chromium with their client certificates. One language a run."""
import datetime
import json
import os
import subprocess

import pytest
from exchange_harness import BUILD, ROOT
from lists import certified, firms
from messages import certification

HERE = ROOT / "tests" / "browser"
MODULES = BUILD / "tests" / "browser"
SHOTS = BUILD / "browser"
MARKUP = "山西<img src=x onerror=\"console.error('markup ran')\"><b>粗</b>有限公司"
VERSION = "<i>2026-12</i>"


def language():
    """GW_BROWSER_LANGUAGE, or by day: even days of the year in English."""
    given = os.environ.get("GW_BROWSER_LANGUAGE", "")
    return given if given in ("zh", "en") else ("zh", "en")[datetime.date.today().timetuple().tm_yday % 2 == 0]


def withdrawing_list():
    """A list that would take ten of forty firms off the whitelist, with one row that is refused and a name that is markup."""
    rows = firms(40)
    for row in rows[:10]:
        row["status"] = "withdrawn"
    rows[0]["name"] = MARKUP
    return rows + [certified(41, uscc="91140105MA0000000X")]


@pytest.fixture
def held(gateway, bureau):
    """A gateway with a run that operator-1 started and the guard held."""
    bureau.control(rows=[{**row, "name": MARKUP} if i == 0 else row for i, row in enumerate(firms(40))], version="2026-11")
    assert gateway.sync()["state"] == "done"
    bureau.control(rows=withdrawing_list(), version=VERSION)
    run = gateway.sync(who="operator-1")
    assert run["state"] == "held" and run["guard"]["wanted"] == 10, run
    return gateway, run


@pytest.fixture
def told(held):
    """The same, and two messages of a city's bureau: one taken in part, with markup in it, and one that was refused."""
    gateway, run = held
    author = gateway.author("bureau-ty")
    taken = author.xml("certification.batch", {"list_version": VERSION, "rows": [
        certification(60, name=MARKUP, document_no=VERSION), certification(61, uscc="91140105MA0000000X")]})
    answer = gateway.post_message("bureau-ty", taken)
    assert answer.status_code == 200 and "partial" in answer.text, answer.text
    answer = gateway.post_message("bureau-ty", author.json("certification.batch", {"list_version": VERSION, "rows": "<u>none</u>"}))
    assert answer.status_code == 422, answer.text
    return gateway, run, taken.id, answer.json()["code"]


def browse(gateway, **more):
    """Runs journey.mjs; what it saw, as JSON."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    orders = {
        "origin": f"https://127.0.0.1:{gateway.admin_port}",
        "people": {who: gateway.pki.pair(who) for who in ("operator-1", "operator-2", "observer-1")},
        "shots": str(SHOTS), "modules": str(MODULES), "language": language(), **more,
    }
    done = subprocess.run(["node", str(HERE / "journey.mjs")], input=json.dumps(orders), capture_output=True, text=True, timeout=240,
                          env={**os.environ, "NODE_EXTRA_CA_CERTS": gateway.pki.ca})
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{gateway.log_text()[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def test_a_held_run_is_seen_and_released_by_a_second_person(told):
    """operator-1 sees why it is held and may not decide; operator-2 grants by keyboard; both see it carried out. What a bureau
    sent is found with its way through the gateway."""
    gateway, run, message, refusal = told
    seen = browse(gateway, run=run["id"], message=message, refusal=refusal, markup=MARKUP, version=VERSION)
    assert seen["bytes"] <= 60_000, seen
    assert gateway.run_end(run["id"])["counts"]["withdrawn"] == 10
    approval = json.loads(gateway.raw("GET", f"/admin/v1/approvals/{run['approval']}")[1])
    assert approval["state"] == "granted" and approval["decided_by"] == "operator-2" and approval["comment"] == seen["comment"]
