"""A peer for frames, written without the gateway's code: TLS with client certificates on a free port of loopback, which
it prints. Each connection carries one frame of eight digits; its first word says what to do, the rest is what with.

    frames.py CERT KEY CA [CHARSET]

With CHARSET a frame is XML strictly in it, <M do="WORD">TEXT</M>, and the answer is in GB18030 declared as CHARSET.
"""
import re
import socket
import ssl
import sys
import xml.etree.ElementTree


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def framed(data):
    return b"%08d" % len(data) + data


def dripped(sock, data):
    for byte in data:
        sock.sendall(bytes([byte]))


def order(frame, charset):
    """(what to do, with what)"""
    if charset is None:
        word, _, rest = frame.partition(b" ")
        return word.decode(), rest
    said, text = re.fullmatch(r'<\?xml version="1.0" encoding="([^"]*)"\?>(.*)', frame.decode(charset), re.S).groups()
    assert said.lower() == charset, said
    root = xml.etree.ElementTree.fromstring(text)
    receipt = f'<?xml version="1.0" encoding="{said}"?><R>{root.text or ""}</R>'
    return root.get("do"), receipt.encode("gb18030")


def act(sock, do, what):
    acts = {
        "echo": lambda: sock.sendall(framed(what)),
        "drip": lambda: dripped(sock, framed(what)),
        "empty": lambda: sock.sendall(framed(b"")),
        "twice": lambda: sock.sendall(framed(what) + framed(b"again")),
        "half": lambda: sock.sendall(framed(what)[:-1]),
        "noise": lambda: sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n"),
        "signed": lambda: sock.sendall(b"+0000004done"),
        "huge": lambda: sock.sendall(b"99999999"),
        "garbage": lambda: sock.sendall(framed(b"<a>\xff\xff</a>")),
        "json": lambda: sock.sendall(framed(b'{"ok":true}')),
        "silent": lambda: sock.recv(1),  # until the other side goes
        "close": lambda: None,
    }
    acts[do]()


def serve(plain, context, charset):
    plain.settimeout(20)
    try:
        with context.wrap_socket(plain, server_side=True) as sock:
            act(sock, *order(receive(sock, int(receive(sock, 8))), charset))
            try:
                sock.unwrap()
            except OSError:
                pass
    except (OSError, ValueError, AttributeError, AssertionError) as error:
        print(f"frames.py: {error!r}", file=sys.stderr)


def main():
    cert, key, ca, *charset = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        serve(listener.accept()[0], context, charset[0] if charset else None)


main()
