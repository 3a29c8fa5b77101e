"""Starting, stopping, dying and a full disk."""
import json
import signal
import subprocess
import time

import pytest

from conftest import BUILD, wait_until
from lists import certified, firms


@pytest.mark.asan
def test_killed_in_the_middle_of_a_run_it_is_whole_again(make_gateway, bureau):
    """After kill -9 a run is as if it never ran, or rolled forward to its end before ready."""
    gateway = make_gateway()
    bureau.control(rows=firms(3000), version="v1")
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    run_id = json.loads(raw)["run"]
    wait_until(lambda: gateway.run(run_id)["phase"] in ("apply", "end"), "the run to be applying")
    gateway.kill()
    gateway.start()
    run = gateway.run(run_id)
    listed = [gateway.firm("bank-a", certified(i)["uscc"]).json()["status"] for i in (0, 1500, 2999)] if run["state"] == "done" else None
    assert run["state"] == "done" and listed == ["listed"] * 3, (run, listed)
    assert gateway.ctl("journal", "verify").returncode == 0 and gateway.ctl_json("db", "rebuild")["equal"] is True


def test_one_daemon_per_data_directory(gateway):
    """A second one says so and leaves the first alone."""
    second = subprocess.run([str(BUILD / "bin" / "pledged"), "--config", str(gateway.dir / "pledged.yaml")], capture_output=True, text=True,
                            timeout=30)
    assert second.returncode == 1 and "store.locked" in second.stderr, second.stderr
    assert gateway.ready()


def test_check_reports_every_fault_with_its_place(make_gateway):
    """pledged --check names file, line and column of each fault and changes nothing."""
    gateway = make_gateway(start=False)
    config = (gateway.dir / "pledged.yaml").read_text()
    gateway.write("pledged.yaml", config + "nonsense: 1\nnet:\n  threads: many\n")
    partners = (gateway.dir / "partners.yaml").read_text()
    gateway.write("partners.yaml", partners.replace("- bank\n", "- banker\n", 1))
    done = subprocess.run([str(BUILD / "bin" / "pledged"), "--config", str(gateway.dir / "pledged.yaml"), "--check"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 1
    assert "pledged.yaml:" in done.stderr and "nonsense" in done.stderr and "threads" in done.stderr, done.stderr


def test_check_of_a_good_configuration(make_gateway):
    """Exit 0 and nothing to complain about."""
    gateway = make_gateway(start=False)
    done = subprocess.run([str(BUILD / "bin" / "pledged"), "--config", str(gateway.dir / "pledged.yaml"), "--check"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr


def test_plain_text_is_spoken_on_loopback_only(make_gateway):
    """Metrics and probes without TLS are for this machine: --check and a start both say so."""
    gateway = make_gateway(start=False, settings={"plain.listen": "0.0.0.0:0"})
    for more in (["--check"], []):
        done = subprocess.run([str(BUILD / "bin" / "pledged"), "--config", str(gateway.dir / "pledged.yaml"), *more], capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 1
        assert "pledged.yaml:" in done.stderr and "loopback" in done.stderr, done.stderr


def test_an_orderly_stop_finishes_what_is_under_way(make_gateway, bureau):
    """SIGTERM during a slow fetch: exit 0 within the deadline, the run cancelled, nothing half done."""
    gateway = make_gateway()
    bureau.control(rows=firms(1200), version="v1", mode="slow", seconds=2)
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    began = time.monotonic()
    assert gateway.stop() == 0 and time.monotonic() - began < 15
    bureau.control(mode="normal")
    gateway.start()
    assert gateway.run(json.loads(raw)["run"])["state"] == "cancelled"


def test_no_room_on_disk_is_told_and_ends(make_gateway, bureau):
    """Below data.min_free new facts are refused with store.full; answers go on; with room the next run works."""
    gateway = make_gateway(settings={"data.min_free": "64MiB"})
    bureau.control(rows=firms(10), version="v1")
    assert gateway.sync()["state"] == "done"
    config = (gateway.dir / "pledged.yaml").read_text()
    gateway.stop()
    gateway.write("pledged.yaml", config.replace("64MiB", "1TiB"))
    gateway.launch()
    wait_until(lambda: gateway.ready("/livez"), "the gateway to answer")
    bureau.control(rows=firms(12), version="v2")
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    assert status == 503 and json.loads(raw)["code"] == "store.full", raw
    assert gateway.firm("bank-a", certified(0)["uscc"]).json()["status"] == "listed"
    gateway.stop()
    gateway.write("pledged.yaml", config)
    gateway.start()
    assert gateway.sync()["state"] == "done"


def test_config_files_are_records_when_their_digest_is_new(gateway):
    """Each start or reload that sees a new digest is a journal record; the same digest again is not."""
    def seen():
        lines = gateway.ctl("--json", "journal", "export").stdout.splitlines()
        return [json.loads(line)["record"] for line in lines if '"config"' in line]
    first = len(seen())
    assert first == 4
    gateway.reload()
    assert len(seen()) == first
    gateway.write_rules({"decided_by": "another meeting"})
    assert gateway.reload()[0] == 200
    assert len(seen()) == first + 1
