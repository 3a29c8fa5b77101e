"""Statements as XML, and the schemas that describe what is exchanged."""
import json
import shutil
import subprocess

import pytest
from lxml import etree

from conftest import BUILD, PARTNERS, ROOT
from lists import firms
from messages import DS, NS, Reader
from test_keys import rsa

pytestmark = pytest.mark.asan

LISTED, NEVER = firms(4)[0]["uscc"], firms(9)[8]["uscc"]
XML = {"Accept": "application/xml"}
PLACES = {"ES256": "gateway-sign.pem", "RS256": "gateway-sign-rsa.pem"}


def fill(gateway, bureau):
    bureau.control(rows=firms(4), version="2026-11")
    assert gateway.sync()["state"] == "done"
    return gateway


def with_alg(make_gateway, bureau, pki, alg, **more):
    partners = {**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "answer_alg": alg, **more}}
    return fill(make_gateway(settings=rsa(pki), partners=partners), bureau)


def xmlsec1(certificate, path):
    done = subprocess.run(["xmlsec1", "--verify", "--pubkey-cert-pem", certificate, path], capture_output=True, text=True, check=False)
    return done.returncode == 0


def of_schema(root, tmp_path):
    """xmllint's verdict on the element without its signature."""
    path = tmp_path / "unsigned.xml"
    path.write_bytes(etree.tostring(root))
    done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", ROOT / "schemas" / "whitelist.statement-1.xsd", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def said(root, name):
    return root.findtext(f"{{{NS}}}{name}")


@pytest.mark.parametrize("alg", ["ES256", "SM2", "RS256", "PS256"])
def test_a_statement_as_xml(make_gateway, bureau, pki, tmp_path, alg):
    """One element with one signature: judged by xmlsec1 or openssl, by xmllint, and against the JSON. PS256 signs as RS256."""
    gateway = with_alg(make_gateway, bureau, pki, alg)
    used = "RS256" if alg == "PS256" else alg
    for code, status in ((LISTED, "listed"), (NEVER, "not_listed")):
        answer = gateway.firm("bank-a", code, headers=XML)
        plain = gateway.firm("bank-a", code).json()
        assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Vary"]) == (200, "application/xml", "Accept")
        assert "x-jws-signature" not in answer.headers
        path = tmp_path / "statement.xml"
        path.write_bytes(answer.content)
        root = Reader(pki).xmldsig(used, answer.content)
        assert root.tag == f"{{{NS}}}Statement" and said(root, "Status") == status == plain["status"]
        assert [said(root, "Uscc"), said(root, "Sequence")] == [code, str(plain["sequence"])]
        assert [n.text for n in root.findall(f"{{{NS}}}ReasonZh")] == plain["reasons_zh"]
        of_schema(root, tmp_path)
        (tmp_path / "keys.json").write_bytes(gateway.ask("bank-a", "/v1/keys").content)
        assert gateway.ctl_json("verify", str(path), "--keys", str(tmp_path / "keys.json"))["alg"] == used
        if used in PLACES:
            assert xmlsec1(pki / PLACES[used], path)
            path.write_bytes(answer.content.replace(f">{status}<".encode(), b">suspended<"))
            assert not xmlsec1(pki / PLACES[used], path)


def test_a_statement_in_the_agreed_profile(make_gateway, bureau, pki, tmp_path):
    """A bank whose file agrees on inclusive canonical form gets that; another gets the contract's."""
    gateway = with_alg(make_gateway, bureau, pki, "ES256", xml={"c14n": "inclusive"})
    mine, others = gateway.firm("bank-a", LISTED, headers=XML).content, gateway.firm("registry-ty", LISTED, headers=XML).content
    (tmp_path / "mine.xml").write_bytes(mine)
    assert xmlsec1(pki / "gateway-sign.pem", tmp_path / "mine.xml")
    forms = {etree.fromstring(body).find(f".//{{{DS}}}CanonicalizationMethod").get("Algorithm") for body in (mine, others)}
    assert forms == {"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#"}
    Reader(pki).xmldsig("ES256", others)


def test_xml_is_kept_and_conditional_like_json(gateway, bureau):
    """The same bytes until it is signed anew; each form has a tag of its own."""
    fill(gateway, bureau)
    first = gateway.firm("bank-b", LISTED, headers=XML)
    assert gateway.firm("bank-b", LISTED, headers=XML).content == first.content
    tag = {"If-None-Match": first.headers["ETag"]}
    again = gateway.firm("bank-b", LISTED, headers={**XML, **tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert gateway.firm("bank-b", LISTED, headers=tag).status_code == 200
    lines = gateway.ctl_items("access", "find", "--uscc", LISTED)
    assert [line["status"] for line in lines] == [200, 200, 304, 200]


def test_who_gets_which_form(gateway, bureau):
    fill(gateway, bureau)
    for accept, media in (("*/*", "application/json"), ("application/*", "application/json"), ("application/jose;q=0.5, application/xml", "application/xml"),
                          ("application/xml;q=0.1, application/json;q=0.2", "application/json"), ("APPLICATION/XML", "application/xml")):
        assert gateway.firm("bank-a", LISTED, headers={"Accept": accept}).headers["Content-Type"] == media, accept
    for accept in ("text/xml", "text/html", "application/xml;q=0"):
        answer = gateway.firm("bank-a", LISTED, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (406, "http.not_acceptable")
    query = gateway.ask("bank-a", "/v1/whitelist/query", "POST", json={"codes": [LISTED]}, headers=XML)
    assert query.status_code == 406 and "application/jose" in query.json()["detail"]


# ---- schemas

def test_schemas_are_handed_out_as_they_are(gateway, tmp_path):
    """A partner fetches what it needs to judge its messages: the bytes of the installation, by exact name."""
    listed = gateway.ask("registry-ty", "/v1/schemas").json()["schemas"]
    assert {item["name"] for item in listed} == {p.name for p in (ROOT / "schemas").iterdir()} - {"README.md"}
    for item in listed:
        answer = gateway.ask("registry-ty", item["url"])
        assert answer.content == (ROOT / "schemas" / item["name"]).read_bytes() and answer.headers["Content-Type"] == item["media_type"]
        (tmp_path / item["name"]).write_bytes(answer.content)
        assert gateway.ask("registry-ty", item["url"], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    etree.XMLSchema(etree.parse(str(tmp_path / "credit.report-1.xsd")))
    for name in ("README.md", "echo-1", "Echo-1.xsd", "..%2Fcatalog.csv", ".%2Fcatalog.csv", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "catalog.csv%00.xsd"):
        assert gateway.ask("registry-ty", f"/v1/schemas/{name}").status_code in (400, 404), name
    assert gateway.ask("registry-ty", "/v1/schemas/none.xsd").json()["code"] == "http.not_found"


def add_kind(folder):
    """A kind without consequences: one line and one XSD, made from another."""
    text = (folder / "guidance.request-1.xsd").read_text()
    (folder / "bank.notice-1.xsd").write_text(text)
    with open(folder / "catalog.csv", "a") as f:
        f.write("bank.notice,1,in,bank,bank.notice-1.xsd,receipt,journal,72h,kept,sender operator auditor,uscc\n")


@pytest.fixture
def own_schemas(make_gateway, tmp_path):
    folder = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", folder)
    return make_gateway(settings={"schemas.directory": str(folder)}, partners={
        **PARTNERS, "bank-a": {**PARTNERS["bank-a"], "kinds": ["echo", "bank.notice"]}}), folder


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_a_kind_is_added_by_files_alone(own_schemas, how):
    """Unknown before; after a reload or a restart it is taken and answered by a receipt. Only schemas/ changed."""
    gateway, folder = own_schemas
    body = {"uscc": LISTED, "right_kind": "patent", "question": "？"}
    assert gateway.post_message("bank-a", gateway.author("bank-a").xml("bank.notice", body)).status_code == 422
    add_kind(folder)
    if how == "reload":
        gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml"))
        assert gateway.reload()[0] == 200
    else:
        gateway.stop()
        gateway.start()
    assert gateway.ask("bank-a", "/v1/schemas/bank.notice-1.xsd").status_code == 200
    answer = gateway.post_message("bank-a", gateway.author("bank-a").xml("bank.notice", body))
    assert answer.status_code == 200, answer.text
    assert Reader(gateway.pki).message(answer)["body"]["result"] == "accepted"


def test_a_broken_catalogue_changes_nothing(own_schemas):
    """A reload tells file and line, and goes on with the catalogue it has; a check says the same."""
    gateway, folder = own_schemas
    with open(folder / "catalog.csv", "a") as f:
        f.write("bank.notice,1,in\n")
    status, raw = gateway.reload()
    assert status != 200 and f"{folder}/catalog.csv:" in json.loads(raw)["errors"][0]["place"], raw
    assert gateway.ask("bank-a", "/v1/schemas/echo-1.xsd").status_code == 200
    checked = subprocess.run([BUILD / "bin" / "pledged", "--config", gateway.dir / "pledged.yaml", "--check"], capture_output=True, text=True,
                             env=gateway.environment(), timeout=60)
    assert checked.returncode == 1 and f"{folder}/catalog.csv:" in checked.stderr
    checked = gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml"), check=False)
    assert checked.returncode == 1 and f"{folder}/catalog.csv:" in checked.stdout


def test_schemas_are_beside_the_adapters_unless_said(make_gateway, tmp_path):
    """A configuration that does not name them finds them there, and both checks tell when they do not lie there."""
    gateway = make_gateway(settings={"adapters.directory": str(tmp_path / "lib" / "adapters"), "schemas": None}, start=False)
    shutil.copytree(BUILD / "adapters", tmp_path / "lib" / "adapters")
    told = gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml"), check=False)
    assert told.returncode == 1 and "schemas/catalog.csv" in told.stdout and "[config.file]" in told.stdout
    shutil.copytree(ROOT / "schemas", tmp_path / "lib" / "schemas")
    assert gateway.ctl("config", "check", str(gateway.dir / "pledged.yaml")).returncode == 0
    gateway.start()
    assert gateway.ask("bank-a", "/v1/schemas/echo-1.xsd").status_code == 200
