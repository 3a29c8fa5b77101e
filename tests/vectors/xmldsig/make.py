#!/usr/bin/env python3
"""Writes the vectors of this folder anew, with a key that is thrown away: python3 tests/vectors/xmldsig/make.py

The eight shapes of signature wrapping (Somorovsky et al., "On Breaking SAML", 2012) carried over to a message: what
SAML calls response is Message, what it calls assertion is Body. Each comes twice. `by-id`: as published, the signature
refers to an Id, and xmlsec1 accepts the forged document (checked here). `whole`: the same move with the reference that
the gateway asks for, URI="".
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NS = "urn:cn:sx:ip-pledge:1"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPE = ("<Envelope><Id>m-1</Id><Kind>echo</Kind><Version>1</Version><Sender>bank-a</Sender><Receiver>gateway</Receiver>"
            "<Created>2026-11-24T10:00:00+08:00</Created></Envelope>")


def signature(reference):
    """A template. What is referred to by its id never holds the signature, so only URI="" takes it out."""
    enveloped = "" if reference else f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
    return (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC}"/>'
            '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>'
            f'<ds:Reference URI="{reference}"><ds:Transforms>{enveloped}<ds:Transform Algorithm="{EXC}"/></ds:Transforms>'
            '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
            "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>")


def message(*parts, attributes=""):
    return f'<Message xmlns="{NS}"{attributes}>{"".join(parts)}</Message>'


def body(text, inside="", attributes=""):
    return f"<Body{attributes}><Text>{text}</Text>{inside}</Body>"


def xmlsec(work, action, document, *options):
    path = work / "document.xml"
    path.write_text(document)
    names = [option for element in ("Message", "Body") for option in (f"--id-attr:Id", f"{NS}:{element}")]
    command = ["xmlsec1", action, *options, *names, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def signed(work, document):
    """The signature that xmlsec1 makes for this document, as text."""
    done = xmlsec(work, "--sign", document, "--privkey-pem", str(work / "key.pem"))
    if done.returncode != 0:
        sys.exit(done.stderr)
    return re.search(r"<ds:Signature .*</ds:Signature>", done.stdout, re.S).group().replace("\n", "")


def with_object(sig, content):
    return sig.replace("</ds:Signature>", f"<ds:Object>{content}</ds:Object></ds:Signature>")


def shapes(work, by_id):
    """{number: (forged document, code)}; a body is honest or forged."""
    mark = ' Id="signed"' if by_id else ""
    reference = "#signed" if by_id else ""
    honest = body("honest", attributes=mark)
    forged = body("forged")
    whole = message(ENVELOPE, body("honest"), attributes=mark)
    if by_id:
        sig = signed(work, message(whole, signature(reference)))
        sig_body = signed(work, message(ENVELOPE, honest, signature(reference)))
    else:
        sig = sig_body = signed(work, message(ENVELOPE, body("honest"), signature(reference)))
    digest = "signature.profile" if by_id else "signature.digest"
    return {
        1: (message(ENVELOPE, forged, with_object(sig, whole)), "signature.profile"),
        2: (message(ENVELOPE, forged, whole, sig), digest),
        3: (message(ENVELOPE, forged, honest, sig_body), digest),
        4: (message(ENVELOPE, body("forged", honest), sig_body), digest),
        5: (message(ENVELOPE, body("forged", sig_body), honest), "signature.profile"),
        6: (message(ENVELOPE, body("forged", with_object(sig_body, honest))), "signature.profile"),
        7: (message(ENVELOPE, f"<Extensions>{honest}</Extensions>", forged, sig_body), digest),
        8: (message(ENVELOPE, forged, with_object(sig_body, honest)), "signature.profile"),
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run = lambda *command: subprocess.run(command, check=True, capture_output=True)
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", work / "key.pem")
        run("openssl", "pkey", "-in", work / "key.pem", "-pubout", "-out", HERE / "signer.pub")
        sig = signed(work, message(ENVELOPE, body("honest"), signature("")))
        (HERE / "honest.xml").write_text(message(ENVELOPE, body("honest"), sig))
        lines = ["honest.xml\tok"]
        for name in ("by-id", "whole"):
            for number, (document, code) in shapes(work, name == "by-id").items():
                file = f"wrapping-{number}-{name}.xml"
                (HERE / file).write_text(document)
                lines.append(f"{file}\t{code}")
                done = xmlsec(work, "--verify", document, "--pubkey-pem", str(HERE / "signer.pub"))
                if (done.returncode == 0) != (name == "by-id"):
                    sys.exit(f"{file}: xmlsec1 does not see it as meant: {done.stderr}")
        (HERE / "cases.tsv").write_text("\n".join(lines) + "\n")


main()
