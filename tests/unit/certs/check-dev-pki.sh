#!/bin/sh
# Checks the development PKI as a user of it would: check-dev-pki.sh SOURCE_DIR
set -u
make=$1/certs/make-dev-pki.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pki=$work/pki
failed=0

# expect TEXT COMMAND…: the output holds TEXT
expect() {
    text=$1
    shift
    out=$("$@" 2>&1)
    case $out in
    *"$text"*) ;;
    *)
        echo "FAILED: $* should say '$text' but says:"
        echo "$out"
        failed=1
        ;;
    esac
}

refuse() {
    if "$@" >/dev/null 2>&1; then
        echo "FAILED: $* should be refused"
        failed=1
    fi
}

verify() {
    openssl verify -crl_check -CAfile "$pki/ca.pem" -CRLfile "$pki/crl.pem" "$@"
}

sh "$make" "$pki" || exit 1

for party in bank-a bank-b bureau-sx bureau-ty registry-ty onestop-sx ippublic-sx operator-1 operator-2 observer-1 \
    auditor-1 secadmin-1 sysadmin-1; do
    expect OK verify -purpose sslclient "$pki/$party.pem"
    expect OK verify "$pki/$party-sign.pem"
    case $party in
    bank-b | bureau-ty) curve=SM2 ;;
    *) curve=prime256v1 ;;
    esac
    expect "ASN1 OID: prime256v1" openssl x509 -in "$pki/$party.pem" -noout -text
    expect "ASN1 OID: $curve" openssl x509 -in "$pki/$party-sign.pem" -noout -text
done
for server in server bureau-server bank-server platform-server registry-server; do
    expect OK verify -purpose sslserver -verify_ip 127.0.0.1 "$pki/$server.pem"
    expect OK verify -purpose sslserver -verify_ip ::1 "$pki/$server.pem"
    expect OK verify -purpose sslserver -verify_hostname localhost "$pki/$server.pem"
done
expect OK verify -purpose sslclient "$pki/gateway-client.pem"
expect "ASN1 OID: prime256v1" openssl x509 -in "$pki/gateway-sign.pem" -noout -text
expect "ASN1 OID: SM2" openssl x509 -in "$pki/gateway-sign-sm2.pem" -noout -text
expect "Public-Key: (3072 bit)" openssl x509 -in "$pki/gateway-sign-rsa.pem" -noout -text

expect expired verify "$pki/bad/expired.pem"
expect expired verify "$pki/bad/expired-server.pem"
expect "not yet valid" verify "$pki/bad/not-yet-valid.pem"
expect revoked verify "$pki/bad/revoked.pem"
expect "unable to get local issuer" verify "$pki/bad/foreign-client.pem"
expect "unable to get local issuer" verify "$pki/bad/foreign-server.pem"
expect OK openssl verify -CAfile "$pki/bad/foreign-ca.pem" "$pki/bad/foreign-client.pem" "$pki/bad/foreign-server.pem"
expect OK verify -purpose sslclient "$pki/bad/unknown.pem"
expect mismatch verify -verify_ip 127.0.0.1 "$pki/bad/wrong-name.pem"
expect "CRL has expired" openssl verify -crl_check -CAfile "$pki/ca.pem" -CRLfile "$pki/bad/crl-expired.pem" "$pki/bank-a.pem"

for cert in "$pki"/*.pem "$pki"/bad/*.pem; do
    key=${cert%.pem}.key
    case $cert in */crl*.pem) continue ;; esac
    [ "$(stat -c %a "$key")" = 600 ] || {
        echo "FAILED: mode of $key"
        failed=1
    }
    [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(openssl pkey -in "$key" -pubout)" ] || {
        echo "FAILED: $key does not belong to $cert"
        failed=1
    }
done

sh "$make" --revoke "$pki" bank-a || failed=1
expect revoked verify "$pki/bank-a.pem"
expect revoked verify "$pki/bad/revoked.pem"
expect OK verify "$pki/bank-b.pem"

sh "$make" "$pki" || failed=1
expect OK verify "$pki/bank-a.pem"
mkdir "$work/mine"
echo precious >"$work/mine/file"
refuse sh "$make" "$work/mine"
expect precious cat "$work/mine/file"
mkdir "$work/empty"
sh "$make" "$work/empty" || failed=1
refuse sh "$make"
refuse sh "$make" --revoke "$work/mine" bank-a
[ "$failed" = 0 ] && echo "development PKI: as described"
exit "$failed"
