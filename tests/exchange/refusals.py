#!/usr/bin/env python3
"""What a partner may try with POST /v1/messages, each attempt with its code: the table that test_messages_refused.py plays.

    refusals.py     prints it: code, HTTP status, attempt, who tries

`make` of a case gets the Hand of the partner who tries and gives the Message that is sent as that partner.
"""
import base64
import gzip
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))

import messages
from messages import (DS, DS11, ENVELOPED, EXCLUSIVE, INCLUSIVE, MD5, METHODS, MORE, NS, SHA1, SHA256, SHA512, SM3, Author, Message, Reference,
                      Shape, Signer, as_json, as_xml, b64, b64u, certification, compact, credit, exclusion, sample, signature_of, sign_xml)
from uscc import code

STATUS = {"message.malformed": 400, "signature": 401, "sender": 403, "message.id_reused": 409, "message.too_large": 413, "message.media_type": 415}
BATCH = "certification.batch"
FIRM = {"list_version": "2026-11", "rows": [certification(900)]}
MIB = 1 << 20
HOUR = 3600
CASES = {}                                          # name: (who, code, make)


def status_of(verdict):
    return STATUS.get(verdict) or STATUS.get(verdict.split(".")[0], 422)


def case(name, verdict, make, who="bureau-sx"):
    assert name not in CASES, name
    CASES[name] = (who, verdict, make)


def cases(verdict, who="bureau-sx", **makes):
    for name, make in makes.items():
        case(name.replace("_", "-"), verdict, make, who)


class Hand(Author):
    """A partner who has a good message to send, and keys that are not meant for messages."""

    def __init__(self, author, tls, others):
        super().__init__(author.partner, author.signer)
        self.tls, self.others = Signer(tls), Signer(others)
        self.says = {"bureau": BATCH, "registry": "pledge.registration"}.get(author.partner.split("-")[0], "credit.report")
        self.body = FIRM if self.says == BATCH else sample(self.says)

    def good(self, form, **how):
        return self.write(form, self.says, self.body, **how)

    def text(self, **changes):
        """The XML of a good message before it is signed."""
        return as_xml(self.head(changes.pop("kind", self.says), **changes), self.body)

    def bytes(self, **changes):
        return as_json(self.head(changes.pop("kind", self.says), **changes), self.body)

    def with_key(self, signer):
        return Hand(Author(self.partner, signer), self.tls.path, self.others.path)


# ---- how a good message is spoiled ---------------------------------------------------------------------------------------

def swap(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


def json_then(change):
    """A good JSON message to which something happens."""
    return lambda a: change(a.good("json"))


def json_signed(change):
    """The bytes of a good JSON message, changed and then signed."""
    return lambda a: a.seal_json(change(a.bytes()))


def json_text(old, new):
    return json_signed(lambda body: swap(body.decode(), old, new).encode())


def jws_field(change):
    return json_then(lambda m: m.but(signature=change(m.signature)))


def jws_header(header=None, form="json", **members):
    """A true signature with this protected header: bytes, or members beside alg."""
    return lambda a: a.good(form, header=header or members)


def jws_value(change):
    """The third segment of the JWS, changed as bytes."""
    def make(field):
        head, _, value = field.split(".")
        value = change(messages.unb64u(value))
        return f"{head}..{value if isinstance(value, str) else b64u(value)}"
    return jws_field(make)


def flat_with(**changes):
    """The flattened object with members changed; None takes one away."""
    def make(a):
        message = a.good("flat")
        members = {name: value(message) if callable(value) else value for name, value in {**json.loads(message.body), **changes}.items()}
        return message.but(body=compact(messages.without_none(members)))
    return make


def xml_message(text):
    return Message(text if isinstance(text, bytes) else text.encode(), "application/xml")


def unsigned(text):
    return lambda a: xml_message(text)


def xml_then(change):
    """The bytes of a good XML message, changed after it was signed."""
    return lambda a: xml_message(change(a.good("xml").body))


def broken(old, new):
    return xml_then(lambda body: swap(body.decode(), old, new))


def made(old, new):
    """XML changed before it is signed: the signature is true."""
    return lambda a: a.seal_xml(swap(a.text(), old, new))


def parts_made(arrange):
    """A signed XML message of envelope and body arranged anew."""
    def make(a):
        text = a.text()
        head, body = text[text.index("<Envelope>"):text.index("<Body>")], text[text.index("<Body>"):-len("</Message>")]
        return a.seal_xml(f'<Message xmlns="{NS}">{arrange(head, body)}</Message>')
    return make


def moved(where):
    """The signature put before `where` instead of last."""
    return lambda a: (lambda text: xml_message(swap(text, where, signature_of(text, a.signer) + where)))(a.text())


def shaped(made_by=None, **how):
    """A signature of another shape; `made_by` gets the signer and the bytes to sign."""
    return lambda a: a.good("xml", shape=Shape(**how, made_by=made_by and (lambda data: made_by(a.signer, data))))


def refers(**how):
    return shaped(references=(Reference(**how),))


def message_with(form, kind=None, body=None, **changes):
    """A good message with another envelope or body; a function is asked when it is written."""
    def make(a):
        now = {name: value() if callable(value) else value for name, value in changes.items()}
        said = body if body is not None else a.body if kind in (None, a.says) else sample(kind)
        return a.write(form, kind or a.says, said, **now)
    return make


ROWS = {BATCH: certification, "credit.report": credit, "exclusion.notice": exclusion}


def row(form, kind=BATCH, **changes):
    """One row of a good body, changed."""
    more = {"list_version": "2026-11"} if kind == BATCH else {}
    return message_with(form, kind, {**more, "rows": [ROWS[kind](900, **changes)]})


# ---- JWS -------------------------------------------------------------------------------------------------------------------

cases("signature.missing",
      json_without_signature=json_then(lambda m: m.but(signature=None)),
      json_with_an_empty_signature=json_then(lambda m: m.but(signature="")),
      json_with_its_signature_as_a_member=json_then(lambda m: m.but(
          body=compact({**json.loads(m.body), "signature": m.signature}), signature=None)))
cases("signature.malformed",
      jws_of_two_segments=jws_field(lambda s: s.replace("..", ".")),
      jws_of_four_segments=jws_field(lambda s: s + ".AA"),
      jws_that_is_not_detached=json_then(lambda m: m.but(signature=m.signature.replace("..", f".{b64u(m.body)}."))),
      jws_header_with_padding=jws_field(lambda s: s.replace("..", "=..")),
      jws_header_in_plain_base64=jws_field(lambda s: "e+/" + s),
      jws_header_that_is_no_json=jws_header(b"{alg:ES256}"),
      jws_header_that_is_a_list=jws_header(b'["ES256"]'),
      jws_header_of_five_kibibytes=jws_header(pad="x" * 5000),
      jws_value_with_padding=jws_value(lambda v: b64u(v) + "=="),
      jws_value_in_der=jws_value(messages.der_of),
      jws_value_of_63_bytes=jws_value(lambda v: v[:63]),
      jws_value_of_65_bytes=jws_value(lambda v: v + b"\0"),
      jws_value_with_r_of_zero=jws_value(lambda v: bytes(32) + v[32:]),
      jws_value_with_s_above_the_order=jws_value(lambda v: v[:32] + b"\xff" * 32),
      jws_value_empty=jws_value(lambda v: ""),
      jws_twice_in_one_field=jws_field(lambda s: f"{s}, {s}"),
      flattened_payload_with_padding=flat_with(payload=lambda m: base64.urlsafe_b64encode(b"{} ").decode() + "="),
      flattened_without_signature=flat_with(signature=None),
      flattened_protected_as_object=flat_with(protected={"alg": "ES256"}),
      flattened_of_several_signatures=flat_with(signatures=[{"protected": "e30", "signature": "AA"}]))
cases("signature.header",
      jws_with_crit=jws_header(crit=["exp"], exp=1),
      jws_with_b64=jws_header(b64=True),
      jws_with_its_own_jwk=jws_header(jwk={"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
      jws_with_jku=jws_header(jku="https://127.0.0.1/keys"),
      jws_with_x5u=jws_header(x5u="https://127.0.0.1/cert"),
      jws_with_x5c=jws_header(x5c=["AA=="]),
      jws_with_alg_twice=jws_header(b'{"alg":"ES256","alg":"ES256"}'),
      jws_with_alg_twice_by_escape=jws_header(b'{"alg":"ES256","\\u0061lg":"none"}'),
      jws_with_kid_twice=jws_header(b'{"alg":"ES256","kid":"a","kid":"b"}'),
      jws_without_alg=jws_header(b'{"typ":"x"}'),
      jws_with_alg_as_number=jws_header(b'{"alg":256}'),
      jws_with_kid_as_number=jws_header(kid=7),
      jws_with_iat_as_text=jws_header(iat="now"),
      flattened_with_crit=jws_header(form="flat", crit=["b64"], b64=False),
      flattened_with_a_header_unprotected=flat_with(header={"kid": "x"}))


def hmac_jws(a):
    """Signed with the partner's public key as if it were a shared secret."""
    body, head = a.bytes(), b64u(b'{"alg":"HS256"}')
    return Message(body, "application/json", f"{head}..{b64u(messages.hmac_with_public_key(a.signer)(f'{head}.{b64u(body)}'.encode()))}")


cases("signature.alg",
      jws_alg_none=jws_header(b'{"alg":"none"}'),
      jws_alg_in_small_letters=jws_header(b'{"alg":"es256"}'),
      jws_alg_es512=jws_header(alg="ES512"),
      jws_hmac_with_the_public_key=hmac_jws,
      jws_alg_none_flattened=jws_header(b'{"alg":"none"}', "flat"),
      jws_sm2_where_es256_is_agreed=jws_header(alg="SM2"),
      jws_rs256_where_es256_is_agreed=jws_header(alg="RS256"))
case("jws-es256-where-sm2-is-agreed", "signature.alg", jws_header(alg="ES256"), "bureau-ty")
case("jws-ps256-where-rs256-is-agreed", "signature.alg", jws_header(alg="PS256"), "registry-ty")
cases("signature.key_unknown",
      jws_with_a_kid_of_nobody=jws_header(kid="A" * 43),
      jws_with_the_kid_of_another_partner=lambda a: a.good("json", header={"kid": a.others.kid}))
cases("signature.invalid",
      json_changed_after_signing=json_then(lambda m: m.but(body=m.body.replace(b'"grant"', b'"renew"'))),
      json_written_anew_after_signing=json_then(lambda m: m.but(body=json.dumps(json.loads(m.body), ensure_ascii=False).encode())),
      json_with_a_line_end_more=json_then(lambda m: m.but(body=m.body + b"\n")),
      json_with_the_signature_of_another_message=lambda a: a.good("json").but(signature=a.good("json").signature),
      json_signed_by_another_partner=lambda a: a.with_key(a.others).good("json"),
      json_signed_by_the_tls_key=lambda a: a.with_key(a.tls).good("json"),
      jws_with_r_and_s_exchanged=jws_value(lambda v: v[32:] + v[:32]),
      jws_over_the_body_alone=lambda a: (lambda m: m.but(signature=f"{m.signature.split('.')[0]}..{b64u(a.signer.sign(m.body))}"))(a.good("json")),
      jws_with_its_header_changed=jws_field(lambda s: b64u(b'{"alg":"ES256","typ":"x"}') + ".." + s.split(".")[2]),
      flattened_with_another_payload=flat_with(payload=lambda m: b64u(m.body)))
cases("signature.invalid", "bureau-ty",
      jws_sm2_with_another_id=lambda a: a.with_key(Signer(a.signer.path, "SM2", "ALICE123@YAHOO.COM")).good("json"),
      jws_sm2_with_r_and_s_exchanged=jws_value(lambda v: v[32:] + v[:32]),
      xml_sm2_with_another_id=lambda a: a.with_key(Signer(a.signer.path, "SM2", "ALICE123@YAHOO.COM")).good("xml"))
case("jws-rs256-cut-short", "signature.malformed", jws_value(lambda v: v[:-3]), "registry-ty")

# ---- XML signatures: place and number -----------------------------------------------------------------------------------------

EMPTY = f'<ds:Signature xmlns:ds="{DS}"></ds:Signature>'
cases("signature.missing",
      xml_without_signature=lambda a: xml_message(a.text()),
      xml_with_a_jws_instead=lambda a: (lambda m: m.but(signature=messages.detached(a.signer, m.body)))(xml_message(a.text())),
      xml_with_a_signature_of_another_namespace=broken(f'xmlns:ds="{DS}"', 'xmlns:ds="urn:other"'))
cases("signature.profile",
      xml_signed_twice=lambda a: xml_message(sign_xml(sign_xml(a.text(), a.signer), a.signer)),
      xml_with_a_second_signature_in_the_body=broken("</Body>", EMPTY + "</Body>"),
      xml_with_a_signature_in_its_signature=broken("</ds:Signature>", EMPTY + "</ds:Signature>"),
      xml_signature_first_in_the_root=moved("<Envelope>"),
      xml_signature_between_envelope_and_body=moved("<Body>"),
      xml_signature_in_the_envelope=moved("</Envelope>"),
      xml_signature_in_the_body=moved("</Body>"),
      xml_signature_with_an_element_after_it=broken("</ds:Signature>", "</ds:Signature><Body></Body>"),
      xml_signature_with_text_after_it=broken("</ds:Signature>", "</ds:Signature>x"),
      xml_signature_as_the_root=lambda a: xml_message(signature_of(a.text(), a.signer)),
      xml_message_in_a_message=xml_then(lambda body: f'<Message xmlns="{NS}">{body.decode()}</Message>'),
      xml_signed_info_outside=broken("</Body>", f'<ds:SignedInfo xmlns:ds="{DS}"/></Body>'),
      xml_with_an_object=shaped(after="<ds:Object>x</ds:Object>"),
      xml_with_a_manifest=shaped(after=f'<ds:Object><ds:Manifest><ds:Reference URI=""><ds:DigestMethod Algorithm="{SHA256}"/>'
                                 "<ds:DigestValue>AA==</ds:DigestValue></ds:Reference></ds:Manifest></ds:Object>"))
cases("signature.malformed",
      xml_with_two_signed_info=broken("<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>"),
      xml_with_signed_info_rebound=broken("<ds:SignedInfo>", '<ds:SignedInfo xmlns:ds="urn:other">'),
      xml_signature_of_nothing=lambda a: xml_message(messages.before_last(a.text(), "</Message>", EMPTY)),
      xml_without_reference=shaped(references=()),
      xml_value_in_der=shaped(made_by=lambda signer, data: messages.der_of(signer.sign(data))),
      xml_value_of_zeros=shaped(made_by=lambda signer, data: bytes(64)),
      xml_value_of_63_bytes=shaped(made_by=lambda signer, data: signer.sign(data)[:63]),
      xml_value_in_base64url=broken("<ds:SignatureValue>", "<ds:SignatureValue>-"),
      xml_digest_of_20_bytes=shaped(info=lambda t: t[:t.index("<ds:DigestValue>") + 16] + b64(bytes(20)) + t[t.index("</ds:DigestValue>"):]))

# ---- XML signatures: what is covered, and how -----------------------------------------------------------------------------------

PREFIXES = f'<ds:Transform Algorithm="{EXCLUSIVE}"><i:InclusiveNamespaces xmlns:i="{EXCLUSIVE}" PrefixList="x"/></ds:Transform>'
XPATH = ('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>'
         "</ds:Transform>")
XSLT = ('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x:stylesheet version="1.0" '
        'xmlns:x="http://www.w3.org/1999/XSL/Transform"/></ds:Transform>')
C14N11 = "http://www.w3.org/2006/12/xml-c14n11"
cases("signature.profile",
      xml_with_two_references=shaped(references=(Reference(), Reference())),
      xml_refers_to_an_id=lambda a: a.seal_xml(swap(a.text(), "<Body>", '<Body Id="b">'), shape=Shape(references=(Reference("#b"),))),
      xml_refers_to_a_missing_id=refers(uri="#nowhere"),
      xml_refers_by_xpointer=refers(uri="#xpointer(/)"),
      xml_refers_to_a_file=refers(uri="file:///etc/passwd"),
      xml_refers_to_a_server=refers(uri="http://127.0.0.1:1/x.xml"),
      xml_refers_to_white_space=refers(uri=" "),
      xml_refers_without_uri=refers(uri=None),
      xml_refers_with_a_type=refers(attributes=f' Type="{DS}Manifest"'),
      xml_without_transforms=refers(transforms=()),
      xml_transform_enveloped_alone=refers(transforms=(ENVELOPED,)),
      xml_transform_c14n_alone=refers(transforms=(None,)),
      xml_transforms_in_the_other_order=refers(transforms=(None, ENVELOPED)),
      xml_transform_c14n_twice=refers(transforms=(ENVELOPED, None, None)),
      xml_transform_with_comments=refers(transforms=(ENVELOPED, EXCLUSIVE + "WithComments")),
      xml_transform_inclusive=refers(transforms=(ENVELOPED, INCLUSIVE)),
      xml_transform_c14n_1_1=refers(transforms=(ENVELOPED, C14N11)),
      xml_transform_with_a_list_of_prefixes=refers(transforms=(ENVELOPED, PREFIXES)),
      xml_transform_xpath=refers(transforms=(XPATH, None)),
      xml_transform_xslt=refers(transforms=(ENVELOPED, XSLT)),
      xml_transform_base64=refers(transforms=(DS + "base64", None)),
      xml_signed_info_inclusive=shaped(c14n=INCLUSIVE),
      xml_signed_info_with_comments=shaped(c14n=EXCLUSIVE + "WithComments"),
      xml_signed_info_c14n_1_1=shaped(c14n=C14N11),
      xml_hmac_cut_to_eight_bits=shaped(method=MORE + "hmac-sha256", parameters="<ds:HMACOutputLength>8</ds:HMACOutputLength>",
                                        made_by=lambda signer, data: b"\0"))


def method(uri, digest):
    """Truly signed with another digest than agreed."""
    return shaped(method=uri, made_by=lambda signer, data: signer.sign(data, digest))


cases("signature.alg",
      xml_ecdsa_with_sha1=method(MORE + "ecdsa-sha1", "sha1"),
      xml_ecdsa_with_sha512=method(MORE + "ecdsa-sha512", "sha512"),
      xml_dsa_with_sha1=shaped(method=DS + "dsa-sha1"),
      xml_hmac_with_the_public_key=shaped(method=MORE + "hmac-sha256", made_by=lambda signer, data: messages.hmac_with_public_key(signer)(data)),
      xml_hmac_with_sha1=shaped(method=DS + "hmac-sha1", made_by=lambda signer, data: bytes(20)),
      xml_rsa_where_ecdsa_is_agreed=shaped(method=METHODS["RS256"]),
      xml_sm2_where_ecdsa_is_agreed=shaped(method=METHODS["SM2"]),
      xml_method_by_its_name_alone=shaped(method="ecdsa-sha256"),
      xml_digest_sha1=refers(digest=SHA1),
      xml_digest_md5=refers(digest=MD5),
      xml_digest_sha512=refers(digest=SHA512),
      xml_digest_sm3_where_sha256_is_agreed=refers(digest=SM3))
cases("signature.alg", "registry-ty",
      xml_rsa_with_sha1=method(DS + "rsa-sha1", "sha1"),
      xml_rsa_with_md5=method(MORE + "rsa-md5", "md5"),
      xml_rsa_with_sha512=method(MORE + "rsa-sha512", "sha512"),
      xml_ecdsa_where_rsa_is_agreed=shaped(method=METHODS["ES256"]))
cases("signature.alg", "bureau-ty",
      xml_sm2_by_another_uri=shaped(method="http://www.w3.org/2021/04/xmldsig-more#sm2-sm3"),
      xml_sm2_with_digest_sha256=refers(digest=SHA256))

# ---- XML signatures: whose key ------------------------------------------------------------------------------------------------------


def with_foreign_key(key_info):
    """Signed by another key that the message brings along."""
    return lambda a: a.with_key(a.others).good("xml", shape=Shape(key_info=key_info(a.others)))


def certificate_of(signer):
    with open(signer.path.replace(".key", ".pem")) as f:
        return "".join(line for line in f.read().split("\n") if not line.startswith("-"))


cases("signature.profile",
      xml_with_a_foreign_key_value=with_foreign_key(
          lambda s: f'<ds:KeyValue><e:ECKeyValue xmlns:e="{DS11}"><e:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
                    f"<e:PublicKey>{b64(s.spki[-65:])}</e:PublicKey></e:ECKeyValue></ds:KeyValue>"),
      xml_with_a_foreign_der_key=with_foreign_key(lambda s: f'<e:DEREncodedKeyValue xmlns:e="{DS11}">{b64(s.spki)}</e:DEREncodedKeyValue>'))
cases("signature.key_unknown",
      xml_with_a_foreign_certificate=with_foreign_key(
          lambda s: f"<ds:X509Data><ds:X509Certificate>{certificate_of(s)}</ds:X509Certificate></ds:X509Data>"),
      xml_with_the_name_of_another_key=with_foreign_key(lambda s: f"<ds:KeyName>{s.kid}</ds:KeyName>"),
      xml_with_two_names=lambda a: a.good("xml", shape=Shape(key_info=f"<ds:KeyName>{a.signer.kid}</ds:KeyName><ds:KeyName>x</ds:KeyName>")))
cases("signature.invalid",
      xml_signed_by_another_partner=lambda a: a.with_key(a.others).good("xml"),
      xml_signed_by_another_with_our_key_named=lambda a: a.with_key(a.others).good(
          "xml", shape=Shape(key_info=f"<ds:KeyName>{a.signer.kid}</ds:KeyName>")),
      xml_with_signed_info_changed=broken("<ds:SignedInfo>", "<ds:SignedInfo> "),
      xml_with_the_value_of_another_message=shaped(made_by=lambda signer, data: signer.sign(b"something else")))

# ---- XML signatures: what is signed is what is read ---------------------------------------------------------------------------------


def wrapping(number, by_id):
    forged = {"list_version": "x", "rows": [certification(901)]}
    return lambda a: xml_message(messages.wrapped(a, number, by_id, BATCH, FIRM, forged))


for number in range(1, 9):
    case(f"xml-wrapping-{number}-by-id", "signature.profile", wrapping(number, True))
    case(f"xml-wrapping-{number}-of-the-whole", "signature.digest" if number in (2, 3, 4, 7) else "signature.profile", wrapping(number, False))

XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
cases("signature.digest",
      xml_with_another_value=broken("140105", "140106"),
      xml_with_a_row_more=broken("</Body>", "<Row></Row></Body>"),
      xml_with_white_space_more=broken("<Body>", "\n<Body>"),
      xml_with_another_prefix=broken("<Action>grant</Action>", f'<x:Action xmlns:x="{NS}">grant</x:Action>'),
      xml_with_the_signature_of_another_message=lambda a: xml_message(
          messages.before_last(a.text(), "</Message>", signature_of(a.text(), a.signer))))
cases("signature.profile",
      xml_with_an_id_on_the_root=made(f'xmlns="{NS}"', f'xmlns="{NS}" Id="m"'),
      xml_with_one_id_twice=made("<Body><ListVersion>", '<Body Id="m"><ListVersion Id="m">'),
      xml_with_one_id_twice_in_the_signature=xml_then(lambda body: swap(swap(
          body.decode(), "<ds:Signature ", '<ds:Signature Id="a" '), "<ds:SignatureValue>", '<ds:SignatureValue Id="a">')),
      xml_with_xml_id=made("<Body>", '<Body xml:id="m">'),
      xml_with_xml_base=made("<Body>", '<Body xml:base="http://127.0.0.1/">'),
      xml_with_another_type=made("<Body>", f'<Body {XSI} i:type="Echo">'),
      xml_with_nil=made("<Level>", f'<Level {XSI} i:nil="true">'),
      xml_with_a_place_of_schemas=made("<Body>", f'<Body {XSI} i:schemaLocation="{NS} http://127.0.0.1/x.xsd">'),
      xml_with_a_comment_in_the_sender=made("<Sender>bureau-", "<Sender>bureau-<!-- -->"),
      xml_with_a_comment_in_a_code=made(code(900)[:9], code(900)[:9] + "<!-- -->"),
      xml_with_a_comment_between_elements=made("<Body>", "<Body><!-- x -->"),
      xml_with_cdata_in_a_value=made("<Level>省级", "<Level>省<![CDATA[级]]>"),
      xml_with_cdata_for_a_value=made("<Level>省级", "<Level><![CDATA[省级]]>"),
      xml_with_a_comment_in_the_digest=broken("<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
      xml_with_a_comment_in_the_value=broken("<ds:SignatureValue>", "<ds:SignatureValue><!-- -->"),
      xml_with_a_comment_after_the_signature=broken("</ds:Signature>", "</ds:Signature><!-- -->"),
      xml_of_another_namespace=made(NS, "urn:cn:sx:ip-pledge:2"))

# ---- bytes that are no message -------------------------------------------------------------------------------------------------------

cases("schema.doctype",
      doctype_alone=xml_then(lambda body: b"<!DOCTYPE Message>" + body),
      doctype_that_makes_an_id=xml_then(lambda body: b"<!DOCTYPE Message [<!ATTLIST Body Id ID 'x'>]>" + body),
      doctype_with_an_entity_of_a_file=xml_then(lambda body: b'<!DOCTYPE Message [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + body),
      doctype_after_the_message=xml_then(lambda body: body + b"<!DOCTYPE Message>"))
cases("schema.encoding",
      xml_with_a_byte_order_mark=xml_then(lambda body: b"\xef\xbb\xbf" + body),
      xml_in_utf16=xml_then(lambda body: body.decode().encode("utf-16")),
      xml_that_declares_gbk=xml_then(lambda body: b'<?xml version="1.0" encoding="GBK"?>' + body.decode().encode("gbk")),
      xml_in_gb18030_undeclared=xml_then(lambda body: body.decode().encode("gb18030")),
      xml_with_half_a_character=xml_then(lambda body: body.replace("级".encode(), "级".encode()[:2], 1)),
      json_with_a_byte_order_mark=json_signed(lambda body: b"\xef\xbb\xbf" + body),
      json_in_gb18030=json_signed(lambda body: body.decode().encode("gb18030")),
      json_with_a_surrogate_in_utf8=json_signed(lambda body: body.replace("级".encode(), b"\xed\xa0\x80")))
cases("message.malformed",
      xml_with_a_nul=broken("<Level>", "<Level>\0"),
      xml_with_a_control_character=broken("<Level>", "<Level>\x01"),
      xml_of_version_1_1=xml_then(lambda body: b'<?xml version="1.1"?>' + body),
      xml_with_an_unknown_entity=broken("<Level>", "<Level>&e;"),
      xml_with_a_processing_instruction=broken("<Body>", "<Body><?php x ?>"),
      xml_with_a_stylesheet=xml_then(lambda body: b'<?xml-stylesheet href="http://127.0.0.1/"?>' + body),
      xml_with_an_unbound_prefix=broken("<Level>省级</Level>", "<z:Level>省级</z:Level>"),
      xml_with_something_after_it=xml_then(lambda body: body + b"<Message/>"),
      xml_of_nothing=unsigned(b""),
      xml_of_white_space=unsigned(b" \n "),
      xml_that_is_json=json_then(lambda m: m.but(media_type="application/xml")),
      xml_nested_too_deep=lambda a: a.seal_xml(swap(a.text(), "省级", "<Level>" * 30 + "</Level>" * 30)),
      xml_nested_a_million_deep=unsigned("<a>" * 1000000),
      xml_with_a_thousand_attributes=unsigned("<a " + " ".join(f'a{i}=""' for i in range(1000)) + "/>"),
      json_of_nothing=json_signed(lambda body: b""),
      json_that_is_xml=lambda a: a.seal_json(a.text().encode()),
      json_with_a_comma_too_many=json_text('"rows":[', '"rows":[,'),
      json_with_a_comment=json_text('"body"', '/* x */"body"'),
      json_with_single_quotes=json_text('"grant"', "'grant'"),
      json_with_nan=json_text('"grant"', "NaN"),
      json_with_a_leading_zero=json_text('"version":1', '"version":01'),
      json_with_something_after_it=json_signed(lambda body: body + b"{}"),
      json_with_a_bare_line_end_in_a_text=json_text("省级", "省\n级"),
      json_with_a_nul=json_text("省级", "省\0级"),
      json_nested_too_deep=json_text('"rows":[', '"rows":[' + "[" * 40 + "]" * 40 + ","),
      json_nested_thousands_deep=json_text('"rows":[', '"rows":[' + "[" * 9000),
      json_cut_in_the_middle=json_signed(lambda body: body[:150]),
      flattened_that_is_no_json=lambda a: Message(b"{payload", "application/jose+json"),
      flattened_that_is_compact=lambda a: (lambda m: m.but(body=".".join(
          json.loads(m.body)[part] for part in ("protected", "payload", "signature")).encode()))(a.good("flat")))
for tenths in (1, 3, 7, 9):
    case(f"xml-cut-at-{tenths}-tenths", "message.malformed",
         xml_then(lambda body, tenths=tenths: body.decode()[:len(body.decode()) * tenths // 10]))
case("json-with-a-nul-escaped", "schema.invalid", json_text("省级", "省\\u0000级"))
cases("message.too_large",
      json_of_five_mebibytes=lambda a: Message(b" " * (5 * MIB), "application/json", "a..b"),
      xml_of_five_mebibytes=unsigned(b"<a>" + b" " * (5 * MIB) + b"</a>"),
      json_nested_a_million_deep=json_text('"rows":[', '"rows":[' + "[" * 1000000),
      json_of_a_million_numbers=json_text('"rows":[', '"rows":[' + "0," * 1000000),
      xml_of_a_million_elements=unsigned("<a>" + "<b/>" * 1000000 + "</a>"),
      xml_of_comments_without_end=unsigned("<a>" + "<!---->" * 500000 + "</a>"))
cases("message.media_type",
      media_text_plain=json_then(lambda m: m.but(media_type="text/plain")),
      media_octets=lambda a: a.good("xml").but(media_type="application/octet-stream"),
      media_of_a_form=json_then(lambda m: m.but(media_type="multipart/form-data; boundary=x")),
      media_compact_jws=json_then(lambda m: m.but(media_type="application/jose")),
      media_empty=json_then(lambda m: m.but(media_type="")),
      media_json_in_gbk=json_then(lambda m: m.but(media_type="application/json; charset=gbk")),
      media_xml_in_gbk=lambda a: a.good("xml").but(media_type="application/xml; charset=gbk"),
      media_coded_with_gzip=json_then(lambda m: m.but(body=gzip.compress(m.body), headers={"Content-Encoding": "gzip"})))

# ---- the envelope: who may say what, when ----------------------------------------------------------------------------------------------


def both(name, verdict, who="bureau-sx", **how):
    """The same attempt in both forms."""
    for form in ("json", "xml"):
        case(f"{form}-{name}", verdict, message_with(form, **how), who)


both("sender-is-another-partner", "sender.mismatch", sender="bureau-ty")
both("sender-is-the-gateway", "sender.mismatch", sender=messages.GATEWAY)
both("sender-differs-in-case", "sender.mismatch", sender="Bureau-SX")
both("receiver-is-another", "message.receiver", receiver="bank-a")
both("receiver-is-everybody", "message.receiver", receiver="*")
both("kind-unknown", "schema.kind_unknown", kind="none.such", body={"x": "y"})
both("kind-in-capitals", "schema.kind_unknown", kind="Certification.Batch", body=FIRM)
both("version-unknown", "schema.version_unknown", version=2)
both("older-than-72-hours", "message.stale", created=lambda: messages.moment(-73 * HOUR))
both("older-than-a-century", "message.stale", created="1926-01-01T00:00:00+08:00")
both("echo-older-than-five-minutes", "message.stale", kind="echo", created=lambda: messages.moment(-6 * 60))
both("six-minutes-ahead", "message.future", created=lambda: messages.moment(6 * 60))
both("a-lifetime-ahead", "message.future", created="2099-01-01T00:00:00+08:00")
both("created-without-a-zone", "schema.invalid", created="2026-11-24T10:00:00")
both("created-on-no-day", "schema.invalid", created="2026-02-30T10:00:00+08:00")
both("created-is-missing", "schema.invalid", created=None)
both("id-is-missing", "schema.invalid", id=None)
both("id-is-empty", "schema.invalid", id="")
both("id-of-65-characters", "schema.invalid", id="a" * 65)
both("id-with-a-space", "schema.invalid", id="m 1")
both("id-in-chinese", "schema.invalid", id="报文1")
both("in-reply-to-nothing", "schema.invalid", in_reply_to="")
both("traceparent-of-another-form", "schema.invalid", traceparent="00-1-2-3")
both("kind-of-another-role", "sender.role", "bank-a", kind=BATCH, body=FIRM)
both("kind-not-in-the-file", "sender.kind", "narrow-1", kind="credit.report")
both("kind-that-only-the-gateway-sends", "sender.kind", "bank-a", kind="whitelist.change")
both("partner-is-paused", "sender.paused", "paused-1", kind="echo")
cases("schema.type",
      json_version_as_text=message_with("json", version="1"),
      json_version_as_fraction=json_text('"version":1', '"version":1.5'),
      json_version_as_null=json_text('"version":1', '"version":null'),
      json_id_as_number=message_with("json", id=17),
      json_envelope_as_list=lambda a: a.seal_json(compact({"envelope": [], "body": FIRM})),
      json_message_as_list=json_signed(lambda body: b"[]"),
      json_body_as_text=lambda a: a.seal_json(compact({"envelope": a.head(BATCH), "body": "x"})))
cases("schema.invalid",
      json_without_envelope=lambda a: a.seal_json(compact({"body": FIRM})),
      json_without_body=lambda a: a.seal_json(compact({"envelope": a.head(BATCH)})),
      json_with_a_third_member=lambda a: a.seal_json(compact({"envelope": a.head(BATCH), "body": FIRM, "note": "x"})),
      json_with_a_member_of_the_envelope_too_many=message_with("json", priority="high"),
      json_with_the_sender_twice=json_text('"sender":', '"sender":"bureau-ty","sender":'),
      json_with_a_number_beyond_64_bits=json_text('"version":1', '"version":99999999999999999999'),
      xml_without_envelope=parts_made(lambda head, body: body),
      xml_without_body=parts_made(lambda head, body: head),
      xml_with_envelope_and_body_exchanged=parts_made(lambda head, body: body + head),
      xml_with_the_body_twice=parts_made(lambda head, body: head + body + body),
      xml_with_the_envelope_twice=parts_made(lambda head, body: head + head + body),
      xml_with_the_sender_twice=made("<Sender>", "<Sender>bureau-ty</Sender><Sender>"))

# ---- bodies against their schema -----------------------------------------------------------------------------------------------------------

WRONG = code(1)[:17] + ("0" if code(1)[17] != "0" else "1")
for form in ("json", "xml"):
    def add(name, verdict, make, who="bureau-sx", form=form):
        case(f"{form}-{name}", verdict, make, who)
    add("row-with-an-unknown-member", "schema.invalid", row(form, colour="red"))
    add("row-without-name", "schema.invalid", row(form, name=None))
    add("row-with-an-unknown-action", "schema.invalid", row(form, action="bless"))
    add("row-with-an-empty-name", "schema.invalid", row(form, name=""))
    add("row-with-a-name-of-101-characters", "schema.invalid", row(form, name="名" * 101))
    add("row-with-no-such-day", "schema.invalid", row(form, valid_from="2026-02-30"))
    add("row-with-a-day-in-slashes", "schema.invalid", row(form, valid_from="2026/3/1"))
    add("ground-unknown", "schema.invalid", row(form, "exclusion.notice", ground="bad_luck"))
    add("amount-below-zero", "schema.invalid", row(form, "credit.report", amount_fen=-1), "bank-a")
    add("amount-beyond-what-json-can", "schema.invalid", row(form, "credit.report", amount_fen=2**53), "bank-a")
    add("amount-as-a-word", "schema.type", row(form, "credit.report", amount_fen="three"), "bank-a")
    add("amount-as-a-fraction", "schema.type", row(form, "credit.report", amount_fen=1.5), "bank-a")
    add("event-unknown", "schema.invalid", row(form, "credit.report", event="borrowed"), "bank-a")
both("rows-none", "schema.invalid", body={"list_version": "2026-11", "rows": []})
both("body-of-another-kind", "schema.invalid", body={"text": "x"})
both("digest-of-another-form", "schema.invalid", "onestop-sx", kind="policy.document", body={**sample("policy.document"), "sha256": "ABC"})
both("url-of-a-file", "schema.invalid", "onestop-sx", kind="policy.document", body={**sample("policy.document"), "url": "file:///etc/passwd"})
both("right-kind-unknown", "schema.invalid", "bank-a", kind="guidance.request", body={**sample("guidance.request"), "right_kind": "secret"})
both("rows-10001", "batch.too_many_rows", "onestop-sx", kind="enterprise.update", body={"rows": [{"uscc": "x"}] * 10001})
both("question-of-1001-codes", "query.too_many", "bank-a", kind="whitelist.query", body={"codes": [code(1)] * 1001})
both("question-of-a-wrong-code", "uscc.check_char", "bank-a", kind="whitelist.query", body={"codes": [code(1), WRONG]})
both("question-of-a-short-code", "uscc.length", "bank-a", kind="whitelist.query", body={"codes": ["9114"]})
cases("schema.type",
      json_name_as_number=row("json", name=7),
      json_name_as_null=json_text(f'"name":"{messages.firm_name(900)}"', '"name":null'),
      json_name_as_list=row("json", name=["x"]),
      json_rows_as_object=message_with("json", body={"list_version": "2026-11", "rows": certification(900)}),
      json_row_as_text=message_with("json", body={"list_version": "2026-11", "rows": ["x"]}),
      xml_with_an_element_in_a_value=made("<Level>省级", "<Level><b/>省级"))
cases("schema.type", "bank-a",
      json_amount_as_text=row("json", "credit.report", amount_fen="300"),
      json_amount_with_an_exponent=json_text('"amount_fen":300000000', '"amount_fen":3e8'))
cases("schema.invalid",
      json_name_twice=json_text('"name":', '"name":"x","name":'),
      json_name_in_capitals=json_text('"name":', '"Name":'),
      xml_elements_in_another_order=made(f"<Action>grant</Action><Uscc>{code(900)}</Uscc>", f"<Uscc>{code(900)}</Uscc><Action>grant</Action>"),
      xml_element_twice=made("<Level>省级</Level>", "<Level>省级</Level><Level>省级</Level>"),
      xml_name_in_small_letters=made("<Level>省级</Level>", "<level>省级</level>"),
      xml_list_in_an_element_of_its_own=lambda a: a.seal_xml(a.text().replace("<Row>", "<Rows><Row>").replace("</Row>", "</Row></Rows>")),
      xml_with_text_between_elements=made("<Body>", "<Body>text"),
      xml_with_a_body_of_another_namespace=made("<Body>", '<Body xmlns="urn:other">'))

# ---- two faults: which of them is told says in which order they are judged ------------------------------------------------------------------


def spoilt(message):
    """Its signature is of another message."""
    end = message.signature[-9:-1]
    return message.but(signature=message.signature[:-9] + ("AAAAAAAA" if end != "AAAAAAAA" else "BBBBBBBB") + message.signature[-1])


def old(form, kind=None, body=None, who_old=-80 * HOUR):
    return message_with(form, kind, body, created=lambda: messages.moment(who_old))


SHORT = {"list_version": "1"}
cases("message.media_type", order_media_type_before_signature=json_then(lambda m: m.but(signature=None, media_type="text/csv")))
cases("message.too_large", order_size_before_signature=json_then(lambda m: m.but(body=b"{" + b" " * (5 * MIB) + b"}", signature="x")))
cases("schema.doctype", order_doctype_before_signature=lambda a: xml_message("<!DOCTYPE x>" + a.text()))
cases("schema.encoding", order_encoding_before_signature=lambda a: xml_message("\ufeff" + a.text()))
cases("signature.missing",
      order_signature_before_schema_in_xml=lambda a: xml_message(a.text().replace("<ListVersion>", "<Other>x</Other><ListVersion>")),
      order_signature_before_kind_in_xml=lambda a: xml_message(a.text(kind="none.such")),
      order_signature_before_age_in_xml=lambda a: xml_message(a.text(created=messages.moment(-80 * HOUR))))
cases("signature.alg", order_algorithm_before_value=lambda a: spoilt(a.good("json", header={"alg": "RS256"})))
cases("signature.invalid",
      order_signature_before_schema_in_json=lambda a: spoilt(a.json(BATCH, {"rows": 7})),
      order_signature_before_kind_in_json=lambda a: spoilt(a.json("none.such", {"x": "y"})),
      order_signature_before_age_in_json=lambda a: spoilt(old("json")(a)),
      order_signature_before_sender=lambda a: spoilt(a.good("json", sender="bureau-ty")))
case("order-signature-before-role", "signature.invalid", lambda a: spoilt(a.json(BATCH, FIRM)), "bank-a")
case("order-schema-before-age-in-json", "schema.invalid", old("json", body=SHORT))
case("order-schema-before-age-in-xml", "schema.invalid", old("xml", body=SHORT))
case("order-schema-before-role", "schema.invalid", message_with("json", BATCH, SHORT), "bank-a")
case("order-schema-before-kind-of-the-file", "schema.invalid", message_with("json", "credit.report", {"rows": []}), "narrow-1")
case("order-age-before-role", "message.stale", old("json", BATCH, FIRM), "bank-a")
case("order-age-before-kind-of-the-file", "message.stale", old("xml", "credit.report"), "narrow-1")
case("order-future-before-role", "message.future", old("json", BATCH, FIRM, HOUR), "bank-a")
case("order-role-before-content", "sender.role", message_with("json", "whitelist.query", {"codes": ["9114"]}), "onestop-sx")
case("order-kind-of-the-file-before-content", "sender.kind", message_with("json", "whitelist.query", {"codes": ["9114"]}), "narrow-1")


def main():
    for name, (who, verdict, _) in sorted(CASES.items(), key=lambda item: (item[1][1], item[0])):
        print(f"{verdict}\t{status_of(verdict)}\t{name.replace('-', ' ')}\t{who}")


if __name__ == "__main__":
    main()
