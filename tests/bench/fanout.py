"""What it takes to tell every subscriber of one change: twenty stand-in banks over HTTPS, two forms and two algorithms of
five each, every delivery ended by a signed receipt that the gateway verifies.

A bureau pushes one firm at a time and waits until all have it, so that each change is a message of its own. The CPU is all
that the gateway used meanwhile, also for taking the pushes.
"""
import datetime
import json
import pathlib
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from measure import Nginx, anonymous_kib, cpu_of, sign_us, times_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "exchange"))
from conftest import PARTNERS, Gateway, wait_until  # noqa: E402
from messages import certification  # noqa: E402
from standin import StandIn  # noqa: E402

PARTNER_N, CHANGES, WARM = 20, 60, 10
KINDS = [(form, alg) for form in ("json", "xml") for alg in ("ES256", "SM2")]


def identity(pki, name):
    """A TLS certificate that nobody uses here: a partner must have one of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.datetime.utcnow()
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())
    (pki / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


class Circle:
    """The gateway and its subscribers: stand-ins that sign receipts, or a web server that says 204 to all (receipt: none)."""

    def __init__(self, work, pki, receipts=True):
        self.silent = None if receipts else Nginx(work / "silent", pki, "bank-server", work, "location /messages { return 204; }")
        self.peers, partners = [], {"bureau-sx": PARTNERS["bureau-sx"]}
        for i in range(PARTNER_N):
            form, alg = KINDS[i % len(KINDS)]
            name, signer = f"fan-{i:02}", "bank-a" if alg == "ES256" else "bank-b"
            identity(pki, name)
            for end in ("pem", "key"):
                (pki / f"{name}-sign.{end}").write_bytes((pki / f"{signer}-sign.{end}").read_bytes())
            channel = {"adapter": "bank", "form": form, "receipt": "required" if receipts else "none"}
            if receipts:
                self.peers.append(StandIn(pki, work, "bank", name, gateway="gateway-sign" if alg == "ES256" else "gateway-sign-sm2"))
            channel["settings"] = {"url": self.peers[-1].url if receipts else f"{self.silent.url}/messages"}
            partners[name] = {"name": name, "roles": ["bank"], "alg": alg, "channel": channel}
        self.names = [name for name in partners if name.startswith("fan-")]
        directory = work / ("circle" if receipts else "silent-circle")
        directory.mkdir()
        self.gateway = Gateway(directory, pki, [], {"policy.admission": "automatic"}, partners=partners)
        self.gateway.start()
        self.author, self.n = self.gateway.author("bureau-sx"), 0

    def delivered(self):
        return sum(1 for peer in self.peers for line in open(peer.dir / "log.jsonl", encoding="utf-8") if '"message"' in line)

    def counted(self, name):
        text = self.gateway.raw("GET", "/metrics")[1].decode()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"pledged_{name}_total "))

    def change(self):
        """One firm is certified; ends when everybody was told and the gateway has counted every receipt."""
        before, self.n = self.delivered() if self.peers else 0, self.n + 1
        answer = self.gateway.post_message("bureau-sx", self.author.json("certification.batch", {"list_version": "1", "rows": [certification(30000 + self.n)]}))
        assert answer.status_code == 200, answer.text
        if self.peers:
            wait_until(lambda: self.delivered() >= before + PARTNER_N, "everybody to be told", 60)
        else:
            time.sleep(0.05)            # so that the next change is a message of its own

    def settled(self):
        """No queue has anything left."""
        def idle():
            return all(queue_of(self.gateway, name)["waiting"] == 0 for name in self.names)
        wait_until(idle, "the queues to be empty", 60)

    def stop(self):
        self.gateway.stop()
        for peer in [*self.peers, *([self.silent] if self.silent else [])]:
            peer.stop()


def fanout(work, pki, result, receipts=True):
    circle = Circle(work, pki, receipts)
    try:
        for _ in range(WARM):
            circle.change()
        circle.settled()
        signed, commits, heads = circle.counted("signatures"), circle.counted("commits"), circle.counted("heads")
        cpu, began, before = cpu_of(circle.gateway.process.pid), time.monotonic(), times_of(circle.gateway.process.pid)
        for _ in range(CHANGES):
            circle.change()
        circle.settled()
        cpu, seconds = cpu_of(circle.gateway.process.pid) - cpu, time.monotonic() - began
        # a receipt for each push is signed as well
        # so are the journal's heads, each twice
        signed += 2 * (circle.counted("heads") - heads)
        signed, commits = (circle.counted("signatures") - signed) / CHANGES - 1, (circle.counted("commits") - commits) / CHANGES
        user = (times_of(circle.gateway.process.pid)[0] - before[0]) / cpu
    finally:
        circle.stop()
    rate = CHANGES * PARTNER_N / cpu
    result("P9", f"one change to {PARTNER_N} partners: signatures", signed, "", "two forms, two algorithms", "≤ 4", signed <= 4)
    how = "receipts verified, half of them SM2" if receipts else "receipt: none"
    result("P9", f"one change to {PARTNER_N} partners, {how}", rate, "deliveries/s of CPU",
           f"x = {sign_us():.2f} µs; {cpu / CHANGES / PARTNER_N * 1e6:.0f} µs a delivery ({user:.0%} in user mode), {CHANGES * PARTNER_N / seconds:.0f}/s by the clock, {commits:.1f} commits a change", "≥ 3,000", rate >= 3000)


# ---- many who cannot be reached

DOWN, WAITING = 200, 1300
CLOSED = "https://127.0.0.1:1/messages"      # nobody listens there


def queue_of(gateway, name):
    return json.loads(gateway.raw("GET", f"/admin/v1/partners/{name}")[1])["delivery"]


def p99_of(gateway, code, n=400):
    """Milliseconds, one after the other, of status queries."""
    session, took = gateway.session("bank-a"), []
    for _ in range(n):
        began = time.monotonic()
        assert session.get(f"https://127.0.0.1:{gateway.port}/v1/whitelist/{code}", timeout=30).status_code in (200, 503)
        took.append((time.monotonic() - began) * 1000)
    return sorted(took)[int(n * 0.99)]


def waiting(work, pki, result):
    """200 partners down, 1,000 changes each: 200,000 deliveries wait. What that costs, and that one who is up gets everything."""
    up = StandIn(pki, work, "bank", "bank-a")
    partners = {"bureau-sx": PARTNERS["bureau-sx"], "bank-a": {**PARTNERS["bank-a"], "channel": {"adapter": "bank", "settings": {"url": up.url}}}}
    for i in range(DOWN):
        identity(pki, f"down-{i:03}")
        (pki / f"down-{i:03}-sign.pem").write_bytes((pki / "bank-a-sign.pem").read_bytes())
        partners[f"down-{i:03}"] = {"name": f"down-{i:03}", "roles": ["bank"], "channel": {"adapter": "bank", "settings": {"url": CLOSED}}}
    (work / "waiting").mkdir()
    gateway = Gateway(work / "waiting", pki, [], {"policy.admission": "automatic", "net.partner_rate": 1000000}, partners=partners)
    try:
        gateway.start()
        author = gateway.author("bureau-sx")
        codes = [certification(40000 + i) for i in range(WAITING)]
        began = time.monotonic()
        for row in codes:
            assert gateway.post_message("bureau-sx", author.json("certification.batch", {"list_version": "1", "rows": [row]})).status_code == 200
        seconds = time.monotonic() - began
        wait_until(lambda: queue_of(gateway, "bank-a")["waiting"] == 0, "who is up to be told everything", 120)
        wait_until(lambda: queue_of(gateway, f"down-{DOWN - 1:03}")["waiting"] >= WAITING // 2, "the others to wait", 60)
        total = sum(queue_of(gateway, f"down-{i:03}")["waiting"] for i in range(DOWN))
        cpu, began = cpu_of(gateway.process.pid), time.monotonic()
        time.sleep(20)                  # nothing happens but probing
        idle = (cpu_of(gateway.process.pid) - cpu) / (time.monotonic() - began) * 100
        cpu, began = cpu_of(gateway.process.pid), time.monotonic()
        gateway.raw("GET", "/admin/v1/partners")
        page = time.monotonic() - began
        p99 = p99_of(gateway, codes[0]["uscc"])
        result("P9", f"{DOWN} partners down: deliveries that wait", total, "", f"{WAITING} pushes in {seconds:.1f} s meanwhile; all of them reached who is up", "", None)
        result("P9", "the same: CPU of probing them", idle, "% of a core", "", "≤ 5", idle <= 5)
        result("P9", "the same: anonymous memory", anonymous_kib(gateway.process.pid) / 1024, "MiB", "", "≤ 64", anonymous_kib(gateway.process.pid) / 1024 <= 64)
        result("P9", "the same: list of partners", page * 1000, "ms", f"status query p99 {p99:.1f} ms", "≤ 200", page <= 0.2)
    finally:
        gateway.stop()
        up.stop()
