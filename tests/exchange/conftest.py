"""A real gateway, a real bureau and real certificates on loopback, for short dialogues."""
import contextlib
import csv
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GW_BUILD", ROOT / "build")).resolve()
PEERS = ROOT / "tests" / "peers"
sys.path.insert(0, str(PEERS))

# the certificates of this test are the only ones to trust, whatever the caller's environment says
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
    os.environ.pop(name, None)

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
PARTNERS = {
    "bank-a": {"name": "甲银行", "roles": ["bank"]},
    "bank-b": {"name": "乙银行", "roles": ["bank"], "alg": "SM2"},
    "bureau-sx": {"name": "省民营经济发展局", "roles": ["bureau"]},
    "bureau-ty": {"name": "市民营经济发展局", "roles": ["bureau"], "alg": "SM2"},
    "registry-ty": {"name": "太原代办处", "roles": ["registry"]},
    "onestop-sx": {"name": "一站式综合服务平台", "roles": ["platform"]},
    "ippublic-sx": {"name": "知识产权公共服务平台", "roles": ["platform"]},
}
PARTNER_MEMBERS = ("answer_alg", "view", "receives", "xml", "channel", "frames", "uscc")     # written as they stand
PEOPLE = {
    "operator-1": ["operator", "approver"], "operator-2": ["operator", "approver"], "observer-1": ["observer"],
    "auditor-1": ["auditor"], "secadmin-1": ["secadmin"], "sysadmin-1": ["sysadmin"],
}


def kinds_of(roles):
    """Every kind that a partner of these roles may send."""
    with open(ROOT / "schemas" / "catalog.csv") as f:
        lines = csv.DictReader(line for line in f if not line.startswith("#"))
        return [k["kind"] for k in lines if k["direction"] != "out" and set(roles) & set(k["roles"].split())]


def wait_until(condition, what, seconds=20):
    """Polls until condition() is true; fails with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Pki:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        subprocess.run(["sh", str(ROOT / "certs" / "make-dev-pki.sh"), str(self.dir)], check=True, stdout=subprocess.DEVNULL)

    def __truediv__(self, name):
        return self.dir / name

    def pair(self, name):
        return str(self.dir / f"{name}.pem"), str(self.dir / f"{name}.key")

    @property
    def ca(self):
        return str(self.dir / "ca.pem")

    def issue(self, name, alg="ES256", use="client"):
        """One more identity of this authority: NAME.pem and NAME.key."""
        if (self.dir / f"{name}.pem").exists():
            return
        base = str(self.dir / name)
        kind = {"SM2": ["-algorithm", "SM2"], "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}
        make = kind.get(alg, ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        for command in (["genpkey", *make, "-out", f"{base}.key"],
                        ["req", "-x509", "-config", str(self.dir / "ca" / "openssl.cnf"), "-extensions", use, "-key", f"{base}.key",
                         "-CA", self.ca, "-CAkey", str(self.dir / "ca.key"), "-sha256", "-days", "820", "-out", f"{base}.pem",
                         "-subj", f"/O=pledged development/CN={name}"]):
            subprocess.run(["openssl", *command], check=True, capture_output=True, env={**os.environ, "PKI_DIR": str(self.dir)})

    def revoke(self, name):
        subprocess.run(["sh", str(ROOT / "certs" / "make-dev-pki.sh"), "--revoke", str(self.dir), name], check=True,
                       stdout=subprocess.DEVNULL)


class Bureau:
    """The stand-in bureau as a process of its own."""

    def __init__(self, pki, directory, *arguments):
        cert, key = pki.pair("bureau-server")
        self.log = open(pathlib.Path(directory) / "bureau.log", "wb")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(PEERS / "bureau.py"), "--cert", cert, "--key", key, "--ca", pki.ca, *arguments],
            stdout=subprocess.PIPE, stderr=self.log)
        self.info = json.loads(self.process.stdout.readline())
        self.port = self.info["port"]
        self.url = f"https://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.session.cert = pki.pair("bureau-sx")
        self.session.verify = pki.ca

    def control(self, mode=None, seconds=2, times=None, size=None, **content):
        """The list from now on (rows, version), then how it is told (mode)."""
        orders = [content] if content else []
        if mode is not None:
            details = {"slow": {"seconds": seconds}, "huge_line": {"bytes": size or 70000}, "change_version": {"pages": [2]}}.get(mode, {})
            orders.append({"mode": mode, **details, **({"times": times} if times else {})})
        for order in orders:
            answer = self.session.post(f"{self.url}/control", json=order, timeout=60)
            assert answer.status_code == 200, answer.text

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


class Gateway:
    def __init__(self, directory, pki, sources, settings=None, partners=None, rules=None, clock=False):
        self.dir = pathlib.Path(directory)
        self.pki = pki
        self.port, self.admin_port = free_port(), free_port()
        self.socket = str(self.dir / "pledged.sock")
        self.data = self.dir / "data"
        self.clock = self.dir / "clock" if clock else None
        self.process = None
        self.starts = 0
        self.sessions = {}
        self.write_partners(partners or PARTNERS)
        self.write("operators.yaml", {"operators": [
            {"id": name, "name": name, "roles": roles, "tls_certificates": [str(pki / f"{name}.pem")]}
            for name, roles in PEOPLE.items()]})
        self.write_sources(sources)
        self.write_rules(rules)
        self.write_config(settings or {})
        if self.clock:
            self.set_clock(0)

    # ---- files

    def write(self, name, content):
        path = self.dir / name
        temporary = path.with_suffix(".new")
        temporary.write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
        temporary.rename(path)

    def write_partners(self, partners):
        self.partners = partners
        self.write("partners.yaml", {"partners": [
            {"id": name, "name": p["name"], "roles": p["roles"],
             "tls_certificates": [str(self.pki / f) for f in p.get("tls", [f"{name}.pem"])],
             "kinds": p.get("kinds", kinds_of(p["roles"])),
             "signing": {"alg": p.get("alg", "ES256"), "certificates": [str(self.pki / p.get("sign", f"{name}-sign.pem"))],
                         **({"sm2_id": p["sm2_id"]} if "sm2_id" in p else {})},
             **{member: p[member] for member in PARTNER_MEMBERS if member in p},
             **({"paused": True} if p.get("paused") else {})}
            for name, p in partners.items()]})

    def write_sources(self, sources):
        self.write("sources.yaml", {"sources": sources})

    def write_rules(self, changes=None):
        rules = yaml.safe_load((ROOT / "gateway" / "policy" / "rules-sample.yaml").read_text())
        for version in rules["versions"]:
            version.update(changes or {})
        self.write("rules.yaml", json.loads(json.dumps(rules, default=str)))

    def write_config(self, changes):
        config = {
            "gateway": {"name": "ippledge-sx", "origin": "ippledge-sx.log",
                        "issuer": {"name": "山西省知识产权局", "uscc": "11140000MB1A00000X"}},
            "data": {"directory": str(self.data)},
            "files": {n: str(self.dir / f"{n}.yaml") for n in ("rules", "partners", "sources", "operators")},
            "api": {"listen": f"127.0.0.1:{self.port}"},
            "admin": {"listen": f"127.0.0.1:{self.admin_port}", "socket": self.socket},
            "tls": {"certificate": str(self.pki / "server.pem"), "key": str(self.pki / "server.key"),
                    "client_ca": self.pki.ca, "client_crl": str(self.pki / "crl.pem"),
                    "outgoing_certificate": str(self.pki / "gateway-client.pem"), "outgoing_key": str(self.pki / "gateway-client.key")},
            "signing": {"es256": {"certificate": str(self.pki / "gateway-sign.pem"), "key": str(self.pki / "gateway-sign.key")},
                        "sm2": {"certificate": str(self.pki / "gateway-sign-sm2.pem"), "key": str(self.pki / "gateway-sign-sm2.key")}},
            "policy": {"admission": "automatic"},
            "adapters": {"directory": str(BUILD / "adapters")},
            "schemas": {"directory": str(ROOT / "schemas")},
        }
        for path, value in changes.items():
            node = config
            *parents, last = path.split(".")
            for name in parents:
                node = node.setdefault(name, {})
            node[last] = value
        self.write("pledged.yaml", config)

    # ---- process

    def set_clock(self, seconds):
        """Moves the gateway's wall clock by so many seconds from the true time, at once."""
        temporary = self.clock.with_suffix(".new")
        temporary.write_text(f"{seconds:+d}\n")
        temporary.rename(self.clock)

    def environment(self):
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
               "UBSAN_OPTIONS": "print_stacktrace=1"}
        if self.clock:
            # else the sanitizer asks the false clock for the time before that can stand, and waits for itself
            env["ASAN_OPTIONS"] += ":allocator_release_to_os_interval_ms=-1"
            env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(self.clock), FAKETIME_NO_CACHE="1",
                       FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
        return env

    def launch(self, *arguments):
        self.starts += 1
        self.log_path = self.dir / f"pledged-{self.starts}.log"
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen([str(BUILD / "bin" / "pledged"), "--config", str(self.dir / "pledged.yaml"), *arguments],
                                        stdout=subprocess.DEVNULL, stderr=self.log, env=self.environment())

    def start(self):
        self.launch()
        self.wait_ready()
        return self

    def ready(self, probe="/readyz"):
        assert self.process.poll() is None, f"pledged ended with {self.process.returncode}:\n{self.log_text()[-3000:]}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.raw("GET", probe)[0] == 200
        return False

    def wait_ready(self, seconds=60):
        wait_until(self.ready, "the gateway to be ready", seconds)

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        for session in self.sessions.values():
            session.close()             # a stop lingers for clients that have not closed their side
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.log.close()
        self.sessions.clear()

    def reload(self):
        return self.raw("POST", "/admin/v1/config/reload", "{}")

    # ---- asking

    def raw(self, method, path, body=None, headers=None):
        """Over the Unix socket, as root."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def session(self, who):
        if who not in self.sessions:
            session = requests.Session()
            session.cert = self.pki.pair(who)
            session.verify = self.pki.ca
            session.trust_env = False
            self.sessions[who] = session
        return self.sessions[who]

    def ask(self, who, path, method="GET", **kw):
        return self.session(who).request(method, f"https://127.0.0.1:{self.port}{path}", timeout=30, **kw)

    def firm(self, who, uscc, **kw):
        return self.ask(who, f"/v1/whitelist/{uscc}", **kw)

    def admin(self, who, path, method="GET", **kw):
        return self.session(who).request(method, f"https://127.0.0.1:{self.admin_port}/admin/v1{path}", timeout=60, **kw)

    # ---- messages

    def author(self, partner):
        """The hand of a partner of this gateway's file."""
        from messages import SM2_ID, Author, Signer
        p = self.partners[partner]
        key = self.pki / p.get("sign", f"{partner}-sign.pem").replace(".pem", ".key")
        return Author(partner, Signer(key, p.get("alg", "ES256"), p.get("sm2_id", SM2_ID)))

    def post_message(self, who, message):
        return self.ask(who, "/v1/messages", "POST", data=message.body, headers=message.all_headers())

    # ---- the command line

    def ctl(self, *arguments, who=None, check=True, input=None):
        """pledgectl as root over the socket, or as `who` with a certificate. Returns the finished process."""
        if who is None:
            how = ["--socket", self.socket]
        else:
            cert, key = self.pki.pair(who)
            how = ["--url", f"https://127.0.0.1:{self.admin_port}", "--cert", cert, "--key", key, "--ca", self.pki.ca]
        done = subprocess.run([str(BUILD / "bin" / "pledgectl"), *how, *arguments], capture_output=True, text=True, timeout=120,
                              input=input, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                                                "ASAN_OPTIONS": "exitcode=99"})
        if check:
            assert done.returncode == 0, f"pledgectl {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def ctl_json(self, *arguments, **kw):
        return json.loads(self.ctl("--json", *arguments, **kw).stdout)

    def ctl_items(self, *arguments, **kw):
        """The items of a list answer, however many there are."""
        return json.loads(self.ctl("--json", *arguments, **kw).stdout)

    def sync(self, *arguments, who=None):
        """Starts a run, waits for its end and returns its story."""
        body = {"source": "bureau-sx", **dict.fromkeys(arguments, True)}

        def start():
            answer = self.admin(who, "/runs", "POST", json=body) if who else None
            status, raw = (answer.status_code, answer.content) if who else self.raw("POST", "/admin/v1/runs", json.dumps(body))
            if status == 409 and json.loads(raw)["code"] == "run.busy":
                return None                      # the run before has told its end and is just leaving
            assert status == 202, raw
            return json.loads(raw)["run"]
        return self.run_end(wait_until(start, "the source to be free"))

    def run(self, run_id):
        status, raw = self.raw("GET", f"/admin/v1/runs/{run_id}")
        assert status == 200, raw
        return json.loads(raw)

    def run_end(self, run_id, seconds=60):
        return wait_until(lambda: (lambda r: r if r["state"] != "running" else None)(self.run(run_id)), f"{run_id} to end", seconds)

    def diff(self, run_id):
        items, after = [], ""
        while True:
            status, raw = self.raw("GET", f"/admin/v1/runs/{run_id}/diff?limit=1000" + (f"&after={after}" if after else ""))
            assert status == 200, raw
            page = json.loads(raw)
            items += page["items"]
            if not page.get("more"):
                return items
            after = page["next"]


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki") / "pki")


@pytest.fixture
def own_pki(tmp_path):
    """For tests that revoke or replace certificates."""
    return Pki(tmp_path / "pki")


def bureau_source(bureau, **changes):
    return {"id": "bureau-sx", "name": "省民营经济发展局名单", "adapter": "bureau", "scope": "full", "period": "1d",
            "settings": {"url": bureau.url, "auth": "mtls"}, **changes}


@pytest.fixture
def bureau(pki, tmp_path):
    peer = Bureau(pki, tmp_path)
    yield peer
    peer.stop()


@pytest.fixture
def make_gateway(pki, bureau, tmp_path):
    """make_gateway(source={...}, settings={...}, start=True): a gateway whose source is the stand-in bureau."""
    made = []

    def make(source=None, settings=None, start=True, sources=None, pki_of=None, **kw):
        directory = tmp_path / f"gateway-{len(made)}"
        directory.mkdir()
        gateway = Gateway(directory, pki_of or pki, sources or [bureau_source(bureau, paused=True, **(source or {}))], settings, **kw)
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in made:
        if gateway.process is not None and gateway.process.poll() is None:
            code = gateway.stop()
            assert code == 0, f"pledged stopped with {code}:\n{gateway.log_text()[-3000:]}"
        if gateway.process is not None:
            assert "ERROR: AddressSanitizer" not in gateway.log_text() and "runtime error" not in gateway.log_text(), gateway.log_text()[-5000:]


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()
