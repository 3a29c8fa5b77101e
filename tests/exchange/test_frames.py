"""A bank that only dials out over TCP: one frame of XML there, one back, in its own charset."""
import socket
import ssl

import pytest

from conftest import PARTNERS, free_port
from lists import certified
from messages import Reader, certification

pytestmark = pytest.mark.asan
HARD_NAME = "山西䶮𠮷知识产权有限公司"                        # neither in GB2312 nor in GBK's old tables


class Line:
    """One TLS connection of a partner to the frame listener."""

    def __init__(self, gateway, who):
        context = ssl.create_default_context(cafile=gateway.pki.ca)
        context.load_cert_chain(*gateway.pki.pair(who))
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", gateway.frames_port), 20), server_hostname="127.0.0.1")

    def send(self, body):
        self.socket.sendall(b"%08d" % len(body) + body)

    def read(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                return got
            got += more
        return got

    def receive(self):
        digits = self.read(8)
        return self.read(int(digits)) if len(digits) == 8 else None

    def ask(self, body):
        self.send(body)
        return self.receive()


def declared(xml, charset):
    """The same document as the peer writes it, whose declaration is not always the truth."""
    return f'<?xml version="1.0" encoding="{charset}"?>'.encode() + xml.decode().encode("gb18030")


@pytest.fixture
def framed(make_gateway, bureau):
    bureau.rows = [certified(1), certified(2)]
    frames = {"bank-a": {}, "bank-b": {"charset": "gb18030"}, "bureau-sx": {"charset": "gbk"}, "bureau-ty": {"charset": "gb2312"}}
    partners = {who: {**PARTNERS[who], "frames": frames[who]} if frames.get(who) else PARTNERS[who] for who in PARTNERS}
    port = free_port()
    gateway = make_gateway(partners=partners, settings={"frames": {"listen": f"127.0.0.1:{port}"}})
    gateway.frames_port = port
    gateway.sync("full")
    return gateway


def test_a_bank_asks_over_a_line(framed):
    reader, line = Reader(framed.pki), Line(framed, "bank-a")
    author = framed.author("bank-a")
    for _ in range(2):                                        # the line stays open
        answer = reader.content("ES256", "application/xml", line.ask(author.xml("whitelist.query", {"codes": [certified(1)["uscc"]]}).body))
        assert answer["envelope"]["kind"] == "whitelist.statement"
        assert [s["status"] for s in answer["body"]["statements"]] == ["listed"]
    told = reader.content("ES256", "application/xml", line.ask(author.xml("echo", {"text": HARD_NAME}).body))
    assert told["body"]["text"] == HARD_NAME


def test_charsets_both_ways(framed):
    reader, line = Reader(framed.pki), Line(framed, "bank-b")
    reply = line.ask(declared(framed.author("bank-b").xml("echo", {"text": HARD_NAME}).body, "GB18030"))
    assert reply.startswith(b'<?xml version="1.0" encoding="GB18030"'), reply[:60]
    answer = reader.content("SM2", "application/xml", reply.decode("gb18030").split("?>", 1)[1].encode())
    assert answer["body"]["text"] == HARD_NAME
    line = Line(framed, "bureau-sx")                           # declares GBK, sends GB18030
    row = {**certification(9007), "name": HARD_NAME}
    reply = line.ask(declared(framed.author("bureau-sx").xml("certification.batch", {"list_version": "2026-12", "rows": [row]}).body, "GBK"))
    receipt = reader.content("ES256", "application/xml", reply.decode("gbk").split("?>", 1)[1].encode())
    assert receipt["body"]["result"] == "accepted", receipt
    assert framed.firm("bank-a", row["uscc"]).json()["name"] == HARD_NAME
    framed.author("bureau-ty")
    reply = Line(framed, "bureau-ty").ask(declared(framed.author("bureau-ty").xml("echo", {"text": HARD_NAME}).body, "GB2312"))
    assert b"&#x" in reply                                     # what the charset lacks comes as references
    answer = reader.content("SM2", "application/xml", reply.decode("gb2312").split("?>", 1)[1].encode())
    assert answer["body"]["text"] == HARD_NAME


def test_a_refusal_is_a_signed_receipt(framed):
    reader, line, author = Reader(framed.pki), Line(framed, "bank-a"), framed.author("bank-a")
    stale = author.xml("echo", created="2020-01-01T00:00:00+08:00", id="old-1")
    cases = [(author.xml("echo").body.replace(b"</Text>", b"!</Text>"), "signature.digest", None),
             (stale.body, "message.stale", "old-1"), (b"not XML at all", "message.malformed", "-"),
             (author.xml("whitelist.query", {"codes": ["123"]}).body, "uscc.length", None)]
    for body, code, of in cases:
        receipt = reader.content("ES256", "application/xml", line.ask(body))["body"]
        assert (receipt["result"], receipt["code"]) == ("rejected", code)
        assert of is None or receipt["of"] == of


def test_what_is_no_frame_ends_the_line(framed):
    for garbage in (b"GET / HTTP/1.1\r\n", b"00000000", b"99999999" + b"x" * 100, b"+0000012hello"):
        line = Line(framed, "bank-a")
        line.socket.sendall(garbage)
        assert line.receive() is None
    assert Line(framed, "bank-a").ask(framed.author("bank-a").xml("echo").body)
