#!/usr/bin/env python3
"""Stand-in IP public-service platform: signed JSON over HTTPS with the national sharing platform's headers.

    ippublic.py --name ippublic-sx --cert C --key K --ca CA --sign-cert S --sign-key SK --gateway-cert G
                [--secret S] [--rid R] [--sid S] [--store DIR] [--log FILE]

As bank.py, for JSON alone. Every request must bear gjgxjhpt_rid, _sid, _rtime (ms, at most 5 min off) and
_sign = Base64(HMAC-SHA256(secret, sid + rid + rtime)), else it is 401 identity.refused.
"""
import base64
import hashlib
import hmac
import os
import sys
import time

sys.dont_write_bytecode = True   # nothing lands beside the sources
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer  # noqa: E402

WINDOW_MS = 300_000


class Platform(peer.Messages):
    forms = ("application/json", "application/jose+json")

    def allowed(self):
        options = self.server.peer.options
        rid, sid, rtime, sign = (self.headers.get(f"gjgxjhpt_{name}", "") for name in ("rid", "sid", "rtime", "sign"))
        right = hmac.new(options.secret.encode(), (sid + rid + rtime).encode(), hashlib.sha256).digest()
        return (rid == options.rid and sid == options.sid and rtime.isdigit()
                and abs(int(rtime) - time.time() * 1000) <= WINDOW_MS
                and hmac.compare_digest(sign, base64.b64encode(right).decode()))


def main():
    parser = peer.option_parser(__doc__)
    parser.add_argument("--secret", default="TEST-SECRET-32-CHARS-ABCDEFGHIJKL")
    parser.add_argument("--rid", default="rid-TEST")
    parser.add_argument("--sid", default="s_TEST_0001")
    peer.run_http(parser.parse_args(), Platform)


if __name__ == "__main__":
    main()
