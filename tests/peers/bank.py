#!/usr/bin/env python3
"""Stand-in bank that is sent messages over HTTPS, JSON or XML, and answers each with a signed receipt.

    bank.py --name bank-a --cert C --key K --ca CA --sign-cert S --sign-key SK --gateway-cert G [--store DIR] [--log FILE]

When ready it prints one line of JSON: {"port", "url", "pid", "control"}. SIGTERM ends it.

POST {path}         a message: 200 with the receipt, the same bytes again for a repeated id; 401, 409, 415, 422 with a code
GET  {path}/{id}    that receipt, or 404

The control port (plain HTTP on loopback) and the log are told in README.md beside this file.
"""
import os
import sys

sys.dont_write_bytecode = True   # nothing lands beside the sources
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer  # noqa: E402

if __name__ == "__main__":
    peer.run_http(peer.option_parser(__doc__).parse_args(), peer.Messages)
