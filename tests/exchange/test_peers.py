"""The stand-ins are what they say: a message in each charset and form, a receipt that verifies, every order."""
import contextlib
import hashlib
import http.client
import json
import re
import socket
import ssl
import subprocess

import pytest
from conftest import Pki
from standin import StandIn

import peer

NAMES = "山西杏花村汾酒厂 𠮷㙍㷡"        # the last three are not in GB2312, the first of them not in GBK


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.contextmanager
def stand_in(pki, directory, *words, **more):
    one = StandIn(pki, directory, *words, **more)
    try:
        yield one
    finally:
        one.stop()


def context_of(pki):
    context = ssl.create_default_context(cafile=pki.ca)
    context.load_cert_chain(*pki.pair("gateway-client"))
    return context


def key_of(pki, name):
    return peer.Key(*pki.pair(name))


def envelope(number, receiver):
    return {"id": number, "kind": "whitelist.change", "version": 1, "sender": "ippledge-sx", "receiver": receiver,
            "created": "2026-11-24T10:00:00+08:00"}


def xml_of(key, number, receiver="*", text=NAMES):
    inside = "".join(peer.element(name, value) for name, value in envelope(number, receiver).items())
    return peer.xml_sign(key, (f'<Message xmlns="{peer.NS}"><Envelope>{inside}</Envelope>'
                               f"<Body><Text>{text}</Text></Body></Message>").encode())


def json_of(number, receiver="*"):
    return json.dumps({"envelope": envelope(number, receiver), "body": {"text": NAMES}}, ensure_ascii=False).encode()


# ---- frames

class Framed:
    def __init__(self, pki, bank, charset):
        self.charset = charset
        plain = socket.create_connection(("127.0.0.1", bank.info["port"]), timeout=20)
        self.socket = context_of(pki).wrap_socket(plain, server_hostname="localhost")

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                return data
            data += more
        return data

    def send(self, message):
        """The frame that comes back, None when the connection ended before it was whole."""
        data = message.decode().encode(self.charset, "xmlcharrefreplace")
        self.socket.sendall(b"%08d" % len(data) + data)
        head = self.read(8)
        if not re.fullmatch(rb"\d{8}", head):
            return None
        body = self.read(int(head))
        return body if len(body) == int(head) else None


def read_frame(frame, charset):
    return re.sub(r"^<\?xml[^>]*\?>", "", frame.decode(charset)).encode()


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "gbk", "gb2312"])
def test_bank_over_tcp_in_each_charset(pki, tmp_path, charset):
    """Names go there and a receipt comes back, signed with SM2; the log has the digest of the signed bytes."""
    ours, theirs = key_of(pki, "gateway-sign-sm2"), peer.Key(pki / "bank-b-sign.pem")
    with stand_in(pki, tmp_path, "bank_tcp", "bank-b", "--charset", charset, gateway="gateway-sign-sm2") as bank:
        line = Framed(pki, bank, charset)
        message = xml_of(ours, "wc-1-2")
        first, again = line.send(message), line.send(message)
        root = peer.parse_xml(read_frame(first, charset))
        assert peer.xml_judge(theirs, root) == "valid"
        assert root.findtext(f".//{{{peer.NS}}}Of") == "wc-1-2" and root.findtext(f".//{{{peer.NS}}}Result") == "accepted"
        assert again == first
        assert (b'encoding="' in first) == (charset != "utf-8")
        assert [(e["signature"], e["duplicate"], e["sha256"]) for e in bank.seen(event="message")] == [
            ("valid", False, hashlib.sha256(message).hexdigest()), ("valid", True, hashlib.sha256(message).hexdigest())]


def test_bank_over_tcp_misbehaves(pki, tmp_path):
    """Each order ends one exchange as told; what was kept before the connection ended is a duplicate afterwards."""
    ours = key_of(pki, "gateway-sign")
    with stand_in(pki, tmp_path, "bank_tcp", "bank-a") as bank:
        messages = {number: xml_of(ours, number) for number in ("m-1", "m-2")}

        def one(order, number):
            bank.behave(order)
            return Framed(pki, bank, "utf-8").send(messages[number])

        assert one({"do": "cut_before"}, "m-1") is None and not bank.seen(event="message")
        assert one({"do": "cut"}, "m-1") is None
        assert one({"do": "cut_mid"}, "m-1") is None
        assert one({"do": "noise"}, "m-1") is None
        assert one({"do": "no_receipt"}, "m-1") == b""
        assert b"somebody-elses" in one({"do": "wrong_of"}, "m-1")
        assert b"<Code>row.bad</Code>" in one({"do": "result", "code": "row.bad"}, "m-2")
        assert [e["duplicate"] for e in bank.seen(id="m-1")] == [False] + 4 * [True]
        changed = xml_of(ours, "m-4").replace("杏".encode(), "可".encode())
        assert b"<Code>signature.digest</Code>" in Framed(pki, bank, "utf-8").send(changed)
        assert bank.seen(id="m-4")[0]["signature"] == "digest"


# ---- HTTP

class Posted:
    def __init__(self, pki, bank):
        self.connection = http.client.HTTPSConnection("127.0.0.1", bank.info["port"], timeout=20, context=context_of(pki))

    def ask(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def post(self, number, body, key, media="application/json"):
        more = {"x_jws_signature": peer.jws_sign(key, body)} if media.endswith("json") else {}
        return self.ask("POST", "/messages", body, Content_Type=media, X_Message_Id=number, **more)


def test_bank_judges_what_it_is_sent(pki, tmp_path):
    """Another key, another receiver, another body under the same id, another header: each refused with its code."""
    ours, foreign = key_of(pki, "gateway-sign"), key_of(pki, "bureau-sx-sign")
    with stand_in(pki, tmp_path, "bank", "bank-a") as bank:
        line = Posted(pki, bank)
        assert line.post("m-1", json_of("m-1"), ours)[0] == 200

        def code(*words):
            status, body, _ = line.post(*words)
            return status, json.loads(body)["code"]

        assert code("m-2", json_of("m-2"), foreign) == (401, "signature.key_unknown")
        assert code("m-1", json_of("m-1", "bank-a"), ours) == (409, "message.id_reused")
        assert code("m-3", json_of("m-3", "bank-b"), ours) == (422, "message.receiver")
        assert code("m-4", json_of("m-5"), ours) == (400, "message.malformed")
        assert code("m-6", b"[]", ours) == (400, "message.malformed")
        assert code("m-7", b"x", ours, "text/csv") == (415, "message.media_type")
        assert line.ask("GET", "/messages/m-2")[0] == 404


def test_bank_keeps_over_a_kill(pki, tmp_path):
    """Killed and started again on the same port, it has the receipt, byte for byte."""
    ours = key_of(pki, "gateway-sign")
    with stand_in(pki, tmp_path, "bank", "bank-a") as bank:
        _, receipt, headers = Posted(pki, bank).post("m-1", json_of("m-1"), ours)
        assert peer.jws_judge(peer.Key(pki / "bank-a-sign.pem"), receipt, headers["x-jws-signature"]) == "valid"
        bank.kill()
        bank.start()
        status, again, more = Posted(pki, bank).ask("GET", "/messages/m-1")
        assert (status, again, more["x-jws-signature"]) == (200, receipt, headers["x-jws-signature"])


def test_dice_fall_the_same(pki, tmp_path):
    """Random orders come in the same order from the same seed; those used up are gone."""
    ours = key_of(pki, "gateway-sign")
    with stand_in(pki, tmp_path, "bank", "bank-a") as bank:
        rounds = []
        for _ in range(2):
            bank.behave({"do": "random", "seed": 7, "times": 12, "of": [{"do": "normal"}, {"do": "status", "status": 503}]})
            line = Posted(pki, bank)
            rounds.append([line.post("m-1", json_of("m-1"), ours)[0] for _ in range(12)])
            assert bank.ask("/control")["orders"] == []
        assert rounds[0] == rounds[1] and set(rounds[0]) == {200, 503}


def test_an_order_that_is_not_known_is_refused(pki, tmp_path):
    """A test's spelling mistake is seen."""
    with stand_in(pki, tmp_path, "onestop", "onestop-sx") as platform:
        with pytest.raises(Exception, match="400"):
            platform.behave({"do": "cutt"})


def test_platform_signs_as_others_verify(pki, tmp_path):
    """xmlsec1 verifies the receipt; JSON is out of place."""
    ours = key_of(pki, "gateway-sign")
    with stand_in(pki, tmp_path, "onestop", "onestop-sx") as platform:
        line = Posted(pki, platform)
        status, receipt, headers = line.post("m-1", xml_of(ours, "m-1"), ours, "application/xml")
        assert (status, headers["Content-Type"]) == (200, "application/xml")
        (tmp_path / "receipt.xml").write_bytes(receipt)
        subprocess.run(["xmlsec1", "--verify", "--pubkey-cert-pem", str(pki / "onestop-sx-sign.pem"), str(tmp_path / "receipt.xml")],
                       check=True, capture_output=True)
        assert line.post("m-2", json_of("m-2"), ours)[0] == 415
