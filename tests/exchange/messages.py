"""Messages as a partner writes, signs and reads them, made from contract and schemas alone: no code of the gateway.

A partner's hand is an Author: author.json(kind, body), author.flat(…) and author.xml(…) give a Message that
gateway.post_message() sends; Reader judges what comes back. JSON is signed with JWS, XML with the one enveloped XMLDSig.
Shape and Reference say everything about a signature that a test may want otherwise.
"""
import base64
import dataclasses
import datetime
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import subprocess
import tempfile

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from jwcrypto import jwk, jws
from lxml import etree

from uscc import code

GATEWAY = "ippledge-sx"
NS = "urn:cn:sx:ip-pledge:1"
DS = "http://www.w3.org/2000/09/xmldsig#"
DS11 = "http://www.w3.org/2009/xmldsig11#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
CHINAPORT = "http://www.chinaport.gov.cn/2022/04/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = DS + "enveloped-signature"
SHA1, SHA256, SHA512 = DS + "sha1", "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512"
MD5, SM3 = MORE + "md5", CHINAPORT + "sm3"
METHODS = {"ES256": MORE + "ecdsa-sha256", "RS256": MORE + "rsa-sha256", "SM2": CHINAPORT + "sm2-sm3"}
DIGESTS = {"ES256": SHA256, "RS256": SHA256, "SM2": SM3}
SM2_ID = "1234567812345678"
CST = datetime.timezone(datetime.timedelta(hours=8))

_run = secrets.token_hex(4)
_count = itertools.count(1)


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(data):
    return base64.b64encode(data).decode()


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def new_id():
    """Never the same twice, also not for two runs on one gateway."""
    return f"m-{_run}-{next(_count)}"


def moment(later=0):
    """So many seconds from now, as the contract writes times."""
    return (datetime.datetime.now(CST) + datetime.timedelta(seconds=later)).strftime("%Y-%m-%dT%H:%M:%S+08:00")


# ---- what is said: envelope, bodies, names ----------------------------------------------------------------------

def envelope(kind, sender, /, **changes):
    """Members in the order of the contract; a change to None leaves its member out."""
    members = {"id": new_id(), "kind": kind, "version": 1, "sender": sender, "receiver": GATEWAY, "created": moment(), **changes}
    return {name: value for name, value in members.items() if value is not None}


def patent(i):
    """The i-th valid patent number: 12 digits, a point, a check character."""
    digits = f"20251{i:07}"
    total = sum(int(d) * w for d, w in zip(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)))
    return f"{digits}.{'0123456789X'[total % 11]}"


def firm_name(i):
    return f"山西示例第{i}号有限公司"


def certification(i, **changes):
    return {"action": "grant", "uscc": code(i), "name": firm_name(i), "region_code": "140105", "industry_code": "C2669", "scale": "3",
            "level": "省级", "batch": "2026-1", "document_no": "晋民营发〔2026〕1号", "valid_from": "2026-03-01", **changes}


def exclusion(i, **changes):
    return {"action": "impose", "uscc": code(i), "name": firm_name(i), "ground": "abnormal_operation", "document_no": "晋市监列〔2026〕7号",
            "effective": "2026-11-01", **changes}


def credit(i, **changes):
    return {"event": "drawdown", "uscc": code(i), "credit_no": f"授信{i}", "loan_no": f"借据{i}", "amount_fen": 300000000, "rate_bp": 435,
            "date": "2026-11-02", "due": "2027-11-01", **changes}


def statement(i):
    return {"id": f"s-{i}", "uscc": code(i), "name": firm_name(i), "status": "listed", "status_zh": "已入名单", "lane": "priority",
            "since": "2026-03-01", "listed_since": "2026-03-01", "reasons": ["certified"], "reasons_zh": ["经认定"], "disputed": False,
            "certification": {"level": "省级", "document_no": "1号"}, "sequence": 7, "head": 9, "rules": "2026-1",
            "issuer": {"name": "山西省知识产权局", "uscc": "11140000MB1A00000X"}, "source": {"id": "bureau-sx", "freshness": "on_time"},
            "as_of": "2026-11-24T10:00:00+08:00", "this_update": "2026-11-24T10:00:00+08:00"}


def sample(kind):
    """A good body of each kind; members stand in the order of the contract, as XML wants them."""
    digest = "0123456789abcdef" * 4
    return {
        "certification.batch": {"list_version": "2026-11", "rows": [certification(1), certification(2, valid_until="2027-02-28")]},
        "exclusion.notice": {"rows": [exclusion(1), exclusion(2, action="lift", until="2027-01-01")]},
        "objection": {"uscc": code(1), "name": firm_name(1), "against": "7", "statement": "本企业已于十月申请移出。\n附件为证。",
                      "attachments": [{"name": "移出决定书.pdf", "sha256": digest}]},
        "whitelist.change": {"first": 1, "last": 9, "changes": [{"sequence": 4, "uscc": code(1), "name": firm_name(1), "from": "not_listed",
                                                               "to": "listed", "reasons": ["certified"], "corrects": 2}]},
        "whitelist.query": {"codes": [code(1), code(2)]},
        "whitelist.statement": {"statements": [statement(1), statement(2)]},
        "mailbox.pull": {"after": 0},
        "echo": {"text": "你好 & <再见>"},
        "credit.report": {"rows": [credit(1), credit(2, event="contact", amount_fen=None, rate_bp=None, due=None)]},
        "pledge.registration": {"registration_no": "Y2026140000001", "event": "registered", "date": "2026-11-03", "right_kind": "patent",
                                "pledgors": [{"uscc": code(1), "name": firm_name(1)}], "pledgee": {"name": "甲银行"},
                                "secured_amount_fen": 500000000, "debt_from": "2026-11-01", "debt_until": "2027-11-01",
                                "rights": [{"number": patent(1), "title": "一种装置"}, {"number": patent(2)}]},
        "guidance.request": {"uscc": code(1), "right_kind": "patent", "number": patent(1), "question": "质押登记需要哪些材料？"},
        "guidance.answer": {"of": "g-1", "answer": "见办事指南。", "result": "answered"},
        "right.status": {"rows": [{"right_kind": "patent", "number": patent(1), "uscc": code(1), "status": "valid", "since": "2026-01-05"}]},
        "basedata.update": {"rows": [{"uscc": code(1), "name": firm_name(1), "region_code": "140105", "established": "2015-06-01"}]},
        "policy.document": {"document_no": "晋政发〔2026〕9号", "title": "质押融资贴息办法",
                            "issued": "2026-10-01", "effective": "2026-11-01",
                            "sha256": digest, "url": "https://example.cn/a?b=c&d=e", "topics": ["贴息"], "for": ["中小企业", "银行"]},
        "enterprise.update": {"rows": [{"uscc": code(1), "name": firm_name(1), "scale": "4"}]},
        "reconciliation": {"day": "2026-11-23", "sent": [{"id": "m-1", "sha256": digest}], "received": [{"id": "r-1", "sha256": digest}]},
        "receipt": {"of": "wc-1-9", "result": "partial", "code": "batch.partial", "sequence": 5,
                    "rows": [{"index": 0, "result": "accepted"}, {"index": 1, "result": "rejected", "code": "uscc.check_char"}]},
    }[kind]


def element_name(name, many):
    """a_b is AB; a list drops its plural s, also before a language."""
    if many and name not in ("for", "sent", "received"):
        name = name[:-4] + "_zh" if name.endswith("s_zh") else name[:-1]
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def elements(members):
    """XML of an object's members, in their order."""
    out = ""
    for name, value in members.items():
        for item in value if isinstance(value, list) else [value]:
            inside = elements(item) if isinstance(item, dict) else escape(str(item).lower() if isinstance(item, bool) else str(item))
            tag = element_name(name, isinstance(value, list))
            out += f"<{tag}>{inside}</{tag}>" if item is not None else ""
    return out


def without_none(value):
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def as_xml(head, body):
    return f'<Message xmlns="{NS}"><Envelope>{elements(head)}</Envelope><Body>{elements(body)}</Body></Message>'


def as_json(head, body):
    return compact({"envelope": head, "body": without_none(body)})


NUMBERS = {"version", "sequence", "index", "head", "after", "last", "n", "first"}
LISTS = {"Row": "rows", "Statement": "statements", "Message": "messages", "Change": "changes", "Reason": "reasons", "ReasonZh": "reasons_zh",
         "Sent": "sent", "Received": "received"}


def members_of(node):
    """What a message of the gateway says, as its JSON form would."""
    out = {}
    for child in node:
        tag = etree.QName(child).localname
        name = LISTS.get(tag) or re.sub(r"(?<!^)([A-Z])", r"_\1", tag).lower()
        text = child.text or ""
        value = members_of(child) if len(child) else int(text) if name in NUMBERS else text == "true" if name == "disputed" else text
        if tag in LISTS:
            out.setdefault(name, []).append(value)
        else:
            out[name] = value
    return out


# ---- keys ----------------------------------------------------------------------------------------------------

def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


class Signer:
    """A signing key of a partner; SM2 is the openssl command's work."""

    def __init__(self, key, alg="ES256", sm2_id=SM2_ID):
        self.path, self.alg, self.sm2_id = str(key), alg, sm2_id
        with open(self.path, "rb") as f:
            self.key = None if alg == "SM2" else serialization.load_pem_private_key(f.read(), None)
        self.spki = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        self.kid = b64u(hashlib.sha256(self.spki).digest())

    def sign(self, data, digest="sha256"):
        """r || s, or the bytes of RSA."""
        if self.alg == "SM2":
            with tempfile.NamedTemporaryFile() as f:
                f.write(data)
                f.flush()
                return raw_of(openssl("pkeyutl", "-sign", "-inkey", self.path, "-in", f.name, "-rawin", "-digest", "sm3",
                                      "-pkeyopt", f"distid:{self.sm2_id}"))
        made = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512, "md5": hashes.MD5}[digest]()
        if self.alg == "RS256":
            return self.key.sign(data, padding.PKCS1v15(), made)
        return raw_of(self.key.sign(data, ec.ECDSA(made)))


def raw_of(der):
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def der_of(raw):
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def holds(certificate, alg, data, signature, sm2_id=SM2_ID):
    """True when the certificate's key signed these bytes so."""
    if alg == "SM2":
        with tempfile.TemporaryDirectory() as folder:
            files = {"data": data, "sig": der_of(signature), "key": openssl("x509", "-in", certificate, "-pubkey", "-noout")}
            for name, content in files.items():
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(content)
            return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{folder}/key", "-in", f"{folder}/data", "-rawin",
                                   "-digest", "sm3", "-pkeyopt", f"distid:{sm2_id}", "-sigfile", f"{folder}/sig"],
                                  capture_output=True, check=False).returncode == 0
    with open(certificate, "rb") as f:
        key = x509.load_pem_x509_certificate(f.read()).public_key()
    try:
        if alg == "RS256":
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            assert len(signature) == 64, "not raw r || s"
            key.verify(der_of(signature), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


# ---- JSON signatures -----------------------------------------------------------------------------------------

def protect(signer, header=None):
    """The protected header as it is sent; `header` is members beside alg, or the whole as bytes."""
    return b64u(header if isinstance(header, bytes) else compact({"alg": signer.alg, **(header or {})}))


def detached(signer, body, header=None, **how):
    protected = protect(signer, header)
    return f"{protected}..{b64u(signer.sign(f'{protected}.{b64u(body)}'.encode(), **how))}"


def flattened(signer, body, header=None, **more):
    """RFC 7515 section 7.2.2; `more` are members of the object."""
    protected = protect(signer, header)
    signature = b64u(signer.sign(f"{protected}.{b64u(body)}".encode()))
    return compact({"payload": b64u(body), "protected": protected, "signature": signature, **more})


# ---- XML signatures ------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Reference:
    uri: str = ""                                  # None: no attribute
    transforms: tuple = (ENVELOPED, None)          # URIs or whole elements; None: the exclusive form
    digest: str = None                             # URI; None: that of the algorithm
    attributes: str = ""


@dataclasses.dataclass
class Shape:
    c14n: str = EXCLUSIVE                          # of SignedInfo
    method: str = None                             # URI; None: that of the algorithm
    references: tuple = (Reference(),)
    key_info: str = ""                             # within KeyInfo
    after: str = ""                                # within Signature, last
    parameters: str = ""                           # within SignatureMethod
    prefix: str = "ds:"
    made_by: object = None                         # bytes → signature; None: the signer's
    info: object = None                            # text of SignedInfo → text that is signed instead


def algorithm(prefix, element, uri, inside=""):
    return f'<{prefix}{element} Algorithm="{uri}">{inside}</{prefix}{element}>'


def c14n(node, uri=EXCLUSIVE):
    return etree.tostring(node, method="c14n", exclusive=uri.startswith(EXCLUSIVE), with_comments=uri.endswith("WithComments"), with_tail=False)


def digest_of(uri, data, otherwise="sha256"):
    return hashlib.new({SHA1: "sha1", MD5: "md5", SHA256: "sha256", SHA512: "sha512", SM3: "sm3"}.get(uri, otherwise), data).digest()


def digested(root, reference):
    """What a reference is about: the root, or the element of that Id."""
    if not reference.uri or not reference.uri.startswith("#"):
        return root
    found = root.xpath("//*[@Id=$id]", id=reference.uri[1:])
    return found[0] if found else root


def reference_text(p, root, reference, signer):
    transforms = "".join(t if t and t.startswith("<") else algorithm(p, "Transform", t or EXCLUSIVE) for t in reference.transforms)
    wrapped = f"<{p}Transforms>{transforms}</{p}Transforms>" if reference.transforms else ""
    form = next((t for t in reversed(reference.transforms) if t and t.startswith((EXCLUSIVE, INCLUSIVE))), EXCLUSIVE)
    uri = reference.digest or DIGESTS[signer.alg]
    value = b64(digest_of(uri, c14n(digested(root, reference), form), "sm3" if signer.alg == "SM2" else "sha256"))
    address = "" if reference.uri is None else f' URI="{reference.uri}"'
    return (f"<{p}Reference{address}{reference.attributes}>{wrapped}{algorithm(p, 'DigestMethod', uri)}"
            f"<{p}DigestValue>{value}</{p}DigestValue></{p}Reference>")


def signature_of(xml, signer, shape=None, where="</Message>"):
    """The Signature element that signs `xml`, whose last `where` it will stand before."""
    shape = shape or Shape()
    p = shape.prefix
    root = etree.fromstring(xml.encode())
    info = (f"<{p}SignedInfo>{algorithm(p, 'CanonicalizationMethod', shape.c14n)}"
            f"{algorithm(p, 'SignatureMethod', shape.method or METHODS[signer.alg], shape.parameters)}"
            f"{''.join(reference_text(p, root, r, signer) for r in shape.references)}</{p}SignedInfo>")
    if shape.info:
        info = shape.info(info)
    key_info = f"<{p}KeyInfo>{shape.key_info}</{p}KeyInfo>" if shape.key_info else ""
    declared = f'xmlns:{p[:-1]}="{DS}"' if p else f'xmlns="{DS}"'
    made = f"<{p}Signature {declared}>{info}<{p}SignatureValue>@</{p}SignatureValue>{key_info}{shape.after}</{p}Signature>"
    stands = etree.fromstring(before_last(xml, where, made).encode())
    octets = c14n(stands.find(f".//{{{DS}}}Signature[last()]/{{{DS}}}SignedInfo"), shape.c14n)
    return made.replace(">@<", f">{b64((shape.made_by or signer.sign)(octets))}<", 1)


def before_last(text, mark, insert):
    at = text.rindex(mark)
    return text[:at] + insert + text[at:]


def sign_xml(xml, signer, shape=None):
    return before_last(xml, "</Message>", signature_of(xml, signer, shape))


def with_object(signature, content):
    return before_last(signature, "</ds:Signature>", f"<ds:Object>{content}</ds:Object>")


def wrapped(author, number, by_id, kind, honest, forged):
    """A message that says `forged` with a true signature over `honest`: the eight shapes of Somorovsky et al., "On Breaking
    SAML" (2012), with Message for their response and Body for their assertion. By id as published, or with URI=""."""
    mark = ' Id="signed"' if by_id else ""
    shape = Shape(references=(Reference("#signed", (EXCLUSIVE,)) if by_id else Reference(),))
    head = f"<Envelope>{elements(author.head(kind))}</Envelope>"
    body, other = f"<Body{mark}>{elements(honest)}</Body>", f"<Body>{elements(forged)}</Body>"

    def message(*parts, attributes=""):
        return f'<Message xmlns="{NS}"{attributes}>{"".join(parts)}</Message>'
    whole = message(head, f"<Body>{elements(honest)}</Body>", attributes=mark)
    of_body = signature_of(message(head, body), author.signer, shape)
    of_whole = signature_of(message(whole), author.signer, shape) if by_id else of_body
    return {
        1: message(head, other, with_object(of_whole, whole)),
        2: message(head, other, whole, of_whole),
        3: message(head, other, body, of_body),
        4: message(head, before_last(other, "</Body>", body), of_body),
        5: message(head, before_last(other, "</Body>", of_body), body),
        6: message(head, before_last(other, "</Body>", with_object(of_body, body))),
        7: message(head, f"<Extensions>{body}</Extensions>", other, of_body),
        8: message(head, other, with_object(of_body, body)),
    }[number]


def hmac_with_public_key(signer):
    """The forger who hopes that a public key is taken for a shared secret."""
    return lambda data: hmac.new(signer.spki, data, hashlib.sha256).digest()


# ---- a partner's hand ------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Message:
    body: bytes
    media_type: str
    signature: str = None                          # x-jws-signature
    id: str = None
    headers: dict = dataclasses.field(default_factory=dict)

    def all_headers(self):
        signed = {} if self.signature is None else {"x-jws-signature": self.signature}
        return {"Content-Type": self.media_type, **signed, **self.headers}

    def but(self, **changes):
        return dataclasses.replace(self, **changes)


class Author:
    """Writes and signs as one partner does."""

    def __init__(self, partner, signer):
        self.partner, self.signer = partner, signer

    def head(self, kind, /, **changes):
        return envelope(kind, self.partner, **changes)

    def seal_json(self, body, id=None, header=None):
        """Signs bytes as they are."""
        return Message(body, "application/json", detached(self.signer, body, header), id)

    def seal_xml(self, xml, id=None, shape=None):
        return Message(sign_xml(xml, self.signer, shape).encode(), "application/xml", None, id)

    def json(self, kind, body=None, header=None, **changes):
        head = self.head(kind, **changes)
        return self.seal_json(as_json(head, sample(kind) if body is None else body), head.get("id"), header)

    def flat(self, kind, body=None, header=None, **changes):
        head = self.head(kind, **changes)
        inside = as_json(head, sample(kind) if body is None else body)
        return Message(flattened(self.signer, inside, header), "application/jose+json", None, head.get("id"))

    def xml(self, kind, body=None, shape=None, **changes):
        head = self.head(kind, **changes)
        return self.seal_xml(as_xml(head, sample(kind) if body is None else body), head.get("id"), shape)

    def write(self, form, kind, body=None, **changes):
        return getattr(self, form)(kind, body, **changes)


FORMS = ("json", "flat", "xml")


# ---- what the gateway answers ------------------------------------------------------------------------------------

class Reader:
    """Judges the gateway's messages with its certificates and other libraries."""

    def __init__(self, pki):
        self.certificates = {"ES256": pki / "gateway-sign.pem", "SM2": pki / "gateway-sign-sm2.pem", "RS256": pki / "gateway-sign-rsa.pem"}

    def kid(self, alg):
        spki = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", self.certificates[alg], "-pubkey", "-noout"))
        return b64u(hashlib.sha256(spki).digest())

    def jws(self, alg, body, signature):
        """A detached JWS over these bytes; returns its header."""
        protected, middle, value = signature.split(".")
        assert middle == "", "not detached"
        header = json.loads(unb64u(protected))
        assert header["alg"] == alg and header["kid"] == self.kid(alg), header
        if alg == "SM2":
            assert holds(self.certificates[alg], alg, f"{protected}.{b64u(body)}".encode(), unb64u(value)), "SM2 does not verify"
            return header
        token = jws.JWS()
        token.deserialize(f"{protected}.{b64u(body)}.{value}")
        with open(self.certificates[alg], "rb") as f:
            token.verify(jwk.JWK.from_pem(f.read()), alg=alg)
        return header

    def xmldsig(self, alg, xml):
        """The profile to the letter; returns the root without its signature."""
        root = etree.fromstring(xml, etree.XMLParser(no_network=True, resolve_entities=False))
        signature = root[-1]
        assert [n for n in root.iter(f"{{{DS}}}Signature")] == [signature], "one signature, last in the root"
        info, value = signature
        assert [etree.QName(n).localname for n in (info, value)] == ["SignedInfo", "SignatureValue"], "no KeyInfo, nothing else"
        assert [n.get("Algorithm") for n in info.iter() if n.get("Algorithm")] == [
            EXCLUSIVE, METHODS[alg], ENVELOPED, EXCLUSIVE, DIGESTS[alg]], etree.tostring(info)
        assert [r.get("URI") for r in info.iter(f"{{{DS}}}Reference")] == [""]
        octets, seen = c14n(info), base64.b64decode(info.find(f".//{{{DS}}}DigestValue").text)
        root.remove(signature)
        assert digest_of(DIGESTS[alg], c14n(root)) == seen, "the digest is of something else"
        assert holds(self.certificates[alg], alg, octets, base64.b64decode(value.text)), "the signature does not verify"
        return root

    def message(self, answer, alg="ES256"):
        """A signed answer of either form: {"envelope":…,"body":…}."""
        return self.content(alg, answer.headers["Content-Type"], answer.content, answer.headers.get("x-jws-signature"))

    def content(self, alg, media_type, body, signature=None):
        if media_type.startswith("application/xml"):
            return members_of(self.xmldsig(alg, body))
        if media_type.startswith("application/jose+json"):
            whole = json.loads(body)
            body, signature = unb64u(whole["payload"]), f"{whole['protected']}..{whole['signature']}"
        self.jws(alg, body, signature)
        return json.loads(body)
