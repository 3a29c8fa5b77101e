"""What a bank's work takes while another partner attacks, against the same alone: both measured in turn in one run.

bank-a asks QUERIES status queries and sends MESSAGES credit.report messages of one row (JSON, ES256) a second, whatever
the answers do; the latency of each counts from the moment it was due. bank-b attacks from a process that runs
only where nobody else wants to (SCHED_IDLE), with bytes made before, so that on a machine of two cores it is the gateway's
work that is in bank-a's way and not the attacker's own.
"""
import concurrent.futures
import json
import statistics
import subprocess

from measure import Load, cpu_of, program
from messages import Shape, as_xml

QUERIES, MESSAGES = 200, 50        # a second
LAST = ("chrt", "--idle", "0")     # before the attacker's command
CONNECTIONS = 16                   # of the attacker
BATCH_ROWS = 10000
XML_MAX = 4 << 20
LOAN = {"amount_fen": 300000000, "rate_bp": 435, "date": "2026-11-02", "due": "2027-11-01"}


def request_of(message):
    head = "".join(f"{name}: {value}\r\n" for name, value in message.all_headers().items())
    return (f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(message.body)}\r\n{head}\r\n").encode() + message.body


def report(author, codes, tag, form="json"):
    return author.write(form, "credit.report", {"rows": [
        {"event": "drawdown", "uscc": code, "credit_no": f"{tag}S{i}", "loan_no": f"{tag}J{i}", **LOAN} for i, code in enumerate(codes)]})


# ---- the attacks: name, what is sent

def garbage(author, signed):
    """As long as a message may be; the signature is good and the body nonsense, or the signature is of something else."""
    junk = {"rows": [{"garbage": "<&>" * 200, "uscc": "0" * 18}]}
    one = len(as_xml({}, junk))
    xml = as_xml(author.head("credit.report"), {"rows": junk["rows"] * ((XML_MAX - 5000) // (one - len(as_xml({}, {}))))})
    return author.seal_xml(xml, shape=None if signed else Shape(made_by=lambda octets: author.signer.sign(octets + b" ")))


def xml_requests(site):
    author = site.gateway.author("bank-b")
    return [request_of(garbage(author, signed)) for signed in (True, False)]


def duplicate_requests(site):
    author = site.gateway.author("bank-b")
    return [request_of(report(author, site.codes(1), f"D{i}")) for i in range(50)]


def batch_requests(site, n):
    author, codes = site.gateway.author("bank-b"), site.codes(BATCH_ROWS)
    return [request_of(report(author, codes, f"B{i}-")) for i in range(n)]


def tiny_requests(_site):
    return [b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n"]


class Flood:
    """The attacker's process; `requests` in turn as fast as its connections allow, on and on through the rounds."""

    def __init__(self, site, requests):
        self.load = Load(site.gateway.port, site.pki, requests, CONNECTIONS, who="bank-b", before=LAST)
        self.next = 0

    def during(self, seconds):
        told = self.load.flood(seconds, self.next)
        self.next += told["requests"]
        return f"{told['requests'] / told['seconds']:.0f} requests/s, {told['ok']} accepted or repeated, {told['busy']} told to wait"

    def close(self):
        self.load.close()


class Knock:
    def __init__(self, site):
        self.site = site

    def during(self, seconds):
        cert, key = self.site.pki.pair("bank-b")
        told = json.loads(subprocess.run([*LAST, program("knock"), str(self.site.gateway.port), cert, key, self.site.pki.ca,
                                          str(CONNECTIONS), "200", str(round(seconds))], capture_output=True, text=True, check=True).stdout)
        return f"{told['handshakes'] / seconds:.0f} handshakes/s, {told['drips'] / seconds:.0f} drips/s, {told['failed']} turned away"

    def close(self):
        pass


ATTACKS = {
    "4 MiB of XML that is refused": lambda site, rounds: Flood(site, xml_requests(site)),
    "SM2 messages repeated": lambda site, rounds: Flood(site, duplicate_requests(site)),
    f"batches of {BATCH_ROWS:,} rows": lambda site, rounds: Flood(site, batch_requests(site, 20 * rounds)),
    "handshakes and drips": lambda site, rounds: Knock(site),
    "tiny requests above the rate": lambda site, rounds: Flood(site, tiny_requests(site)),
}


# ---- what is measured meanwhile

class Bank:
    """bank-a's two loads side by side."""

    def __init__(self, site, seconds, rounds):
        author, codes, n = site.gateway.author("bank-a"), site.codes(1000), MESSAGES * seconds * rounds
        self.seconds, self.pid, self.sent = seconds, site.pid, 0
        reports = [request_of(report(author, codes[i % 1000:i % 1000 + 1], f"A{i}-")) for i in range(n)]
        self.queries = Load(site.gateway.port, site.pki, [f"/v1/whitelist/{code}" for code in codes], 32)
        self.queries.ask(2 * len(codes))
        self.messages = Load(site.gateway.port, site.pki, reports, 32)
        self.pool = concurrent.futures.ThreadPoolExecutor(3)

    def measure(self, attack=None):
        """p99 and p50 in ms of queries and messages, the gateway's CPU share, what the attacker says."""
        before = cpu_of(self.pid)
        told = self.pool.submit(attack.during, self.seconds + 1) if attack else None
        asked = self.pool.submit(self.queries.ask, QUERIES * self.seconds, 0, QUERIES)
        sent = self.pool.submit(self.messages.ask, MESSAGES * self.seconds, self.sent, MESSAGES)
        self.sent += MESSAGES * self.seconds
        figures = {what: (one.result()["p99_us"] / 1000, one.result()["p50_us"] / 1000) for what, one in (("queries", asked), ("messages", sent))}
        cpu = (cpu_of(self.pid) - before) / self.seconds
        return figures, cpu, told.result() if told else ""

    def close(self):
        self.queries.close()
        self.messages.close()


def pairs(bank, attack, rounds):
    """Alone and attacked in turn; of each pair the ratios of p99."""
    told = []
    for _ in range(rounds):
        alone, *_ = bank.measure()
        attacked, cpu, said = bank.measure(attack)
        told.append((alone, attacked, cpu, said))
    return told


def middle(told, i, what, which):
    return statistics.median(pair[i][what][which] for pair in told)


def tell(result, name, told):
    for what in ("queries", "messages"):
        ratio = statistics.median(pair[1][what][0] / pair[0][what][0] for pair in told)
        worst = max(pair[1][what][0] / pair[0][what][0] for pair in told)
        result("attack", f"p99 of another's {what} while attacked ÷ alone: {name}", ratio, "×",
               f"p99 {middle(told, 1, what, 0):.2f} against {middle(told, 0, what, 0):.2f} ms, p50 {middle(told, 1, what, 1):.2f} against "
               f"{middle(told, 0, what, 1):.2f} ms; worst pair {worst:.1f} ×; {told[-1][3]}; gateway {statistics.median(p[2] for p in told):.2f} cores",
               "≤ 2", ratio <= 2)


def attack(site, options, result):
    site.load()
    wanted = [name for name in ATTACKS if options.attack in name]
    bank = Bank(site, options.seconds, 2 * options.rounds * len(wanted))
    for name in wanted:
        attacker = ATTACKS[name](site, options.rounds)
        tell(result, name, pairs(bank, attacker, options.rounds))
        attacker.close()
    bank.close()
