#!/usr/bin/env python3
"""The sandbox as others find it: keeps one up, checks sandbox.json and what it promises, interrupts it.

The file has every member of its shape, every identity is let in, every firm is what it is said to be, a second sandbox is
refused with the first one's pid, a plain run beside it does no harm, and an interrupt leaves nothing behind.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "build" / "sandbox" / "sandbox.json"
SCRIPT = ["sh", str(ROOT / "gateway" / "quickstart.sh")]
PARTNERS = {"bank-a", "bank-b", "bureau-sx", "bureau-ty", "registry-ty", "onestop-sx", "ippublic-sx", "operator-1", "operator-2",
            "observer-1", "auditor-1", "secadmin-1", "sysadmin-1"}
MEMBERS = {"gateway", "origin", "api", "admin", "frames", "admin_socket", "config", "ca", "gateway_cert", "gateway_cert_sm2", "pid",
           "partners", "listed", "unlisted", "cases"}
PEOPLE = {"operator-1": "operator,approver", "operator-2": "operator,approver", "observer-1": "observer", "auditor-1": "auditor",
          "secadmin-1": "secadmin", "sysadmin-1": "sysadmin"}


def wait_for_file(process):
    deadline = time.monotonic() + 120
    while not FILE.exists():
        assert process.poll() is None, f"the sandbox ended with {process.returncode}"
        assert time.monotonic() < deadline, "no sandbox.json"
        time.sleep(0.05)
    return json.loads(FILE.read_text())


def ask(sandbox, who, path):
    """As a user would, with the files that sandbox.json names."""
    partner = sandbox["partners"][who]
    done = subprocess.run(["curl", "-sS", "--fail-with-body", "--noproxy", "*", "--cacert", sandbox["ca"], "--cert", partner["cert"],
                           "--key", partner["key"], sandbox["api"] + path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{who} {path}: {done.stdout} {done.stderr}"
    return json.loads(done.stdout)


def check_shape(sandbox):
    assert set(sandbox) == MEMBERS, set(sandbox) ^ MEMBERS
    assert (sandbox["gateway"], sandbox["origin"]) == ("ippledge-sx", "ippledge-sx.log")
    assert set(sandbox["partners"]) == PARTNERS
    for name, partner in sandbox["partners"].items():
        assert partner["alg"] == ("SM2" if name in ("bank-b", "bureau-ty") else "ES256"), name
        for member in ("cert", "key", "sign_cert", "sign_key"):
            assert b"-----BEGIN" in pathlib.Path(partner[member]).read_bytes(), (name, member)
    for member in ("config", "ca", "gateway_cert", "gateway_cert_sm2", "admin_socket"):
        assert os.path.isabs(sandbox[member]) and os.path.exists(sandbox[member]), member
    os.kill(sandbox["pid"], 0)


def check_people_and_partners(sandbox):
    for name, partner in sandbox["partners"].items():
        told = ask(sandbox, name, "/v1/whoami")
        assert told["partner"] == name, told
        assert ",".join(told["roles"]) == PEOPLE.get(name, ",".join(told["roles"])), told
        if name not in PEOPLE:
            assert told["alg"] == partner["alg"], told


def check_firms(sandbox):
    assert len(sandbox["listed"]) >= 30 and len(sandbox["unlisted"]) >= 1
    for code in sandbox["listed"]:
        assert ask(sandbox, "bank-a", f"/v1/whitelist/{code}")["status"] == "listed", code
    for code in sandbox["unlisted"]:
        assert ask(sandbox, "bank-b", f"/v1/whitelist/{code}")["status"] == "not_listed", code
    for case, code in sandbox["cases"].items():
        told = ask(sandbox, "bank-a", f"/v1/whitelist/{code}")
        assert told["status"] == ("not_listed" if case == "checking" else case), told
    assert told["reasons"] == ["under_review"], told
    assert list(sandbox["cases"]) == ["suspended", "removed", "expired", "checking"]


def check_others(first):
    second = subprocess.run([*SCRIPT, "--keep"], capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and str(first.pid) in second.stderr and second.stdout == "", second
    plain = subprocess.run(SCRIPT, capture_output=True, text=True, timeout=170)
    assert plain.returncode == 0, plain.stderr
    assert FILE.exists() and first.poll() is None


def running(sandbox):
    try:
        state = pathlib.Path(f"/proc/{sandbox['pid']}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    return b"pledged" in state


def main():
    first = subprocess.Popen([*SCRIPT, "--keep"], stdout=subprocess.PIPE, text=True)
    try:
        sandbox = wait_for_file(first)
        check_shape(sandbox)
        check_people_and_partners(sandbox)
        check_firms(sandbox)
        check_others(first)
    finally:
        first.send_signal(signal.SIGINT)
        story, _ = first.communicate(timeout=60)
    assert first.returncode == 0, first.returncode
    assert not FILE.exists() and not running(sandbox)
    assert sandbox["api"] in story and "沙箱已就绪" in story
    print(f"the sandbox keeps what sandbox.json promises: {len(sandbox['partners'])} identities, {len(sandbox['listed'])} listed firms")


if __name__ == "__main__":
    sys.exit(main())
