"""pledgectl without a daemon: identifiers, signatures, configuration, adapters, mistakes."""
import base64
import collections
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from jwcrypto import jwk, jws

from conftest import BUILD, ROOT, Gateway

VECTORS = ROOT.parent / "shared" / "vectors"
CTL = str(BUILD / "bin" / "pledgectl")
BODY = '{"uscc":"91140000110010402W","name":"山西能源总公司","status":"listed"}'.encode()
SM2_ID = "1234567812345678"


def ctl(*arguments, input=None, env=None):
    return subprocess.run([CTL, *map(str, arguments)], input=input, capture_output=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ASAN_OPTIONS": "exitcode=99", **(env or {})})


def rows(done):
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def vectors(name):
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"skipped: no vectors (1: {name})")
    return [line.split("\t") for line in path.read_text().splitlines()[1:] if line.strip()]


# ---- id check


def test_id_check_line_has_five_columns():
    done = ctl("id", "check", "91140000110010402W", "９1140000110010402w", "911402001104037979", "91140000110010402X")
    assert rows(done) == [
        ["valid", "uscc", "91140000110010402W", "-", "91140000110010402W"],
        ["valid", "uscc", "91140000110010402W", "uscc.folded", "９1140000110010402w"],
        ["doubtful", "uscc", "911402001104037979", "uscc.org_code", "911402001104037979"],
        ["invalid", "uscc", "91140000110010402X", "uscc.check_char", "91140000110010402X"],
    ]
    assert done.returncode == 3
    assert done.stderr == b""


def test_id_check_all_valid_is_0():
    assert ctl("id", "check", "91140000110010402W").returncode == 0
    assert ctl("id", "check", "--kind", "patent", "ZL202010566088.9").returncode == 0


def test_id_check_kinds():
    assert rows(ctl("id", "check", "--kind", "patent", "ZL 202010566088.9"))[0][:3] == ["valid", "patent", "2020105660889"]
    assert rows(ctl("id", "check", "--kind", "region", "140105"))[0][:3] == ["valid", "region", "140105"]
    assert rows(ctl("id", "check", "--kind", "trademark", "G1234567"))[0][:3] == ["valid", "trademark", "G1234567"]
    assert ctl("id", "check", "--kind", "car", "x").returncode == 2


def test_id_check_all_registrations(tmp_path):
    codes = [row[0] for row in vectors("registrations/shanxi.tsv")]
    (tmp_path / "codes").write_text("\n".join(codes) + "\n")
    done = ctl("id", "check", "--file", tmp_path / "codes")
    assert done.returncode == 0
    assert [row[4] for row in rows(done)] == codes
    assert collections.Counter(row[0] for row in rows(done)) == {"valid": len(codes)}


def test_id_check_irregular_registrations():
    known = vectors("registrations/irregular.tsv")
    done = ctl("id", "check", "--file", "-", input="".join(f"{row[0]}\r\n" for row in known).encode())
    assert done.returncode == 3
    for (code, _name, finding, *after), row in zip(known, rows(done), strict=True):
        assert row[4] == code
        if finding == "org":
            assert (row[0], "uscc.org_code" in row[3]) == ("doubtful", True), row
        elif after and after[0] == "ok":
            assert (row[0], row[2], row[3].split(",")[0]) == ("valid", code.upper(), "uscc.folded"), row


def test_id_check_shared_codes():
    known = vectors("identifiers/uscc.tsv")
    done = ctl("id", "check", *[row[0] for row in known])
    for (code, _name, verdict, *_), row in zip(known, rows(done), strict=True):
        if verdict == "folded":
            assert (row[0], "uscc.folded" in row[3]) == ("valid", True), row
        else:
            assert (row[0] == "valid") == (verdict == "valid"), (row, verdict)


def test_id_check_shared_patents():
    known = vectors("identifiers/patent-numbers.tsv")
    done = ctl("id", "check", "--kind", "patent", *[row[0] for row in known])
    for (number, valid, *_), row in zip(known, rows(done), strict=True):
        assert (row[0] == "valid") == (valid in ("yes", "folded")), (row, number)


def test_id_check_keeps_columns_and_lines():
    done = ctl("id", "check", "--file", "-", input=b"\xef\xbb\xbf91140000110010402W\n\nA\tB\x1b[31m\n" + b"9" * 100000 + b"\nlast")
    assert [row[0] for row in rows(done)] == ["valid", "invalid", "invalid", "invalid", "invalid"]
    assert all(len(row) == 5 for row in rows(done))
    assert rows(done)[2][4] == "A\\tB\\x1b[31m"
    assert rows(done)[4][4] == "last"


def test_id_check_json_and_missing_file(tmp_path):
    done = ctl("id", "check", "--json", "91140000110010402w")
    assert json.loads(done.stdout) == [{"verdict": "valid", "kind": "uscc", "normal": "91140000110010402W",
                                        "findings": ["uscc.folded"], "input": "91140000110010402w"}]
    done = ctl("id", "check", "--file", tmp_path / "none")
    assert done.returncode == 1 and b"No such file" in done.stderr
    assert ctl("id", "check").returncode == 2


# ---- verify


def b64u(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def kid_of(cert):
    key = x509.load_pem_x509_certificate(pathlib.Path(cert).read_bytes()).public_key()
    return b64u(hashlib.sha256(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest())


def sm2_kid(cert):
    spki = subprocess.run(f"openssl x509 -in {cert} -pubkey -noout | openssl pkey -pubin -outform DER", shell=True, check=True,
                          capture_output=True).stdout
    return b64u(hashlib.sha256(spki).digest())


def sign_es256(key_file, body=BODY, **header):
    """A compact JWS made by jwcrypto."""
    token = jws.JWS(body)
    token.add_signature(jwk.JWK.from_pem(pathlib.Path(key_file).read_bytes()), None, json.dumps({"alg": "ES256", **header}), None)
    return token.serialize(compact=True)


def raw_of_der(der):
    """r and s of a DER SEQUENCE of two INTEGER, 32 bytes each."""
    at, numbers = 2, []
    for _ in range(2):
        n = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + n], "big"))
        at += 2 + n
    return b"".join(n.to_bytes(32, "big") for n in numbers)


def sign_sm2(key_file, tmp_path, body=BODY, sm2_id=SM2_ID, **header):
    """A compact JWS made by the openssl command."""
    head = b64u(json.dumps({"alg": "SM2", **header}).encode()) + "." + b64u(body)
    (tmp_path / "input").write_text(head)
    subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", str(key_file), "-rawin", "-digest", "sm3", "-in", str(tmp_path / "input"),
                    "-out", str(tmp_path / "sig"), "-pkeyopt", f"distid:{sm2_id}"], check=True, capture_output=True)
    return head + "." + b64u(raw_of_der((tmp_path / "sig").read_bytes()))


def detached(token):
    head, _, signature = token.split(".")
    return f"{head}..{signature}"


@pytest.fixture
def signed(pki, tmp_path):
    """body.json beside its detached signature by bank-a."""
    (tmp_path / "body.json").write_bytes(BODY)
    token = sign_es256(pki / "bank-a-sign.key", kid=kid_of(pki / "bank-a-sign.pem"), iat=int(time.time()))
    (tmp_path / "body.json.jws").write_text(detached(token) + "\n")
    return tmp_path / "body.json", token


def refused(done, code, *words):
    assert done.returncode == 8, done
    text = done.stderr.decode()
    assert f"[{code}]" in text, text
    for word in words:
        assert word in text, text


def test_verify_detached_beside_the_file(pki, signed):
    body, _ = signed
    done = ctl("verify", body, "--cert", pki / "bank-a-sign.pem")
    assert done.returncode == 0, done.stderr
    assert b"ES256" in done.stdout and kid_of(pki / "bank-a-sign.pem").encode() in done.stdout
    answer = json.loads(ctl("--json", "verify", body, "--cert", pki / "bank-a-sign.pem").stdout)
    assert answer["ok"] is True and answer["form"] == "detached" and answer["alg"] == "ES256" and "signed" in answer


def test_verify_detached_given(pki, signed, tmp_path):
    body, token = signed
    (tmp_path / "body.json.jws").unlink()
    (tmp_path / "header").write_text(detached(token) + "\r\n")
    assert ctl("verify", body, "--cert", pki / "bank-a-sign.pem", "--jws", detached(token)).returncode == 0
    assert ctl("verify", body, "--cert", pki / "bank-a-sign.pem", "--jws", f"@{tmp_path / 'header'}").returncode == 0
    refused(ctl("verify", body, "--cert", pki / "bank-a-sign.pem"), "signature.missing", "--jws")


def test_verify_compact(pki, signed, tmp_path):
    (tmp_path / "token").write_text(signed[1] + "\n")
    done = ctl("--json", "verify", tmp_path / "token", "--cert", pki / "bank-a-sign.pem")
    assert done.returncode == 0 and json.loads(done.stdout)["form"] == "compact"


def test_verify_with_key_set(pki, signed, tmp_path):
    """The right key of several is found by its own name, whatever that is, and without one by trying."""
    body, token = signed
    names = {"bank-a": kid_of(pki / "bank-a-sign.pem"), "bureau-sx": "our key"}
    keys = []
    for name, kid in names.items():
        key = json.loads(jwk.JWK.from_pem((pki / f"{name}-sign.pem").read_bytes()).export_public())
        keys.append({**key, "kid": kid, "use": "sig", "alg": "ES256"})
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    assert ctl("verify", body, "--keys", tmp_path / "keys.json").returncode == 0
    for header in ({}, {"kid": "our key"}):
        (tmp_path / "token").write_text(sign_es256(pki / "bureau-sx-sign.key", **header))
        assert ctl("verify", tmp_path / "token", "--keys", tmp_path / "keys.json").returncode == 0
    (tmp_path / "token").write_text(sign_es256(pki / "bureau-sx-sign.key", kid=names["bank-a"]))
    refused(ctl("verify", tmp_path / "token", "--keys", tmp_path / "keys.json"), "signature.invalid")
    (tmp_path / "token").write_text(sign_es256(pki / "bureau-sx-sign.key", kid="another"))
    refused(ctl("verify", tmp_path / "token", "--keys", tmp_path / "keys.json"), "signature.key_unknown", "another", "our key")


def test_verify_sm2(pki, tmp_path):
    cert, key = pki / "bank-b-sign.pem", pki / "bank-b-sign.key"
    (tmp_path / "body.json").write_bytes(BODY)
    (tmp_path / "body.json.jws").write_text(detached(sign_sm2(key, tmp_path, kid=sm2_kid(cert))))
    done = ctl("--json", "verify", tmp_path / "body.json", "--cert", cert)
    assert done.returncode == 0 and json.loads(done.stdout)["alg"] == "SM2", done
    (tmp_path / "token").write_text(sign_sm2(key, tmp_path, sm2_id="bank-b@example"))
    assert ctl("verify", tmp_path / "token", "--cert", cert, "--sm2-id", "bank-b@example").returncode == 0
    refused(ctl("verify", tmp_path / "token", "--cert", cert), "signature.invalid")


def test_verify_says_which_algorithm(pki, signed):
    refused(ctl("verify", signed[0], "--cert", pki / "bank-b-sign.pem"), "signature.alg", "seen ES256", "expected SM2")


def test_verify_says_which_key(pki, signed):
    own, other = kid_of(pki / "bank-a-sign.pem"), kid_of(pki / "bureau-sx-sign.pem")
    refused(ctl("verify", signed[0], "--cert", pki / "bureau-sx-sign.pem"), "signature.key_unknown", own, other)


def test_verify_says_that_it_was_changed(pki, signed):
    body, _ = signed
    body.write_bytes(BODY.replace(b"listed", b"Listed"))
    refused(ctl("verify", body, "--cert", pki / "bank-a-sign.pem"), "signature.invalid", "changed")
    body.write_bytes(BODY + b"\n")
    refused(ctl("verify", body, "--cert", pki / "bank-a-sign.pem"), "signature.invalid", "line feed")


def test_verify_says_what_is_malformed(pki, signed):
    body, token = signed
    head, payload, signature = token.split(".")
    cases = [
        ("", "signature.missing", ""),
        (f"{head}..{signature}.x", "signature.malformed", "three segments"),
        (head, "signature.malformed", "three segments"),
        (f"!{head}..{signature}", "signature.malformed", "header"),
        (token, "signature.malformed", "middle segment"),
        (f"{head}..{signature}=", "signature.malformed", "base64url"),
        (f"{b64u(b'{}')}..{signature}", "signature.header", "alg is missing"),
        (f"{b64u(b'[1]')}..{signature}", "signature.malformed", "object"),
    ]
    for text, code, word in cases:
        refused(ctl("verify", body, "--cert", pki / "bank-a-sign.pem", "--jws", text), code, word)
    body.with_name("token").write_text(detached(token))
    refused(ctl("verify", body.with_name("token"), "--cert", pki / "bank-a-sign.pem"), "signature.malformed", "detached")


def test_verify_refuses_what_would_choose_its_own_key(pki, tmp_path):
    for alg in ("none", "HS256"):
        (tmp_path / "token").write_text(f"{b64u(json.dumps({'alg': alg}).encode())}.{b64u(BODY)}.AAAA")
        refused(ctl("verify", tmp_path / "token", "--cert", pki / "bank-a-sign.pem"), "signature.alg", f"seen {alg}")
    own = json.loads(jwk.JWK.from_pem((pki / "bank-a-sign.pem").read_bytes()).export_public())
    (tmp_path / "token").write_text(sign_es256(pki / "bank-a-sign.key", jwk=own))
    refused(ctl("verify", tmp_path / "token", "--cert", pki / "bank-a-sign.pem"), "signature.header", "jwk")


def test_verify_refuses_a_signature_outside_the_key_s_term(pki, tmp_path):
    for iat, word in ((1000000000, "from"), (4102444800, "until")):
        (tmp_path / "token").write_text(sign_es256(pki / "bank-a-sign.key", iat=iat))
        refused(ctl("verify", tmp_path / "token", "--cert", pki / "bank-a-sign.pem"), "key.expired", word)


def test_verify_json_says_why(pki, signed):
    done = ctl("--json", "verify", signed[0], "--cert", pki / "bank-b-sign.pem")
    answer = json.loads(done.stdout)
    assert done.returncode == 8 and answer["ok"] is False
    assert (answer["code"], answer["alg"], answer["expected_alg"]) == ("signature.alg", "ES256", "SM2")


def test_verify_in_chinese(pki, signed):
    assert "算法" in ctl("--lang", "zh", "verify", signed[0], "--cert", pki / "bank-b-sign.pem").stderr.decode()


def test_verify_unreadable_files_are_no_verdict(pki, signed, tmp_path):
    body, _ = signed
    (tmp_path / "junk").write_text("junk")
    assert ctl("verify", tmp_path / "none", "--cert", pki / "bank-a-sign.pem").returncode == 1
    assert ctl("verify", body, "--cert", tmp_path / "none").returncode == 1
    assert ctl("verify", body, "--cert", tmp_path / "junk").returncode == 1
    assert ctl("verify", body, "--keys", tmp_path / "junk").returncode == 1
    assert ctl("verify", body).returncode == 2
    assert ctl("verify", body, "--cert", "a", "--keys", "b").returncode == 2


# ---- config, adapter


@pytest.fixture
def write_gateway(pki, tmp_path):
    """The files of a gateway that is never started."""
    source = {"id": "bureau-sx", "name": "名单", "adapter": "bureau", "scope": "full", "period": "1d",
              "settings": {"url": "https://127.0.0.1:1", "auth": "mtls"}}
    return lambda settings=None: Gateway(tmp_path, pki, [source], settings)


def test_config_check_tells_every_fault_with_its_place(write_gateway):
    gateway = write_gateway()
    file = gateway.dir / "pledged.yaml"
    good = ctl("config", "check", file)
    assert good.returncode == 0, good
    text = file.read_text().replace("data:", "dada:").replace("admission: automatic", "admission: perhaps")
    file.write_text(text)
    done = ctl("config", "check", file)
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert any(line.startswith(f"{file}:") and "dada" in line and "[config.unknown]" in line for line in lines), lines
    assert any(line.startswith(f"{file}:") and "[config.value]" in line for line in lines), lines
    faults = json.loads(ctl("--json", "config", "check", file).stdout)["faults"]
    assert len(faults) == len(lines)


def test_config_check_places_key_files_where_they_are_named(write_gateway, pki):
    gateway = write_gateway({"signing.es256.key": str(pki / "bank-a.key"), "tls.client_ca": "/nowhere/ca.pem"})
    gateway.write("rules.yaml", "versions: []\n")
    gateway.write("operators.yaml", "operators: 5\n")
    done = ctl("config", "check", gateway.dir / "pledged.yaml")
    lines = done.stdout.decode().splitlines()
    config = (gateway.dir / "pledged.yaml").read_text().splitlines()
    number = lambda word: next(i for i, line in enumerate(config, 1) if word in line)
    assert done.returncode == 1
    assert any(line.startswith(f"{gateway.dir}/pledged.yaml:{number('/nowhere/ca.pem')}:") for line in lines), lines
    assert any(f"pledged.yaml:{number('bank-a.key')}:" in line or "[key.mismatch]" in line for line in lines), lines
    assert any("rules.yaml:1:" in line for line in lines), lines
    assert any("operators.yaml:1:" in line for line in lines), lines


def test_faults_of_one_file_hide_no_others(write_gateway):
    """pledgectl config check and pledged --check look on behind a fault of pledged.yaml itself."""
    gateway = write_gateway({"tls.client_crl": "/nowhere/crl.pem", "signing.sm2.key": "/nowhere/sm2.key", "policy.admission": "perhaps"})
    config = gateway.dir / "pledged.yaml"
    config.write_text(config.read_text() + "colour: blue\n")
    partners = gateway.dir / "partners.yaml"
    partners.write_text(partners.read_text().replace("- bank\n", "- banker\n", 1))
    (gateway.dir / "operators.yaml").write_text("operators: 5\n")
    (gateway.dir / "rules.yaml").write_text("versions: []\n")
    places = {config: ["colour", "perhaps", "/nowhere/crl.pem", "/nowhere/sm2.key"], partners: ["- banker"],
              gateway.dir / "operators.yaml": ["operators: 5"], gateway.dir / "rules.yaml": ["versions"]}
    checks = {"pledgectl": ctl("config", "check", config).stdout, "pledged": subprocess.run(
        [str(BUILD / "bin" / "pledged"), "--config", str(config), "--check"], capture_output=True, timeout=60).stderr}
    for who, said in checks.items():
        for file, words in places.items():
            for word in words:
                line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if word in text)
                assert f"{file}:{line}:" in said.decode(), (who, word, said.decode())
    assert not gateway.data.exists()


def test_adapter_check_says_which_step_failed(tmp_path):
    done = ctl("--json", "adapter", "check", tmp_path / "none.so")
    assert done.returncode in (1, 5) and json.loads(done.stdout)["failed_step"] == "dlopen"
    (tmp_path / "text.so").write_text("not a library")
    done = ctl("adapter", "check", tmp_path / "text.so")
    assert done.returncode == 1 and b"dlopen" in done.stderr
    bureau = BUILD / "adapters" / "bureau.so"
    if bureau.exists():
        report = json.loads(ctl("--json", "adapter", "check", bureau).stdout)
        assert report["name"] == "bureau" and report["fetches"] is True and "failed_step" not in report


# ---- mistakes, unreachable, help


@pytest.mark.parametrize("arguments", [
    [], ["nothing"], ["bootstrap"], ["sync"], ["list", "get"], ["status", "--nope"], ["approve", "grant", "p-1"], ["id", "check"],
    ["list", "propose", "paint", "91140000110010402W", "--reason", "r"], ["status", "--url", "https://127.0.0.1:1"],
    ["status", "--url", "http://127.0.0.1:1", "--cert", "a", "--key", "b", "--ca", "c"], ["journal", "verify", "--from", "x"],
    ["access", "find", "--since", "yesterday"]])
def test_usage_errors_exit_2_and_talk_on_stderr(arguments):
    done = ctl(*arguments)
    assert done.returncode == 2
    assert done.stdout == b"" and done.stderr.startswith(b"pledgectl: ")


def test_unreachable_exits_7(tmp_path, pki):
    quiet = socket.socket(socket.AF_UNIX)
    quiet.bind(str(tmp_path / "quiet.sock"))
    for path in (tmp_path / "none.sock", tmp_path / "quiet.sock"):
        done = ctl("--socket", path, "status")
        assert done.returncode == 7 and str(path).encode() in done.stderr and done.stdout == b""
    assert ctl("status", env={"PLEDGED_SOCKET": str(tmp_path / "none.sock")}).returncode == 7
    quiet.close()
    cert, key = pki.pair("operator-1")
    done = ctl("--url", "https://127.0.0.1:1", "--cert", cert, "--key", key, "--ca", pki.ca, "status")
    assert done.returncode == 7, done


def test_help_and_version():
    overview = ctl("help").stdout.decode()
    commands = [line.strip().split("  ")[0] for line in overview.split("Options of")[0].splitlines() if line.startswith("  ")]
    assert "status" in commands and "db rebuild" in commands
    for command in commands:
        done = ctl(*command.split(), "--help")
        assert done.returncode == 0 and b"Examples:\n  " in done.stdout and done.stderr == b"", command
    assert ctl("--version").stdout.startswith(b"pledgectl ")


def test_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CTL, "id", "check", "91140000110010402W"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"standard output" in done.stderr


def test_interrupt_exits_130(tmp_path):
    """A daemon that takes the connection and says nothing."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        process = subprocess.Popen([CTL, "--socket", str(tmp_path / "silent.sock"), "status"], stderr=subprocess.PIPE)
        connection, _ = silent.accept()
        assert connection.recv(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        process.stderr.close()
        connection.close()
