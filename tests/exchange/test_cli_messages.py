"""pledgectl over messages without a daemon: signing, judging by schema, and saying why a signature does not hold. What it
judges was signed by other programs; what it signs is judged by them."""
import json
import subprocess

import pytest
from lxml import etree

import messages
from conftest import ROOT
from messages import DS, Author, Reference, Shape, Signer, as_json, as_xml, envelope, sample
from test_cli_offline import ctl, refused

SCHEMAS = ("--schemas", ROOT / "schemas")
ALGS = ("ES256", "SM2", "RS256")


@pytest.fixture(scope="module")
def hands(pki):
    pki.issue("cli-sign-rs256", "RS256", "sign")
    names = {"ES256": "bank-a-sign", "SM2": "bank-b-sign", "RS256": "cli-sign-rs256"}
    return {alg: (Author("bank-a", Signer(pki / f"{name}.key", alg)), pki / f"{name}.pem", pki / f"{name}.key") for alg, name in names.items()}


def put(tmp_path, message, name="message"):
    path = tmp_path / f"{name}.{'xml' if 'xml' in message.media_type else 'json'}"
    path.write_bytes(message.body)
    if message.signature:
        path.with_name(path.name + ".jws").write_text(message.signature)
    return path


def explained(*arguments):
    """Exit code and the findings by name."""
    done = ctl("--json", "msg", "explain", *arguments)
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {check["name"]: check for check in checks}


def wrong(checks):
    return sorted(name for name, check in checks.items() if check.get("ok") is False)


# ---- verify

@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("form", ["flat", "xml"])
def test_verify_takes_every_form(hands, tmp_path, alg, form):
    author, cert, _ = hands[alg]
    path = put(tmp_path, author.write(form, "credit.report"))
    done = ctl("--json", "verify", path, "--cert", cert)
    said = json.loads(done.stdout)
    assert done.returncode == 0 and (said["form"], said["alg"]) == ({"flat": "flattened", "xml": "xml"}[form], alg), done
    other = hands["SM2" if alg == "ES256" else "ES256"][1]
    refused(ctl("verify", path, "--cert", other), "signature.alg", f"seen {alg}")


def test_verify_of_a_changed_and_a_wrongly_shaped_document(hands, tmp_path, pki):
    author, cert, _ = hands["ES256"]
    path = put(tmp_path, author.xml("echo"))
    path.write_bytes(path.read_bytes().replace("你好".encode(), "再见".encode()))
    refused(ctl("verify", path, "--cert", cert), "signature.digest", "/Message/Signature")
    path.write_text(as_xml(envelope("echo", "bank-a"), sample("echo")))
    refused(ctl("verify", path, "--cert", cert), "signature.missing")
    path.write_bytes(author.xml("echo", shape=Shape(references=(Reference("#x", (messages.EXCLUSIVE,)),))).body)
    refused(ctl("verify", path, "--cert", cert), "signature.profile")
    path.write_bytes(author.xml("echo", created=messages.moment(-400 * 86400)).body)
    refused(ctl("verify", path, "--cert", cert), "key.expired")
    assert ctl("verify", path, "--cert", pki / "bureau-sx-sign.pem").returncode == 8
    path.write_text("<Message>")
    assert ctl("verify", path, "--cert", cert).returncode == 1


def test_verify_in_another_profile(hands, tmp_path):
    author, cert, _ = hands["ES256"]
    shape = Shape(c14n=messages.INCLUSIVE, references=(Reference(transforms=(messages.ENVELOPED, messages.INCLUSIVE)),),
                  made_by=lambda data: messages.der_of(author.signer.sign(data)))
    path = put(tmp_path, author.xml("echo", shape=shape))
    refused(ctl("verify", path, "--cert", cert), "signature.profile")
    assert ctl("verify", path, "--cert", cert, "--profile", "inclusive,der").returncode == 0
    assert ctl("verify", path, "--cert", cert, "--profile", "other").returncode == 2
    code, checks = explained(path, "--cert", cert)
    assert code == 8 and "inclusive" in checks["trial"]["detail"] and "DER" in checks["trial"]["detail"]


# ---- sign

@pytest.mark.parametrize("alg", ALGS)
def test_others_accept_what_is_signed(hands, tmp_path, pki, alg):
    """JSON by jwcrypto or openssl, XML by xmlsec1 or the profile to the letter."""
    _, cert, key = hands[alg]
    reader = messages.Reader(pki)
    reader.certificates = {alg: cert}
    (tmp_path / "m.json").write_bytes(as_json(envelope("credit.report", "bank-a"), sample("credit.report")))
    done = ctl("msg", "sign", tmp_path / "m.json", "--key", key, "--cert", cert)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 1, done
    assert reader.jws(alg, (tmp_path / "m.json").read_bytes(), done.stdout.decode().strip())["kid"] == reader.kid(alg)
    (tmp_path / "m.xml").write_text(as_xml(envelope("credit.report", "bank-a"), sample("credit.report")))
    done = ctl("msg", "sign", tmp_path / "m.xml", "--key", key, "--output", tmp_path / "signed.xml")
    assert (done.returncode, done.stdout) == (0, b"")
    reader.xmldsig(alg, (tmp_path / "signed.xml").read_bytes())
    if alg != "SM2":
        subprocess.run(["xmlsec1", "--verify", "--pubkey-cert-pem", cert, tmp_path / "signed.xml"], check=True, capture_output=True)
    assert ctl("verify", tmp_path / "signed.xml", "--cert", cert).returncode == 0


@pytest.mark.parametrize("form", ["json", "jose", "xml"])
def test_a_body_becomes_a_message(hands, tmp_path, pki, form):
    _, cert, key = hands["ES256"]
    (tmp_path / "body.json").write_bytes(messages.compact({"text": "你好"}))
    made = tmp_path / "made"
    how = ("--kind", "echo", "--sender", "bank-a", "--receiver", "ippledge-sx", "--form", form, "--key", key, "--output", made)
    assert ctl("msg", "sign", tmp_path / "body.json", *how, *SCHEMAS).returncode == 0
    assert made.with_name("made.jws").exists() == (form == "json")
    assert ctl("verify", made, "--cert", cert).returncode == 0
    said = json.loads(ctl("--json", "msg", "validate", made, *SCHEMAS).stdout)
    assert said["ok"] is True and said["kind"] == "echo"


def test_what_cannot_be_signed(hands, tmp_path, pki):
    _, cert, key = hands["ES256"]
    (tmp_path / "m.json").write_bytes(as_json(envelope("echo", "bank-a"), {"text": 1}))
    sign = ("msg", "sign", tmp_path / "m.json", "--key")
    assert ctl("msg", "sign", tmp_path / "m.json").returncode == 2
    assert ctl(*sign, key, "--alg", "HS256").returncode == 2
    assert ctl(*sign, key, "--form", "csv").returncode == 2
    assert ctl(*sign, key, "--kind", "echo").returncode == 2
    assert ctl(*sign, key, "--alg", "SM2").returncode == 1
    assert ctl(*sign, key, "--cert", pki / "bureau-sx-sign.pem").returncode == 1
    assert b"schema." in ctl(*sign, key, "--form", "xml", *SCHEMAS).stderr
    signed = put(tmp_path, hands["ES256"][0].xml("echo"))
    assert b"signature.profile" in ctl("msg", "sign", signed, "--key", key).stderr


# ---- validate

@pytest.mark.parametrize("form", ["json", "flat", "xml"])
def test_validate_tells_every_fault_at_its_place(hands, tmp_path, form):
    author = hands["ES256"][0]
    good = put(tmp_path, author.write(form, "credit.report"), "good")
    done = ctl("msg", "validate", good, *SCHEMAS)
    assert done.returncode == 0 and b"credit.report" in done.stdout, done
    rows = [messages.credit(1, date="2026-13-01"), messages.credit(2, event="gift")]
    bad = put(tmp_path, author.write(form, "credit.report", {"rows": rows}), "bad")
    done = ctl("--json", "msg", "validate", bad, *SCHEMAS)
    places = [e["place"] for e in json.loads(done.stdout)["errors"]]
    assert done.returncode == 1
    assert places == (["/Message/Body/Row[1]/Date", "/Message/Body/Row[2]/Event"] if form == "xml" else ["/body/rows/0/date", "/body/rows/1/event"])
    assert "schema." in ctl("--lang", "zh", "msg", "validate", bad, *SCHEMAS).stdout.decode()


def test_validate_of_what_is_no_message(tmp_path):
    for text, code in (("", "message.malformed"), ("<a>", "message.malformed"), ("<!DOCTYPE a><a/>", "schema.doctype"), ("[]", "schema.type"),
                       (json.dumps({"envelope": envelope("none.such", "x"), "body": {}}), "schema.kind_unknown")):
        (tmp_path / "m").write_text(text)
        done = ctl("--json", "msg", "validate", tmp_path / "m", *SCHEMAS)
        assert done.returncode == 1 and json.loads(done.stdout)["errors"][0]["code"] == code, (text, done)
    assert ctl("msg", "validate", tmp_path / "none", *SCHEMAS).returncode == 1
    done = ctl("msg", "validate", tmp_path / "m", "--schemas", tmp_path / "none")
    assert done.returncode == 1 and b"--schemas" in done.stderr


# ---- explain

@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("form", ["json", "flat", "xml"])
def test_nothing_to_explain(hands, tmp_path, alg, form):
    author, cert, _ = hands[alg]
    path = put(tmp_path, author.write(form, "echo"))
    code, checks = explained(path, "--cert", cert)
    assert (code, wrong(checks)) == (0, []) and checks["algorithm"]["seen"] == checks["algorithm"]["expected"].split(",")[0] == alg
    assert checks["signature"]["ok"] and checks["clock"]["ok"]


def test_explain_names_the_wrong_algorithm_and_key(hands, tmp_path, pki):
    author, _, _ = hands["ES256"]
    path = put(tmp_path, author.xml("echo"))
    code, checks = explained(path, "--cert", hands["SM2"][1])
    assert code == 8 and (checks["algorithm"]["seen"], checks["algorithm"]["expected"]) == ("ES256", "SM2")
    path = put(tmp_path, author.json("echo", header={"kid": author.signer.kid}))
    code, checks = explained(path, "--cert", pki / "bureau-sx-sign.pem")
    assert code == 8 and wrong(checks) == ["key", "signature"] and checks["key"]["seen"] == author.signer.kid
    code, checks = explained(path, "--alg", "SM2")
    assert code == 1 and wrong(checks) == ["algorithm"]


def test_explain_finds_what_was_changed(hands, tmp_path):
    """Digests of both, and the place of the first difference in the canonical form, whatever the files look like."""
    author, cert, _ = hands["ES256"]
    whole = author.xml("credit.report").body
    (tmp_path / "sent.xml").write_bytes(whole.replace(b"<Body>", b"<Body >"))
    (tmp_path / "came.xml").write_bytes(whole.replace(b"300000000", b"300000001", 1))
    code, checks = explained(tmp_path / "came.xml", "--cert", cert, "--against", tmp_path / "sent.xml", "--output", tmp_path / "canonical")
    assert code == 8 and wrong(checks) == ["difference", "digest", "signature"]
    assert checks["digest"]["seen"] != checks["digest"]["expected"]
    assert "300000001" in checks["difference"]["seen"] and "300000000" in checks["difference"]["expected"]
    root = etree.fromstring((tmp_path / "came.xml").read_bytes())
    root.remove(root.find(f"{{{DS}}}Signature"))
    assert (tmp_path / "canonical").read_bytes() == messages.c14n(root) and checks["length"]["seen"] == str(len(messages.c14n(root)))
    code, checks = explained(tmp_path / "sent.xml", "--cert", cert, "--against", tmp_path / "sent.xml")
    assert (code, wrong(checks)) == (0, [])


@pytest.mark.parametrize("change, word", [(lambda b: b + b"\n", "line feed"), (lambda b: b"\xef\xbb\xbf" + b, "byte order mark"),
                                          (lambda b: b.replace(b"\n", b"\r\n"), "CR LF")])
def test_explain_tries_what_editors_do(hands, tmp_path, change, word):
    author, cert, _ = hands["ES256"]
    body = json.dumps(json.loads(as_json(envelope("echo", "bank-a"), sample("echo"))), indent=1, ensure_ascii=False).encode()
    path = put(tmp_path, author.seal_json(body))
    path.write_bytes(change(body))
    code, checks = explained(path, "--cert", cert)
    assert code == 8 and word in checks["trial"]["detail"] and word in checks["bytes"]["detail"], checks
    path.write_bytes(body)
    assert explained(path, "--cert", cert)[0] == 0


def test_explain_with_what_was_signed(hands, tmp_path):
    """A compact JWS in the place of the detached one brings along what it was made over."""
    author, cert, _ = hands["ES256"]
    body = as_json(envelope("echo", "bank-a"), {"text": "二"})
    protected, _, value = author.seal_json(body).signature.split(".")
    (tmp_path / "m.json").write_bytes(body.replace("二".encode(), "三".encode()))
    code, checks = explained(tmp_path / "m.json", "--cert", cert, "--jws", f"{protected}.{messages.b64u(body)}.{value}")
    assert code == 8 and "二" in checks["difference"]["expected"] and "三" in checks["difference"]["seen"]


def test_explain_knows_sm2_identifiers(hands, tmp_path):
    _, cert, key = hands["SM2"]
    author = Author("bank-b", Signer(key, "SM2"))
    path = put(tmp_path, author.xml("echo"))
    code, checks = explained(path, "--cert", cert, "--sm2-id", "bank-b@example")
    assert code == 8 and checks["digest"]["ok"] and "1234567812345678" in checks["trial"]["detail"]


def test_explain_compares_clocks(hands, tmp_path):
    author, cert, _ = hands["ES256"]
    code, checks = explained(put(tmp_path, author.json("echo", created=messages.moment(600))), "--cert", cert)
    assert code == 1 and wrong(checks) == ["clock"] and "set the sender's clock" in checks["clock"]["detail"]
    code, checks = explained(put(tmp_path, author.json("echo", created=messages.moment(-600))), "--cert", cert, *SCHEMAS)
    assert code == 0 and "300" in checks["clock"]["detail"]


def test_explain_for_people_in_both_languages(hands, tmp_path):
    author, cert, _ = hands["ES256"]
    path = put(tmp_path, author.xml("echo", shape=Shape(method=messages.METHODS["RS256"])))
    english = ctl("msg", "explain", path, "--cert", cert)
    chinese = ctl("--lang", "zh", "msg", "explain", path, "--cert", cert)
    assert english.returncode == chinese.returncode == 8
    assert "differs algorithm: RS256" in english.stdout.decode() and "expected ES256" in english.stdout.decode()
    assert "不一致 算法: RS256" in chinese.stdout.decode() and "应为 ES256" in chinese.stdout.decode()
    (tmp_path / "m.json").write_bytes(b"{}")
    assert ctl("msg", "explain", tmp_path / "m.json").returncode == 8
    assert ctl("msg", "explain", tmp_path / "none").returncode == 1
