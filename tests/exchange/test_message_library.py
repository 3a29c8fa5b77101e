"""Before the gateway is judged by messages.py, others judge messages.py: the XSDs, jwcrypto, xmlsec1 and openssl."""
import csv
import json
import subprocess

import pytest
from jwcrypto import jwk, jws
from lxml import etree

import messages
from conftest import ROOT
from messages import Author, Signer, as_json, as_xml, sample

KINDS = [line["kind"] for line in csv.DictReader(
    line for line in (ROOT / "schemas" / "catalog.csv").read_text().splitlines() if not line.startswith("#"))]


@pytest.fixture(scope="module")
def authors(pki):
    pki.issue("library-sign-rs256", "RS256", "sign")
    return {"ES256": Author("bank-a", Signer(pki / "bank-a-sign.key")), "SM2": Author("bank-b", Signer(pki / "bank-b-sign.key", "SM2")),
            "RS256": Author("registry-ty", Signer(pki / "library-sign-rs256.key", "RS256"))}


def certificate(authors, alg):
    return authors[alg].signer.path.replace(".key", ".pem")


def xmlsec1(tmp_path, certificate, xml):
    (tmp_path / "message.xml").write_bytes(xml)
    ids = [o for element in ("Message", "Body") for o in ("--id-attr:Id", f"{messages.NS}:{element}")]
    done = subprocess.run(["xmlsec1", "--verify", "--pubkey-cert-pem", certificate, *ids, str(tmp_path / "message.xml")],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_every_kind_is_of_its_schema(kind):
    """The hand-written mapping and the XSD agree, and the JSON form says the same."""
    schema = etree.XMLSchema(etree.parse(str(ROOT / "schemas" / f"{kind}-1.xsd")))
    head = messages.envelope(kind, "bank-a", in_reply_to="m-1", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    document = etree.fromstring(as_xml(head, sample(kind)).encode())
    schema.assertValid(document)
    assert set(json.loads(as_json(head, sample(kind)))) == {"envelope", "body"}


@pytest.mark.parametrize("kind", ["receipt", "whitelist.statement", "whitelist.change"])
def test_what_the_gateway_writes_is_read_alike_in_both_forms(kind):
    head = messages.envelope(kind, "ippledge-sx")
    expected = json.loads(as_json(head, sample(kind)))
    if kind == "whitelist.change":
        del expected["body"]["changes"][0]["corrects"]           # a number here, a text in credit.report
    seen = messages.members_of(etree.fromstring(as_xml(head, expected["body"]).encode()))
    assert seen == expected


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_another_library_accepts_our_jws(authors, alg):
    message = authors[alg].json("echo", header={"kid": authors[alg].signer.kid, "typ": "x"})
    flat = authors[alg].flat("echo")
    protected, _, value = message.signature.split(".")
    with open(certificate(authors, alg), "rb") as f:
        key = jwk.JWK.from_pem(f.read())
    for text in (f"{protected}.{messages.b64u(message.body)}.{value}", flat.body.decode()):
        token = jws.JWS()
        token.deserialize(text)
        token.verify(key, alg=alg)


def test_openssl_accepts_our_sm2(authors, tmp_path):
    message = authors["SM2"].json("echo")
    protected, _, value = message.signature.split(".")
    data = f"{protected}.{messages.b64u(message.body)}".encode()
    assert messages.holds(certificate(authors, "SM2"), "SM2", data, messages.unb64u(value))
    assert not messages.holds(certificate(authors, "SM2"), "SM2", data + b"x", messages.unb64u(value))


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_xmlsec1_accepts_our_xml(authors, alg, tmp_path):
    """Also with another prefix; a changed value and another key are told."""
    xml = authors[alg].xml("certification.batch").body
    assert xmlsec1(tmp_path, certificate(authors, alg), xml)
    assert not xmlsec1(tmp_path, certificate(authors, alg), xml.replace("晋民".encode(), "晋国".encode(), 1))
    assert not xmlsec1(tmp_path, certificate(authors, alg).replace("bank-a", "bureau-sx").replace("library-sign-rs256", "gateway-sign-rsa"), xml)
    assert xmlsec1(tmp_path, certificate(authors, alg), authors[alg].xml("echo", shape=messages.Shape(prefix="")).body)


def test_our_reader_accepts_our_xml_and_no_other(authors):
    """The judge of receipts: own key, own digest, nothing else."""
    for alg, author in authors.items():
        reader = messages.Reader.__new__(messages.Reader)
        reader.certificates = {alg: certificate(authors, alg)}
        xml = author.xml("receipt").body
        assert messages.members_of(reader.xmldsig(alg, xml))["body"]["result"] == "partial"
        with pytest.raises(AssertionError):
            reader.xmldsig(alg, xml.replace(b">partial<", b">accepted<", 1))


@pytest.mark.parametrize("number", range(1, 9))
def test_xmlsec1_accepts_the_forged_documents(authors, number, tmp_path):
    """So they are attacks: a verifier that follows ids says yes to each. With URI="" none passes."""
    honest, forged = {"text": "honest"}, {"text": "forged"}
    by_id, whole = (messages.wrapped(authors["ES256"], number, by_id, "echo", honest, forged).encode() for by_id in (True, False))
    assert b"forged" in by_id and xmlsec1(tmp_path, certificate(authors, "ES256"), by_id)
    assert b"forged" in whole and not xmlsec1(tmp_path, certificate(authors, "ES256"), whole)
