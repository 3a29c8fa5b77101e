#!/usr/bin/env python3
"""Stand-in one-stop platform: signed XML over HTTPS, and a signed XML receipt.

    onestop.py --name onestop-sx --cert C --key K --ca CA --sign-cert S --sign-key SK --gateway-cert G [--store DIR] [--log FILE]

As bank.py, for XML alone: a JSON message is 415.
"""
import os
import sys

sys.dont_write_bytecode = True   # nothing lands beside the sources
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer  # noqa: E402


class Platform(peer.Messages):
    forms = ("application/xml", "text/xml")


if __name__ == "__main__":
    peer.run_http(peer.option_parser(__doc__).parse_args(), Platform)
