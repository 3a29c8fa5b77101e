"""Signing keys of the gateway: RSA for partners that want it, and keys that change while banks ask."""
import base64
import calendar
import hashlib
import json
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conftest import PARTNERS, wait_until
from lists import firms

pytestmark = pytest.mark.asan

LISTED = firms(1)[0]["uscc"]


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def kid_of(cert):
    return b64(hashlib.sha256(cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest())


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def key_set(gateway, who="bank-a"):
    """(kid, alg) → the entry of /v1/keys, with its certificate read; what JWK and certificate say must agree."""
    out = {}
    for key in gateway.ask(who, "/v1/keys").json()["keys"]:
        cert = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
        # an SM2 key is not for this library: its kid is checked by the openssl tests
        if key["alg"] != "SM2":
            assert kid_of(cert) == key["kid"]
        assert key["use"] == "sig" and key["nbf"] == calendar.timegm(cert.not_valid_before.timetuple())
        assert key["exp"] == calendar.timegm(cert.not_valid_after.timetuple())
        out[key["kid"], key["alg"]] = {**key, "cert": cert}
    return out


def verify(keys, body, detached, alg):
    """Verifies a detached JWS by the kid of its header; returns that kid. Raises when it does not hold."""
    protected, middle, value = detached.split(".")
    header = json.loads(unb64(protected))
    assert middle == "" and header["alg"] == alg
    key = keys[header["kid"], alg]["cert"].public_key()
    signed, raw = f"{protected}.{b64(body)}".encode(), unb64(value)
    if alg == "ES256":
        assert len(raw) == 64
        key.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), signed, ec.ECDSA(hashes.SHA256()))
    elif alg == "RS256":
        key.verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(raw, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return header["kid"]


def make_pair(directory, name, kind="ec", days=60):
    how = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", *how, "-nodes", "-keyout", key, "-out", cert, "-subj", f"/CN={name}", "-days", str(days)],
                   check=True, capture_output=True)
    return {"certificate": str(cert), "key": str(key)}


def pair_of(pki, name):
    return {"certificate": str(pki / f"{name}.pem"), "key": str(pki / f"{name}.key")}


def rsa(pki):
    return {f"signing.rsa.{n}": v for n, v in pair_of(pki, "gateway-sign-rsa").items()}


def es256(active, staged=None):
    return {"signing.es256": {**active, **({"staged": staged} if staged else {})}}


def reload(gateway, changes):
    gateway.write_config(changes)
    status, raw = gateway.reload()
    assert status == 200, raw


def fill(gateway, bureau):
    bureau.control(rows=firms(4), version="2026-11")
    assert gateway.sync()["state"] == "done"
    return gateway


def states(gateway, alg="ES256"):
    return {kid: key["state"] for (kid, a), key in key_set(gateway).items() if a == alg}


def key_records(gateway):
    lines = [json.loads(line) for line in gateway.ctl("journal", "export").stdout.splitlines()]
    return [line["record"] for line in lines if line["record"]["kind"] == "key"]


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_answers_in_rsa_for_a_partner_that_asks_for_it(make_gateway, bureau, pki, alg):
    """Statements, queries and rules come in the partner's own algorithm and verify by kid from /v1/keys."""
    partners = {**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "answer_alg": alg}}
    gateway = fill(make_gateway(settings=rsa(pki), partners=partners), bureau)
    keys = key_set(gateway)
    own = kid_of(certificate(pki / "gateway-sign-rsa.pem"))
    assert keys[own, "RS256"]["state"] == keys[own, "PS256"]["state"] == "active" and keys[own, alg]["kty"] == "RSA"
    for answer in (gateway.firm("bank-a", LISTED), gateway.firm("bank-a", LISTED), gateway.ask("bank-a", "/v1/rules"),
                   gateway.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": [LISTED, firms(9)[8]["uscc"]]})):
        assert answer.status_code == 200
        assert verify(keys, answer.content, answer.headers["x-jws-signature"], alg) == own
        with pytest.raises(InvalidSignature):
            verify(keys, answer.content + b" ", answer.headers["x-jws-signature"], alg)
    compact = gateway.firm("bank-a", LISTED, headers={"Accept": "application/jose"}).text.split(".")
    verify(keys, unb64(compact[1]), f"{compact[0]}..{compact[2]}", alg)
    # the other bank keeps its own
    assert json.loads(unb64(gateway.firm("bank-b", LISTED).headers["x-jws-signature"].split(".")[0]))["alg"] == "SM2"


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_a_partner_with_an_rsa_key_is_answered_in_kind(make_gateway, bureau, pki, tmp_path, alg):
    """signing.alg of its file is what it signs with and, when nothing else is said, what it is answered with."""
    make_pair(tmp_path, "bank-a-rsa", "rsa")
    partner = {**PARTNERS["bank-a"], "alg": alg, "sign": tmp_path / "bank-a-rsa.pem"}
    gateway = fill(make_gateway(settings=rsa(pki), partners={**PARTNERS, "bank-a": partner}), bureau)
    me = gateway.ask("bank-a", "/v1/whoami").json()
    assert (me["alg"], me["answer_alg"]) == (alg, alg)
    assert [k["kid"] for k in me["signing_keys"]] == [kid_of(certificate(tmp_path / "bank-a-rsa.pem"))]
    answer = gateway.firm("bank-a", LISTED)
    verify(key_set(gateway), answer.content, answer.headers["x-jws-signature"], alg)


def test_a_key_of_another_kind_than_the_partners_algorithm_is_a_fault(make_gateway):
    """An ECDSA certificate cannot sign RS256: the place of the certificate is named."""
    gateway = make_gateway(partners={**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "alg": "RS256", "answer_alg": "ES256"}}, start=False)
    checked = gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml"), check=False)
    lines = (gateway.dir / "partners.yaml").read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if "bank-a-sign.pem" in text)
    column = 1 + lines[line - 1].index("- ") + 2
    assert checked.returncode == 1 and f"partners.yaml:{line}:{column}" in checked.stdout and "RS256" in checked.stdout, checked.stdout


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_pledgectl_verifies_rsa(make_gateway, bureau, pki, tmp_path, alg):
    """With the certificate and with the key set; another byte is exit 8."""
    gateway = fill(make_gateway(settings=rsa(pki), partners={**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "answer_alg": alg}}), bureau)
    answer = gateway.firm("bank-a", LISTED)
    (tmp_path / "s.json").write_bytes(answer.content)
    (tmp_path / "s.json.jws").write_text(answer.headers["x-jws-signature"])
    (tmp_path / "keys.json").write_bytes(gateway.ask("bank-a", "/v1/keys").content)
    for trust in (["--cert", str(pki / "gateway-sign-rsa.pem")], ["--keys", str(tmp_path / "keys.json")]):
        gateway.ctl("verify", str(tmp_path / "s.json"), *trust)
    (tmp_path / "s.json").write_bytes(answer.content.replace(b"listed", b"Listed", 1))
    assert gateway.ctl("verify", str(tmp_path / "s.json"), "--keys", str(tmp_path / "keys.json"), check=False).returncode == 8


def test_rsa_answers_without_an_rsa_key_are_a_fault(make_gateway, pki):
    """--check, `config check` and reload name the partner's entry; what was in force stays."""
    wanted = {**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "answer_alg": "PS256"}}
    gateway = make_gateway(partners=wanted, start=False)
    gateway.launch("--check")
    assert gateway.process.wait(60) == 1
    assert "partners.yaml:2:3" in gateway.log_text() and "PS256" in gateway.log_text()
    gateway.log.close()
    checked = gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml"), check=False)
    assert checked.returncode == 1 and "partners.yaml:2:3" in checked.stdout and "PS256" in checked.stdout
    gateway.write_config(rsa(pki))
    gateway.start()
    gateway.write_config({})
    status, raw = gateway.reload()
    assert status == 422 and "partners.yaml:2:3" in raw.decode()
    assert kid_of(certificate(pki / "gateway-sign-rsa.pem")) in states(gateway, "PS256")
    assert set(states(gateway, "PS256").values()) == {"active"}


class Asker(threading.Thread):
    """A bank that asks without rest and verifies each answer with the keys it fetched before the change."""

    def __init__(self, gateway, who, keys):
        super().__init__(daemon=True)
        self.gateway, self.who, self.keys = gateway, who, keys
        self.kids, self.n, self.failure, self.stop = [], 0, None, threading.Event()

    def run(self):
        codes = [f["uscc"] for f in firms(6)]
        try:
            while not self.stop.is_set():
                answer = self.gateway.firm(self.who, codes[self.n % 6])
                assert answer.status_code == 200, answer.text
                kid = verify(self.keys, answer.content, answer.headers["x-jws-signature"], "ES256")
                if not self.kids or self.kids[-1] != kid:
                    self.kids.append(kid)
                self.n += 1
        except Exception as failure:  # told by the test, which waits for it
            self.failure = failure


def test_a_key_changes_while_banks_ask(make_gateway, bureau, pki, tmp_path):
    """Staged, fetched, activated: no answer fails, the old key retires, and what it signed still verifies."""
    old_pair, new_pair = pair_of(pki, "gateway-sign"), make_pair(tmp_path, "second")
    old, new = kid_of(certificate(pki / "gateway-sign.pem")), kid_of(certificate(tmp_path / "second.pem"))
    gateway = fill(make_gateway(), bureau)
    before = gateway.firm("bank-a", LISTED)
    reload(gateway, es256(old_pair, new_pair))
    assert states(gateway) == {old: "active", new: "staged"}
    askers = [Asker(gateway, who, key_set(gateway, who)) for who in ("bank-a", "onestop-sx")]
    for asker in askers:
        asker.start()
    failed = lambda: next((a.failure for a in askers if a.failure), None)
    for change in (es256(new_pair), es256(old_pair, new_pair), es256(new_pair)):
        seen = [a.n for a in askers]
        wait_until(lambda: failed() or all(a.n > n + 50 for a, n in zip(askers, seen)), "answers between two changes")
        reload(gateway, change)
    last = [a.n for a in askers]
    wait_until(lambda: failed() or all(a.n > n + 50 for a, n in zip(askers, last)), "answers with the new key")
    for asker in askers:
        asker.stop.set()
        asker.join(30)
    assert failed() is None, failed()
    assert all(a.kids == [old, new, old, new] for a in askers), [a.kids for a in askers]
    assert states(gateway) == {old: "retired", new: "active"}
    # an older statement
    (tmp_path / "old.json").write_bytes(before.content)
    (tmp_path / "old.json.jws").write_text(before.headers["x-jws-signature"])
    (tmp_path / "keys.json").write_bytes(gateway.ask("bank-a", "/v1/keys").content)
    gateway.ctl("verify", str(tmp_path / "old.json"), "--keys", str(tmp_path / "keys.json"))


def test_key_events_are_records_and_outlive_restarts(make_gateway, pki, tmp_path):
    """journal export shows each change with its certificate; /v1/keys is the same after a restart and equals the rebuild."""
    second = make_pair(tmp_path, "second")
    old, new = kid_of(certificate(pki / "gateway-sign.pem")), kid_of(certificate(tmp_path / "second.pem"))
    gateway = make_gateway()
    reload(gateway, es256(pair_of(pki, "gateway-sign"), second))
    reload(gateway, es256(second))
    told = [(r["kid"], r["state"]) for r in key_records(gateway) if r["alg"] == "ES256"]
    assert told == [(old, "active"), (new, "staged"), (new, "active"), (old, "retired")]
    for record in key_records(gateway):
        assert record["actor"] == {"kind": "gateway"}
        if record["alg"] == "ES256":
            assert kid_of(x509.load_der_x509_certificate(base64.b64decode(record["certificate"]))) == record["kid"]
    keys = gateway.ask("bank-a", "/v1/keys").json()
    gateway.stop()
    gateway.sessions.clear()
    gateway.start()
    assert gateway.ask("bank-a", "/v1/keys").json() == keys
    assert len(key_records(gateway)) == 5
    assert gateway.ctl_json("db", "rebuild")["equal"] is True


def test_a_staged_key_taken_back_leaves_the_list(make_gateway, pki, tmp_path):
    """It never signed, so nobody has to verify with it; the journal still tells of it."""
    gateway = make_gateway(settings=es256(pair_of(pki, "gateway-sign"), make_pair(tmp_path, "second")))
    second = kid_of(certificate(tmp_path / "second.pem"))
    assert states(gateway)[second] == "staged"
    reload(gateway, {})
    assert states(gateway) == {kid_of(certificate(pki / "gateway-sign.pem")): "active"}
    assert [r["state"] for r in key_records(gateway) if r["kid"] == second] == ["staged", "retired"]


def test_staged_and_active_keys_are_counted_in_days(make_gateway, pki, tmp_path):
    """status and doctor show both; a staged key near its end is a warning, a faulty pair keeps what was in force."""
    short = make_pair(tmp_path, "short", days=5)
    gateway = make_gateway(settings=es256(pair_of(pki, "gateway-sign"), short))
    shown = {(k["purpose"], k["state"]): k["days_left"] for k in gateway.ctl_json("status")["keys"]}
    assert shown["ES256", "active"] > 800 and shown["ES256", "staged"] == 4 and ("SM2", "active") in shown
    checks = {c["name"]: c for c in gateway.ctl_json("doctor", check=False)["checks"]}
    assert checks["certificate.es256"]["ok"] and not checks["certificate.es256.staged"]["ok"]
    gateway.write_config(es256(pair_of(pki, "gateway-sign"), pair_of(pki, "gateway-sign")))
    status, raw = gateway.reload()
    assert status == 422 and "pledged.yaml:" in raw.decode() and "key.file" in raw.decode()
    assert sorted(states(gateway).values()) == ["active", "staged"]
