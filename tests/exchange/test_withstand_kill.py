"""Killed with SIGKILL at chosen points of a run: afterwards it never was, or it is whole; what was answered stays true."""
import json
import threading

import pytest

from lists import certified, firms
from withstand import head, metric, order, start_run, wait_until, was_asked, whole

FIRMS = 3000


def state(gateway):
    """{code: status} of every firm the gateway knows."""
    found, after = {}, ""
    while True:
        status, raw = gateway.raw("GET", "/admin/v1/firms?limit=1000" + (f"&after={after}" if after else ""))
        assert status == 200, raw
        page = json.loads(raw)
        found.update({item["uscc"]: item["status"] if "status" in item else item["state"] for item in page["items"]})
        if not page.get("more"):
            return found
        after = page["next"]


def no_run_is_left_under_way(gateway):
    runs = gateway.ctl_items("sync", "list", "--limit", "100")
    assert all(run["state"] != "running" for run in runs), runs


@pytest.fixture
def loaded(make_gateway, bureau):
    gateway = make_gateway()
    bureau.control(rows=firms(20), version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


def killed(gateway, reached, what):
    wait_until(reached, what, 60)
    gateway.kill()
    gateway.start()


@pytest.mark.asan
def test_killed_while_the_list_comes_in(loaded, bureau):
    """Rows are staged and a page is still out: as if the run had never been; the next one works."""
    before, size = state(loaded), head(loaded)["size"]
    bureau.control(rows=firms(FIRMS), version="v2")
    order(bureau, mode="hang", pages=[4])
    run = start_run(loaded)
    killed(loaded, lambda: was_asked(bureau, 4), "pages to be staged")
    order(bureau, mode="normal")
    told = loaded.run(run)
    assert told["state"] == "cancelled" and told["error"]["code"] == "cancelled" and told["next"]["zh"], told
    assert state(loaded) == before and head(loaded)["size"] <= size + 1
    no_run_is_left_under_way(loaded)
    whole(loaded)
    assert loaded.sync()["counts"]["added"] == FIRMS - 20


@pytest.mark.parametrize("records", [1, 1200, 2500])
def test_killed_between_two_chunks(loaded, bureau, records):
    """Some firms are decided, others not: rolled forward to the end before ready, each firm once."""
    size = head(loaded)["size"]
    bureau.control(rows=firms(FIRMS), version="v2")
    run = start_run(loaded)
    killed(loaded, lambda: metric(loaded, "pledged_journal_size") >= size + records, f"{records} records")
    told = loaded.run(run)
    assert told["state"] == "done" and told["counts"]["added"] == FIRMS - 20, told
    assert state(loaded) == {certified(i)["uscc"]: "listed" for i in range(FIRMS)}
    assert head(loaded)["size"] == size + FIRMS - 20 + 1, "a record for each firm and one for the run"
    no_run_is_left_under_way(loaded)
    whole(loaded)
    assert loaded.sync()["counts"]["unchanged"] == FIRMS


@pytest.mark.asan
def test_killed_while_held(loaded, bureau):
    """The question is still there, its answer is carried out, nothing happened meanwhile."""
    before = state(loaded)
    bureau.control(rows=[certified(i, status="withdrawn") if i < 5 else certified(i) for i in range(20)], version="v2")
    run = start_run(loaded)
    killed(loaded, lambda: loaded.run(run)["state"] == "held", "the run to be held")
    told = loaded.run(run)
    assert told["state"] == "held" and state(loaded) == before
    answer = loaded.admin("operator-1", f"/approvals/{told['approval']}/grant", "POST", json={"comment": "after the restart"})
    assert answer.status_code == 200, answer.text
    wait_until(lambda: loaded.run(run)["state"] == "done", "the run to be carried out")
    assert sum(status == "removed" for status in state(loaded).values()) == 5
    whole(loaded)


@pytest.mark.asan
def test_killed_right_behind_a_decision(loaded, bureau):
    """An acknowledged grant of a held run is durable: it is carried out after the restart, before ready."""
    bureau.control(rows=[certified(i, status="withdrawn") if i < 5 else certified(i) for i in range(20)], version="v2")
    run = loaded.sync()
    assert run["state"] == "held"
    answer = loaded.admin("operator-1", f"/approvals/{run['approval']}/grant", "POST", json={"comment": "and then the power failed"})
    loaded.kill()
    assert answer.status_code == 200, answer.text
    loaded.start()
    assert loaded.run(run["id"])["state"] == "done"
    assert sum(status == "removed" for status in state(loaded).values()) == 5
    whole(loaded)


def test_killed_at_each_moment_of_a_run(loaded, bureau):
    """A kill as soon as the story says the next word, for every word: before or after, never between."""
    seen = set()
    for n in range(2, 8):
        want = ("fetch", "judge", "apply", "end")[n % 4]
        rows = [certified(i, level="市级" if n % 2 else "省级") for i in range(500)]
        bureau.control(rows=rows, version=f"v{n}")
        run = start_run(loaded)
        reached = ("fetch", "judge", "apply", "end").index(want)

        def there():
            phase = loaded.run(run)["phase"]
            seen.add(phase)
            return ("fetch", "judge", "apply", "end").index(phase) >= reached
        killed(loaded, there, want)
        told = loaded.run(run)
        assert told["state"] in ("done", "cancelled"), told
        levels = {loaded.firm("bank-a", certified(i)["uscc"]).json().get("certification", {}).get("level") for i in (25, 250, 499)}
        assert len(levels) == 1, levels
        no_run_is_left_under_way(loaded)
    assert {"apply", "end"} & seen
    whole(loaded)
    assert loaded.sync()["state"] == "done"


@pytest.mark.asan
def test_killed_while_it_starts(loaded, bureau):
    """Killed again and again before it is ready: the run is rolled forward once, by whichever start gets to it."""
    size = head(loaded)["size"]
    bureau.control(rows=firms(FIRMS), version="v2")
    run = start_run(loaded)
    wait_until(lambda: metric(loaded, "pledged_journal_size") >= size + 1, "the first chunk", 60)
    loaded.kill()
    for _ in range(3):
        loaded.launch()
        wait_until(lambda: "start" in loaded.log_text() or loaded.process.poll() is not None, "a start")
        timer = threading.Timer(0.05, loaded.process.kill)      # the moment is the thing tested
        timer.start()
        loaded.process.wait(20)
        loaded.log.close()
    loaded.start()
    assert loaded.run(run)["state"] == "done"
    assert head(loaded)["size"] == size + FIRMS - 20 + 1
    whole(loaded)
