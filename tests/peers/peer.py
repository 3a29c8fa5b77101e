"""What the stand-in peers share: signatures both ways, messages kept by id, receipts, orders to misbehave, a log.

It is written from the contract and shares nothing with the gateway's code. README.md beside it tells the control port.
"""
import argparse
import base64
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
NS = "urn:cn:sx:ip-pledge:1"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
URIS = {  # algorithm: signature, digest, name of the digest
    "ES256": ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", "sha256"),
    "RS256": ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", "sha256"),
    "SM2": ("http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3", "http://www.chinaport.gov.cn/2022/04/xmldsig#sm3", "sm3"),
}
SM2_OID, RSA_OID = bytes.fromhex("2a811ccf5501822d"), bytes.fromhex("2a864886f70d010101")
BODY_MAX = 8 << 20
ACTS = {"normal", "status", "redirect", "hang", "cut_before", "cut", "cut_mid", "no_receipt", "wrong_signature", "wrong_of",
        "result", "garbage", "web_page", "noise", "random"}


class Refused(Exception):
    """A message that this peer does not take: HTTP status and code."""

    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


# ---- keys ---------------------------------------------------------------------------------------------------------

def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def algorithm_of(spki):
    return "SM2" if SM2_OID in spki else "RS256" if RSA_OID in spki else "ES256"


def raw_of(der):
    return b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(der))


def der_of(raw):
    if len(raw) != 64:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


class Key:
    """A signing key (with `key`) or a verification key, of the certificate's algorithm."""

    def __init__(self, certificate, key=None, sm2_id="1234567812345678"):
        self.pem = openssl("x509", "-in", str(certificate), "-noout", "-pubkey")
        spki = openssl("pkey", "-pubin", "-outform", "DER", data=self.pem)
        self.alg = algorithm_of(spki)
        self.kid = b64url(hashlib.sha256(spki).digest())
        self.path, self.sm2_id = key and str(key), sm2_id
        if self.alg == "SM2":
            return
        self.public = serialization.load_pem_public_key(self.pem)
        if key:
            self.private = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)

    def sm2(self, how, key, data, value=None):
        """openssl reads all of it from files."""
        with tempfile.TemporaryDirectory() as folder:
            def file(name, content):
                path = os.path.join(folder, name)
                pathlib.Path(path).write_bytes(content)
                return path

            shown = ["-sigfile", file("value", value), "-pubin"] if value is not None else []
            return openssl("pkeyutl", how, "-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{self.sm2_id}",
                           "-inkey", file("key", key), "-in", file("data", data), *shown)

    def sign(self, data):
        if self.alg == "SM2":
            return raw_of(self.sm2("-sign", pathlib.Path(self.path).read_bytes(), data))
        if self.alg == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return raw_of(self.private.sign(data, ec.ECDSA(hashes.SHA256())))

    def verifies(self, data, value):
        try:
            if self.alg == "SM2":
                self.sm2("-verify", self.pem, data, der_of(value))
            elif isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(value, data, padding.PKCS1v15(), hashes.SHA256())
            else:
                self.public.verify(der_of(value), data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, subprocess.CalledProcessError):
            return False
        return True


# ---- JWS ----------------------------------------------------------------------------------------------------------

def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    """Strict: what is decoded must be written in this one way."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise ValueError("base64url")
    return data


def jws_sign(key, body):
    header = {"alg": key.alg, "kid": key.kid, "iat": int(time.time())}
    protected = b64url(json.dumps(header, separators=(",", ":")).encode())
    return f"{protected}..{b64url(key.sign(f'{protected}.{b64url(body)}'.encode()))}"


def jws_judge(key, body, detached):
    """valid, or in a word what is wrong."""
    try:
        protected, empty, value = detached.split(".")
        header = json.loads(unb64url(protected))
        value = unb64url(value)
    except ValueError:
        return "malformed"
    if empty or header.get("alg") != key.alg:
        return "alg"
    if header.get("kid", key.kid) != key.kid:
        return "key_unknown"
    return "valid" if key.verifies(f"{protected}.{b64url(body)}".encode(), value) else "invalid"


# ---- XML signatures -----------------------------------------------------------------------------------------------

def parse_xml(data):
    if b"<!DOCTYPE" in data:
        raise Refused(400, "schema.doctype")
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise Refused(400, "message.malformed") from None


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def digest(name, data):
    return hashlib.new(name, data).digest()


def xml_sign(key, unsigned):
    signature, digest_uri, name = URIS[key.alg]
    document = canonical(parse_xml(unsigned))
    value = base64.b64encode(digest(name, document)).decode()
    algorithm = '<ds:{0} Algorithm="{1}"></ds:{0}>'.format
    inner = (algorithm("CanonicalizationMethod", EXCLUSIVE) + algorithm("SignatureMethod", signature)
             + '<ds:Reference URI=""><ds:Transforms>' + algorithm("Transform", ENVELOPED) + algorithm("Transform", EXCLUSIVE)
             + "</ds:Transforms>" + algorithm("DigestMethod", digest_uri)
             + f"<ds:DigestValue>{value}</ds:DigestValue></ds:Reference></ds:SignedInfo>")
    signed = base64.b64encode(key.sign(f'<ds:SignedInfo xmlns:ds="{DS}">{inner}'.encode())).decode()
    element = (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{inner}<ds:SignatureValue>{signed}</ds:SignatureValue>'
               "</ds:Signature>").encode()
    end = document.rindex(b"</")
    return document[:end] + element + document[end:]


def xml_profile(info, key):
    """Whether the SignedInfo is exactly the agreed one."""
    signature, digest_uri, _ = URIS[key.alg]
    wanted = [("CanonicalizationMethod", EXCLUSIVE), ("SignatureMethod", signature), ("Transform", ENVELOPED),
              ("Transform", EXCLUSIVE), ("DigestMethod", digest_uri)]
    seen = [(etree.QName(e).localname, e.get("Algorithm")) for e in info.iter(etree.Element) if e.get("Algorithm") is not None]
    references = info.findall(f"{{{DS}}}Reference")
    return seen == wanted and len(references) == 1 and references[0].get("URI") == ""


def xml_judge(key, root):
    """valid, or in a word what is wrong; the signature is taken out of the document."""
    found = root.findall(f".//{{{DS}}}Signature")
    if not found:
        return "missing"
    if len(found) > 1 or root[-1] is not found[0]:
        return "malformed"
    signature = found[0]
    info, value = signature.find(f"{{{DS}}}SignedInfo"), signature.findtext(f"{{{DS}}}SignatureValue")
    if info is None or value is None:
        return "malformed"
    told = info.findtext(f"{{{DS}}}Reference/{{{DS}}}DigestValue") or ""
    good, signed = xml_profile(info, key), canonical(info)
    root.remove(signature)
    if not good:
        return "profile"
    if base64.b64encode(digest(URIS[key.alg][2], canonical(root))).decode() != told.strip():
        return "digest"
    try:
        return "valid" if key.verifies(signed, base64.b64decode(value)) else "invalid"
    except ValueError:
        return "malformed"


# ---- messages -----------------------------------------------------------------------------------------------------

def element(name, content):
    name = "".join(part.capitalize() for part in name.split("_"))
    return f"<{name}>{content}</{name}>"


class Message:
    """A message as it came, in one of three forms; `judge` fills `signature`."""

    def __init__(self, data, media, detached, key):
        self.data, self.form = data, media.split(";")[0].strip().lower()
        self.xml = self.form in ("application/xml", "text/xml")
        if self.xml:
            self.read_xml(data, key)
        elif self.form in ("application/json", "application/jose+json"):
            self.read_json(data, detached, key)
        else:
            raise Refused(415, "message.media_type")
        self.id, self.kind = self.envelope.get("id", ""), self.envelope.get("kind", "")
        if not re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", str(self.id)):
            raise Refused(422, "schema.invalid")
        self.sha256 = hashlib.sha256(data).hexdigest()

    def read_xml(self, data, key):
        root = parse_xml(data)
        self.whole = canonical(root)
        self.signature = xml_judge(key, root)
        envelope, body = root.find(f"{{{NS}}}Envelope"), root.find(f"{{{NS}}}Body")
        if root.tag != f"{{{NS}}}Message" or envelope is None or body is None:
            raise Refused(422, "schema.invalid")
        self.envelope = {etree.QName(e).localname.lower(): e.text for e in envelope}
        self.text = body.findtext(f"{{{NS}}}Text")

    def read_json(self, data, detached, key):
        try:
            whole = json.loads(data)
            if self.form == "application/jose+json":
                payload, detached = unb64url(whole["payload"]), f"{whole['protected']}..{whole['signature']}"
                whole = json.loads(payload)
            else:
                payload = data
            self.envelope, self.text = dict(whole["envelope"]), whole["body"].get("text")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(400, "message.malformed") from None
        self.signature = jws_judge(key, payload, detached) if detached else "missing"


class Receipt:
    """An answer of ours in the message's form: its bytes, media type and detached signature."""

    def __init__(self, peer, message, of=None, result="accepted", code=None, spoil=False):
        now = datetime.datetime.now(BEIJING).isoformat(timespec="seconds")
        kind = "echo" if message.kind == "echo" else "receipt"
        of = of or message.id
        number = hashlib.sha256(f"{message.id} {of} {result} {spoil}".encode()).hexdigest()[:24]
        envelope = {"id": f"{kind}-{number}", "kind": kind, "version": 1, "sender": peer.options.name,
                    "receiver": message.envelope.get("sender", ""), "created": now, "in_reply_to": of}
        body = {"text": message.text or ""} if kind == "echo" else {"of": of, "result": result, **({"code": code} if code else {})}
        self.signature = None
        if message.xml:
            parts = [element(part, "".join(element(k, escape(str(v))) for k, v in members.items()))
                     for part, members in (("envelope", envelope), ("body", body))]
            self.data = xml_sign(peer.key, f'<Message xmlns="{NS}">{"".join(parts)}</Message>'.encode())
            self.media = "application/xml"
            if spoil:
                self.data = re.sub(rb"<ds:SignatureValue>(.)", lambda m: m[0][:-1] + (b"B" if m[1] == b"A" else b"A"), self.data)
            return
        self.data = json.dumps({"envelope": envelope, "body": body}, ensure_ascii=False, separators=(",", ":")).encode()
        self.media = "application/json"
        self.signature = jws_sign(peer.key, self.data)
        if spoil:
            head, value = self.signature.rsplit(".", 1)
            self.signature = f"{head}.{'B' if value[0] == 'A' else 'A'}{value[1:]}"


class Peer:
    """Messages by id, orders and log. One lock guards all; what signs runs outside of it."""

    def __init__(self, options):
        self.options = options
        self.key = Key(options.sign_cert, options.sign_key, options.sm2_id)
        self.theirs = Key(options.gateway_cert, None, options.sm2_id)
        self.lock = threading.Condition()
        self.kept, self.lines, self.orders, self.generation = {}, [], [], 0
        self.stopping = False
        self.log_file = open(options.log, "a", encoding="utf-8") if options.log else None
        if options.store:
            self.load(pathlib.Path(options.store))

    def load(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("m-*.json"):
            kept = json.loads(path.read_text())
            receipt = Receipt.__new__(Receipt)
            receipt.data, receipt.media, receipt.signature = base64.b64decode(kept["receipt"]), kept["media"], kept["signature"]
            self.kept[kept["id"]] = (kept["sha256"], receipt)

    def write(self, message, receipt):
        """Beside and renamed: a peer that is killed keeps a message whole or not at all."""
        path = pathlib.Path(self.options.store) / f"m-{message.id}.json"
        whole = {"id": message.id, "sha256": message.sha256, "message": base64.b64encode(message.data).decode(),
                 "receipt": base64.b64encode(receipt.data).decode(), "media": receipt.media, "signature": receipt.signature}
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(whole))
        beside.replace(path)

    def log(self, **line):
        with self.lock:
            line = {"n": len(self.lines) + 1, "time": datetime.datetime.now(BEIJING).isoformat(timespec="milliseconds"), **line}
            self.lines.append(line)
            if self.log_file:
                self.log_file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self.log_file.flush()
            self.lock.notify_all()

    # ---- orders

    def command(self, order):
        """A POST to /control; unknown members are errors, so that a test's spelling mistake is seen."""
        if set(order) - {"behave", "clear"} or not order:
            raise ValueError("behave or clear")
        acts = order.get("behave", [])
        for act in acts + [inner for act in acts for inner in act.get("of", []) if act["do"] == "random"]:
            if act["do"] not in ACTS:
                raise ValueError(f"unknown act {act['do']}")
        with self.lock:
            if order.get("clear"):
                self.orders, self.generation = [], self.generation + 1
            for act in acts:
                self.orders.append({**act, "dice": random.Random(act.get("seed", 0))} if act["do"] == "random" else dict(act))
            self.lock.notify_all()

    def take_order(self, on):
        """The order for this request, used up by one: the first that speaks of sends, asks or any."""
        with self.lock:
            for order in self.orders:
                if order.get("on", "send") not in (on, "any"):
                    continue
                if "times" not in order or order["times"] > 0:
                    order["times"] = order.get("times", 1) - 1
                    if order["times"] == 0:
                        self.orders.remove(order)
                return order["dice"].choice(order["of"]) if order["do"] == "random" else order
        return {"do": "normal"}

    def pause(self, seconds):
        """Waits, or until the orders are cleared."""
        deadline = time.monotonic() + seconds
        with self.lock:
            generation = self.generation
            while not self.stopping and self.generation == generation and time.monotonic() < deadline:
                self.lock.wait(deadline - time.monotonic())

    def state(self):
        with self.lock:
            return {"messages": len(self.kept), "lines": len(self.lines),
                    "orders": [{k: v for k, v in order.items() if k != "dice"} for order in self.orders]}

    # ---- messages

    def accept(self, message, order, **more):
        """Judges and keeps; answers the receipt to send, which is the true one unless the order says otherwise."""
        with self.lock:
            before = self.kept.get(message.id)
        entry = {"event": "message", "id": message.id, "kind": message.kind, "sha256": message.sha256, "bytes": len(message.data),
                 "signature": message.signature, "duplicate": before is not None, "did": order["do"], **more}
        self.log(**entry)
        if message.signature != "valid":
            raise Refused(401, f"signature.{message.signature}")
        if message.envelope.get("receiver") not in (self.options.name, "*"):
            raise Refused(422, "message.receiver")
        if before and before[0] != message.sha256:
            raise Refused(409, "message.id_reused")
        kept = before[1] if before else self.keep(message, order)
        if order["do"] == "wrong_of":
            return Receipt(self, message, of="somebody-elses")
        return Receipt(self, message, spoil=True) if order["do"] == "wrong_signature" else kept

    def keep(self, message, order):
        said = {"result": order.get("result", "rejected"), "code": order.get("code")} if order["do"] == "result" else {}
        receipt = Receipt(self, message, **said)
        with self.lock:
            first = self.kept.setdefault(message.id, (message.sha256, receipt))[1]
            if first is receipt and self.options.store:
                self.write(message, receipt)
        return first

    def receipt_of(self, number):
        with self.lock:
            kept = self.kept.get(number)
        self.log(event="ask", id=number, known=kept is not None)
        return kept and kept[1]


# ---- servers ------------------------------------------------------------------------------------------------------

class Silent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", media="application/json", headers=(), cut=False):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        if cut:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if cut else body)

    def read_body(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_MAX:
            raise Refused(413, "message.too_large")
        return self.rfile.read(size)


class Control(Silent):
    """GET /control: state. GET /log[?after=N]: lines. POST /control: orders."""

    def do_GET(self):
        peer = self.server.peer
        path, _, query = self.path.partition("?after=")
        if path == "/log":
            with peer.lock:
                lines = peer.lines[int(query or 0):]
            return self.answer(200, json.dumps(lines, ensure_ascii=False).encode())
        return self.answer(200, json.dumps(peer.state()).encode()) if path == "/control" else self.answer(404)

    def do_POST(self):
        try:
            self.server.peer.command(json.loads(self.read_body()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.answer(400, json.dumps({"error": str(error)}).encode())
        return self.answer(200, json.dumps(self.server.peer.state()).encode())


class Messages(Silent):
    """POST {path} and GET {path}/{id}."""

    forms = ("application/json", "application/jose+json", "application/xml", "text/xml")

    def refuse(self, status, code, headers=()):
        problem = {"type": "about:blank", "title": "refused", "status": status, "code": code}
        self.answer(status, json.dumps(problem).encode(), "application/problem+json", headers)

    def allowed(self):
        """What the request must show beside its certificate."""
        return True

    def do_GET(self):
        path, _, number = self.path.rpartition("/")
        order = self.server.peer.take_order("ask")
        if path != self.server.peer.options.path:
            return self.refuse(404, "no.route")
        if not self.allowed():
            return self.refuse(401, "identity.refused")
        if self.before(order):
            return None
        receipt = self.server.peer.receipt_of(number)
        return self.tell(receipt, order) if receipt else self.refuse(404, "message.unknown")

    def do_POST(self):
        peer = self.server.peer
        try:
            body = self.read_body()
            order = peer.take_order("send")
            if self.path != peer.options.path:
                return self.refuse(404, "no.route")
            if not self.allowed():
                peer.log(event="refused", code="identity.refused")
                return self.refuse(401, "identity.refused")
            if self.before(order):
                return peer.log(event="turned_away", id=self.headers.get("X-Message-Id", ""), did=order["do"])
            return self.tell(self.take(body, order), order)
        except Refused as refused:
            return self.refuse(refused.status, refused.code)

    def take(self, body, order):
        peer = self.server.peer
        message = Message(body, self.headers.get("Content-Type", ""), self.headers.get("x-jws-signature"), peer.theirs)
        if message.form not in self.forms:
            raise Refused(415, "message.media_type")
        if self.headers.get("X-Message-Id") != message.id:
            raise Refused(400, "message.malformed")
        return peer.accept(message, order)

    def before(self, order):
        """Acts that keep nothing: whether one of them answered."""
        self.server.peer.pause(order["seconds"]) if "seconds" in order else None
        act = order["do"]
        headers = [("Retry-After", str(order["retry_after"]))] if "retry_after" in order else []
        if act == "status":
            self.refuse(order.get("status", 500), order.get("code", "busy.queue"), headers)
        elif act == "redirect":
            self.answer(302, headers=[("Location", order.get("location", "https://elsewhere.example/"))])
        elif act == "cut_before":
            self.close_connection = True
        else:
            return False
        return True

    def tell(self, receipt, order):
        act = order["do"]
        signature = [("x-jws-signature", receipt.signature)] if receipt.signature else []
        if act == "hang":
            self.server.peer.pause(order.get("for", 3600))
        if act in ("hang", "cut"):
            self.close_connection = True
        elif act == "noise":
            self.wfile.write(b"SSH-2.0-not-what-you-expected\r\n")
            self.close_connection = True
        elif act == "no_receipt":
            self.answer(order.get("status", 200), order.get("text", "").encode(), "text/plain")
        elif act == "garbage":
            self.answer(200, b"\x00\xff{{{" * 20, receipt.media, signature)
        elif act == "web_page":
            self.answer(200, "<!DOCTYPE html><html><body>请先登录</body></html>".encode(), "text/html")
        else:
            self.answer(200, receipt.data, receipt.media, signature, cut=act == "cut_mid")


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, handler, peer, context=None):
        super().__init__(address, handler)
        self.peer, self.context = peer, context

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)     # HTTPServer's would ask a name server
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        """The handshake runs in the connection's own thread: a slow client delays nobody."""
        if self.context is None:
            return super().finish_request(request, client_address)
        request.settimeout(10)
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return None
        try:
            return super().finish_request(request, client_address)
        finally:
            request.close()

    def handle_error(self, request, client_address):
        pass                                         # a client that went away


def tls(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.cert, options.key)
    context.load_verify_locations(options.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def option_parser(description, path="/messages"):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="its name as a partner: sender of receipts")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0, help="plain HTTP on loopback")
    parser.add_argument("--cert", required=True, help="TLS identity, PEM")
    parser.add_argument("--key", required=True)
    parser.add_argument("--ca", required=True, help="whose clients may connect")
    parser.add_argument("--sign-cert", required=True, help="identity that signs receipts: P-256, RSA or SM2")
    parser.add_argument("--sign-key", required=True)
    parser.add_argument("--gateway-cert", required=True, help="the certificate that the gateway's messages are verified with")
    parser.add_argument("--sm2-id", default="1234567812345678")
    parser.add_argument("--log", metavar="FILE", help="JSON lines, appended")
    parser.add_argument("--store", metavar="DIR", help="keeps messages and receipts over restarts")
    if path:
        parser.add_argument("--path", default=path)
    return parser


def serve(peer, server, scheme, path=""):
    """Says where it is in one line of JSON and serves until SIGTERM."""
    control = Server(("127.0.0.1", peer.options.control_port), Control, peer)

    def end(*_):
        def stop():
            with peer.lock:
                peer.stopping = True
                peer.lock.notify_all()
            server.shutdown()
        threading.Thread(target=stop).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    host, port = peer.options.host, server.server_address[1]
    print(json.dumps({"port": port, "url": f"{scheme}://{host}:{port}{path}", "pid": os.getpid(),
                      "control": f"http://127.0.0.1:{control.server_address[1]}"}), flush=True)
    server.serve_forever()
    server.server_close()
    control.server_close()


def run_http(options, handler):
    peer = Peer(options)
    serve(peer, Server((options.host, options.port), handler, peer, tls(options)), "https", options.path)
