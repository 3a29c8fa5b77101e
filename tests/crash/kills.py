#!/usr/bin/python3
"""kills.py N: kills the gateway N times with SIGKILL during syncs, decisions and questions, and proves that
nothing it had acknowledged is lost, that no two signed heads disagree, that the journal verifies and that the state can
be rebuilt byte by byte."""
import json
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "exchange"))
from conftest import Bureau, Gateway, Pki, bureau_source, wait_until  # noqa: E402
from test_heads import grown, un64  # noqa: E402
import uscc  # noqa: E402  (tests/peers)

FIRMS = 1500


def rows(version, chance):
    """The list of one version: each firm's validity differs by version for a random part of them."""
    out = []
    for i, code in enumerate(CODES):
        until = f"20{30 + (version if chance.random() < 0.4 else 0) % 60:02d}-12-31"
        out.append({"uscc": code, "name": f"山西示例第{i}号有限公司", "regionCode": "140105", "industryCode": "C2669", "scale": "3",
                    "level": "省级", "batch": "2026-1", "documentNo": "晋民营发〔2026〕1号", "certifiedOn": "2026-03-01",
                    "validUntil": until, "status": "certified"})
    return out


class Asker(threading.Thread):
    """Asks as bank-a until told to stop and keeps every answer it got whole."""

    def __init__(self, gateway, seed):
        super().__init__(daemon=True)
        self.gateway, self.chance = gateway, random.Random(seed)
        self.kept, self.ending = [], threading.Event()

    def run(self):
        while not self.ending.is_set():
            code = self.chance.choice(CODES)
            try:
                answer = self.gateway.firm("bank-a", code)
            except Exception:  # noqa: BLE001  the connection was cut by the kill
                self.gateway.sessions.pop("bank-a", None)
                time.sleep(0.01)
                continue
            if answer.status_code == 200:
                self.kept.append((answer.headers["X-Request-Id"], answer.json()))
            else:
                assert answer.status_code in (503,), answer.text


class Witness(threading.Thread):
    """Keeps every signed head that it sees."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.heads, self.ending = gateway, {}, threading.Event()

    def run(self):
        while not self.ending.wait(0.01):
            try:
                head = self.gateway.ask("bank-b", "/v1/journal/head").json()
            except Exception:  # noqa: BLE001  the connection was cut by the kill
                self.gateway.sessions.pop("bank-b", None)
                continue
            self.heads[head["size"], head["root"]] = head["time"]


def check_heads(gateway, heads):
    """One root for each size, and the journal of today grew out of every one of them."""
    assert len({size for size, _ in heads}) == len(heads), "two roots were signed for one size"
    last = gateway.ask("bank-b", "/v1/journal/head").json()
    for size, root in sorted(heads):
        assert size <= last["size"], f"a head was signed for {size}, now it is {last['size']}"
        proof = gateway.ask("bank-b", f"/v1/journal/consistency?from={size}&to={last['size']}").json()
        assert grown(size, last["size"], [un64(h) for h in proof["hashes"]], un64(root), un64(last["root"])), f"not grown out of {size}"


def start_sync(gateway):
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx"}))
    return json.loads(raw)["run"] if status == 202 else None


def check_kept(gateway, kept):
    """Every statement a bank got: its head is within the journal, its record exists, its line is in the access log."""
    head = json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])
    logged = set()
    for segment in sorted((gateway.data / "access").glob("*.log")):
        for line in segment.read_bytes().rstrip(b"\0").splitlines():
            logged.add(json.loads(line)["request_id"])
    for request_id, statement in kept:
        assert statement["head"] <= head["size"], f"answered at head {statement['head']}, journal has {head['size']}"
        assert statement["sequence"] <= head["size"], statement
        assert request_id in logged, f"no access line for {request_id}"
    return head["size"]


def settle(gateway):
    """Waits for whatever was rolled forward and runs one list to its end."""
    run_id = wait_until(lambda: start_sync(gateway), "a run to start")
    run = gateway.run_end(run_id, 120)
    assert run["state"] == "done", run
    return run


def main(kills):
    chance = random.Random(int.from_bytes(random.randbytes(4), "big"))
    work = pathlib.Path(tempfile.mkdtemp(prefix="kills-"))
    pki = Pki(work / "pki")
    bureau = Bureau(pki, work)
    bureau.control(rows=rows(0, chance), version="v0")
    (work / "gateway").mkdir()
    gateway = Gateway(work / "gateway", pki, [bureau_source(bureau, paused=True)], settings={"net.partner_rate": 100000})
    gateway.start()
    kept, size, heads = [], 0, {}
    try:
        for n in range(1, kills + 1):
            bureau.control(rows=rows(n, chance), version=f"v{n}")
            askers, witness = [Asker(gateway, chance.random()) for _ in range(2)], Witness(gateway)
            for asker in [*askers, witness]:
                asker.start()
            start_sync(gateway)
            time.sleep(chance.uniform(0, 0.6))  # the moment of the kill is the thing tested
            gateway.kill()
            for asker in askers:
                asker.ending.set()
                asker.join(10)
                kept += asker.kept
            witness.ending.set()
            witness.join(10)
            heads.update(witness.heads)
            gateway.start()
            now = check_kept(gateway, kept)
            check_heads(gateway, heads)
            assert now >= size, f"the journal shrank from {size} to {now}"
            size = now
            if sys.stderr.isatty():
                print(f"\r{n}/{kills} kills, {len(kept)} answers kept, {size} records", end="", file=sys.stderr)
        settle(gateway)
        gateway.ctl("journal", "verify")
        gateway.ctl("db", "rebuild")
        for i, code in enumerate(CODES):
            if i % 50 == 0:
                assert gateway.firm("bank-a", code).json()["status"] == "listed", code
        check_kept(gateway, kept)
        check_heads(gateway, heads)
        assert gateway.stop() == 0
    except BaseException:
        print(f"kept for inspection: {work}", file=sys.stderr)
        gateway.process.kill()
        bureau.stop()
        raise
    bureau.stop()
    shutil.rmtree(work)
    print(f"{kills} kills: {len(kept)} acknowledged answers and {size} records, nothing lost; {len(heads)} signed heads agree; journal verified, state rebuilt equal")


CODES = [uscc.code(i) for i in range(FIRMS)]
if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
