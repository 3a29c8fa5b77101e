#!/usr/bin/python3
"""messages.py N KILLS: N messages into the gateway, and what follows from them out to three stand-in partners, while the
gateway is killed with SIGKILL again and again, connections are cut, answers lost, messages sent twice, late and in another
order. At the end both sides' records agree, message by message."""
import hashlib
import http.client
import json
import pathlib
import random
import shutil
import ssl
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "exchange"))
from conftest import PARTNERS, Bureau, Gateway, Pki, bureau_source, wait_until  # noqa: E402
from messages import Reader, certification, credit  # noqa: E402
from standin import StandIn  # noqa: E402

WINDOW = 20                            # so far from its place a message may be sent
LEVELS = ("省级", "市级", "国家级")


# ---- senders ------------------------------------------------------------------------------------------------------

class Sender(threading.Thread):
    """One partner: sends each of its messages until it holds the receipt."""

    def __init__(self, gateway, who, messages, seed):
        super().__init__(daemon=True)
        self.gateway, self.who, self.chance = gateway, who, random.Random(seed)
        self.waiting, self.receipts, self.sent = list(messages), {}, 0
        self.connection, self.failure = None, None
        self.context = ssl.create_default_context(cafile=gateway.pki.ca)
        self.context.load_cert_chain(*gateway.pki.pair(who))

    def run(self):
        try:
            while self.waiting:
                self.step(self.waiting[self.chance.randrange(min(WINDOW, len(self.waiting)))])
        except BaseException as error:  # noqa: BLE001  told by the main thread
            self.failure = error

    def step(self, message):
        way = self.chance.random()
        try:
            if way < 0.05:
                self.cut(message)
            elif way < 0.10:
                self.send(message)
                self.forget()                                    # the answer is lost: nobody reads it
            else:
                answer = self.post(message)
                if answer is not None:
                    self.keep(message, *answer)
            if way > 0.97:
                time.sleep(self.chance.uniform(0, 0.05))
        except (OSError, http.client.HTTPException):
            self.forget()                                        # the gateway was killed just now
            time.sleep(0.02)

    def forget(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, message):
        self.sent += 1
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, timeout=20, context=self.context)
        self.connection.request("POST", "/v1/messages", message.body, message.all_headers())

    def cut(self, message):
        """Announces the whole message and ends in its middle."""
        self.forget()
        connection = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, timeout=20, context=self.context)
        connection.putrequest("POST", "/v1/messages")
        for name, value in {**message.all_headers(), "Content-Length": str(len(message.body))}.items():
            connection.putheader(name, value)
        connection.endheaders(message.body[:self.chance.randrange(len(message.body))])
        connection.close()

    def post(self, message):
        self.send(message)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status in (429, 503):
            time.sleep(0.05)
            return None
        assert answer.status in (200, 202), (answer.status, body)
        return body, answer.headers

    def keep(self, message, body, headers):
        before = self.receipts.setdefault(message.id, (body, dict(headers)))
        assert json_of(before[0]) == json_of(body), "another receipt for the same message"
        if self.chance.random() > 0.05 and message in self.waiting:      # now and then sent again although it is answered
            self.waiting.remove(message)


def json_of(body):
    """What a receipt says: XML is signed anew each time."""
    return body if body.startswith(b"{") else body.split(b"<ds:Signature")[0]


# ---- what is said -------------------------------------------------------------------------------------------------

def said_by(gateway, count, chance):
    """Two bureaus certify, a bank reports loans; a third each."""
    authors = {who: gateway.author(who) for who in ("bureau-sx", "bureau-ty", "bank-a")}
    said = {who: [] for who in authors}
    for i in range(count):
        who = ("bureau-sx", "bank-a", "bureau-sx", "bureau-ty")[i % 4]
        if who == "bank-a":
            message = authors[who].json("credit.report", {"rows": [credit(i)]})
        else:
            rows = [certification(20000 + 5 * i + k, level=chance.choice(LEVELS)) for k in range(chance.randrange(1, 4))]
            message = authors[who].write("xml" if who == "bureau-sx" else "json", "certification.batch", {"list_version": f"v{i}", "rows": rows})
        said[who].append(message)
    return said


# ---- what must hold -----------------------------------------------------------------------------------------------

def records(gateway):
    """The whole journal: {sequence: record}."""
    found, after = {}, 1
    while True:
        lines = gateway.raw("GET", f"/admin/v1/journal/export?from={after}&limit=10000")[1].decode().splitlines()
        if not lines:
            return found
        for line in map(json.loads, lines):
            found[line["seq"]] = line["record"]
        after = max(found) + 1


def check_inbound(gateway, said, senders, journal):
    """Each message is in the journal once, with the digest of the bytes that were sent, and its receipt says so."""
    kept = {}
    for sequence, record in journal.items():
        if record["kind"] == "message":
            key = record["message"]["sender"], record["message"]["id"]
            assert key not in kept, f"{key} was decided twice"
            kept[key] = sequence, record
    assert len(kept) == sum(map(len, said.values())), (len(kept), {who: len(said[who]) for who in said})
    reader = Reader(gateway.pki)
    for sender in senders:
        alg = PARTNERS[sender.who].get("alg", "ES256")
        for message in said[sender.who]:
            sequence, record = kept[sender.who, message.id]
            assert record["message"]["digest"] == hashlib.sha256(message.body).hexdigest(), message.id
            body, headers = sender.receipts[message.id]
            receipt = reader.content(alg, headers["Content-Type"], body, headers.get("x-jws-signature"))
            assert receipt["envelope"]["id"] == f"r-{sequence}" and receipt["body"]["result"] == record["result"], receipt
            assert receipt["body"]["of"] == message.id and int(receipt["body"]["sequence"]) == sequence


def changes_of(journal):
    """Sequences of the records that changed what banks see."""
    told = {"checking": "not_listed"}
    return [s for s, r in sorted(journal.items()) if "listing" in r and told.get(r.get("from"), r.get("from")) !=
            told.get(r["listing"].get("status", "not_listed"), r["listing"].get("status", "not_listed"))]


def check_outbound(gateway, peer, journal):
    """The partner was sent each change once and in order; its mailbox holds the same bytes under the same ids."""
    seen = [line for line in peer.seen(event="message", duplicate=False) if line["kind"] == "whitelist.change"]
    assert all(line["signature"] == "valid" for line in seen)
    ids = [line["id"] for line in seen]
    assert len(ids) == len(set(ids)), f"{peer.name} was sent an id with other bytes"
    ranges = [tuple(map(int, i.split("-")[1:])) for i in ids]
    assert ranges == sorted(ranges), f"{peer.name}: out of order: {ranges}"
    covered = [s for s in changes_of(journal) if any(first <= s <= last for first, last in ranges)]
    missing = [s for s in changes_of(journal) if s > ranges[0][0] and s not in set(covered)]
    assert not missing, f"{peer.name} was not told of {missing[:5]} and {len(missing)} in all"
    mailbox = mailbox_of(gateway, peer.name)
    for line in seen:
        assert mailbox[line["id"]] == line["sha256"], f"{peer.name}: {line['id']} has other bytes in the mailbox"
    return len(ids), sum(1 for line in peer.seen(event="message", duplicate=True))


def mailbox_of(gateway, who):
    import base64
    found, after = {}, 0
    while True:
        page = gateway.ask(who, f"/v1/mailbox?after={after}").json()
        if not page["messages"]:
            return found
        for message in page["messages"]:
            found[message["id"]] = hashlib.sha256(base64.b64decode(message["body"])).hexdigest()
            after = message["n"]


def arrived(gateway, peer, journal):
    """Whether the last change has reached the peer."""
    last = changes_of(journal)[-1]
    return any(int(line["id"].split("-")[2]) >= last for line in peer.seen(event="message") if line["kind"] == "whitelist.change")


# ---- all of it ----------------------------------------------------------------------------------------------------

MISCHIEF = [{"do": "random", "times": 0, "seed": 7, "of": [
    {"do": "normal"}, {"do": "normal"}, {"do": "normal"}, {"do": "normal"}, {"do": "normal"}, {"do": "normal"}, {"do": "cut"}, {"do": "cut_before"},
    {"do": "cut_mid"}, {"do": "status", "status": 503, "retry_after": "1"}, {"do": "normal", "seconds": 0.1}]}]


def site(work, pki):
    """A gateway that sends to three stand-ins: over HTTPS in JSON, over HTTPS in XML, in frames over TCP."""
    peers = [StandIn(pki, work, "bank", "bank-a"), StandIn(pki, work, "bank_tcp", "bank-b", gateway="gateway-sign-sm2"),
             StandIn(pki, work, "onestop", "onestop-sx")]
    channels = {
        "bank-a": {"adapter": "bank", "form": "json", "settings": {"url": peers[0].url}},
        "bank-b": {"adapter": "banktcp", "form": "xml", "settings": {"address": peers[1].url.split("//")[-1]}},
        "onestop-sx": {"adapter": "onestop", "form": "xml", "settings": {"url": peers[2].url}},
    }
    partners = {who: {**PARTNERS[who], **({"channel": {**channels[who], "deadline": "5s"}} if who in channels else {})} for who in PARTNERS}
    bureau = Bureau(pki, work)
    (work / "gateway").mkdir()
    gateway = Gateway(work / "gateway", pki, [bureau_source(bureau, paused=True)], partners=partners,
                      settings={"net.partner_rate": 100000, "policy.admission": "automatic"})
    return gateway, bureau, peers


def kill_while(gateway, senders, kills, chance):
    """The moments of the kills are the thing tested."""
    total, done = sum(len(s.waiting) for s in senders), 0
    while any(s.is_alive() for s in senders):
        left = sum(len(s.waiting) for s in senders)
        if done < kills and left <= total * (1 - (done + 1) / (kills + 1)):
            time.sleep(chance.uniform(0, 0.1))
            gateway.kill()
            gateway.start()
            done += 1
        time.sleep(0.005)
        for sender in senders:
            if sender.failure:
                raise sender.failure
    return done


def main(count, kills):
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="messages-"))
    pki = Pki(work / "pki")
    gateway, bureau, peers = site(work, pki)
    try:
        gateway.start()
        gateway.sync("full")
        for peer in peers:
            peer.behave(*MISCHIEF)
        said = said_by(gateway, count, chance)
        senders = [Sender(gateway, who, said[who], chance.random()) for who in said]
        for sender in senders:
            sender.start()
        done = kill_while(gateway, senders, kills, chance)
        for sender in senders:
            sender.join()
            if sender.failure:
                raise sender.failure
        journal = records(gateway)
        check_inbound(gateway, said, senders, journal)
        for peer in peers:
            peer.behave()
        told = []
        for peer in peers:
            wait_until(lambda p=peer: arrived(gateway, p, journal), f"the last change to reach {peer.name}", max(120, count / 5))
            told.append(check_outbound(gateway, peer, journal))
        gateway.ctl("journal", "verify")
        gateway.ctl("db", "rebuild")
        assert gateway.stop() == 0
    except BaseException:
        print(f"seed {seed}; kept for inspection: {work}", file=sys.stderr)
        gateway.process.kill()
        raise
    finally:
        bureau.stop()
        for peer in peers:
            peer.stop()
    shutil.rmtree(work)
    out = ", ".join(f"{peer.name} {n} ({again} came twice)" for peer, (n, again) in zip(peers, told))
    print(f"{count} messages in {sum(s.sent for s in senders)} attempts, {done} kills: each decided once, each receipt as recorded; "
          f"{len(changes_of(journal))} changes out: {out}; journal verified, state rebuilt equal")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 4)
