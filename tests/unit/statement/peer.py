"""A bank with python3-jwcrypto: verifies both signed forms of a statement.

peer.py KEY.pem BODY DETACHED COMPACT USCC
"""
import base64
import json
import sys

from jwcrypto import jwk, jws

key = jwk.JWK.from_pem(open(sys.argv[1], "rb").read())
body, detached, compact = (open(name, "rb").read() for name in sys.argv[2:5])


def payload_of(text):
    token = jws.JWS()
    token.allowed_algs = ["ES256"]
    token.deserialize(text, key)
    return token.payload


def header_of(text):
    part = text.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


header, empty, signature = detached.decode().split(".")
assert empty == ""
middle = base64.urlsafe_b64encode(body).decode().rstrip("=")
assert payload_of(".".join((header, middle, signature))) == body
whole = json.loads(payload_of(compact.decode()))
assert whole["uscc"] == json.loads(body)["uscc"] == sys.argv[5]
assert whole["status"] == "listed" and whole["reasons"] == ["certified"]
for text in detached.decode(), compact.decode():
    assert list(header_of(text)) == ["alg", "kid", "typ", "iat"]
    assert header_of(text)["alg"] == "ES256" and header_of(text)["typ"] == "statement+jws"
    assert header_of(text)["iat"] == 1795485600 and len(header_of(text)["kid"]) == 43
