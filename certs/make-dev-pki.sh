#!/bin/sh
# Makes a PKI for development and tests: sh certs/make-dev-pki.sh DIR
#
# One authority (ECDSA P-256), the gateway's identities, a TLS and a signing identity for every party of the
# sandbox, servers for stand-in peers, and in DIR/bad/ what must be refused. certs/README.md lists the files.
# A DIR made by this script is made anew; any other DIR that is not empty is left alone.
#
#     sh certs/make-dev-pki.sh --revoke DIR NAME    puts NAME.pem on DIR/crl.pem
set -eu
umask 077
export LC_ALL=C

marker=.pledged-dev-pki
days=820
parties="bank-a bank-b:SM2 bureau-sx bureau-ty:SM2 registry-ty onestop-sx ippublic-sx
         operator-1 operator-2 observer-1 auditor-1 secadmin-1 sysadmin-1"
servers="bureau-server bank-server platform-server registry-server"

die() {
    echo "make-dev-pki: $*" >&2
    exit 1
}

# Runs openssl; its chatter is shown only when it fails.
ssl() {
    openssl "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        die "openssl $1 failed"
    }
}

write_config() {
    cat >"$1" <<'END'
[req]
distinguished_name = name
prompt = no
string_mask = utf8only
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[wrong_name]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[sign]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = database
[database]
certificate = $ENV::PKI_DIR/ca.pem
private_key = $ENV::PKI_DIR/ca.key
database = $ENV::PKI_DIR/ca/index.txt
new_certs_dir = $ENV::PKI_DIR/ca
crlnumber = $ENV::PKI_DIR/ca/crlnumber
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = 3650
policy = any
[any]
organizationName = supplied
commonName = supplied
END
}

# authority FILE NAME: a self-signed certificate authority
authority() {
    ssl req -x509 -config "$config" -extensions authority -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$1.key" -out "$1.pem" -days 3650 -subj "/O=pledged development/CN=$2"
}

# key FILE [SM2 | RSA]
key() {
    case ${2:-} in
    SM2) ssl genpkey -algorithm SM2 -out "$1.key" ;;
    RSA) ssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$1.key" ;;
    *) ssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
    esac
}

# issue AUTHORITY FILE NAME USE [SM2 | RSA]: a key and its certificate
issue() {
    key "$2" "${5:-}"
    ssl req -x509 -config "$config" -extensions "$4" -key "$2.key" -CA "$1.pem" -CAkey "$1.key" -sha256 \
        -out "$2.pem" -days "$days" -subj "/O=pledged development/CN=$3"
}

# dated FILE NAME USE FROM UNTIL: a certificate valid only between two moments
dated() {
    key "$1"
    ssl req -new -config "$config" -key "$1.key" -out "$work/request" -subj "/O=pledged development/CN=$2"
    ssl ca -config "$config" -batch -notext -extensions "$3" -startdate "$4" -enddate "$5" -in "$work/request" -out "$1.pem"
}

make_gateway() {
    issue "$new/ca" "$new/server" localhost server
    issue "$new/ca" "$new/gateway-client" ippledge-sx client
    issue "$new/ca" "$new/gateway-sign" "ippledge-sx signing" sign
    issue "$new/ca" "$new/gateway-sign-sm2" "ippledge-sx signing SM2" sign SM2
    issue "$new/ca" "$new/gateway-sign-rsa" "ippledge-sx signing RSA" sign RSA
}

make_parties() {
    for party in $parties; do
        name=${party%:*}
        alg=${party#"$name"}
        issue "$new/ca" "$new/$name" "$name" client
        issue "$new/ca" "$new/$name-sign" "$name signing" sign "${alg#:}"
    done
    for name in $servers; do
        issue "$new/ca" "$new/$name" "$name" server
    done
}

make_bad() {
    bad=$new/bad
    mkdir "$bad"
    dated "$bad/expired" expired client 20200101000000Z 20210101000000Z
    dated "$bad/expired-server" localhost server 20200101000000Z 20210101000000Z
    dated "$bad/not-yet-valid" not-yet-valid client 20900101000000Z 20910101000000Z
    issue "$new/ca" "$bad/revoked" revoked client
    issue "$new/ca" "$bad/unknown" unknown client
    issue "$new/ca" "$bad/wrong-name" elsewhere.example wrong_name
    authority "$bad/foreign-ca" "foreign authority"
    issue "$bad/foreign-ca" "$bad/foreign-client" bank-a client
    issue "$bad/foreign-ca" "$bad/foreign-server" localhost server
}

make_lists() {
    ssl ca -config "$config" -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z \
        -out "$new/bad/crl-expired.pem"
    revoke "$new/bad/revoked.pem"
    ln -s ../crl.pem "$new/bad/crl.pem"
}

# revoke CERT: PKI_DIR and config are set
revoke() {
    ssl ca -config "$config" -revoke "$1"
    ssl ca -config "$config" -gencrl -out "$PKI_DIR/crl.pem.new"
    chmod 644 "$PKI_DIR/crl.pem.new"
    mv "$PKI_DIR/crl.pem.new" "$PKI_DIR/crl.pem"
}

clean() {
    rm -rf "$work"
    [ -z "${new:-}" ] || rm -rf "$new"
}

work=$(mktemp -d)
new=
trap clean EXIT
trap 'exit 130' INT TERM

if [ "${1:-}" = --revoke ]; then
    [ $# -eq 3 ] || die "usage: make-dev-pki.sh --revoke DIR NAME"
    [ -f "$2/$marker" ] || die "$2 was not made by this script"
    PKI_DIR=$(cd "$2" && pwd)
    export PKI_DIR
    config=$PKI_DIR/ca/openssl.cnf
    revoke "$PKI_DIR/$3.pem"
    exit 0
fi

case $#${1:-} in
1-* | [!1]*) die "usage: make-dev-pki.sh DIR | --revoke DIR NAME" ;;
esac
dir=$1
if [ -e "$dir" ] && [ ! -f "$dir/$marker" ] && [ -n "$(ls -A "$dir")" ]; then
    die "$dir is not empty and was not made by this script"
fi

mkdir -p "$(dirname "$dir")"
new=$(mktemp -d "$(dirname "$dir")/.dev-pki.XXXXXX")
new=$(cd "$new" && pwd)
PKI_DIR=$new
export PKI_DIR
mkdir "$new/ca"
config=$new/ca/openssl.cnf
write_config "$config"
: >"$new/ca/index.txt"
echo 01 >"$new/ca/crlnumber"

authority "$new/ca" "pledged development authority"
make_gateway
make_parties
make_bad
make_lists
find "$new" -name '*.pem' -type f -exec chmod 644 {} +
chmod 755 "$new" "$new/bad"
: >"$new/$marker"

# Made beside and renamed, so that an interrupted run leaves no half of a PKI.
[ ! -e "$dir" ] || rm -rf "$dir"
mv "$new" "$dir"
new=
