"""A disk that is really full: what cannot be kept is refused with store.full, nothing is lost, and with room all goes on."""
import json
import os
import subprocess

import pytest

from lists import certified, firms
from withstand import head, metric, order, start_run, status_of, wait_until, was_asked, whole

@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "pledged-test", str(disk)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def on_it(small_disk, make_gateway, bureau):
    gateway = make_gateway(settings={"data.directory": str(small_disk / "data"), "data.min_free": "1MiB", "access.segment_size": "64KiB",
                                     "net.partner_rate": 100000})
    gateway.data = small_disk / "data"
    bureau.control(rows=firms(20), version="v1")
    first = gateway.sync()
    assert first["state"] == "done", first
    assert status_of(gateway, certified(0)["uscc"]) == "listed"         # so that a segment of the access log is open
    yield gateway
    assert gateway.stop() == 0          # before the disk goes away


def room(disk):
    state = os.statvfs(disk)
    return state.f_bavail * state.f_frsize


def fill(disk, leave):
    """A file that leaves so many bytes free; deleting it is how room is made."""
    with open(disk / "filler", "ab") as f:
        while (more := room(disk) - leave) > 0:
            try:
                f.write(b"\0" * min(more, 1 << 20))
                f.flush()
            except OSError:
                return


def ask_until_refused(gateway):
    """Answers until the access log has no room for one more line; returns how many were answered."""
    for n in range(5000):
        answer = gateway.firm("bank-a", certified(n % 20)["uscc"])
        if answer.status_code != 200:
            assert answer.status_code == 503 and answer.json()["code"] == "store.full" and answer.json()["detail_zh"], answer.text
            return n
    raise AssertionError("the access log never filled")


@pytest.mark.asan
def test_a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing(on_it, small_disk, bureau):
    """No run, no decision and in the end no answer; /readyz says so; with room again everything goes on without a restart."""
    answered = 0
    on_it.ctl("list", "propose", "suspend", certified(3)["uscc"], "--ground", "abnormal_operation", "--reason", "notice 17")
    waiting = [a["id"] for a in on_it.ctl_items("approve", "list")]
    before = head(on_it)
    fill(small_disk, 0)
    bureau.control(rows=firms(25), version="v2")
    status, raw = on_it.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    assert status == 503 and json.loads(raw)["code"] == "store.full", raw
    decision = on_it.admin("operator-1", f"/approvals/{waiting[0]}/grant", "POST", json={"comment": "with a full disk"})
    assert decision.status_code == 503 and decision.json()["code"] == "store.full", decision.text
    answered += ask_until_refused(on_it)
    assert answered > 0 and on_it.raw("GET", "/livez")[0] == 200
    status, raw = on_it.raw("GET", "/readyz?verbose")
    assert status == 503 and b"disk" in raw, raw
    assert on_it.ctl("doctor", check=False).returncode == 1
    assert on_it.ask("bank-a", "/v1/whoami").status_code == 200, "what needs no line is answered"
    assert head(on_it) == before

    (small_disk / "filler").unlink()
    wait_until(lambda: on_it.firm("bank-a", certified(0)["uscc"]).status_code == 200, "answers to go on")
    assert on_it.admin("operator-1", f"/approvals/{waiting[0]}/grant", "POST", json={"comment": "with room"}).status_code == 200
    assert on_it.sync()["state"] == "done" and status_of(on_it, certified(24)["uscc"]) == "listed"
    assert on_it.raw("GET", "/readyz")[0] == 200
    whole(on_it)
    lines = on_it.ctl_items("access", "find", "--partner", "bank-a", "--limit", "10000")
    assert sum(line["status"] == 200 for line in lines) >= answered + 2, (len(lines), answered)
    on_it.stop()
    assert on_it.ctl("journal", "verify", "--config", str(on_it.dir / "pledged.yaml")).returncode == 0


@pytest.mark.asan
@pytest.mark.parametrize("leave", [0, 2 << 20, 5 << 20])
def test_a_disk_that_fills_under_a_run(on_it, small_disk, bureau, leave):
    """The room ends while a list of 4000 comes in: store.full is told, never half a firm; with room the list comes to its end."""
    bureau.control(rows=firms(4000), version="v2")
    order(bureau, mode="hang", pages=[8])
    run = start_run(on_it)
    wait_until(lambda: was_asked(bureau, 8), "the list to come in")
    fill(small_disk, leave)
    order(bureau, mode="normal")
    stopped = lambda: on_it.run(run)["state"] != "running" or "store.full" in on_it.log_text()  # noqa: E731
    wait_until(stopped, "the run to meet the full disk", 60)
    assert "store.full" in on_it.log_text() and on_it.run(run)["state"] != "done", on_it.run(run)
    assert status_of(on_it, certified(3)["uscc"]) == "listed"
    on_it.ctl("journal", "verify")
    (small_disk / "filler").unlink()
    ended = on_it.run_end(run)
    assert ended["state"] in ("done", "failed", "incomplete"), ended
    assert ended["state"] == "done" or ended["error"]["code"] == "store.full", ended
    assert on_it.sync()["state"] == "done"
    assert status_of(on_it, certified(3999)["uscc"]) == "listed"
    whole(on_it)


def test_a_start_on_a_full_disk(on_it, small_disk):
    """Stopped and started without room: it says store.full at the socket or in the log, and comes up when there is room."""
    before = head(on_it)
    on_it.stop()
    fill(small_disk, 0)
    on_it.launch()
    wait_until(lambda: on_it.process.poll() is not None or b"failed disk" in readiness(on_it) or "store.full" in on_it.log_text(),
               "the full disk to be told")
    (small_disk / "filler").unlink()
    if on_it.process.poll() is not None:
        assert on_it.process.returncode == 1
        on_it.launch()
    on_it.wait_ready()
    assert head(on_it)["size"] >= before["size"]
    wait_until(lambda: on_it.firm("bank-a", certified(0)["uscc"]).status_code == 200, "answers to go on")
    assert on_it.sync()["state"] == "done"
    whole(on_it)


def readiness(gateway):
    try:
        return gateway.raw("GET", "/readyz?verbose")[1]
    except OSError:
        return b""


@pytest.mark.asan
def test_a_run_half_carried_out_is_ended_before_a_newer_one(on_it, small_disk, bureau):
    """Killed between two chunks and started without room: the older list is never carried forward over a newer one."""
    bureau.control(rows=firms(3000), version="v2")
    size = head(on_it)["size"]
    run = start_run(on_it)
    wait_until(lambda: metric(on_it, "pledged_journal_size") > size, "the first chunk", 60)
    on_it.kill()
    fill(small_disk, 0)
    on_it.launch()
    wait_until(lambda: "store.full" in on_it.log_text(), "the full disk to be told")
    (small_disk / "filler").unlink()
    if on_it.process.poll() is None:
        wait_until(lambda: on_it.process.poll() is not None or on_it.ready(), "an end or readiness")
    if on_it.process.poll() is not None:
        assert on_it.process.returncode == 1, on_it.log_text()[-1500:]
        on_it.launch()
    on_it.wait_ready()
    assert on_it.run(run)["state"] == "done"
    bureau.control(rows=[certified(0, status="withdrawn"), *firms(3000)[1:]], version="v3")
    assert on_it.sync()["state"] == "done" and status_of(on_it, certified(0)["uscc"]) == "removed"
    on_it.stop()
    on_it.start()
    assert status_of(on_it, certified(0)["uscc"]) == "removed"
    whole(on_it)
