"""One true path: a bureau's list becomes a bank's signed answer."""
import base64
import hashlib
import json
import subprocess

import pytest
from jwcrypto import jwk, jws

from lists import certified, firms

pytestmark = pytest.mark.asan


def verify_es256(gateway, body, signature):
    token = jws.JWS()
    token.deserialize(signature.replace("..", "." + base64.urlsafe_b64encode(body).decode().rstrip("=") + "."))
    with open(gateway.pki / "gateway-sign.pem", "rb") as f:
        token.verify(jwk.JWK.from_pem(f.read()), alg="ES256")
    return json.loads(token.jose_header if isinstance(token.jose_header, str) else json.dumps(token.jose_header))


def der_of(raw):
    def integer(b):
        b = b.lstrip(b"\0") or b"\0"
        b = b"\0" + b if b[0] & 0x80 else b
        return b"\x02" + bytes([len(b)]) + b
    body = integer(raw[:32]) + integer(raw[32:])
    return b"\x30" + bytes([len(body)]) + body


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify_sm2(gateway, body, signature, tmp_path):
    protected, _, value = signature.split(".")
    (tmp_path / "input").write_bytes(protected.encode() + b"." + base64.urlsafe_b64encode(body).rstrip(b"="))
    (tmp_path / "sig").write_bytes(der_of(unb64(value)))
    key = subprocess.run(["openssl", "x509", "-in", gateway.pki / "gateway-sign-sm2.pem", "-pubkey", "-noout"], capture_output=True, check=True)
    (tmp_path / "pub.pem").write_bytes(key.stdout)
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "pub.pem", "-in", tmp_path / "input", "-rawin",
                           "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-sigfile", tmp_path / "sig"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(unb64(protected))


@pytest.fixture
def loaded(gateway, bureau):
    bureau.control(rows=firms(12), version="2026-11")
    run = gateway.sync()
    assert run["state"] == "done" and run["counts"]["added"] == 12, run
    return gateway


def test_a_listed_firm_is_answered_signed_and_dated(loaded):
    """A bank asks, gets a statement of the contract's shape, and another library verifies it."""
    code = firms(12)[0]["uscc"]
    answer = loaded.firm("bank-a", code)
    statement = answer.json()
    assert answer.status_code == 200
    assert list(statement)[:8] == ["id", "uscc", "name", "status", "status_zh", "lane", "since", "listed_since"]
    assert statement["status"] == "listed" and statement["lane"] == "priority" and statement["reasons"] == ["certified"]
    assert statement["source"]["id"] == "bureau-sx" and statement["source"]["freshness"] == "on_time"
    assert statement["sequence"] > 0 and statement["head"] >= statement["sequence"]
    assert statement["as_of"].endswith("+08:00") and statement["next_update"] > statement["this_update"]
    header = verify_es256(loaded, answer.content, answer.headers["x-jws-signature"])
    assert list(header) == ["alg", "kid", "typ", "iat"] and header["alg"] == "ES256"


def test_an_unlisted_firm_is_answered_too(loaded):
    """Not listed is an answer, not an error: 200, sequence 0."""
    code = firms(20)[19]["uscc"]
    statement = loaded.firm("bank-a", code).json()
    assert statement["status"] == "not_listed" and statement["reasons"] == ["never_listed"] and statement["sequence"] == 0
    assert "name" not in statement


def test_sm2_for_the_bank_that_agreed_on_it(loaded, tmp_path):
    """bank-b's answers are SM2 over SM3, verified by the openssl command."""
    answer = loaded.firm("bank-b", firms(12)[1]["uscc"])
    header = verify_sm2(loaded, answer.content, answer.headers["x-jws-signature"], tmp_path)
    assert header["alg"] == "SM2"


def test_compact_jws(loaded):
    """Accept: application/jose gives the same statement as one compact JWS."""
    code = firms(12)[2]["uscc"]
    answer = loaded.firm("bank-a", code, headers={"Accept": "application/jose"})
    assert answer.headers["Content-Type"] == "application/jose" and "x-jws-signature" not in answer.headers
    token = jws.JWS()
    token.deserialize(answer.text)
    with open(loaded.pki / "gateway-sign.pem", "rb") as f:
        token.verify(jwk.JWK.from_pem(f.read()), alg="ES256")
    assert json.loads(token.payload)["uscc"] == code


def test_etag_gives_304_while_the_statement_holds(loaded):
    """The same question with the ETag costs no body."""
    code = firms(12)[3]["uscc"]
    first = loaded.firm("bank-a", code)
    again = loaded.firm("bank-a", code, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    other = loaded.firm("bank-a", code, headers={"If-None-Match": '"something-else"'})
    assert other.status_code == 200 and other.content == first.content


def test_many_firms_in_one_question(loaded):
    """Request order and duplicates are kept; the body is signed as one."""
    codes = [firms(12)[i]["uscc"] for i in (5, 3, 5)] + [firms(20)[19]["uscc"]]
    answer = loaded.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": codes})
    assert [s["uscc"] for s in answer.json()["statements"]] == codes
    verify_es256(loaded, answer.content, answer.headers["x-jws-signature"])


def test_the_limits_of_one_question(loaded):
    """0 and 1001 codes are refused; a bad code is named by its place."""
    good = firms(12)[0]["uscc"]
    for codes in ([], [good] * 1001):
        answer = loaded.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": codes})
        assert answer.status_code == 422 and answer.json()["code"] == "query.too_many"
    assert loaded.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": [good] * 1000}).status_code == 200
    answer = loaded.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": [good, good[:-1] + ("0" if good[-1] != "0" else "1")]})
    assert answer.status_code == 422 and answer.json()["errors"][0]["pointer"] == "/codes/1"


def test_a_wrong_code_is_explained_in_both_languages(loaded):
    """problem+json with code, Chinese and English, and a trace id."""
    good = firms(12)[0]["uscc"]
    answer = loaded.firm("bank-a", good[:-1] + ("0" if good[-1] != "0" else "1"))
    problem = answer.json()
    assert answer.status_code == 422 and answer.headers["Content-Type"] == "application/problem+json"
    assert problem["code"] == "uscc.check_char" and problem["detail"] and problem["detail_zh"] and len(problem["trace_id"]) == 32


def test_folded_codes_are_answered_under_the_normal_form(loaded):
    """Lower case in the question, normal form in the answer."""
    code = next(f["uscc"] for f in firms(12) if any(c.isalpha() for c in f["uscc"]))
    assert loaded.firm("bank-a", code.lower()).json()["uscc"] == code


def test_keys_rules_errors_and_description(loaded):
    """A bank finds everything it needs to verify without asking a person."""
    keys = loaded.ask("bank-a", "/v1/keys").json()["keys"]
    assert {k["alg"] for k in keys} >= {"ES256", "SM2"} and all(len(k["kid"]) == 43 for k in keys)
    header = json.loads(unb64(loaded.firm("bank-a", firms(12)[0]["uscc"]).headers["x-jws-signature"].split(".")[0]))
    assert header["kid"] in {k["kid"] for k in keys}
    assert loaded.ask("bank-a", "/v1/rules").json()["version"]
    errors = loaded.ask("bank-a", "/v1/errors").json()
    assert "uscc.check_char" in json.dumps(errors)
    assert "/v1/whitelist/{uscc}" in loaded.ask("bank-a", "/v1/openapi.json").json()["paths"]


def test_every_answer_is_in_the_access_log(loaded):
    """The line is there when the answer is, with the digest of its very bytes."""
    code = firms(12)[4]["uscc"]
    answer = loaded.firm("bank-a", code)
    line = loaded.ctl_items("access", "find", "--uscc", code)[-1]
    assert line["request_id"] == answer.headers["X-Request-Id"] and line["partner"] == "bank-a"
    assert line["digest"] == hashlib.sha256(answer.content).hexdigest()


def test_access_find_tells_every_line(loaded):
    """The newest answer is found however many came before it."""
    code = firms(12)[5]["uscc"]
    answers = [loaded.firm("bank-a", code).headers["X-Request-Id"] for _ in range(120)]
    assert [line["request_id"] for line in loaded.ctl_items("access", "find", "--uscc", code)] == answers
    assert len(loaded.ctl_items("access", "find", "--uscc", code, "--limit", "7")) == 7


def test_offline_verification_by_the_command_line(loaded, tmp_path):
    """pledgectl verify accepts what was answered and says why a changed byte is refused."""
    answer = loaded.firm("bank-a", firms(12)[0]["uscc"])
    body = tmp_path / "statement.json"
    body.write_bytes(answer.content)
    (tmp_path / "statement.json.jws").write_text(answer.headers["x-jws-signature"])
    assert loaded.ctl("verify", str(body), "--cert", str(loaded.pki / "gateway-sign.pem")).returncode == 0
    body.write_bytes(answer.content.replace(b'"listed"', b'"lasted"', 1))
    refused = loaded.ctl("verify", str(body), "--cert", str(loaded.pki / "gateway-sign.pem"), check=False)
    assert refused.returncode == 8 and "signature" in (refused.stdout + refused.stderr)


def test_journal_verifies_and_state_rebuilds(loaded):
    """Every leaf and the root are recomputed; state tables come out byte-equal."""
    assert loaded.ctl("journal", "verify").returncode == 0
    assert loaded.ctl_json("db", "rebuild")["equal"] is True
