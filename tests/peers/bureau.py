#!/usr/bin/env python3
"""Stand-in bureau: serves a list of certified firms page by page, and misbehaves on command.

    bureau.py --cert C --key K --ca CA [--generate N | --list FILE] [--version V] …
    bureau.py --plain …                  without TLS, for tests of this program

When ready it prints one line of JSON: {"port", "url", "pid", "rows"}. SIGTERM ends it.
A list file is a JSON array of rows, a page as the bureau answers it, or one row a line.

GET  /quality-enterprises?pageNo=1&pageSize=500[&updatedSince=T]   (or POST, JSON or form)
GET  /control                            counts and state
POST /control {"mode": M, …}             how the next answers misbehave, until {"mode": "normal"}
     every mode takes "times": K (only so often) and "pages": [2, 3] (only these)
     slow {"seconds": 2} · 500 · html · repeat_page · lose_page (from page 2 on, {"disguise": true} also lies in pageNo)
     announce_more {"extra": 5} · huge_line {"bytes": 70000}
     duplicate_firm {"same": false} (the first firm again behind the last one)
     change_version · change_total (from page 2 on) · empty · bad_code {"code": "E500", "message": "…"}
     hang (until the mode changes) · truncate {"json": false}: the connection ends early; true: the JSON does
POST /control {"rows": […]} {"generate": N} {"version": V} {"update": [rows]} {"remove": [codes]}
     the list as it is from now on; update replaces by code or adds, and counts for updatedSince
"""
import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import signal
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.dont_write_bytecode = True   # nothing lands beside the sources
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import uscc  # noqa: E402

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
BODY_MAX = 512 << 20
RTIME_WINDOW_MS = 300_000
MODES = {"normal", "slow", "500", "html", "repeat_page", "lose_page", "announce_more", "huge_line", "duplicate_firm",
         "change_version", "change_total", "empty", "bad_code", "hang", "truncate"}


def generated(number):
    """A firm's row in the default dialect."""
    return {
        "uscc": uscc.code(number), "name": f"山西示例{number:07d}号科技有限公司",
        "regionCode": uscc.REGIONS[number % len(uscc.REGIONS)], "industryCode": "C2669", "scale": "3", "level": "省级",
        "batch": "2026-1", "documentNo": "晋民营发〔2026〕1号", "certifiedOn": "2026-03-01", "validUntil": "2027-02-28",
        "status": "certified",
    }


def read_list(path):
    with open(path, encoding="utf-8-sig") as f:
        text = f.read()
    try:
        whole = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict):
        return whole["data"]["rows"] if "data" in whole else [whole]
    return whole


def instant(text):
    """Seconds since 1970 of RFC 3339 or of YYYY-MM-DD HH:MM:SS in +08:00."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=BEIJING)).timestamp()


class Bureau:
    """The list and how it is told at the moment. One lock guards all."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Condition()
        self.version = options.version
        self.mode = {"mode": "normal"}
        self.counts = {"requests": 0, "pages": {}, "refused": 0, "misbehaved": 0}
        self.last_query = {}
        self.stopping = False
        self.set_rows(read_list(options.list) if options.list else [generated(i) for i in range(options.generate)])

    def set_rows(self, rows):
        self.rows = rows
        self.raw = [self.encode(row) for row in rows]
        self.updated = [time.time()] * len(rows)

    @staticmethod
    def encode(row):
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()

    def update(self, rows):
        index = {row.get("uscc"): i for i, row in enumerate(self.rows)}
        for row in rows:
            i = index.get(row.get("uscc"))
            if i is None:
                i = len(self.rows)
                self.rows.append(row), self.raw.append(b""), self.updated.append(0.0)
            self.rows[i], self.raw[i], self.updated[i] = row, self.encode(row), time.time()

    def remove(self, codes):
        kept = [i for i, row in enumerate(self.rows) if row.get("uscc") not in set(codes)]
        self.rows = [self.rows[i] for i in kept]
        self.raw = [self.raw[i] for i in kept]
        self.updated = [self.updated[i] for i in kept]

    def command(self, order):
        """A POST to /control; unknown members are errors, so that a test's spelling mistake is seen."""
        known = {"rows": self.set_rows, "update": self.update, "remove": self.remove,
                 "generate": lambda n: self.set_rows([generated(i) for i in range(n)]),
                 "version": lambda v: setattr(self, "version", v)}
        with self.lock:
            if "mode" in order:
                if order["mode"] not in MODES:
                    raise ValueError(f"unknown mode {order['mode']}")
                self.mode = order
                self.lock.notify_all()
            else:
                unknown = set(order) - set(known)
                if unknown or not order:
                    raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
                for name, value in order.items():
                    known[name](value)
            return self.state()

    def state(self):
        return {**self.counts, "mode": self.mode, "rows": len(self.rows), "version": self.version,
                "last_query": self.last_query}

    def take_mode(self, page):
        """The mode for this page, used up by one when it is limited."""
        mode = self.mode
        if mode["mode"] == "normal" or page not in mode.get("pages", [page]) or mode.get("times", 1) <= 0:
            return {"mode": "normal"}
        if "times" in mode:
            mode["times"] -= 1
        self.counts["misbehaved"] += 1
        return mode

    def hang(self, mode):
        with self.lock:
            while self.mode is mode and not self.stopping:
                self.lock.wait()

    def stop(self):
        with self.lock:
            self.stopping = True
            self.lock.notify_all()

    def page(self, number, size, since, mode):
        """The bytes of one page, as this mode tells it."""
        name, told, version = mode["mode"], number, self.version
        if name == "repeat_page" and number > 1:
            number -= 1
        if name == "lose_page" and number > 1:
            number += 1
        if not mode.get("disguise"):
            told = number
        raw = self.raw if since is None else [r for r, u in zip(self.raw, self.updated) if u >= since]
        if name == "duplicate_firm" and raw:
            first = json.loads(raw[0])
            raw = raw + [self.encode(first if mode.get("same") else {**first, "name": "另一个名称"})]
        total = len(raw)
        rows = raw[(number - 1) * size:number * size]
        if name == "empty":
            rows, total = [], 0
        elif name == "announce_more":
            total += mode.get("extra", 5)
        elif name == "change_total" and number > 1:
            total += 1
        elif name == "change_version" and number > 1:
            version = f"{version}-changed"
        elif name == "huge_line" and rows:
            row = {**json.loads(rows[0]), "name": "长" * (mode.get("bytes", 70000) // 3)}
            rows = [self.encode(row)] + rows[1:]
        head = {"listVersion": version, "total": total, "pageNo": told, "pageSize": size}
        inner = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
        return b'{"code":"0","message":"ok","data":' + inner + b',"rows":[' + b",\n".join(rows) + b"]}}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    server_version = "bureau"

    def log_message(self, *_):
        pass

    def answer(self, status, body, media="application/json; charset=utf-8", announced=None):
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        if announced is not None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, status, value):
        self.answer(status, json.dumps(value, ensure_ascii=False).encode())

    def do_GET(self):
        self.route({k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).items()})

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_MAX:
            return self.answer_json(413, {"code": "413", "message": "too large"})
        body = self.rfile.read(size)
        try:
            if "form" in self.headers.get("Content-Type", "") and self.path != "/control":
                query = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
            else:
                query = json.loads(body or b"{}")
        except ValueError as error:
            return self.answer_json(400, {"code": "400", "message": str(error)})
        return self.route(query)

    def route(self, query):
        path = urllib.parse.urlsplit(self.path).path
        bureau = self.server.bureau
        try:
            if path == "/control":
                self.answer_json(200, bureau.command(query) if self.command == "POST" else bureau.state())
            elif path == bureau.options.path:
                self.list(bureau, query)
            else:
                self.answer_json(404, {"code": "404", "message": "no such address"})
        except (KeyError, ValueError, TypeError) as error:
            self.answer_json(400, {"code": "400", "message": f"{type(error).__name__}: {error}"})

    def allowed(self, options):
        """What the client must show beside its certificate."""
        if options.token is not None:
            return hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {options.token}")
        if options.hmac_secret is None:
            return True
        rid, sid, rtime = (self.headers.get(f"gjgxjhpt_{name}", "") for name in ("rid", "sid", "rtime"))
        right = hmac.new(options.hmac_secret.encode(), (sid + rid + rtime).encode(), hashlib.sha256).digest()
        return (rid == options.rid and sid == options.sid and rtime.isdigit()
                and abs(int(rtime) - time.time() * 1000) <= RTIME_WINDOW_MS
                and hmac.compare_digest(self.headers.get("gjgxjhpt_sign", ""), base64.b64encode(right).decode()))

    def list(self, bureau, query):
        with bureau.lock:
            bureau.counts["requests"] += 1
            bureau.last_query = query
        if not self.allowed(bureau.options):
            with bureau.lock:
                bureau.counts["refused"] += 1
            return self.answer_json(401, {"code": "401", "message": "identity refused"})
        number, size = int(query.get("pageNo", 1)), int(query.get("pageSize", 500))
        if number < 1 or not 1 <= size:
            raise ValueError("pageNo or pageSize")
        size = min(size, bureau.options.page_cap)
        since = instant(query["updatedSince"]) if query.get("updatedSince") else None
        with bureau.lock:
            bureau.counts["pages"][str(number)] = bureau.counts["pages"].get(str(number), 0) + 1
            mode = bureau.take_mode(number)
            body = bureau.page(number, size, since, mode)
        return self.tell(bureau, mode, body)

    def tell(self, bureau, mode, body):
        name = mode["mode"]
        if name == "slow":
            time.sleep(mode.get("seconds", 2))
        if name == "hang":
            bureau.hang(mode)
            self.close_connection = True
        elif name == "500":
            self.answer(500, b"java.lang.NullPointerException at list", "text/plain")
        elif name == "html":
            self.answer(200, "<!DOCTYPE html><html><body><h1>系统维护中</h1></body></html>".encode(), "text/html")
        elif name == "bad_code":
            message = mode.get("message", "系统繁忙")
            self.answer_json(200, {"code": mode.get("code", "E500"), "message": message, "data": None})
        elif name == "truncate" and mode.get("json"):
            self.answer(200, body[:len(body) // 2])
        elif name == "truncate":
            self.answer(200, body[:len(body) // 2], announced=len(body))
        else:
            self.answer(200, body)


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, bureau, context):
        super().__init__(address, Handler)
        self.bureau = bureau
        self.context = context

    def finish_request(self, request, client_address):
        """The handshake runs in the connection's own thread: a slow client delays nobody."""
        if self.context is not None:
            request.settimeout(10)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        try:
            super().finish_request(request, client_address)
        finally:
            if self.context is not None:
                self.close_tls(request)

    @staticmethod
    def close_tls(request):
        try:
            request.settimeout(1)
            request.unwrap()
        except (ssl.SSLError, OSError, ValueError):
            pass
        request.close()

    def handle_error(self, request, client_address):
        pass                                # a client that went away


def tls(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.cert, options.key)
    context.load_verify_locations(options.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--ca")
    parser.add_argument("--plain", action="store_true", help="no TLS")
    parser.add_argument("--path", default="/quality-enterprises")
    parser.add_argument("--list", metavar="FILE")
    parser.add_argument("--generate", type=int, default=10, metavar="N")
    parser.add_argument("--version", default="2026-11")
    parser.add_argument("--page-cap", type=int, default=10000, help="most rows of a page, whatever is asked for")
    parser.add_argument("--token", help="the bearer token that clients must send")
    parser.add_argument("--hmac-secret", help="the secret of the gjgxjhpt headers that clients must send")
    parser.add_argument("--rid", default="rid-TEST")
    parser.add_argument("--sid", default="s_TEST_0001")
    options = parser.parse_args()
    if not options.plain and not (options.cert and options.key and options.ca):
        parser.error("--cert, --key and --ca are needed, or --plain")
    return options


def main():
    options = read_options()
    bureau = Bureau(options)
    server = Server((options.host, options.port), bureau, None if options.plain else tls(options))

    def end(*_):
        bureau.stop()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    port = server.server_address[1]
    scheme = "http" if options.plain else "https"
    print(json.dumps({"port": port, "url": f"{scheme}://{options.host}:{port}", "pid": os.getpid(),
                      "rows": len(bureau.rows)}), flush=True)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
