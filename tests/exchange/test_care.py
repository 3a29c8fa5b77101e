"""Care of data: copies that can be proved and put back, a smaller store, an older store, and erasing by two persons."""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from conftest import BUILD, ROOT, wait_until
from lists import certified, firms
from test_withstand_tamper import Lmdb, flip

OLD = ROOT / "tests" / "vectors" / "store-1"


@pytest.fixture
def gateway_later(make_gateway):
    return make_gateway(start=False)


@pytest.fixture
def gateway_clock(make_gateway):
    return make_gateway(clock=True, settings={"retention.records": "180d", "retention.raw": "180d", "access.retention": "180d"})


def offline(gateway, *arguments, check=True):
    """pledgectl with --config and no daemon named."""
    done = subprocess.run([str(BUILD / "bin" / "pledgectl"), "--json", "--config", str(gateway.dir / "pledged.yaml"), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})
    if check:
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)
    return done


def head(gateway):
    return json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])


def listed(gateway, bureau, n=30):
    bureau.control(rows=firms(n), version="v1")
    assert gateway.sync()["state"] == "done"


def kill_while(gateway, words, moment):
    """Starts an offline command and kills it so many seconds later."""
    process = subprocess.Popen([str(BUILD / "bin" / "pledgectl"), "--config", str(gateway.dir / "pledged.yaml"), *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment)
    process.kill()
    process.wait(10)


def works(gateway, code):
    """The data directory as it is now starts a gateway that is whole and knows the firm."""
    gateway.start()
    assert json.loads(gateway.raw("GET", f"/admin/v1/firms/{code}")[1])["uscc"] == code
    assert gateway.ctl("journal", "verify").returncode == 0
    assert gateway.ctl_json("db", "rebuild")["equal"] is True
    assert gateway.stop() == 0


# ---- backup, verify, restore

@pytest.mark.asan
def test_a_copy_made_under_load_is_whole(gateway, bureau, tmp_path):
    """Queries and a sync go on while it is made; the copy verifies and is put back on a wiped machine."""
    listed(gateway, bureau)
    target, stop, wrong = tmp_path / "copy", threading.Event(), []

    def ask():
        while not stop.is_set():
            answer = gateway.firm("bank-a", certified(1)["uscc"])
            if answer.status_code != 200 or answer.json()["status"] != "listed":
                wrong.append(answer.text)
    thread = threading.Thread(target=ask)
    thread.start()
    bureau.control(rows=firms(400), version="v2")
    started = json.loads(gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))[1])["run"]
    made = gateway.ctl_json("db", "backup", str(target))
    stop.set()
    thread.join()
    assert not wrong and gateway.run_end(started)["state"] == "done"
    assert 0 < made["size"] <= head(gateway)["size"]
    assert sorted(p.name for p in target.iterdir()) == ["access", "config", "manifest.json", "store"]
    proved = offline(gateway, "db", "verify", target)
    assert (proved["size"], proved["root"]) == (made["size"], made["root"]) and proved["entries"] > 30
    assert not list(tmp_path.glob("copy.scratch*"))
    gateway.stop()
    shutil.rmtree(gateway.data)
    offline(gateway, "db", "restore", target)
    gateway.start()
    assert gateway.firm("bank-a", certified(1)["uscc"]).json()["status"] == "listed"
    assert head(gateway)["size"] > made["size"]
    kinds = [json.loads(line)["record"] for line in gateway.ctl("journal", "export", "--from", str(made["size"] + 1)).stdout.splitlines()]
    assert any(r["kind"] == "config" and r["object"] == "restore" and r["object_digest"] == made["manifest"] for r in kinds)


def test_no_private_key_is_copied(gateway, bureau, tmp_path):
    """Whoever holds a backup can read it and cannot sign for the gateway."""
    listed(gateway, bureau, 3)
    gateway.ctl("db", "backup", str(tmp_path / "copy"))
    for path in (tmp_path / "copy").rglob("*"):
        assert path.is_dir() or b"PRIVATE KEY" not in path.read_bytes(), path
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_directory_in_use_is_refused(gateway, bureau, tmp_path):
    """Nothing is written where something is: exit 6, and what was there stays."""
    listed(gateway, bureau, 3)
    (tmp_path / "mine").write_text("mine")
    done = gateway.ctl("db", "backup", str(tmp_path), check=False)
    assert done.returncode == 6 and "backup.directory" in done.stderr, (done.returncode, done.stderr)
    assert [p.name for p in tmp_path.iterdir() if p.name == "mine"] and not (tmp_path / "store").exists()
    assert gateway.admin("observer-1", "/db/backup", "POST", json={"directory": str(tmp_path / "x")}).status_code == 403
    assert gateway.raw("POST", "/admin/v1/db/backup", json.dumps({"directory": "here"}))[0] == 422


@pytest.fixture
def copied(gateway, bureau, tmp_path):
    listed(gateway, bureau)
    for i in range(5):
        assert gateway.firm("bank-a", certified(i)["uscc"]).status_code == 200
    gateway.ctl("db", "backup", str(tmp_path / "copy"))
    return gateway, tmp_path / "copy"


def test_a_changed_byte_is_named(copied):
    """Any file: exit 8 and its name; also a missing file, a further one, and no manifest."""
    gateway, copy = copied
    assert offline(gateway, "db", "verify", copy)["size"] > 0
    for path in sorted(p for p in copy.rglob("*") if p.is_file() and p.name != "manifest.json"):
        whole, name = path.read_bytes(), str(path.relative_to(copy))
        path.write_bytes(flip(len(whole) // 2)(whole))
        done = offline(gateway, "db", "verify", copy, check=False)
        assert done.returncode == 8 and name in done.stderr and "backup.broken" in done.stderr, (name, done.returncode, done.stderr)
        path.write_bytes(whole)
    access = next((copy / "access").glob("*.log"))
    access.rename(copy / "access" / "gone")
    done = offline(gateway, "db", "verify", copy, check=False)
    assert done.returncode == 8 and access.name in done.stderr
    (copy / "access" / "gone").rename(access)
    (copy / "access" / "more").write_text("x")
    done = offline(gateway, "db", "verify", copy, check=False)
    assert done.returncode == 8 and "access/more" in done.stderr
    (copy / "access" / "more").unlink()
    (copy / "manifest.json").rename(copy / "manifest.old")
    done = offline(gateway, "db", "verify", copy, check=False)
    assert done.returncode == 8 and "manifest.json" in done.stderr
    (copy / "manifest.old").rename(copy / "manifest.json")
    assert offline(gateway, "db", "verify", copy)["size"] > 0


def test_a_forged_copy_is_found(copied):
    """Somebody who edits a record and writes digests that fit is told by the journal itself."""
    import hashlib
    gateway, copy = copied
    Lmdb(copy / "store").change("record", (7).to_bytes(8, "big"), flip(-3))
    (copy / "store" / "lock.mdb").unlink()
    data = (copy / "store" / "data.mdb").read_bytes()
    manifest = json.loads((copy / "manifest.json").read_text())
    for file in manifest["files"]:
        if file["path"] == "store/data.mdb":
            file.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (copy / "manifest.json").write_text(json.dumps(manifest))
    done = offline(gateway, "db", "verify", copy, check=False)
    assert done.returncode == 8 and "journal.broken" in done.stderr and "7" in done.stderr, (done.returncode, done.stderr)


def test_going_back_keeps_what_was_there(copied, bureau):
    """A restore is refused while a daemon runs; it brings the earlier answers and keeps the later data beside them."""
    gateway, copy = copied
    code = certified(2)["uscc"]
    bureau.control(rows=[certified(i, **({"status": "withdrawn"} if i == 2 else {})) for i in range(30)], version="v2")
    assert gateway.sync()["state"] == "done"
    assert gateway.firm("bank-a", code).json()["status"] == "removed"
    done = offline(gateway, "db", "restore", copy, check=False)
    assert done.returncode == 6 and "store.locked" in done.stderr
    assert gateway.firm("bank-a", code).json()["status"] == "removed"
    gateway.stop()
    later = (gateway.data / "store" / "data.mdb").read_bytes()
    kept = offline(gateway, "db", "restore", copy)["kept"]
    assert (pathlib.Path(kept) / "store" / "data.mdb").read_bytes() == later
    assert sorted(p.name for p in gateway.dir.glob("data*")) == ["data", pathlib.Path(kept).name]
    works(gateway, code)
    gateway.start()
    assert gateway.firm("bank-a", code).json()["status"] == "listed"


def test_a_broken_copy_is_not_put_back(copied):
    """It is verified first: the present data stay as they are."""
    gateway, copy = copied
    gateway.stop()
    before = (gateway.data / "store" / "data.mdb").read_bytes()
    data = copy / "store" / "data.mdb"
    data.write_bytes(flip(-9)(data.read_bytes()))
    assert offline(gateway, "db", "restore", copy, check=False).returncode == 8
    assert (gateway.data / "store" / "data.mdb").read_bytes() == before
    assert [p.name for p in gateway.dir.glob("data*")] == ["data"]


def test_a_copy_without_a_daemon(copied, tmp_path):
    """--config copies a stopped gateway's data; it verifies."""
    gateway, _ = copied
    gateway.stop()
    made = offline(gateway, "db", "backup", tmp_path / "second")
    assert offline(gateway, "db", "verify", tmp_path / "second")["root"] == made["root"]


def test_killed_at_any_moment(copied, tmp_path):
    """kill -9 during backup, compact and restore: the data directory starts and is whole each time."""
    gateway, copy = copied
    gateway.stop()
    code = certified(4)["uscc"]
    for n, moment in enumerate((0.005, 0.015, 0.03, 0.06, 0.1)):
        kill_while(gateway, ["db", "backup", str(tmp_path / f"cut-{n}")], moment)
        kill_while(gateway, ["db", "compact"], moment)
        kill_while(gateway, ["db", "restore", str(copy)], moment)
        works(gateway, code)
    assert offline(gateway, "db", "compact")["bytes"] > 0
    offline(gateway, "db", "restore", copy)
    assert not list(gateway.dir.glob("data.restoring*"))
    works(gateway, code)


def test_a_daemon_killed_during_a_backup(copied, tmp_path):
    """The directory without a manifest is no backup; the gateway goes on from its journal."""
    gateway, copy = copied
    thread = threading.Thread(target=lambda: gateway.ctl("db", "backup", str(tmp_path / "cut"), check=False))
    thread.start()
    wait_until((tmp_path / "cut").exists, "the backup to begin")
    gateway.kill()
    thread.join()
    if not (tmp_path / "cut" / "manifest.json").exists():
        done = offline(gateway, "db", "verify", tmp_path / "cut", check=False)
        assert done.returncode == 8 and "manifest.json" in done.stderr
    works(gateway, certified(4)["uscc"])


# ---- compact

@pytest.mark.asan
def test_compacting(gateway, bureau):
    """Smaller and equal; refused while a daemon runs; the old file goes with the next start."""
    for version in range(4):
        bureau.control(rows=firms(300, level=f"第{version}级"), version=f"v{version}")
        assert gateway.sync()["state"] == "done"
    assert offline(gateway, "db", "compact", check=False).returncode == 6
    gateway.stop()
    before = offline(gateway, "journal", "verify")
    done = offline(gateway, "db", "compact")
    assert offline(gateway, "journal", "verify") == before
    size = (gateway.data / "store" / "data.mdb").stat().st_size
    assert done["bytes"] == size < done["bytes_before"] and done["entries"] > 300
    assert pathlib.Path(done["kept"]).stat().st_size == done["bytes_before"]
    gateway.start()
    assert not pathlib.Path(done["kept"]).exists()
    assert gateway.ctl_json("db", "rebuild")["equal"] is True
    assert gateway.sync()["state"] == "done"


# ---- formats

def put_old(gateway):
    store = gateway.data / "store"
    store.mkdir(parents=True, mode=0o700)
    subprocess.run(["mdb_load", "-f", str(OLD / "store.dump"), str(store)], check=True)
    return json.loads((OLD / "head.json").read_text()), json.loads((OLD / "firms.json").read_text())


@pytest.mark.asan
def test_an_older_store_is_upgraded(gateway_later):
    """A store that format 1 left behind: announced by --check, copied, upgraded, recorded, with the answers it gave."""
    gateway = gateway_later
    told, firms_then = put_old(gateway)
    gateway.launch("--check")
    gateway.process.wait(20)
    assert "from format 1 to 4" in gateway.log_text(), gateway.log_text()
    assert offline(gateway, "journal", "verify", check=False).returncode == 1
    gateway.start()
    for code, then in firms_then.items():
        now = json.loads(gateway.raw("GET", f"/admin/v1/firms/{code}")[1])
        text = json.dumps(now)
        assert f'"{then["status"]}"' in text and code in text, (then, now)
    lines = [json.loads(line) for line in gateway.ctl("journal", "export").stdout.splitlines()]
    upgrade = [r for r in lines if r["record"]["kind"] == "config" and r["record"]["object"] == "format"]
    assert len(upgrade) == 1 and upgrade[0]["seq"] > told["size"] and "format 1 to 4" in upgrade[0]["record"]["note"]
    assert gateway.ctl_json("db", "rebuild")["equal"] is True
    assert len([a for a in gateway.ctl_items("approve", "list")]) == 2
    assert gateway.stop() == 0
    copy = gateway.data / "before-format-4"
    proved = offline(gateway, "db", "verify", copy)
    assert proved["format"] == 1 and proved["size"] == told["size"] and proved["root"] == told["root"]
    gateway.start()
    assert "store.upgrade" not in gateway.log_text()
    assert gateway.stop() == 0
    offline(gateway, "db", "restore", copy)
    gateway.start()
    assert "store.upgrade" in gateway.log_text() and gateway.ctl_json("db", "rebuild")["equal"] is True


def test_an_upgrade_that_was_cut_off_goes_on(gateway_later):
    """Killed at some moment of it: the next start ends it."""
    gateway = gateway_later
    put_old(gateway)
    for moment in (0.01, 0.03, 0.05, 0.08):
        gateway.launch()
        time.sleep(moment)
        gateway.kill()
    gateway.start()
    assert gateway.ctl_json("db", "rebuild")["equal"] is True
    assert (gateway.data / "before-format-4" / "manifest.json").exists()


def test_a_newer_store_is_refused(gateway, bureau):
    """A daemon of today does not touch what a later one wrote: exit 1 and both numbers."""
    listed(gateway, bureau, 3)
    gateway.stop()
    Lmdb(gateway.data / "store").change("meta", b"format", lambda old: (99).to_bytes(8, "big"))
    gateway.launch()
    assert gateway.process.wait(20) == 1
    assert "store.version" in gateway.log_text() and "99" in gateway.log_text(), gateway.log_text()
    done = offline(gateway, "db", "compact", check=False)
    assert done.returncode == 1 and "store.version" in done.stderr


# ---- erasing

def test_erasing_needs_the_term_and_two_persons(gateway_clock, bureau):
    """Proposed by one, granted by another; leaves, proofs and every answer stay; the journal says what was erased."""
    gateway = gateway_clock
    listed(gateway, bureau, 20)
    for version in ("v2", "v3"):
        bureau.control(rows=firms(20, level=version), version=version)
        assert gateway.sync()["state"] == "done"
    done = gateway.ctl_json("list", "propose", "suspend", certified(0)["uscc"], "--reason", "r", "--ground", "own_request", who="operator-1")
    gateway.ctl("approve", "reject", done["approval"] if "approval" in done else done["id"], "--comment", "no", who="operator-2")
    cut = head(gateway)["size"]
    day = time.strftime("%Y-%m-%d", time.localtime(time.time() + 3 * 86400))
    refused = gateway.ctl("db", "purge", "--before", day, "--reason", "r", check=False)
    assert refused.returncode == 1 and "retention.term" in refused.stderr, (refused.returncode, refused.stderr)
    gateway.set_clock(190 * 86400)
    bureau.control(rows=firms(20, level="v4"), version="v4")
    assert gateway.sync()["state"] == "done"
    look = gateway.ctl_json("db", "purge", "--before", day, "--dry-run")
    assert look["raw"] >= 60 and look["records"] >= 4 and look["last"] >= cut, look
    size = head(gateway)["size"]
    made = gateway.ctl_json("db", "purge", "--before", day, "--reason", "term over", who="sysadmin-1")
    assert head(gateway)["size"] == size + 1
    assert gateway.admin("observer-1", f"/approvals/{made['approval']}/grant", "POST", json={"comment": "x"}).status_code == 403
    gateway.ctl("approve", "grant", made["approval"], "--comment", "seen", who="operator-2")

    def purged():
        lines = [json.loads(line) for line in gateway.ctl("journal", "export").stdout.splitlines()]
        return lines if lines[-1]["record"] and lines[-1]["record"]["kind"] == "purge" else None
    lines = wait_until(purged, "the purge's record")
    gone = [line["seq"] for line in lines if line["record"] is None]
    assert len(gone) == look["records"] and all(line["leaf"] for line in lines)
    note = lines[-1]["record"]["note"]
    assert f"records={look['records']}" in note and f"raw={look['raw']}" in note and lines[-1]["record"]["origin"] == made["approval"]
    assert gateway.ctl("journal", "verify").returncode == 0
    assert gateway.ctl_json("db", "rebuild")["equal"] is True
    assert gateway.firm("bank-a", certified(3)["uscc"]).json()["status"] == "listed"
    again = gateway.ctl("db", "purge", "--before", day, "--reason", "again", check=False)
    assert again.returncode == 5 and "retention.nothing" in again.stderr, (again.returncode, again.stderr)
    made = gateway.ctl_json("db", "backup", str(gateway.dir / "copy"))
    assert offline(gateway, "db", "verify", gateway.dir / "copy")["root"] == made["root"]


def test_old_runs_are_forgotten(gateway_clock, bureau):
    """After retention.runs the story and row diff of a run go; the journal keeps its record."""
    gateway = gateway_clock
    listed(gateway, bureau, 10)
    assert len(gateway.ctl_items("sync", "list")) == 1
    gateway.set_clock(1100 * 86400)
    wait_until(lambda: not gateway.ctl_items("sync", "list"), "the old run to be forgotten")
    stat = {t["name"]: t["entries"] for t in gateway.ctl_json("db", "stat")["tables"]}
    assert stat["run"] == stat["diff"] == 0
    assert gateway.ctl("journal", "verify").returncode == 0
