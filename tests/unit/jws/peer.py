"""The other side of the JWS tests: python3-jwcrypto.

peer.py sign ALG KEY.pem HEADER-JSON <payload    compact JWS on stdout
peer.py detach ALG KEY.pem HEADER-JSON <payload  the same with its middle segment emptied
peer.py verify ALG KEY.pem <compact              payload on stdout, exit 1 when it does not verify
peer.py verify-jwk ALG KEY.jwk <compact          the same with a JWK
"""
import json
import sys

from jwcrypto import jwk, jws


def sign(alg, key, header, payload):
    token = jws.JWS(payload)
    token.add_signature(key, None, json.dumps({"alg": alg, **header}), None)
    return token.serialize(compact=True)


def verify(alg, key, text):
    token = jws.JWS()
    token.allowed_algs = [alg]
    token.deserialize(text, key)
    return token.payload


def main():
    action, alg, path = sys.argv[1:4]
    data = open(path, "rb").read()
    key = jwk.JWK.from_json(data.decode()) if action == "verify-jwk" else jwk.JWK.from_pem(data)
    given = sys.stdin.buffer.read()
    if action.startswith("verify"):
        sys.stdout.buffer.write(verify(alg, key, given.decode()))
        return
    header, payload, signature = sign(alg, key, json.loads(sys.argv[4]), given).split(".")
    print(header, "" if action == "detach" else payload, signature, sep=".", end="")


main()
