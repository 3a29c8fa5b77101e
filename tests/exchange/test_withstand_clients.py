"""Clients that drip, hang, idle or never read: each is ended by its own deadline, and others are answered meanwhile."""
import http.client
import socket
import ssl
import threading
import time

import pytest

from lists import certified, firms
from withstand import client_context, metric, wait_until

PATIENCE = 20
DEADLINES = {"net.header_deadline": "700ms", "net.body_deadline": "700ms", "net.idle_deadline": "700ms", "net.write_deadline": "700ms",
             "net.partner_rate": 100000}


@pytest.fixture
def busy(make_gateway, bureau):
    gateway = make_gateway(settings=DEADLINES)
    bureau.control(rows=firms(3), version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


def tcp(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE)


def tls(gateway, who="bank-a"):
    return client_context(gateway.pki, who).wrap_socket(tcp(gateway), server_hostname="127.0.0.1")


def read_all(connection):
    """Everything until the other side ends the connection; fails when it does not."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except TimeoutError:
        raise AssertionError(f"still open after {PATIENCE} s: {data[:200]}") from None
    except OSError:
        pass
    return data


def drip(connection, data):
    """A byte every few milliseconds until the data or the connection ends; then what came back."""
    try:
        for i in range(len(data)):
            connection.sendall(data[i:i + 1])
            time.sleep(0.02)            # the pace of the drip is the thing tested
    except OSError:
        pass
    return read_all(connection)


def drip_header(gateway):
    return drip(tls(gateway), b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 1000)


def drip_body(gateway):
    connection = tls(gateway)
    connection.sendall(b"POST /v1/whitelist/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n")
    return drip(connection, b"{" + b" " * 8000)


def drip_chunks(gateway):
    connection = tls(gateway)
    connection.sendall(b"POST /v1/whitelist/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    return drip(connection, b"1\r\n \r\n" * 2000)


def say_nothing(gateway):
    return read_all(tcp(gateway))


def begin_a_handshake(gateway):
    """The first half of a ClientHello, then silence."""
    return read_all_after(gateway, hello(gateway)[:100])


def drip_the_handshake(gateway):
    return drip(tcp(gateway), hello(gateway)[:-1])


def garbage(gateway):
    return read_all_after(gateway, b"\x16\x03\x01\xff\xff" + b"\xa5" * 20000)


def hello(gateway):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client_context(gateway.pki, "bank-a").wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def read_all_after(gateway, data):
    connection = tcp(gateway)
    try:
        connection.sendall(data)
    except OSError:
        pass
    return read_all(connection)


def handshake_over(raw, context):
    """A TLS client whose records can be held back: returns (session, incoming, outgoing)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    while True:
        try:
            session.do_handshake()
            raw.sendall(outgoing.read())
            return session, incoming, outgoing
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))


def drip_a_record(gateway):
    """A whole handshake, then one TLS record byte by byte."""
    raw = tcp(gateway)
    session, _, outgoing = handshake_over(raw, client_context(gateway.pki, "bank-a"))
    session.write(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 4000)
    return drip(raw, outgoing.read())


def idle_after_one(gateway):
    connection = tls(gateway)
    connection.sendall(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n")
    return read_all(connection)


def never_read(gateway):
    """Asks for large answers and reads none: ended when the answer was not taken in time."""
    raw = tcp(gateway)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    session, _, outgoing = handshake_over(raw, client_context(gateway.pki, "bank-a"))
    session.write(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 300)
    raw.sendall(outgoing.read())
    wait_until(lambda: server_side_gone(gateway, raw.getsockname()[1]), "the gateway to end a connection that is never read", PATIENCE)
    raw.close()
    return b""


def server_side_gone(gateway, client_port):
    """True when the kernel knows no established connection from the gateway's port to this client."""
    ours, theirs = f"{gateway.port:04X}", f"{client_port:04X}"
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return not any(r[1].endswith(":" + ours) and r[2].endswith(":" + theirs) and r[3] == "01" for r in rows)


SLOW = {"header": (drip_header, b" 408 "), "body": (drip_body, b" 408 "), "chunks": (drip_chunks, b" 408 "), "silent": (say_nothing, None),
        "half-hello": (begin_a_handshake, None), "dripped-hello": (drip_the_handshake, None), "garbage": (garbage, None),
        "record": (drip_a_record, None), "idle": (idle_after_one, b" 200 "), "never-read": (never_read, None)}


@pytest.mark.asan
def test_whoever_drips_is_closed_and_others_are_answered(busy):
    """All at once: dripped header, body, chunks, handshake and record, silence, garbage, idling, never reading; a bank asks on."""
    before = metric(busy, "pledged_connections")
    got, failed = {}, {}

    def play(name):
        try:
            got[name] = SLOW[name][0](busy)
        except BaseException as error:  # noqa: BLE001  told below, by name
            failed[name] = repr(error)

    threads = [threading.Thread(target=play, args=(name,)) for name in SLOW]
    for thread in threads:
        thread.start()
    answered = 0
    while any(thread.is_alive() for thread in threads):
        assert busy.firm("bank-b", certified(answered % 3)["uscc"]).status_code == 200
        answered += 1
    assert not failed, failed
    for name, (_, expected) in SLOW.items():
        assert expected is None or expected in got[name][:20], (name, got[name][:300])
    assert b"http.timeout" in got["header"] and b"http.timeout" in got["body"]
    assert answered > 10
    busy.sessions.clear()
    wait_until(lambda: metric(busy, "pledged_connections") <= before + 1, "their connections to be gone")


def test_three_hundred_idle_connections_of_one_partner(make_gateway, bureau):
    """A bound for each partner: further ones get 429 and are closed, another partner is answered, room comes back."""
    gateway = make_gateway(settings={"net.partner_connections": 200})
    bureau.control(rows=firms(3), version="v1")
    assert gateway.sync()["state"] == "done"
    context = client_context(gateway.pki, "bank-a")
    session, held, refused = None, [], 0
    for _ in range(300):
        connection = context.wrap_socket(tcp(gateway), server_hostname="127.0.0.1", session=session)
        connection.sendall(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.recv(65536)
        session = connection.session or session
        if b" 200 " in answer[:20]:
            held.append(connection)
            continue
        assert b" 429 " in answer[:20] and b"rate.connections" in answer + read_all(connection), answer
        refused += 1
        connection.close()
    assert len(held) == 200 and refused == 100
    assert gateway.firm("bank-b", certified(0)["uscc"]).status_code == 200
    for connection in held:
        connection.close()

    def room():
        gateway.sessions.pop("bank-a", None)
        return gateway.firm("bank-a", certified(0)["uscc"]).status_code == 200
    wait_until(room, "room for bank-a again")


def test_silent_connections_do_not_keep_others_out(make_gateway, bureau):
    """As many connections as are allowed, none of which shakes hands: over the bound new ones are closed at once, and when the
    deadline has ended the silent ones everybody is answered again, without a restart."""
    gateway = make_gateway(settings={"net.connections": 50, "net.header_deadline": "2s"})
    bureau.control(rows=firms(3), version="v1")
    assert gateway.sync()["state"] == "done"
    assert gateway.firm("bank-b", certified(0)["uscc"]).status_code == 200
    silent = [tcp(gateway) for _ in range(60)]
    assert gateway.firm("bank-b", certified(0)["uscc"]).status_code == 200, "a connection made before is served on"
    assert gateway.raw("GET", "/readyz")[0] == 200, "the other listeners have bounds of their own"
    for connection in silent:
        assert read_all(connection) == b""

    def answered():
        gateway.sessions.clear()
        try:
            return gateway.firm("bank-a", certified(0)["uscc"]).status_code == 200
        except OSError:
            return False
    wait_until(answered, "a new connection to be served")


def test_a_client_that_goes_away_in_the_middle(busy):
    """Requests whose client resets at once: no answer is owed, the next client is served, nothing leaks."""
    for i in range(50):
        connection = tls(busy)
        connection.sendall(b"GET /v1/whitelist/%s HTTP/1.1\r\nHost: x\r\n\r\n" % certified(i % 3)["uscc"].encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert busy.firm("bank-b", certified(0)["uscc"]).status_code == 200
    busy.sessions.clear()
    wait_until(lambda: metric(busy, "pledged_connections") <= 2, "their connections to be gone")


def test_a_pipeline_is_answered_in_order(busy):
    """Twenty questions at once on one connection: twenty answers, in the order asked."""
    connection = tls(busy)
    asked = [certified(i % 3)["uscc"] for i in range(20)]
    connection.sendall(b"".join(b"GET /v1/whitelist/%s HTTP/1.1\r\nHost: x\r\n\r\n" % code.encode() for code in asked))
    reader, told = connection.makefile("rb"), []
    for _ in asked:
        answer = http.client.HTTPResponse(Replay(reader))
        answer.begin()
        told.append(answer.read())
    for code, body in zip(asked, told):
        assert f'"uscc":"{code}"'.encode() in body


class Replay:
    """Lets http.client read one answer after another from the same stream."""

    def __init__(self, reader):
        self.reader = reader

    def makefile(self, *_):
        return Kept(self.reader)


class Kept:
    def __init__(self, reader):
        self.reader = reader

    def __getattr__(self, name):
        return getattr(self.reader, name)

    def close(self):
        pass
