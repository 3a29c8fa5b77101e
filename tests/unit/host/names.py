"""The registered names that have a character GB2312 lacks, as Python's codec judges.

    names.py REGISTRATIONS              a line each
    names.py REGISTRATIONS IDENTITY     all in one message, signed with IDENTITY.pem and IDENTITY.key
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import peer  # noqa: E402

ENVELOPE = {"Id": "m-1", "Kind": "whitelist.change", "Version": 1, "Sender": "ippledge-sx", "Receiver": "bank-b",
            "Created": "2026-11-25T10:00:00+08:00"}


def fits(name):
    try:
        name.encode("gb2312")
        return True
    except UnicodeEncodeError:
        return False


def message(names):
    envelope = "".join(f"<{k}>{v}</{k}>" for k, v in ENVELOPE.items())
    body = "".join(f"<Text>{name} — 𠮷䶮€</Text>" for name in names)
    return f'<Message xmlns="{peer.NS}"><Envelope>{envelope}</Envelope><Body>{body}</Body></Message>'


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        names = [line.split("\t")[1] for line in list(file)[1:]]
    names = [name for name in names if not fits(name)]
    if len(sys.argv) == 2:
        print("\n".join(names))
        return
    key = peer.Key(sys.argv[2] + ".pem", sys.argv[2] + ".key")
    sys.stdout.buffer.write(peer.xml_sign(key, message(names).encode()))


main()
