"""Who may talk: certificates are judged at every request, and every wrong one is refused in its own way."""
import http.client
import ssl
import subprocess

import pytest
import requests

from conftest import PARTNERS, Gateway, wait_until
from lists import certified, firms


@pytest.fixture
def loaded(gateway, bureau):
    bureau.control(rows=firms(5), version="v1")
    gateway.sync()
    return gateway


def ask_with(gateway, cert, key, path="/v1/whoami"):
    return requests.get(f"https://127.0.0.1:{gateway.port}{path}", cert=(str(cert), str(key)), verify=gateway.pki.ca, timeout=10)


@pytest.mark.asan
@pytest.mark.parametrize("name", ["expired", "not-yet-valid", "revoked", "foreign-client"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bad_certificates_end_in_a_tls_alert(loaded, name, version):
    """Expired, early, revoked and foreign certificates get no HTTP answer at all."""
    context = ssl.create_default_context(cafile=loaded.pki.ca)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(loaded.pki / f"bad/{name}.pem", loaded.pki / f"bad/{name}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", loaded.port, context=context, timeout=10)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        connection.request("GET", "/v1/whoami")
        connection.getresponse()


def test_no_certificate_is_refused(loaded):
    """A client certificate is required."""
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(f"https://127.0.0.1:{loaded.port}/v1/whoami", verify=loaded.pki.ca, timeout=10)


def test_an_old_tls_version_is_refused(loaded):
    """TLS 1.1 gets no handshake."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{loaded.port}", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                          input="", capture_output=True, text=True, timeout=10)
    assert done.returncode != 0


def test_a_good_certificate_of_an_unknown_key(loaded):
    """whoami tells what was seen; everything else is 403."""
    cert, key = loaded.pki / "bad/unknown.pem", loaded.pki / "bad/unknown.key"
    who = ask_with(loaded, cert, key)
    assert who.status_code == 200 and who.json()["partner"] == "unknown" and len(who.json()["key"]) >= 43
    answer = ask_with(loaded, cert, key, f"/v1/whitelist/{certified(0)['uscc']}")
    assert answer.status_code == 403 and answer.json()["code"] == "sender.unknown_partner"


@pytest.mark.parametrize("who, path, method, allowed", [
    ("bank-a", "/v1/whitelist/{code}", "GET", True), ("registry-ty", "/v1/whitelist/{code}", "GET", True),
    ("onestop-sx", "/v1/whitelist/{code}", "GET", True), ("observer-1", "/v1/whitelist/{code}", "GET", True),
    ("operator-1", "/v1/whitelist/{code}", "GET", True), ("bureau-sx", "/v1/whitelist/{code}", "GET", False),
    ("secadmin-1", "/v1/whitelist/{code}", "GET", False), ("registry-ty", "/v1/whitelist/query", "POST", False),
    ("bureau-sx", "/v1/keys", "GET", True),
])
def test_roles_are_denied_by_default(loaded, who, path, method, allowed):
    """Each route knows its roles; others get 403 sender.role."""
    code = certified(0)["uscc"]
    answer = loaded.ask(who, path.format(code=code), method, **({"json": {"codes": [code]}} if method == "POST" else {}))
    assert answer.status_code == (200 if allowed else 403), answer.text
    if not allowed:
        assert answer.json()["code"] == "sender.role"


def test_banks_have_no_business_on_the_admin_side(loaded):
    """A bank's certificate opens no admin route; an observer reads but starts nothing."""
    assert loaded.admin("bank-a", "/status").status_code == 403
    assert loaded.admin("observer-1", "/status").status_code == 200
    assert loaded.admin("observer-1", "/runs", "POST", json={"source": "bureau-sx"}).status_code == 403


@pytest.mark.asan
def test_a_removed_key_is_cut_off_on_a_kept_connection(loaded):
    """Reload without bank-a: its open connection is refused at the next request; the others go on."""
    assert loaded.firm("bank-a", certified(0)["uscc"]).status_code == 200
    assert loaded.firm("bank-b", certified(0)["uscc"]).status_code == 200
    loaded.write_partners({name: p for name, p in PARTNERS.items() if name != "bank-a"})
    status, body = loaded.reload()
    assert status == 200, body
    assert loaded.firm("bank-a", certified(0)["uscc"]).status_code == 403
    assert loaded.firm("bank-b", certified(0)["uscc"]).status_code == 200


def test_a_revoked_certificate_is_cut_off_on_a_kept_connection(make_gateway, own_pki, pki, tmp_path):
    """The revocation list is reloaded; the running connection ends."""
    from conftest import Bureau, bureau_source
    bureau = Bureau(own_pki, tmp_path)
    try:
        gateway = make_gateway(pki_of=own_pki, sources=[bureau_source(bureau, paused=True)])
        bureau.control(rows=firms(3), version="v1")
        gateway.sync()
        context = ssl.create_default_context(cafile=own_pki.ca)
        context.load_cert_chain(*own_pki.pair("bank-a"))
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=context, timeout=10)
        connection.request("GET", f"/v1/whitelist/{certified(0)['uscc']}")
        assert connection.getresponse().read()
        own_pki.revoke("bank-a")
        assert gateway.reload()[0] == 200
        with pytest.raises((http.client.HTTPException, OSError)):
            connection.auto_open = 0
            connection.request("GET", f"/v1/whitelist/{certified(0)['uscc']}")
            answer = connection.getresponse()
            assert answer.status in (401, 403), answer.status
            raise http.client.HTTPException("refused by an answer")
        assert gateway.firm("bank-b", certified(0)["uscc"]).status_code == 200
    finally:
        bureau.stop()


def test_a_faulty_file_keeps_the_old_one_in_force(loaded):
    """Reload of a broken partners file is refused with file, line and column; nobody is cut off."""
    good = (loaded.dir / "partners.yaml").read_text()
    loaded.write("partners.yaml", good.replace("roles:\n  - bank\n", "roles:\n  - banker\n", 1))
    status, body = loaded.reload()
    assert status == 422 and b"partners.yaml:" in body, body
    assert loaded.firm("bank-a", certified(0)["uscc"]).status_code == 200


def test_a_new_server_certificate_without_dropping_anyone(loaded):
    """Reload swaps the context; kept connections stay."""
    context = ssl.create_default_context(cafile=loaded.pki.ca)
    context.load_cert_chain(*loaded.pki.pair("bank-a"))
    connection = http.client.HTTPSConnection("127.0.0.1", loaded.port, context=context, timeout=10)
    for _ in range(2):
        connection.request("GET", f"/v1/whitelist/{certified(0)['uscc']}")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
        connection.auto_open = 0
        assert loaded.reload()[0] == 200


def test_sessions_are_resumed_and_keep_their_identity(loaded):
    """A resumed session is still bank-a, in both TLS versions."""
    for version in ("-tls1_2", "-tls1_3"):
        base = ["openssl", "s_client", "-connect", f"127.0.0.1:{loaded.port}", version, "-CAfile", loaded.pki.ca,
                "-cert", str(loaded.pki / "bank-a.pem"), "-key", str(loaded.pki / "bank-a.key"), "-quiet", "-ign_eof"]
        request = "GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        session = str(loaded.dir / "session")
        first = subprocess.run([*base, "-sess_out", session], input=request, capture_output=True, text=True, timeout=20)
        assert '"bank-a"' in first.stdout
        before = int(metric(loaded, "pledged_tls_resumed_total"))
        again = subprocess.run([*base, "-sess_in", session], input=request, capture_output=True, text=True, timeout=20)
        assert '"bank-a"' in again.stdout
        assert int(metric(loaded, "pledged_tls_resumed_total")) == before + 1, version


def metric(gateway, name):
    text = gateway.raw("GET", "/metrics")[1].decode()
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + " "))


def test_one_partner_cannot_take_all(make_gateway, bureau):
    """Over its rate a partner gets 429 with Retry-After; another partner is answered."""
    gateway = make_gateway()
    bureau.control(rows=firms(3), version="v1")
    gateway.sync()
    gateway.stop()
    gateway.write_config({"net.partner_rate": 5})
    gateway.start()
    answers = [gateway.firm("bank-a", certified(0)["uscc"]) for _ in range(30)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused and refused[0].json()["code"] == "rate.partner" and int(refused[0].headers["Retry-After"]) >= 1
    assert gateway.firm("bank-b", certified(0)["uscc"]).status_code == 200
