#!/usr/bin/env python3
"""Unified social credit codes for stand-in peers, computed from GB 32100-2015 and GB 11714 alone.

    uscc.py 5            prints five valid codes of Shanxi firms, the same ones each time
    uscc.py --check CODE prints "valid" or what is wrong, exit 1 when wrong
"""
import argparse
import sys

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"          # GB 32100: no I O S V Z
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # GB 11714: A=10 … Z=35
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
# districts of Taiyuan, Datong, Changzhi, Jincheng and Yuncheng that exist today
REGIONS = ("140105", "140106", "140107", "140213", "140403", "140502", "140802")


def org_check(body):
    """Check character of an organisation code's first eight characters."""
    total = sum(ORG_ALPHABET.index(c) * w for c, w in zip(body, ORG_WEIGHTS))
    return "0123456789X0"[11 - total % 11] if total % 11 else "0"


def check_char(body):
    """The eighteenth character of a code's first seventeen."""
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return ALPHABET[(31 - total % 31) % 31]


def code(number):
    """The number-th firm's code: an enterprise (91), first registered in Shanxi."""
    if not 0 <= number < 31 ** 5:
        raise ValueError("number out of range")
    region = REGIONS[number % len(REGIONS)]
    tail = ""
    for _ in range(5):
        number, digit = divmod(number, 31)
        tail = ALPHABET[digit] + tail
    body = "MA0" + tail
    first = "91" + region + body + org_check(body)
    return first + check_char(first)


def fault(text):
    """None, or what is wrong with a code's sums."""
    if len(text) != 18 or any(c not in ALPHABET for c in text):
        return "form"
    if check_char(text[:17]) != text[17]:
        return "check character"
    if org_check(text[8:16]) != text[16]:
        return "organisation code"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--check", metavar="CODE")
    options = parser.parse_args()
    if options.check is not None:
        wrong = fault(options.check)
        print(wrong or "valid")
        return 1 if wrong else 0
    for number in range(options.count):
        print(code(number))
    return 0


if __name__ == "__main__":
    sys.exit(main())
