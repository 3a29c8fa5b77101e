#!/usr/bin/env python3
"""Stand-in bank that is sent messages over framed TCP: TLS with client certificates, 8 ASCII digits of byte length, then
one XML Message; the receipt comes back in one frame. A connection may carry many, one after the other.

    bank_tcp.py --name bank-b --cert C --key K --ca CA --sign-cert S --sign-key SK --gateway-cert G
                [--charset utf-8|gb18030|gbk|gb2312] [--no-declaration] [--digits 8] [--store DIR] [--log FILE]

When ready it prints one line of JSON: {"port", "url", "pid", "control"}. SIGTERM ends it.

Frames are in the charset, with or without an XML declaration that says so; receipts bear one unless the charset is utf-8 or
--no-declaration is given. The log's `sha256` is that of the message's canonical form in UTF-8, which are the bytes as the
gateway signed them, `wire_sha256` that of the frame's bytes. A message that is refused, and one that cannot be read in the
charset, is answered with a signed receipt `rejected` when its id is known, else the connection ends.
"""
import hashlib
import os
import re
import socketserver
import sys

sys.dont_write_bytecode = True   # nothing lands beside the sources
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer  # noqa: E402

DECLARATION = re.compile(r"^<\?xml[^>]*\?>\s*")


class Frames(socketserver.BaseRequestHandler):
    def handle(self):
        while self.one():
            pass

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data))
            if not more:
                return None
            data += more
        return data

    def one(self):
        """One exchange; whether another may follow."""
        self.request.settimeout(120)
        head = self.read(self.server.peer.options.digits)
        if head is None or not head.isdigit() or int(head) > peer.BODY_MAX:
            return False
        frame = self.read(int(head))
        return frame is not None and self.exchange(frame, self.server.peer.take_order("send"))

    def exchange(self, frame, order):
        stand_in, act = self.server.peer, order["do"]
        if "seconds" in order:
            stand_in.pause(order["seconds"])
        if act in ("status", "redirect", "cut_before"):
            stand_in.log(event="turned_away", did=act, wire_sha256=hashlib.sha256(frame).hexdigest())
            return False
        receipt = self.take(frame, order)
        if receipt is None or act == "cut":
            return False
        if act == "hang":
            stand_in.pause(order.get("for", 3600))
            return False
        return self.tell(receipt, act)

    def take(self, frame, order):
        stand_in = self.server.peer
        wire = hashlib.sha256(frame).hexdigest()
        try:
            text = DECLARATION.sub("", frame.decode(stand_in.options.charset))
            message = peer.Message(text.encode(), "application/xml", None, stand_in.theirs)
        except (UnicodeDecodeError, peer.Refused) as error:
            stand_in.log(event="refused", code=getattr(error, "code", "schema.encoding"), wire_sha256=wire)
            return None
        message.data, message.sha256 = message.whole, hashlib.sha256(message.whole).hexdigest()
        try:
            return stand_in.accept(message, order, wire_sha256=wire)
        except peer.Refused as refused:
            return peer.Receipt(stand_in, message, result="rejected", code=refused.code)

    def tell(self, receipt, act):
        options = self.server.peer.options
        text = receipt.data.decode()
        if options.charset != "utf-8" and not options.no_declaration:
            text = f'<?xml version="1.0" encoding="{options.charset.upper()}"?>{text}'
        data = text.encode(options.charset, "xmlcharrefreplace")
        data = {"no_receipt": b"", "garbage": b"\x00\xff<<<" * 20, "web_page": b"<html></html>"}.get(act, data)
        frame = str(len(data)).zfill(options.digits).encode() + data
        if act == "noise":
            frame = b"SSH-2.0-not-what-you-expected\r\n"
        self.request.sendall(frame[:len(frame) // 2] if act == "cut_mid" else frame)
        return act not in ("cut_mid", "noise")


def main():
    parser = peer.option_parser(__doc__, path=None)
    parser.add_argument("--charset", default="utf-8", choices=["utf-8", "gb18030", "gbk", "gb2312"])
    parser.add_argument("--no-declaration", action="store_true", help="receipts without an XML declaration")
    parser.add_argument("--digits", type=int, default=8, help="of a frame's length")
    options = parser.parse_args()
    stand_in = peer.Peer(options)
    peer.serve(stand_in, peer.Server((options.host, options.port), Frames, stand_in, peer.tls(options)), "tcps")


if __name__ == "__main__":
    main()
