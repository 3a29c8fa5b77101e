"""Signed heads of the journal and the proofs that lead to them, judged by an implementation of its own (RFC 9162)."""
import base64
import hashlib
import json
import struct
import subprocess

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conftest import PARTNERS, PEOPLE, wait_until
from lists import firms
from messages import holds, openssl

pytestmark = pytest.mark.asan

ORIGIN = "ippledge-sx.log"
ON_PARTNER_API = [*PARTNERS, *PEOPLE]


# ---- RFC 9162, from its text

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def un64(text):
    return base64.b64decode(text, validate=True)


def root_of(leaves):
    """Section 2.1.1: the root of a list of leaf inputs."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return sha(b"\0", leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", root_of(leaves[:k]), root_of(leaves[k:]))


def included(leaf_hash, index, size, path, root):
    """Section 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf_hash
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def grown(first, second, path, first_root, second_root):
    """Section 2.1.4.2."""
    if first == second:
        return not path and first_root == second_root
    if not path:
        return False
    if first & (first - 1) == 0:
        path = [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# ---- what is asked

def get(gateway, path, who="bank-a"):
    answer = gateway.ask(who, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def newest(gateway, who="bank-a"):
    return get(gateway, "/v1/journal/head", who)


def length(gateway):
    return json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])["size"]


def head_of_all(gateway):
    """A head that covers everything that is in the journal now."""
    size = length(gateway)
    return wait_until(lambda: (lambda h: h if h["size"] >= size else None)(newest(gateway)), f"a head for {size}")


def fill(gateway, bureau, n, version="2026-11"):
    bureau.control(rows=firms(n), version=version)
    assert gateway.sync()["state"] == "done"
    return head_of_all(gateway)


def exported(gateway):
    return [json.loads(line) for line in gateway.ctl("journal", "export").stdout.splitlines()]


def lines_of(note):
    """The signed text and {name: (key hash, signature)}."""
    text, names = note[:note.index("— ")], {}
    for line in note[len(text):].splitlines():
        dash, name, value = line.split(" ")
        assert dash == "—"
        names[name] = (un64(value)[:4], un64(value)[4:])
    return text.encode(), names


def check_note(head, pki):
    """The note says what the members say, and both signatures hold."""
    text, names = lines_of(head["note"])
    assert text.decode() == f"{head['origin']}\n{head['size']}\n{head['root']}\n{head['time']}\n"
    assert list(names) == [f"{ORIGIN}+ES256", f"{ORIGIN}+SM2"]
    for alg, file in (("ES256", "gateway-sign.pem"), ("SM2", "gateway-sign-sm2.pem")):
        spki = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", pki / file, "-pubkey", "-noout"))
        hint, signature = names[f"{ORIGIN}+{alg}"]
        assert hint == hashlib.sha256(spki).digest()[:4] and len(signature) == 64
        if alg == "SM2":
            assert holds(pki / file, alg, text, signature), "SM2 does not verify"
            continue
        key = x509.load_pem_x509_certificate((pki / file).read_bytes()).public_key()
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        key.verify(der, text, ec.ECDSA(hashes.SHA256()))
        with pytest.raises(InvalidSignature):
            key.verify(der, text.replace(b"1", b"2", 1), ec.ECDSA(hashes.SHA256()))


# ---- heads

def test_a_head_is_signed_twice_and_is_the_root_of_the_leaves(make_gateway, bureau, pki):
    """Whoever holds all leaves comes to the root that both keys signed; the note holds nothing else."""
    gateway = make_gateway()
    head = fill(gateway, bureau, 5)
    assert list(head) == ["origin", "size", "root", "time", "note"] and head["origin"] == ORIGIN
    check_note(head, pki)
    leaves = [un64(line["leaf"]) for line in exported(gateway)]
    assert root_of(leaves[:head["size"]]) == un64(head["root"])
    assert gateway.ctl_json("journal", "head")["size"] >= head["size"]
    shown = [line.strip() for line in gateway.ctl("journal", "head").stdout.splitlines()]
    assert sum(line.startswith(f"— {ORIGIN}+") for line in shown) == 2, shown


def test_a_gateway_that_just_began_has_a_head(make_gateway, pki):
    """Ready means that there is one."""
    check_note(newest(make_gateway()), pki)


def test_heads_never_disagree_over_kills(make_gateway, bureau, pki):
    """kill -9 right behind a commit: what is told before and after is one history, and no size ever has two roots."""
    gateway = make_gateway()
    seen = {}
    for n in range(1, 5):
        bureau.control(rows=firms(n), version=f"2026-{n}")
        assert gateway.sync()["state"] == "done"
        before = newest(gateway)
        gateway.kill()
        gateway.start()
        after = newest(gateway)
        check_note(after, pki)
        assert after["size"] >= before["size"] and after["time"] >= before["time"]
        for head in (before, after):
            assert seen.setdefault(head["size"], head["root"]) == head["root"]
        proof = get(gateway, f"/v1/journal/consistency?from={before['size']}&to={after['size']}")
        assert grown(before["size"], after["size"], list(map(un64, proof["hashes"])), un64(before["root"]), un64(after["root"]))


def test_a_changed_key_signs_the_next_head_at_once(make_gateway, tmp_path):
    """After a reload with another key there is a head by it, of the same journal."""
    gateway = make_gateway()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60", "-subj", "/CN=next",
                    "-keyout", tmp_path / "next.key", "-out", tmp_path / "next.pem"], check=True, capture_output=True)
    gateway.write_config({"signing.es256": {"certificate": str(tmp_path / "next.pem"), "key": str(tmp_path / "next.key")}})
    assert gateway.reload()[0] == 200
    spki = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", tmp_path / "next.pem", "-pubkey", "-noout"))
    hint = hashlib.sha256(spki).digest()[:4]
    wait_until(lambda: lines_of(newest(gateway)["note"])[1][f"{ORIGIN}+ES256"][0] == hint, "a head by the new key")


# ---- proofs

def test_every_record_is_proved_for_several_sizes(make_gateway, bureau):
    """Each leaf leads to each root it belongs to, and to no other; each root grows out of each smaller one."""
    gateway = make_gateway()
    head = fill(gateway, bureau, 6)
    leaves = [un64(line["leaf"]) for line in exported(gateway)][:head["size"]]
    sizes = sorted({1, 2, 3, len(leaves) // 2, len(leaves) - 1, len(leaves)})
    for size in sizes:
        root = root_of(leaves[:size])
        for seq in range(1, size + 1):
            proof = get(gateway, f"/v1/journal/proof?seq={seq}&size={size}")
            path, leaf = list(map(un64, proof["hashes"])), un64(proof["leaf"])
            assert leaf == leaves[seq - 1] and un64(proof["leaf_hash"]) == sha(b"\0", leaf) and "head" not in proof
            assert included(sha(b"\0", leaf), seq - 1, size, path, root)
            assert not included(sha(b"\0", leaf), seq - 1, size, path[:-1], root) or size == 1
            assert not included(sha(b"\0", leaf), seq % size, size, path, root) or size == 1
        for first in (s for s in sizes if s <= size):
            proof = get(gateway, f"/v1/journal/consistency?from={first}&to={size}")
            assert list(proof) == ["from", "to", "hashes"]
            assert grown(first, size, list(map(un64, proof["hashes"])), root_of(leaves[:first]), root)


def test_without_a_size_the_proof_brings_its_head(make_gateway, bureau, pki):
    """One answer is enough for a court: leaf, path, signed head."""
    gateway = make_gateway()
    fill(gateway, bureau, 3)
    proof = get(gateway, "/v1/journal/proof?seq=2")
    check_note(proof["head"], pki)
    assert list(proof) == ["seq", "size", "leaf", "leaf_hash", "hashes", "head"] and proof["size"] == proof["head"]["size"]
    assert included(un64(proof["leaf_hash"]), 1, proof["size"], list(map(un64, proof["hashes"])), un64(proof["head"]["root"]))


def test_what_no_head_covers_is_not_proved_yet(make_gateway, bureau):
    """404 proof.not_yet; a number that is none is the caller's fault."""
    gateway = make_gateway()
    size = fill(gateway, bureau, 2)["size"]
    for path in (f"proof?seq={size + 50}", "proof?seq=3&size=2", f"proof?seq=1&size={size + 50}", f"consistency?from=1&to={size + 50}"):
        answer = gateway.ask("bank-a", f"/v1/journal/{path}")
        assert answer.status_code == 404 and answer.json()["code"] == "proof.not_yet", answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
    for path in ("proof", "proof?seq=0", "proof?seq=x", "proof?seq=1&size=0", "proof?seq=-1", "consistency?from=0&to=1", "consistency?from=2&to=1",
                 "consistency?to=1", "head?size=1"):
        answer = gateway.ask("bank-a", f"/v1/journal/{path}")
        assert answer.status_code == 422 and answer.json()["code"] == "http.query", (path, answer.text)


def test_nobody_learns_a_record_from_the_numbers(make_gateway, bureau):
    """Every sequence number as every role: commitments alone, no record, no salt, nothing of a firm."""
    gateway = make_gateway()
    head = fill(gateway, bureau, 4)
    lines = exported(gateway)[:head["size"]]
    secrets = set()
    for line in lines:
        record = line["record"]
        secrets |= {str(record[m]) for m in ("uscc", "origin", "object", "object_digest", "kid") if record.get(m)}
        secrets |= {record[m]["name"] for m in ("row",) if record.get(m, {}).get("name")}
    assert len(secrets) > 8
    members = {"seq", "size", "leaf", "leaf_hash", "hashes"}
    for who in ON_PARTNER_API:
        for line in lines:
            answer = gateway.ask(who, f"/v1/journal/proof?seq={line['seq']}&size={head['size']}")
            assert answer.status_code == 200 and set(answer.json()) == members, (who, answer.text)
            leaf = un64(answer.json()["leaf"])
            assert leaf == un64(line["leaf"]) and leaf[0] == 1
            seq, _, kind_n = struct.unpack(">QQB", leaf[1:18])
            assert seq == line["seq"] and leaf[18:18 + kind_n].decode() == line["record"]["kind"] and len(leaf) == 18 + kind_n + 32
            found = [s for s in secrets if s in answer.text or s.encode() in leaf]
            assert not found, (who, line["seq"], found)
        for path in ("/v1/journal/head", "/v1/journal/consistency?from=1&to=2"):
            text = gateway.ask(who, path).text
            assert not [s for s in secrets if s in text], (who, path)


def test_who_is_not_known_is_told_nothing(make_gateway, own_pki):
    """A certificate of the CA whose key is in no file gets 403."""
    own_pki.issue("stranger")
    gateway = make_gateway(pki_of=own_pki)
    for path in ("head", "proof?seq=1", "consistency?from=1&to=2"):
        assert gateway.ask("stranger", f"/v1/journal/{path}").status_code == 403


# ---- offline

class Desk:
    """A court's desk: the gateway's certificates and keys, and files."""

    def __init__(self, gateway, directory):
        self.gateway, self.dir = gateway, directory
        self.keys = self.write("keys.json", get(gateway, "/v1/keys"))

    def write(self, name, content):
        path = self.dir / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), newline="")
        return str(path)

    def verify(self, content, *arguments, name="file", keys=None):
        """Exit code, and the verdict that was printed."""
        done = self.gateway.ctl("verify", self.write(name, content), *(keys or ("--keys", self.keys)), *arguments, "--json", check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def refuses(self, content, code, *arguments, **kw):
        exit_code, verdict = self.verify(content, *arguments, **kw)
        assert exit_code == 8 and verdict["code"] == code and not verdict["ok"], (exit_code, verdict)


@pytest.fixture
def desk(make_gateway, bureau, tmp_path):
    gateway = make_gateway()
    fill(gateway, bureau, 3)
    return Desk(gateway, tmp_path)


def test_heads_and_proofs_verify_offline(desk, pki, bureau):
    """A head as JSON and as a note, with a certificate or a key set; a proof by itself; growth between two heads."""
    older = newest(desk.gateway)
    for content, form in ((older, "head"), (older["note"], "note")):
        code, verdict = desk.verify(content, "--origin", ORIGIN)
        assert code == 0 and verdict["ok"] and verdict["form"] == form and verdict["alg"] == "ES256, SM2"
        assert (verdict["origin"], verdict["size"], verdict["root"], verdict["time"]) == tuple(older[m] for m in ("origin", "size", "root", "time"))
    for cert, alg in (("gateway-sign.pem", "ES256"), ("gateway-sign-sm2.pem", "SM2")):
        code, verdict = desk.verify(older, keys=("--cert", str(pki / cert)))
        assert code == 0 and verdict["alg"] == alg
    proof = json.loads(desk.gateway.ctl("journal", "prove", "2", "--json").stdout)
    code, verdict = desk.verify(proof)
    assert code == 0 and verdict["form"] == "proof" and verdict["seq"] == 2, verdict
    newer = fill(desk.gateway, bureau, 7, "2026-12")
    growth = json.loads(desk.gateway.ctl("journal", "prove", "--from", str(older["size"]), "--size", str(newer["size"]), "--json").stdout)
    kept = desk.write("older.json", older)
    code, verdict = desk.verify(newer, "--proof", desk.write("grown.json", growth), "--older", kept)
    assert code == 0 and verdict["ok"] and verdict["from"] == older["size"], verdict
    sized = get(desk.gateway, f"/v1/journal/proof?seq=1&size={older['size']}")
    code, verdict = desk.verify(older["note"], "--proof", desk.write("sized.json", sized))
    assert code == 0 and verdict["seq"] == 1
    desk.refuses(newer, "proof.invalid", "--proof", desk.write("sized.json", sized))
    desk.refuses(newer, "proof.invalid", "--proof", desk.write("grown.json", growth), "--older", desk.write("newer.json", newer))


def test_forged_heads_are_refused(desk):
    """Another size, root, time or member; a signature that is not the log's; a note that is none."""
    head = newest(desk.gateway)
    other = {**head, "size": head["size"] + 1, "note": head["note"].replace(f"\n{head['size']}\n", f"\n{head['size'] + 1}\n", 1)}
    desk.refuses(other, "signature.invalid")
    desk.refuses({**head, "size": head["size"] + 1}, "proof.malformed")
    desk.refuses({**head, "root": base64.b64encode(bytes(32)).decode()}, "proof.malformed")
    desk.refuses({**head, "more": 1}, "proof.malformed")
    text, names = lines_of(head["note"])
    for bad in (head["note"][:-1], text.decode(), head["note"] + "\n", head["note"].replace("\n", "\r\n"), head["note"] + "— x y z\n", "\n" + head["note"]):
        desk.refuses({**head, "note": bad}, "proof.malformed")
    swapped = head["note"].replace("+ES256", "+XX256").replace("+SM2", "+ES256").replace("+XX256", "+SM2")
    desk.refuses({**head, "note": swapped}, "signature.key_unknown")


def test_one_of_another_log_or_key_is_refused(desk, make_gateway, own_pki, tmp_path):
    """The same key for another log, and the same log's name under another key."""
    head = newest(desk.gateway)
    desk.refuses(head, "proof.invalid", "--origin", "ippledge-sx.log#2")
    renamed = {**head, "origin": "other.log", "note": head["note"].replace(ORIGIN, "other.log")}
    desk.refuses(renamed, "signature.invalid")
    foreign = make_gateway(pki_of=own_pki)
    desk.refuses(newest(foreign), "signature.key_unknown")
    second = make_gateway(settings={"gateway.origin": "second.log"})
    growth = get(second, "/v1/journal/consistency?from=1&to=2")
    desk.refuses(newest(second), "proof.invalid", "--proof", desk.write("grown.json", {**growth, "to": newest(second)["size"]}), "--older",
                 desk.write("older.json", head))


def test_bad_proofs_are_refused(desk):
    """Cut short, lengthened, of another record, of another size, with another leaf."""
    proof = get(desk.gateway, "/v1/journal/proof?seq=2")
    other = get(desk.gateway, "/v1/journal/proof?seq=3")
    desk.refuses({**proof, "hashes": proof["hashes"][:-1]}, "proof.invalid")
    desk.refuses({**proof, "hashes": proof["hashes"] + proof["hashes"][:1]}, "proof.invalid")
    desk.refuses({**proof, "hashes": proof["hashes"][::-1]}, "proof.invalid")
    desk.refuses({**proof, "size": proof["size"] + 1}, "proof.invalid")
    desk.refuses({**proof, "hashes": other["hashes"]}, "proof.invalid")
    desk.refuses({**proof, "seq": 3}, "proof.malformed")
    desk.refuses({**proof, "leaf": other["leaf"]}, "proof.malformed")
    desk.refuses({**proof, "leaf_hash": proof["hashes"][0], "leaf": None}, "proof.malformed")
    desk.refuses({**proof, "hashes": [proof["hashes"][0][:-4]]}, "proof.malformed")
    without = {m: proof[m] for m in proof if m != "head"}
    desk.refuses(without, "proof.invalid")
    desk.refuses({**without, "head": {**proof["head"], "note": proof["head"]["note"].replace("+", "-")}}, "proof.malformed")


def test_the_command_line_says_what_it_needs(desk):
    """Neither or both of SEQ and --from; a proof of consistency without the older head; a sequence that is not covered."""
    for arguments in (["journal", "prove"], ["journal", "prove", "1", "--from", "1"], ["journal", "prove", "x"]):
        assert desk.gateway.ctl(*arguments, check=False).returncode == 2, arguments
    assert desk.gateway.ctl("journal", "prove", "99999", check=False).returncode == 5
    head = newest(desk.gateway)
    desk.refuses(head, "proof.invalid", "--proof", desk.write("grown.json", get(desk.gateway, f"/v1/journal/consistency?from=1&to={head['size']}")))
    shown = desk.gateway.ctl("journal", "prove", "--from", "2").stdout
    assert str(newest(desk.gateway)["size"]) in shown
    assert desk.gateway.ctl("verify", str(desk.dir / "nothing.json"), "--keys", desk.keys, check=False).returncode not in (0, 8)


def test_an_origin_that_cannot_stand_in_a_note_is_refused(make_gateway):
    """The gateway does not start under a name that would make its heads unreadable."""
    gateway = make_gateway(start=False, settings={"gateway.origin": "a log"})
    gateway.launch()
    assert gateway.process.wait(30) == 1 and "gateway.origin" in gateway.log_text()
