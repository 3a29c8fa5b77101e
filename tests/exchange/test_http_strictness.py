"""Plays every request of vectors/http/requests.tsv at nginx and at the gateway's reader and compares the verdicts.

A last request that asks for the end follows each case, so that bytes taken for the wrong request show: both servers
must accept the same number of requests and refuse, or not, at the same place."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
ECHO = pathlib.Path(os.environ.get("HTTP_ECHO", TESTS.parent / "build/bin/http_echo"))
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
BODY_MAX = 64
PATIENCE = 10
LAST = b"GET /last HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"

NGINX_CONF = """
daemon off; {user}
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    client_header_buffer_size 16k;
    large_client_header_buffers 4 16k;
    client_max_body_size {body_max};
    client_header_timeout 5s; client_body_timeout 5s; lingering_timeout 1s;
    # a proxy reads the whole body before it judges, as the gateway does
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{back}; proxy_http_version 1.1; }} }}
    server {{ listen 127.0.0.1:{back}; location / {{ return 200 "$request_method $uri\\n"; }} }}
}}
"""


def unescape(text):
    names = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
    return b"".join(
        bytes([int(m[1][1:], 16)]) if m[1] and m[1][0] == "x" else names[m[1]] if m[1] else m[0].encode("ascii")
        for m in re.finditer(r"\\(x[0-9a-f]{2}|.)|[^\\]", text))


def cases():
    for line in (TESTS / "vectors/http/requests.tsv").read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        verdict, exception, name, text = line.split("\t")
        yield pytest.param(int(verdict), exception, unescape(text), id=name)


def wait_for_port(port, process):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the server does not listen")


def free_ports():
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        return a.getsockname()[1], b.getsockname()[1]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    if not os.path.exists(NGINX):
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    port, back = free_ports()
    user = "user root;" if os.getuid() == 0 else ""   # its workers write into our folder
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(dir=folder, port=port, back=back, user=user, body_max=BODY_MAX))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def gateway():
    process = subprocess.Popen([ECHO, str(BODY_MAX)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def read_all(port, data):
    """All bytes the server answers until it closes; `data` must make it close."""
    out = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(data)
        try:
            while chunk := sock.recv(65536):
                out += chunk
        except ConnectionResetError:
            pass
    return out


def statuses(answer):
    """Final statuses in order; b"" when the answer is not HTTP/1 (as HTTP/0.9 has no status)."""
    return [int(s) for s in re.findall(rb"(?:^|\n|\}|>)HTTP/1\.1 ([2-5]\d\d) ", answer)]


def judge(port, data):
    """(requests accepted including the last one, whether one was refused)"""
    answer = read_all(port, data + LAST)
    found = statuses(answer)
    if not found:
        return (1 if answer else 0, False)
    return (sum(s == 200 for s in found), any(s != 200 for s in found))


@pytest.mark.parametrize("verdict, exception, data", [c for c in cases() if c.values[0] > 0])
def test_same_verdict_as_nginx(nginx, gateway, verdict, exception, data):
    ours, theirs = judge(gateway, data), judge(nginx, data)
    if verdict < 100:
        assert ours in ((verdict + 1, False), (verdict, False))   # a case may ask for the end itself
    else:
        assert ours[1], "accepted"
    if exception:
        assert ours != theirs, f"nginx agrees: no exception is needed ({exception})"
    else:
        assert ours == theirs


@pytest.mark.parametrize("data", [pytest.param(c.values[2], id=c.id) for c in cases() if c.values[0] >= 400])
def test_a_refusal_says_why_and_ends(gateway, data):
    answer = read_all(gateway, data + LAST)
    refusal = answer[answer.rindex(b"HTTP/1.1 "):]
    assert b"\r\nConnection: close\r\n" in refusal
    assert b"\r\nContent-Type: application/problem+json\r\n" in refusal
    assert b'"code":"' in refusal
