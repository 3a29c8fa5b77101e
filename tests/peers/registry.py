#!/usr/bin/env python3
"""Stand-in registration agency: tells registrations of pledges page by page, over mutual TLS, and misbehaves on command.

    registry.py --cert C --key K --ca CA

When ready it prints one line of JSON: {"port", "url", "pid"}. SIGTERM ends it.

GET  /pledges?pageNo=1&pageSize=200[&updatedSince=T]
     {"code":"0","message":"ok","data":{"total","pageNo","rows":[…]}}, rows with the members of a pledge.registration
GET  /control                              requests so far, the last query, who asked
POST /control {"rows": […]}                what is told from now on
POST /control {"mode": M[, "times": K]}    normal · change_total (from page 2 on) · bad_code · 500 · web_page · lose_page
"""
import argparse
import datetime
import json
import signal
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODES = {"normal", "change_total", "bad_code", "500", "web_page", "lose_page"}
JSON = "application/json; charset=utf-8"


class Registry:
    """The registrations, when each was told, and how they are told at the moment. One lock guards all."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rows, self.since = [], []
        self.mode, self.times = "normal", None
        self.requests, self.query, self.who = 0, {}, ""

    def command(self, order):
        if set(order) - {"rows", "mode", "times"} or order.get("mode", "normal") not in MODES:
            raise ValueError(f"unknown order {order}")
        known = {json.dumps(row, sort_keys=True): at for row, at in zip(self.rows, self.since)}
        if "rows" in order:
            self.rows = order["rows"]
            self.since = [known.get(json.dumps(row, sort_keys=True), time.time()) for row in self.rows]
        if "mode" in order:
            self.mode, self.times = order["mode"], order.get("times")

    def take_mode(self):
        if self.times == 0:
            return "normal"
        if self.times is not None and self.mode != "normal":
            self.times -= 1
        return self.mode

    def page(self, query):
        """Status, media type and bytes."""
        number, size = int(query["pageNo"]), int(query["pageSize"])
        since = datetime.datetime.fromisoformat(query["updatedSince"]).timestamp() if "updatedSince" in query else 0
        rows = [row for row, at in zip(self.rows, self.since) if at >= since]
        mode = self.take_mode()
        if mode == "500":
            return 500, "text/plain", b"out of order"
        if mode == "web_page":
            return 200, "text/html", b"<html>log in</html>"
        if mode == "bad_code":
            return 200, JSON, b'{"code":"E7","message":"closed for the day","data":null}'
        total = len(rows) + (mode == "change_total" and number > 1)
        told = number + (mode == "lose_page")
        data = {"total": total, "pageNo": told, "rows": rows[(number - 1) * size:number * size]}
        return 200, JSON, json.dumps({"code": "0", "message": "ok", "data": data}, ensure_ascii=False).encode()

    def state(self):
        return {"requests": self.requests, "query": self.query, "who": self.who}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self, status, media, body):
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        registry, target = self.server.registry, urllib.parse.urlsplit(self.path)
        with registry.lock:
            if target.path == "/control":
                return self.answer(200, JSON, json.dumps(registry.state()).encode())
            if target.path != "/pledges":
                return self.answer(404, "text/plain", b"no such place")
            registry.requests += 1
            registry.query = dict(urllib.parse.parse_qsl(target.query))
            registry.who = dict(x[0] for x in self.connection.getpeercert()["subject"])["commonName"]
            return self.answer(*registry.page(registry.query))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            with self.server.registry.lock:
                self.server.registry.command(json.loads(body))
                self.answer(200, JSON, b"{}")
        except ValueError as error:
            self.answer(400, "text/plain", str(error).encode())


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cert", "key", "ca"):
        options.add_argument(f"--{name}", required=True)
    options = options.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.registry = Registry()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options.cert, options.key)
    tls.load_verify_locations(options.ca)
    tls.verify_mode = ssl.CERT_REQUIRED
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    port = server.server_address[1]
    print(json.dumps({"port": port, "url": f"https://127.0.0.1:{port}/pledges"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
