"""A bureau that is slow, silent, wrong or somebody else: told with a code and a reason, and nothing moves; every way that
is allowed works."""
import datetime
import json

import pytest

from conftest import Bureau, bureau_source
from lists import certified
from withstand import (Peer, bureaus, metric, order, read_request, run_all, source, start_run, status_of, whole)

SECRET = "TEST-SECRET-32-CHARS-ABCDEFGHIJKL"


def at(url, name, deadline="30s", scope="full", more=None, **settings):
    return source(name, "bureau", {"url": url, **settings}, deadline=deadline, scope=scope, **(more or {}))


def three(k):
    """Three firms of their own for the k-th source."""
    return [certified(100 * k + i) for i in range(3)]


def page(rows, version="v1"):
    return {"code": "0", "message": "ok", "data": {"listVersion": version, "total": len(rows), "pageNo": 1, "pageSize": 500, "rows": rows}}


def answer(connection, body, length=True, media="application/json"):
    announced = f"Content-Length: {len(body)}\r\n" if length else ""
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\n{announced}Connection: close\r\n\r\n".encode() + body)


def says(body, length=True):
    def speak(connection, _):
        read_request(connection)
        answer(connection, body, length)
        connection.unwrap()
    return speak


def cut_without_goodbye(connection, _):
    """Neither a length nor TLS's close_notify tells the end: anyone may have cut the page."""
    read_request(connection)
    answer(connection, json.dumps(page(three(90))).encode()[:-20], length=False)


def never_answers(connection, _):
    read_request(connection)
    connection.recv(1)


def drips(connection, _):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    connection.settimeout(0.05)
    while True:
        connection.sendall(b" ")
        try:
            if connection.recv(1) == b"":
                return
        except TimeoutError:
            pass


def plain_text(connection, _):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 400 this port speaks no TLS\r\n\r\n")


def gone_at_once(connection, _):
    connection.close()


@pytest.mark.asan
def test_each_way_to_fail_is_told_and_changes_nothing(make_gateway, bureau, pki, tmp_path):
    """Beyond the deadline, silent, cut, changing, refusing, somebody else's certificate: a failed run with code and reason."""
    bad_certificates = {f"cert-{name}": ["--cert", str(pki / f"bad/{name}.pem"), "--key", str(pki / f"bad/{name}.key")]
                        for name in ("wrong-name", "foreign-server", "expired-server")}
    their = bureaus(pki, tmp_path, changing=[], code=[], refuses=["--ca", str(pki / "bad/foreign-ca.pem")],
                    token=["--token", "open sesame"], **bad_certificates)
    for name in ("cut-tls", "silent", "drips"):
        their[name] = Peer({"cut-tls": cut_without_goodbye, "silent": never_answers, "drips": drips}[name], pki)
    their["plain"] = Peer(plain_text)
    their["plain"].url = their["plain"].url.replace("http:", "https:")
    their["gone"] = Peer(gone_at_once)
    their["gone"].url = their["gone"].url.replace("http:", "https:")
    (tmp_path / "token").write_text("wrong word\n")
    nobody = Peer(gone_at_once)
    nobody.stop()
    sources = [at(peer.url, name, timeout="300ms" if name in ("silent", "drips") else "10s",
                  **({"auth": "token", "token_file": str(tmp_path / "token")} if name == "token" else {}),
                  **({"page_size": "2"} if name == "changing" else {}))
               for name, peer in their.items()]
    sources.append(at(f"https://127.0.0.1:{nobody.port}", "nobody"))
    gateway = make_gateway(sources=[bureau_source(bureau, paused=True), *sources])
    bureau.control(rows=three(1), version="v1")
    order(their["changing"], mode="change_total")
    order(their["code"], mode="bad_code", code="E4031", message="接口未授权，请联系管理员")
    before = run_all(gateway, ["bureau-sx"])["bureau-sx"]
    ended = run_all(gateway, [s["id"] for s in sources])
    for peer in their.values():
        peer.stop()
    expected = {"changing": "list.changed", "code": "source.failed", "refuses": "client.tls", "token": "identity refused",
                "cut-tls": "list.page", "silent": "client.timeout", "drips": "client.timeout", "plain": "client.tls",
                "gone": "client.", "nobody": "client.connect", "cert-wrong-name": "client.tls", "cert-foreign-server": "client.tls",
                "cert-expired-server": "client.tls"}
    told = {name: " ".join([run["state"], *run.get("error", {}).values()]) for name, run in ended.items()}
    wrong = {name: told[name] for name, words in expected.items() if words not in told[name]}
    assert not wrong, json.dumps(told, indent=1, ensure_ascii=False)
    assert before["state"] == "done" and all(run["state"] in ("failed", "incomplete") for run in ended.values()), told
    assert all(run["next"]["zh"] and run["counts"]["added"] == 0 for run in ended.values())
    assert "接口未授权" in told["code"] and "E4031" in told["code"], told["code"]
    assert "expired" in told["cert-expired-server"] and "issuer" in told["cert-foreign-server"], told
    assert "match" in told["cert-wrong-name"] or "name" in told["cert-wrong-name"].split("client.tls", 1)[1], told
    assert ended["changing"]["restarts"] == 3 and ended["changing"]["state"] == "incomplete"
    assert metric(gateway, "pledged_firms_listed") == 3
    assert status_of(gateway, three(1)[0]["uscc"]) == "listed"
    log = gateway.log_text()
    assert "wrong word" not in log and "open sesame" not in log
    whole(gateway)


@pytest.mark.asan
def test_each_way_that_is_allowed_works(make_gateway, bureau, pki, tmp_path):
    """Late but within the deadline, a token, the national platform's headers, POST as JSON and form, other names: all done."""
    (tmp_path / "token").write_text("open sesame\n")
    (tmp_path / "secret").write_text(SECRET + "\n")
    their = bureaus(pki, tmp_path, slow=[], token=["--token", "open sesame"], hmac=["--hmac-secret", SECRET], json=[], form=[], again=[],
                    fields=[], twice=[])
    for k, name in enumerate(their, 1):
        order(their[name], rows=three(k), version="v1")
    order(their["slow"], mode="slow", seconds=0.3)
    order(their["again"], mode="change_total", pages=[2], times=1)
    order(their["twice"], mode="duplicate_firm")
    order(their["fields"], rows=[{"creditCode": r["uscc"], "entName": r["name"], "docs": {"no": r["documentNo"]}, "from": "2026/3/1",
                                  "state": "有效", "level": r["level"], "scale": 3} for r in three(7)])
    wrapped = {"resultCode": "200", "resultMsg": "成功", "result": {"count": 3, "list": three(20), "ver": "v7"}}
    other = Peer(says(json.dumps(wrapped, ensure_ascii=False).encode()), pki)
    settings = {
        "slow": {"page_size": "1", "timeout": "10s"},
        "token": {"auth": "token", "token_file": str(tmp_path / "token")},
        "hmac": {"auth": "hmac", "rid": "rid-TEST", "sid": "s_TEST_0001", "secret_file": str(tmp_path / "secret")},
        "json": {"method": "post"}, "form": {"method": "post", "body": "form"}, "again": {"page_size": "2"}, "twice": {},
        "fields": {"fields": {"uscc": "creditCode", "name": "entName", "document_no": "docs.no", "valid_from": "from", "status": "state"},
                   "status": {"certified": "有效,1", "withdrawn": "失效,0"}},
    }
    sources = [at(their[name].url, name, **settings[name]) for name in their]
    sources.append(at(other.url, "wrapper", success="0,200", members={"code": "resultCode", "message": "resultMsg", "data": "result",
                                                                    "rows": "list", "total": "count", "list_version": "ver"}))
    gateway = make_gateway(sources=sources)
    started = {s["id"]: start_run(gateway, s["id"]) for s in sources}
    ended = {name: gateway.run_end(run, 90) for name, run in started.items()}
    other.stop()
    for name, run in ended.items():
        assert run["state"] == "done" and run["counts"]["added"] == (2 if name == "twice" else 3), run
    assert ended["twice"]["counts"]["rejected"] == 2 and {d["code"] for d in gateway.diff(started["twice"]) if "code" in d} == {"list.row_conflict"}
    assert ended["again"]["restarts"] == 1 and ended["wrapper"]["list_version"] == "v7"
    query = order(their["json"], mode="normal")["last_query"]
    assert query == {"pageNo": 1, "pageSize": 500} or query == {"pageNo": "1", "pageSize": "500"}, query
    assert order(their["hmac"], mode="normal")["refused"] == 0
    log = gateway.log_text()
    assert SECRET not in log and "open sesame" not in log
    for peer in their.values():
        peer.stop()
    whole(gateway)


def test_a_delta_asks_for_ten_minutes_more(make_gateway, bureau):
    """The first run is full; a later one asks since ten minutes before it; who is not in a delta is not absent."""
    gateway = make_gateway(source={"scope": "delta", "full_every": "1d"})
    bureau.control(rows=three(1), version="v1")
    first = run_all(gateway, ["bureau-sx"])["bureau-sx"]
    assert first["state"] == "done" and first["counts"]["added"] == 3
    assert "updatedSince" not in order(bureau, mode="normal")["last_query"]
    order(bureau, update=[certified(100, level="市级"), certified(199)], version="v2")
    for version in ("v3", "v4"):
        second = run_all(gateway, ["bureau-sx"])["bureau-sx"]
        assert second["state"] == "done" and second["counts"]["absent"] == 0, second
        order(bureau, version=version)
    since = datetime.datetime.fromisoformat(order(bureau, mode="normal")["last_query"]["updatedSince"])
    begun = [datetime.datetime.fromisoformat(run["started"]) for run in (first, second)]
    assert begun[0] - datetime.timedelta(seconds=601) <= since <= begun[1] - datetime.timedelta(seconds=598), (since, begun)
    assert gateway.firm("bank-a", certified(100)["uscc"]).json()["certification"]["level"] == "市级"
    assert status_of(gateway, certified(199)["uscc"]) == "listed" and status_of(gateway, certified(101)["uscc"]) == "listed"
    full = gateway.run_end(start_run(gateway, full=True))
    assert full["state"] == "done" and "updatedSince" not in order(bureau, mode="normal")["last_query"]


def test_full_every_brings_a_full_list_by_itself(make_gateway, bureau):
    """When the last full list is older than full_every, the next run is full."""
    gateway = make_gateway(source={"scope": "delta", "full_every": "1d"}, clock=True)
    bureau.control(rows=three(1), version="v1")
    run_all(gateway, ["bureau-sx"])
    gateway.set_clock(2 * 86400)
    assert run_all(gateway, ["bureau-sx"])["bureau-sx"]["state"] == "done"
    assert "updatedSince" not in order(bureau, mode="normal")["last_query"]


def test_when_the_certificate_is_mended_the_next_run_works(make_gateway, pki, tmp_path):
    """A bureau with an expired certificate comes back with a good one at the same address: no restart of the gateway."""
    old = Bureau(pki, tmp_path, "--cert", str(pki / "bad/expired-server.pem"), "--key", str(pki / "bad/expired-server.key"))
    gateway = make_gateway(sources=[bureau_source(old, paused=True)])
    assert run_all(gateway, ["bureau-sx"])["bureau-sx"]["error"]["code"].startswith(("client.tls", "adapter.retry"))
    old.stop()
    new = Bureau(pki, tmp_path, "--port", str(old.port))
    try:
        assert run_all(gateway, ["bureau-sx"])["bureau-sx"]["state"] == "done"
    finally:
        new.stop()
