"""An adapter that misbehaves harms its own source and nothing else."""
import pytest

from conftest import bureau_source
from lists import certified, firms
from withstand import (Peer, adapters_with_misbehave, memory, metric, read_request, run_all, sanitized, source, start_run,
                       status_of, wait_until, whole)


@pytest.fixture
def beside(make_gateway, bureau, tmp_path):
    """beside(sources): a gateway with these sources of the misbehaving adapter beside a good one that was synced once."""
    def make(sources):
        gateway = make_gateway(sources=[bureau_source(bureau, paused=True), *sources],
                               settings={"adapters.directory": adapters_with_misbehave(tmp_path), "adapters.step_limit": "500ms"})
        bureau.control(rows=firms(5), version="v1")
        assert run_all(gateway, ["bureau-sx"])["bureau-sx"]["state"] == "done"
        return gateway
    return make


def bad(name, act=None, deadline="30s", **settings):
    return source(name, "misbehave", {"act": act or name, **settings}, deadline=deadline)


def goes_on(gateway, bureau, n):
    """The good source brings one more firm, and a bank is answered."""
    bureau.control(rows=firms(n), version=f"v{n}")
    assert run_all(gateway, ["bureau-sx"])["bureau-sx"]["state"] == "done"
    assert status_of(gateway, certified(n - 1)["uscc"]) == "listed"


def hanging():
    def speak(connection, _):
        read_request(connection)
        connection.recv(1)
    return Peer(speak)


VERDICTS = {
    "retry": "adapter.retry", "rejected": "adapter.rejected", "uncertain": "adapter.uncertain", "broken": "adapter.broken",
    "seven": "adapter.broken", "field-unknown": "adapter.broken", "field-nameless": "adapter.broken",
    "field-twice": "adapter.broken", "row-long": "adapter.broken", "row-open": "adapter.broken", "field-alone": "adapter.broken",
    "two-ios": "adapter.broken", "alloc": "adapter.retry", "tcp": "adapter.retry",
}


@pytest.mark.asan
def test_each_verdict_ends_its_run_and_no_other(beside, bureau):
    """Every verdict, a wait without end and broken rules: a failed run with its code; the good source goes on meanwhile."""
    peer = hanging()
    names = [bad(name, act=name.replace("-", "_")) for name in VERDICTS]
    gateway = beside(names + [bad("endless", "http", deadline="1s", url=peer.url, pause="1h"),
                              bad("wait", deadline="1s"), bad("endless-rows", "rows", deadline="1s", rows="-1"),
                              bad("garbage", "field_garbage")])
    started = {name: start_run(gateway, name) for name in [*VERDICTS, "endless", "wait", "endless-rows", "garbage"]}
    goes_on(gateway, bureau, 6)
    ended = {name: gateway.run_end(run, 90) for name, run in started.items()}
    peer.stop()
    for name, code in VERDICTS.items():
        assert ended[name]["state"] in ("failed", "incomplete") and ended[name]["error"]["code"] == code, ended[name]
        assert ended[name]["counts"]["added"] == 0 and ended[name]["next"]["zh"], ended[name]
    assert "as told" in ended["retry"]["error"]["detail"] and "\n" not in ended["retry"]["error"]["detail"]
    assert "16 MiB, then none" in ended["alloc"]["error"]["detail"], ended["alloc"]
    assert ended["retry"]["attempts"] == 3 and ended["rejected"]["attempts"] == 1 and ended["broken"]["attempts"] == 1
    for name in ("endless", "wait", "endless-rows"):
        assert ended[name]["error"]["code"] == "adapter.deadline", ended[name]
    assert ended["garbage"]["counts"]["rejected"] == 1 and ended["garbage"]["counts"]["added"] == 0, ended["garbage"]
    goes_on(gateway, bureau, 7)
    whole(gateway)


@pytest.mark.asan
def test_an_adapter_in_its_own_loop_is_set_aside(beside, bureau):
    """Quarantined: its run ends with adapter.quarantined, its other sources are refused, the rest of the gateway goes on."""
    gateway = beside([bad("late"), bad("other", "retry")])
    run = start_run(gateway, "late")
    goes_on(gateway, bureau, 6)
    ended = gateway.run_end(run)
    assert ended["state"] == "failed" and ended["error"]["code"] == "adapter.quarantined" and ended["error"]["text_zh"], ended
    assert run_all(gateway, ["other"])["other"]["error"]["code"] == "adapter.quarantined"
    goes_on(gateway, bureau, 7)
    shown = {a["name"]: a for a in gateway.ctl_items("adapter", "list")}
    assert shown["misbehave"]["quarantined"] is True and shown["bureau"]["quarantined"] is False, shown
    done = gateway.ctl("doctor", check=False)
    assert done.returncode == 1 and "adapter.misbehave" in done.stdout and "quarantined" in done.stdout, done.stdout
    assert metric(gateway, "pledged_adapter_quarantined_total") == 1
    assert gateway.raw("GET", "/readyz")[0] == 200
    assert gateway.stop() == 0, gateway.log_text()[-2000:]
    gateway.start()
    assert run_all(gateway, ["other"])["other"]["error"]["code"] == "adapter.retry"
    whole(gateway)


def test_a_flood_of_rows_takes_no_memory_and_ends(beside, bureau):
    """Rows without end from one that heeds nothing: bounded memory, ended by the deadline, set aside."""
    gateway = beside([bad("flood", deadline="2s", rows="-1")])
    before = memory(gateway)
    run = start_run(gateway, "flood")
    goes_on(gateway, bureau, 6)
    ended = gateway.run_end(run)
    assert ended["error"]["code"] in ("adapter.quarantined", "adapter.deadline"), ended
    assert ended["counts"]["added"] == 0 and status_of(gateway, certified(0)["uscc"]) == "listed"
    if not sanitized():
        assert memory(gateway) < before + 64 * 1024, f"{before} kB grew to {memory(gateway)} kB"
    wait_until(lambda: gateway.run(run)["state"] != "running", "the flood to end")
    goes_on(gateway, bureau, 7)
    whole(gateway)


def test_a_source_that_cannot_be_opened_is_told_at_its_place(make_gateway, bureau, tmp_path):
    """An adapter that refuses to open: pledged --check names the file, the line and the adapter's own words."""
    gateway = make_gateway(sources=[bureau_source(bureau, paused=True), bad("sulks", "retry", open="refuse")], start=False,
                           settings={"adapters.directory": adapters_with_misbehave(tmp_path)})
    gateway.launch("--check")
    assert gateway.process.wait(30) == 1
    told = gateway.log_text()
    assert "sources.yaml:" in told and "adapter.open" in told and "not in the mood" in told, told
