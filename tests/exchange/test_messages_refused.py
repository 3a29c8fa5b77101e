"""Every attempt of refusals.py, and others' attacks, at one gateway: each is refused with its code, told in both languages,
and leaves no record in the journal."""
import http.client
import json
import ssl

import pytest
import requests

import messages
from conftest import PARTNERS, ROOT, Bureau, Gateway, bureau_source
from messages import Author, Message, Signer, certification
from refusals import BATCH, CASES, FIRM, HOUR, Hand, status_of

ATTACKS = ROOT.parent / "shared" / "vectors" / "xml-attacks"
PATIENCE = 20                                       # seconds until a refusal must have come
FILE = {
    **PARTNERS,
    "registry-ty": {**PARTNERS["registry-ty"], "alg": "RS256", "sign": "registry-ty-sign-rs256.pem", "answer_alg": "ES256"},
    "paused-1": {"name": "已暂停的银行", "roles": ["bank"], "paused": True},
    "narrow-1": {"name": "只准回声的银行", "roles": ["bank"], "kinds": ["echo"]},
}


class Desk:
    """The one gateway, and the hands of its partners."""

    def __init__(self, gateway):
        self.gateway, self.hands = gateway, {}

    def hand(self, who):
        if who not in self.hands:
            pki, other = self.gateway.pki, "onestop-sx" if who != "onestop-sx" else "bank-a"
            self.hands[who] = Hand(self.gateway.author(who), pki / f"{who}.key", pki / f"{other}-sign.key")
        return self.hands[who]

    def size(self):
        return json.loads(self.gateway.raw("GET", "/admin/v1/journal/head")[1])["size"]

    def recorded(self, since):
        """Kinds of the records since then that a message could have caused: the gateway writes some of its own."""
        if self.size() == since:
            return []
        lines = self.gateway.raw("GET", f"/admin/v1/journal/export?from={since + 1}")[1].decode().splitlines()
        return [kind for kind in (json.loads(line)["record"]["kind"] for line in lines) if kind not in ("access", "config")]

    def post(self, who, message):
        return self.gateway.session(who).post(f"https://127.0.0.1:{self.gateway.port}/v1/messages", data=message.body,
                                              headers=message.all_headers(), timeout=PATIENCE)

    def refused(self, answer, verdict, since):
        problem = answer.json()
        assert (answer.status_code, problem.get("code")) == (status_of(verdict), verdict), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json" and problem["title"] and problem["detail_zh"], problem
        assert problem["trace_id"] and answer.headers["X-Request-Id"]
        assert self.recorded(since) == []


@pytest.fixture(scope="module")
def desk(pki, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    for name in ("paused-1", "narrow-1"):
        pki.issue(name)
        pki.issue(f"{name}-sign", use="sign")
    pki.issue("registry-ty-sign-rs256", "RS256", "sign")
    bureau = Bureau(pki, folder)
    gateway = Gateway(folder, pki, [bureau_source(bureau, paused=True)], {"net.partner_rate": 100000}, FILE).start()
    yield Desk(gateway)
    ended = gateway.stop()
    bureau.stop()
    assert ended == 0, gateway.log_text()[-3000:]
    assert "ERROR: AddressSanitizer" not in gateway.log_text() and "runtime error" not in gateway.log_text(), gateway.log_text()[-5000:]


def third(names):
    """Every third is also played at the sanitized build."""
    return [pytest.param(name, marks=pytest.mark.asan) if i % 3 == 0 else name for i, name in enumerate(names)]


@pytest.mark.parametrize("name", third(CASES))
def test_refused(desk, name):
    who, verdict, make = CASES[name]
    since = desk.size()
    desk.refused(desk.post(who, make(desk.hand(who))), verdict, since)


def attacks():
    files = sorted(str(path.relative_to(ATTACKS)) for path in ATTACKS.rglob("*") if path.is_file())
    return third(files) or [pytest.param("", marks=pytest.mark.skip(reason="skipped: no vectors (0)"))]


@pytest.mark.parametrize("path", attacks())
def test_attacks_of_others(desk, path):
    """What has a DOCTYPE, or is a piece of one, is refused for that; the others for what they lack."""
    body, since = (ATTACKS / path).read_bytes(), desk.size()
    answer = desk.post("bureau-sx", Message(body, "application/xml"))
    expected = {"schema.doctype"} if b"<!DOCTYPE" in body or b"<!E" in body else {"message.malformed", "signature.missing"}
    assert answer.json()["code"] in expected, answer.text
    desk.refused(answer, answer.json()["code"], since)


def test_two_signature_fields(desk):
    """Two x-jws-signature fields are one too many, also when each is true."""
    message, since = desk.hand("bureau-sx").json(BATCH, FIRM), desk.size()
    context = ssl.create_default_context(cafile=desk.gateway.pki.ca)
    context.load_cert_chain(*desk.gateway.pki.pair("bureau-sx"))
    connection = http.client.HTTPSConnection("127.0.0.1", desk.gateway.port, context=context, timeout=PATIENCE)
    connection.putrequest("POST", "/v1/messages")
    for name, value in (("Content-Type", message.media_type), ("Content-Length", str(len(message.body))),
                        ("x-jws-signature", message.signature), ("x-jws-signature", message.signature)):
        connection.putheader(name, value)
    connection.endheaders(message.body)
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    connection.close()
    assert (answer.status, problem["code"]) == (401, "signature.malformed"), problem
    assert desk.recorded(since) == []


def test_a_stranger_with_a_good_certificate(desk):
    """A key of the authority that no partner holds is told so, whatever it signs."""
    bad, since = desk.gateway.pki / "bad", desk.size()
    message = Author("unknown", Signer(bad / "unknown.key")).json("echo")
    answer = requests.post(f"https://127.0.0.1:{desk.gateway.port}/v1/messages", data=message.body, headers=message.all_headers(),
                           cert=(str(bad / "unknown.pem"), str(bad / "unknown.key")), verify=desk.gateway.pki.ca, timeout=PATIENCE)
    desk.refused(answer, "sender.unknown_partner", since)


def test_a_person_is_no_partner(desk):
    """Operators have no messages to send, and no key to sign them with."""
    since = desk.size()
    message = Author("operator-1", Signer(desk.gateway.pki / "operator-1-sign.key")).json("echo")
    desk.refused(desk.post("operator-1", message), "signature.key_unknown", since)


@pytest.mark.asan
@pytest.mark.parametrize("form", messages.FORMS)
def test_a_refused_message_does_not_use_up_its_id(desk, form):
    """Refused for its signature, it is accepted under the same id when rightly signed; then the id is taken: signature, replay,
    schema, age, in this order."""
    hand, name = desk.hand("bureau-sx"), messages.new_id()
    body = {"list_version": "2026-11", "rows": [certification(910 + messages.FORMS.index(form))]}
    other = {"list_version": "2026-12", "rows": body["rows"]}
    since = desk.size()
    desk.refused(desk.post("bureau-sx", hand.with_key(hand.others).write(form, BATCH, body, id=name)), "signature.invalid", since)
    good = hand.write(form, BATCH, body, id=name)
    assert desk.post("bureau-sx", good).status_code == 200
    since = desk.size()
    for late in (hand.write(form, BATCH, other, id=name), hand.write("xml" if form == "json" else "json", BATCH, body, id=name),
                 hand.write(form, BATCH, {"list_version": "1"}, id=name), hand.write(form, BATCH, other, id=name, created=messages.moment(-80 * HOUR))):
        desk.refused(desk.post("bureau-sx", late), "message.id_reused", since)
    desk.refused(desk.post("bureau-sx", hand.with_key(hand.others).write(form, BATCH, other, id=name)), "signature.invalid", since)
    again = desk.post("bureau-sx", good)
    assert again.status_code == 200 and again.headers["X-Duplicate"] == "true" and desk.recorded(since) == []


@pytest.mark.asan
@pytest.mark.parametrize("form, places", [
    ("json", {"/body/rows/0/action", "/body/rows/1/name"}), ("flat", {"/body/rows/0/action", "/body/rows/1/name"}),
    ("xml", {"/Message/Body/Row[1]/Action", "/Message/Body/Row[2]/Name"})])
def test_faults_name_their_places(desk, form, places):
    """errors[] points into the document by JSON Pointer or XPath, one for each fault."""
    rows = [certification(920, action="bless"), certification(921, name=None)]
    problem = desk.post("bureau-sx", desk.hand("bureau-sx").write(form, BATCH, {"list_version": "1", "rows": rows})).json()
    assert {error.get("pointer") or error.get("place") for error in problem["errors"]} == places, problem


@pytest.mark.asan
def test_after_all_that_the_journal_is_whole(desk):
    """The gateway that bore all of it still verifies and answers."""
    assert desk.gateway.ctl("journal", "verify").returncode == 0
    assert desk.gateway.ctl_json("db", "rebuild")["equal"] is True
    assert desk.gateway.ask("bank-a", "/v1/whoami").status_code == 200
