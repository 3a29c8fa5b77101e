"""pledgectl and a daemon that answers what each test says: what is sent, what is shown, how it ends."""
import http.server
import json
import os
import socketserver
import subprocess
import threading

import pytest

from conftest import BUILD

CTL = str(BUILD / "bin" / "pledgectl")
FIRM = "91140000110010402W"


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """answers: {"GET /path?query": (status, body) or a list of them, one for each time}; seen: what came."""
    daemon_threads = True

    def __init__(self, path):
        self.answers, self.seen = {}, []
        super().__init__(str(path), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what = f"{self.command} {self.path.removeprefix('/admin/v1')}"
        self.server.seen.append((what, json.loads(body) if body else None))
        status, reply = 404, problem("http.not_found", 404, what)
        if what in self.server.answers:
            known = self.server.answers[what]
            status, reply = (known.pop(0) if len(known) > 1 else known[0]) if isinstance(known, list) else known
        reply = reply if isinstance(reply, bytes) else json.dumps(reply, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = answer


def problem(code, status, detail="why"):
    return {"type": f"/v1/errors#{code}", "title": code, "status": status, "code": code, "detail": detail, "detail_zh": "原因"}


@pytest.fixture
def daemon(tmp_path):
    server = Daemon(tmp_path / "d.sock")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def ctl(*arguments, env=None):
        return subprocess.run([CTL, *map(str, arguments)], capture_output=True, timeout=60, text=True,
                              env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ASAN_OPTIONS": "exitcode=99",
                                   "PLEDGED_SOCKET": str(tmp_path / "d.sock"), **(env or {})})

    server.ctl = ctl
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_status_in_both_languages(daemon):
    daemon.answers["GET /status"] = 200, {"gateway": "ippledge-sx", "ready": True, "counts": {"listed": 12},
                                          "sources": [{"id": "bureau-sx", "freshness": "on_time"}]}
    done = daemon.ctl("status")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines()[:2] == ["gateway  ippledge-sx", "ready    yes"]
    assert "\033" not in done.stdout
    chinese = daemon.ctl("status", env={"LC_ALL": "zh_CN.UTF-8"}).stdout
    assert "已入名单" in chinese and "及时" in chinese and "就绪" in chinese
    assert json.loads(daemon.ctl("--json", "status").stdout)["counts"] == {"listed": 12}


def test_list_follows_all_pages(daemon):
    page = lambda codes, **more: {"items": [{"uscc": c, "name": "山西能源", "status": "listed", "lane": "priority"} for c in codes], **more}
    daemon.answers["GET /firms?name=%E8%83%BD%E6%BA%90&limit=500"] = 200, page(["A", "B"], more=True, next="B/1")
    daemon.answers["GET /firms?name=%E8%83%BD%E6%BA%90&limit=500&after=B%2F1"] = 200, page(["C"], more=False)
    done = daemon.ctl("list", "find", "--name", "能源")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["USCC", "name", "status", "lane", "region", "since", "valid", "until"]
    assert [line.split()[0] for line in lines[1:]] == ["A", "B", "C"]
    assert len({line.index("listed") for line in lines[1:]}) == 1
    items = json.loads(daemon.ctl("list", "find", "--name", "能源", "--json").stdout)
    assert [item["uscc"] for item in items] == ["A", "B", "C"]


def test_limit_bounds_what_is_asked_and_shown(daemon):
    daemon.answers["GET /firms?limit=1"] = 200, {"items": [{"uscc": "A"}], "more": True, "next": "A"}
    done = daemon.ctl("list", "find", "--limit", "1", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == [{"uscc": "A"}] and "more" in done.stderr


def test_empty_list_has_no_data(daemon):
    daemon.answers["GET /approvals"] = 200, {"items": [], "more": False}
    done = daemon.ctl("approve", "list")
    assert (done.returncode, done.stdout) == (0, "") and "nothing found" in done.stderr
    assert json.loads(daemon.ctl("--json", "approve", "list").stdout) == []


def test_requests_are_what_the_routes_take(daemon):
    cases = [
        (["approve", "list", "--all"], "GET /approvals?all=true", None, {"items": [], "more": False}),
        (["approve", "show", "p-1"], "GET /approvals/p%2D1", None, {"id": "p-1"}),
        (["approve", "grant", "p-1", "--comment", "齐全"], "POST /approvals/p%2D1/grant", {"comment": "齐全"}, {"sequence": 9}),
        (["approve", "reject", "p-1", "--comment", "no"], "POST /approvals/p%2D1/reject", {"comment": "no"}, {"sequence": 9}),
        (["list", "propose", "suspend", FIRM, "--reason", "r", "--ground", "false_material"], f"POST /firms/{FIRM}/propose",
         {"act": "suspend", "reason": "r", "ground": "false_material"}, {"approval": "p-3"}),
        (["list", "history", FIRM], f"GET /firms/{FIRM}/history?limit=500", None, {"items": [], "more": False}),
        (["sync", "run", "--source", "b", "--full", "--dry-run", "--initial"], "POST /runs",
         {"source": "b", "full": True, "initial": True, "dry_run": True}, {"run": "r-1"}),
        (["sync", "cancel", "r1"], "POST /runs/r1/cancel", {}, {}),
        (["sync", "pause", "b"], "POST /sources/b/pause", {}, {}),
        (["sync", "list", "--source", "b"], "GET /runs?source=b", None, {"items": [], "more": False}),
        (["sync", "diff", "r1"], "GET /runs/r1/diff?limit=500", None, {"items": [], "more": False}),
        (["journal", "verify", "--from", "5"], "POST /journal/verify", {"from": 5}, {"size": 9, "root": "x", "verified": 5}),
        (["access", "find", "--uscc", FIRM, "--since", "2026-11-24"],
         f"GET /access?uscc={FIRM}&since=2026%2D11%2D24T00%3A00%3A00%2B08%3A00&limit=10000", None,
         {"items": [], "more": False}),
        (["db", "rebuild"], "POST /db/rebuild", {}, {"records": 1, "entries": 1, "equal": True}),
        (["partner", "show", "bank a"], "GET /partners/bank%20a", None, {"id": "bank a"}),
        (["adapter", "show", "bureau"], "GET /adapters/bureau", None, {"name": "bureau"}),
    ]
    for arguments, what, body, reply in cases:
        what = what.replace("%2D", "-")
        daemon.answers, daemon.seen = {what: (202 if "approval" in reply else 200, reply)}, []
        done = daemon.ctl(*arguments)
        assert done.returncode == 0, (arguments, done, daemon.seen)
        assert daemon.seen == [(what, body)]


@pytest.mark.parametrize("code, status, exit_code", [
    ("sender.role", 403, 4), ("approval.same_person", 403, 4), ("firm.unknown", 404, 5), ("approval.changed", 409, 6),
    ("journal.broken", 500, 8), ("internal", 500, 1), ("busy.starting", 503, 1), ("http.query", 422, 2)])
def test_problems_become_exit_codes(daemon, code, status, exit_code):
    daemon.answers[f"GET /firms/{FIRM}"] = status, problem(code, status, "look here")
    done = daemon.ctl("list", "get", FIRM)
    assert done.returncode == exit_code
    assert done.stdout == "" and "look here" in done.stderr and code in done.stderr
    done = daemon.ctl("--json", "--lang", "zh", "list", "get", FIRM)
    assert json.loads(done.stdout)["code"] == code and "原因" in done.stderr


@pytest.mark.parametrize("state, rejected, exit_code", [
    ("done", 0, 0), ("done", 2, 3), ("held", 0, 6), ("failed", 0, 1), ("incomplete", 0, 1), ("cancelled", 0, 1)])
def test_wait_ends_with_the_run(daemon, state, rejected, exit_code):
    run = lambda s: (200, {"id": "r1", "state": s, "total": 10, "counts": {"received": 5, "rejected": rejected}, "next_en": "look"})
    daemon.answers = {"POST /runs": (202, {"run": "r1"}), "GET /runs/r1": [run("running"), run(state)]}
    done = daemon.ctl("sync", "run", "--source", "b", "--wait", "--json")
    assert done.returncode == exit_code, done
    assert json.loads(done.stdout)["state"] == state
    assert "\r" not in done.stderr
    assert [what for what, _ in daemon.seen] == ["POST /runs", "GET /runs/r1", "GET /runs/r1"]


def test_run_without_source_takes_all_that_are_not_paused(daemon):
    daemon.answers = {"GET /sources": (200, {"items": [{"id": "a", "paused": False}, {"id": "b", "paused": True}, {"id": "c", "paused": False}], "more": False}),
                      "POST /runs": (202, {"run": "r"})}
    assert daemon.ctl("sync", "run").returncode == 0
    assert [body["source"] for what, body in daemon.seen if what == "POST /runs"] == ["a", "c"]


def test_doctor_fails_when_a_check_does(daemon):
    check = {"name": "disk", "ok": True, "detail": "12 GiB free", "detail_zh": "剩余 12 GiB"}
    daemon.answers["GET /doctor"] = 200, {"checks": [check], "ok": True}
    assert daemon.ctl("doctor").returncode == 0
    daemon.answers["GET /doctor"] = 200, {"checks": [check, {"name": "clock", "ok": False, "detail": "off by 5 s", "next": "start chrony"}], "ok": False}
    done = daemon.ctl("doctor")
    assert done.returncode == 1 and "off by 5 s" in done.stdout and "start chrony" in done.stdout
    assert "剩余" in daemon.ctl("doctor", "--lang", "zh").stdout


def test_export_goes_on_to_the_end(daemon):
    lines = lambda numbers: b"".join(b'{"seq":%d,"leaf":"","record":{}}\n' % n for n in numbers)
    daemon.answers = {"GET /journal/export?from=1&limit=1000": (200, lines(range(1, 701))),
                      "GET /journal/export?from=701&limit=1000": (200, lines(range(701, 705))),
                      "GET /journal/export?from=705&limit=1000": (200, b""),
                      "GET /journal/export?from=3&limit=2": (200, lines([3, 4]))}
    done = daemon.ctl("journal", "export")
    assert done.returncode == 0 and [json.loads(x)["seq"] for x in done.stdout.splitlines()] == list(range(1, 705))
    assert len(daemon.ctl("journal", "export", "--from", "3", "--limit", "2").stdout.splitlines()) == 2


def test_config_show_is_yaml(daemon):
    daemon.answers["GET /config"] = 200, {"text": "gateway:\n  name: \"x\"\n", "files": {"rules": {"digest": "ab", "version": "1"}}}
    assert daemon.ctl("config", "show").stdout == 'gateway:\n  name: "x"\n# rules: ab 1\n'


def test_names_cannot_steer_the_terminal(daemon):
    daemon.answers["GET /partners/x"] = 200, {"id": "x", "name": "evil\u001b]0;title\u0007"}
    assert "\033" not in daemon.ctl("partner", "show", "x").stdout


def test_nonsense_is_a_failure(daemon):
    for reply in (b"<html>", b"", b"[1]", b'{"items":[{"a":1}'):
        daemon.answers = {"GET /v1/journal/head": (200, reply), "GET /partners": (200, reply)}
        assert daemon.ctl("journal", "head").returncode == 1
        assert daemon.ctl("partner", "list").returncode == 1
