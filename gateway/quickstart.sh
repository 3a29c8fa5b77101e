#!/bin/sh
# From a fresh Debian 12 machine to a signed answer that a bank has verified:
#
#     sh gateway/quickstart.sh                       builds, plays the story below, stops everything, exits 0
#     sh gateway/quickstart.sh --keep [--listen A]   the same, then stays up as a sandbox until interrupted; A is an
#                                                    address or address:port for the partner API; build/sandbox/sandbox.json
#                                                    tells others where everything is
#
# Installs the packages of gateway/packages.txt when some are missing (that needs root), builds into build/, makes a
# development PKI, starts a stand-in bureau, two stand-in banks and pledged, syncs the bureau's list, asks as two banks and
# verifies what they were told; then messages: a certification is pushed, the banks are told of it, a loan is reported, a
# pledge registered and asked about. Progress goes to standard error, the story to standard output. Nothing lands outside build/.
# The operators' console is built too where node and npm are installed (gateway/console/README.md).
set -eu
umask 077
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
outside=${https_proxy:-${HTTPS_PROXY:-}} # npm may need it; nothing else here leaves the machine
unset PLEDGED_SOCKET http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy NO_COLOR 2>/dev/null || :

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
keep=
listen=127.0.0.1
pledged_pid=
bureau_pid=
banks_pid=
work=                                     # this run's own directory, once it is taken
socket_folder=
# the firms of the story, named by write_list
issuer='' listed_firm='' pushed='' patent='' listed='' unlisted='' suspended='' removed='' expired='' checking=''
began=$(date +%s)

say() {
    echo "quickstart: $*" >&2
}

die() {
    say "$*"
    exit 1
}

usage() {
    echo "usage: sh gateway/quickstart.sh [--keep [--listen ADDRESS[:PORT]]]" >&2
    exit 2
}

# ---- ends -----------------------------------------------------------------------------------------------------

# stop PID: asks, waits, and only then kills
stop() {
    [ -n "$1" ] || return 0
    kill -TERM "$1" 2>/dev/null || :
    tries=0
    while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL "$1" 2>/dev/null || :
    wait "$1" 2>/dev/null || :
}

# finish CODE: stops what this run started, and nothing else
finish() {
    code=$1
    trap - EXIT INT TERM HUP
    [ -z "$keep" ] || [ -z "$work" ] || rm -f "$work/sandbox.json"
    stop "$pledged_pid"
    stop "$bureau_pid"
    for pid in $banks_pid; do
        stop "$pid"
    done
    [ -z "$socket_folder" ] || rm -rf "$socket_folder"
    if [ "$code" -ne 0 ] && [ -n "$work" ] && [ -s "$work/pledged.log" ]; then
        say "failed; the last lines of $work/pledged.log:"
        tail -n 20 "$work/pledged.log" >&2
    fi
    exit "$code"
}

# ---- packages and build -----------------------------------------------------------------------------------------

# missing FILE: those of its packages that are not installed
missing() {
    for package in $(grep -v '^#' "$1"); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)" = installed ] || echo "$package"
    done
}

install_packages() {
    command -v dpkg-query >/dev/null || die "this is not Debian; install what gateway/packages.txt names and build with cmake"
    wanted=$(missing "$root/gateway/packages.txt" | tr '\n' ' ')
    [ -n "$wanted" ] || return 0
    say "installing packages: $wanted"
    [ "$(id -u)" -eq 0 ] || die "run this as root once: apt-get update && apt-get install $wanted"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of words
    { apt-get -q update && apt-get -q install -y --no-install-recommends $wanted; } >&2 || die "the packages could not be installed"
}

# The console is fetched for, so a machine that is cut off goes without.
build_console() {
    ${outside:+env "https_proxy=$outside"} ninja -C "$build" console_pages && return 0
    say "the console could not be built (see $build/quickstart-build.log); going on without it"
    cmake -DGW_CONSOLE=OFF "$build"
}

build_programs() {
    say "building (build/)"
    mkdir -p "$build"
    (
        flock 8
        if [ ! -f "$build/build.ninja" ]; then
            cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
        fi
        build_console
        ninja -C "$build" pledged pledgectl bureau bank banktcp
    ) 8>"$build/.build.lock" >"$build/quickstart-build.log" 2>&1 || {
        tail -n 40 "$build/quickstart-build.log" >&2
        die "the build failed; all of it is in $build/quickstart-build.log"
    }
}

# ---- the working directory ----------------------------------------------------------------------------------------

# One sandbox a checkout; plain runs beside each other take directories of their own.
take_directory() {
    mkdir -p "$build"
    if [ -n "$keep" ]; then
        exec 9>>"$build/sandbox.lock"
        flock -n 9 || die "a sandbox is kept up already by process $(cat "$build/sandbox.lock"); interrupt that one first"
        echo $$ >"$build/sandbox.lock"
        work=$build/sandbox
    else
        exec 9>>"$build/quickstart.lock"
        work=$build/quickstart
        flock -n 9 || work=$build/quickstart-$$
    fi
    rm -f "$work/sandbox.json"
    rm -rf "$work"
    mkdir -p "$work"
}

free_port() {
    python3 - <<'END'
import random, socket
while True:
    port = random.randrange(18443, 32000)
    with socket.socket() as s, socket.socket(socket.AF_INET6) as t:
        try:
            s.bind(("0.0.0.0", port))
            print(port)
            break
        except OSError:
            pass
END
}

# Sets host, port, admin_port, url_host.
choose_addresses() {
    case $listen in
    \[*\]:* | *[!:]:[0-9]*) host=${listen%:*} port=${listen##*:} ;;
    *) host=$listen port=$(free_port) ;;
    esac
    case $host in *:*:*) host="[${host#[}" host="${host%]}]" ;; esac
    admin_port=$(free_port) frames_port=$(free_port)
    while [ "$admin_port" = "$port" ] || [ "$frames_port" = "$port" ] || [ "$frames_port" = "$admin_port" ]; do
        admin_port=$(free_port) frames_port=$(free_port)
    done
    url_host=$host
    case $host in 0.0.0.0) url_host=127.0.0.1 ;; "[::]") url_host="[::1]" ;; esac
}

# The development server's certificate names loopback; another address gets one of its own.
name_address() {
    bare=${url_host#[}
    bare=${bare%]}
    case $bare in 127.0.0.1 | ::1 | localhost) return 0 ;; esac
    kind=DNS
    case $bare in *:* | *[0-9].[0-9]*) kind=IP ;; esac
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 820 -keyout "$pki/server.key" -out "$pki/server.pem" \
        -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -subj "/O=pledged development/CN=$bare" \
        -addext "subjectAltName=$kind:$bare,IP:127.0.0.1,IP:::1,DNS:localhost" -addext basicConstraints=CA:FALSE \
        -addext extendedKeyUsage=serverAuth 2>"$work/openssl.log" || die "no certificate for $bare: see $work/openssl.log"
}

make_pki() {
    say "making a development PKI"
    pki=$work/pki
    sh "$root/certs/make-dev-pki.sh" "$pki" >&2
    name_address
}

# ---- configuration -------------------------------------------------------------------------------------------------

# A Unix socket's path has 107 bytes at most.
choose_socket() {
    socket=$work/pledged.sock
    [ ${#socket} -gt 100 ] || return 0
    socket_folder=$(mktemp -d "${TMPDIR:-/tmp}/pledged.XXXXXX")
    socket=$socket_folder/pledged.sock
}

write_pledged() {
    cat >"$work/pledged.yaml" <<END
# Written by gateway/quickstart.sh. pledgectl config show prints every setting with its meaning.
gateway:
  name: ippledge-sx
  origin: ippledge-sx.log
  issuer: {name: 山西省知识产权局（演示）, uscc: "$issuer"}
data: {directory: data}
files: {rules: rules.yaml, partners: partners.yaml, operators: operators.yaml, sources: sources.yaml}
api: {listen: "$host:$port"}
admin: {listen: "$host:$admin_port", socket: "$socket"}
frames: {listen: "$host:$frames_port"}   # messages over TCP, for banks that only dial out
net: {partner_rate: 100000}               # a sandbox is there to be tried hard
tls:
  certificate: pki/server.pem
  key: pki/server.key
  client_ca: pki/ca.pem
  client_crl: pki/crl.pem
  outgoing_certificate: pki/gateway-client.pem
  outgoing_key: pki/gateway-client.key
signing:
  es256: {certificate: pki/gateway-sign.pem, key: pki/gateway-sign.key}
  sm2: {certificate: pki/gateway-sign-sm2.pem, key: pki/gateway-sign-sm2.key}
policy: {admission: automatic}           # a certified firm is listed at once; the default asks for an approval
adapters: {directory: "$build/adapters"}
schemas: {directory: "$root/schemas"}
END
}

# partner ID NAME ROLE ALG KIND… [more]
partner() {
    cat <<END
  - id: $1
    name: $2
    roles: [$3]
    tls_certificates: [pki/$1.pem]
    signing: {alg: $4, certificates: [pki/$1-sign.pem]}
    kinds: [$5, echo, mailbox.pull, reconciliation, receipt]${6:-}
END
}

# How the two banks are told of changes: one over HTTPS in JSON, one over TCP in XML and GB18030.
channel_a() {
    printf '\n    uscc: "%s"\n    channel: {adapter: bank, form: json, settings: {url: "%s"}}' "$bank_a_code" "$bank_a_url"
}

channel_b() {
    printf '\n    uscc: "%s"\n    frames: {charset: gb18030}' "$bank_b_code"
    printf '\n    channel: {adapter: banktcp, form: xml, settings: {address: "%s", charset: gb18030}}' "$bank_b_address"
}

write_partners() {
    {
        echo "partners:"
        partner bank-a 甲银行（演示） bank ES256 "credit.report, whitelist.query, guidance.request" "$(channel_a)"
        partner bank-b 乙银行（演示） bank SM2 "credit.report, whitelist.query, guidance.request" "$(channel_b)"
        partner bureau-sx 山西省民营经济发展局（演示） bureau ES256 "certification.batch, exclusion.notice"
        partner bureau-ty 太原市民营经济发展局（演示） bureau SM2 "certification.batch, exclusion.notice"
        partner registry-ty 太原代办处（演示） registry ES256 "pledge.registration, guidance.answer"
        platform="exclusion.notice, objection, enterprise.update, right.status, basedata.update, policy.document, guidance.request"
        partner onestop-sx 省民营经济一站式综合服务平台（演示） platform ES256 "$platform"
        partner ippublic-sx 省知识产权公共服务平台（演示） platform ES256 "$platform"
    } >"$work/partners.yaml"
}

# person ID NAME ROLES [more]
person() {
    printf '  - {id: %s, name: %s, roles: [%s], tls_certificates: [pki/%s.pem]%s}\n' "$1" "$2" "$3" "$1" "${4:-}"
}

# Whoever runs this is operator-1 on the Unix socket; root needs no entry there.
write_operators() {
    me=$(id -u)
    [ "$me" -eq 0 ] && me= || me=", uid: $me"
    {
        echo "operators:"
        person operator-1 经办一 "operator, approver" "$me"
        person operator-2 经办二 "operator, approver"
        person observer-1 观察员 observer
        person auditor-1 审计员 auditor
        person secadmin-1 安全管理员 secadmin
        person sysadmin-1 系统管理员 sysadmin
    } >"$work/operators.yaml"
}

write_sources() {
    cat >"$work/sources.yaml" <<END
sources:
  - id: bureau-sx
    name: 山西省民营经济发展局优质民营企业名单（演示）
    adapter: bureau
    scope: full
    period: 24h
    paused: true                          # here a person starts each run; without this line the timer does
    settings: {url: "$bureau_url", auth: mtls}
END
}

# The bureau's list: forty firms that are certified, one whose certification is over, one whose code is in doubt; and
# what is needed to tell the story. Codes are computed, names are invented.
write_list() {
    python3 - "$root/tests/peers" "$work" <<'END'
import datetime, json, sys
sys.path.insert(0, sys.argv[1])
import uscc

FIRMS = 40
BRANDS = "晋阳 汾河 太行 吕梁 云冈 雁门 恒岳 绵山 黄崖 沁源".split()
TRADES = "新材料科技 精密制造 智能装备 生物医药 煤机装备 陶瓷科技 数控机床 环保工程 农业科技 软件技术".split()
today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()

def row(number, code=None, until=None):
    code = code or uscc.code(number)
    name = f"山西{BRANDS[number % 10]}{TRADES[(number // 10 + number) % 10]}有限公司（演示{number:02d}）"
    since = today - datetime.timedelta(days=60)
    until = until or since + datetime.timedelta(days=364)
    return {"uscc": code, "name": name, "regionCode": code[2:8], "industryCode": "C2669", "scale": "3", "level": "省级",
            "batch": f"{since.year}-1", "documentNo": f"晋民营发〔{since.year}〕1号", "certifiedOn": str(min(since, until)),
            "validUntil": str(until), "status": "certified"}

def doubtful(number):
    """The organisation code's check digit (GB 11714) is wrong, the whole code's (GB 32100) is right."""
    code = uscc.code(number)
    first = code[:16] + ("1" if code[16] != "1" else "2")
    return first + uscc.check_char(first)

rows = [row(i) for i in range(FIRMS)]
expired = row(FIRMS, until=today - datetime.timedelta(days=1))
checking = row(FIRMS + 1, code=doubtful(FIRMS + 1))
json.dump(rows + [expired, checking], open(f"{sys.argv[2]}/list.json", "w"), ensure_ascii=False, indent=1)
json.dump({"update": [{**rows[2], "status": "withdrawn"}], "version": "2026-12"},
          open(f"{sys.argv[2]}/list-change.json", "w"), ensure_ascii=False)
issuer = "11140000MB1A0000" + uscc.org_check("MB1A0000")
application = f"{today.year - 1}1" + "0123456"
check = "0123456789X"[sum(int(d) * w for d, w in zip(application, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))) % 11]
pushed = row(FIRMS + 20)
for name, value in {"pushed": pushed["uscc"], "pushed_name": pushed["name"], "pushed_region": pushed["regionCode"],
                    "today": today, "patent": f"{application}.{check}", "bank_a_code": uscc.code(800), "bank_b_code": uscc.code(801),
                    "issuer": issuer + uscc.check_char(issuer), "listed_firm": rows[0]["uscc"], "suspended": rows[1]["uscc"],
                    "removed": rows[2]["uscc"], "expired": expired["uscc"], "checking": checking["uscc"],
                    "listed": " ".join(r["uscc"] for i, r in enumerate(rows) if i not in (1, 2)),
                    "unlisted": " ".join(uscc.code(900 + i) for i in range(5))}.items():
    print(f"{name}='{value}'")
END
}

# ---- processes --------------------------------------------------------------------------------------------------------

start_bureau() {
    say "starting the stand-in bureau"
    python3 "$root/tests/peers/bureau.py" --list "$work/list.json" --version 2026-11 --cert "$pki/bureau-server.pem" \
        --key "$pki/bureau-server.key" --ca "$pki/ca.pem" >"$work/bureau.json" 2>"$work/bureau.log" 9>&- &
    bureau_pid=$!
    tries=0
    until [ -s "$work/bureau.json" ]; do
        kill -0 "$bureau_pid" 2>/dev/null && [ "$tries" -lt 300 ] || die "the stand-in bureau did not start: see $work/bureau.log"
        sleep 0.1
        tries=$((tries + 1))
    done
    bureau_url=$(member url <"$work/bureau.json")
}

# start_bank PROGRAM BANK GATEWAY-CERTIFICATE [more]: a stand-in that takes our messages; its first line to $work/BANK.json
start_bank() {
    program=$1 bank=$2 certificate=$3
    shift 3
    /usr/bin/python3 "$root/tests/peers/$program" --name "$bank" --cert "$pki/bank-server.pem" --key "$pki/bank-server.key" --ca "$pki/ca.pem" \
        --sign-cert "$pki/$bank-sign.pem" --sign-key "$pki/$bank-sign.key" --gateway-cert "$pki/$certificate" \
        --log "$work/$bank.log" "$@" >"$work/$bank.json" 2>"$work/$bank.err" 9>&- &
    banks_pid="$banks_pid $!"
    last=$!
    tries=0
    until [ -s "$work/$bank.json" ]; do
        kill -0 "$last" 2>/dev/null && [ "$tries" -lt 300 ] || die "the stand-in $bank did not start: see $work/$bank.err"
        sleep 0.1
        tries=$((tries + 1))
    done
}

start_banks() {
    say "starting two stand-in banks"
    start_bank bank.py bank-a gateway-sign.pem
    start_bank bank_tcp.py bank-b gateway-sign-sm2.pem --charset gb18030
    bank_a_url=$(member url <"$work/bank-a.json")
    bank_b_address=127.0.0.1:$(member port <"$work/bank-b.json")
}

start_pledged() {
    say "starting pledged"
    "$build/bin/pledged" --config "$work/pledged.yaml" --check 2>"$work/check.log" || {
        cat "$work/check.log" >&2
        die "the configuration has faults"
    }
    "$build/bin/pledged" --config "$work/pledged.yaml" 2>"$work/pledged.log" 9>&- &
    pledged_pid=$!
    tries=0
    until [ "$(curl -s -o "$work/ready" -w '%{http_code}' --unix-socket "$socket" http://pledged/readyz)" = 200 ]; do
        kill -0 "$pledged_pid" 2>/dev/null && [ "$tries" -lt 300 ] || die "pledged did not become ready"
        sleep 0.1
        tries=$((tries + 1))
    done
}

# ---- asking ---------------------------------------------------------------------------------------------------------------

# member NAME: a member of the JSON object on standard input; NAME may be a.b
member() {
    python3 -c 'import functools, json, sys
value = functools.reduce(lambda v, k: v[k], sys.argv[1].split("."), json.load(sys.stdin))
print(", ".join(value) if isinstance(value, list) else value)' "$1"
}

ctl() {
    "$build/bin/pledgectl" --socket "$socket" "$@"
}

# ctl_as PERSON …: over the network, with that person's certificate
ctl_as() {
    who=$1
    shift
    "$build/bin/pledgectl" --url "https://$url_host:$admin_port" --cert "$pki/$who.pem" --key "$pki/$who.key" --ca "$pki/ca.pem" "$@"
}

# ask BANK USCC: the body to $work/BANK-USCC.json, its detached JWS to ….json.jws
ask() {
    answer=$work/$1-$2.json
    curl -sS --fail-with-body --noproxy '*' --cacert "$pki/ca.pem" --cert "$pki/$1.pem" --key "$pki/$1.key" \
        -D "$answer.headers" -o "$answer" "https://$url_host:$port/v1/whitelist/$2" || die "$1 got no answer about $2"
    sed -n 's/^[Xx]-[Jj][Ww][Ss]-[Ss]ignature: *//p' "$answer.headers" | tr -d '\r\n' >"$answer.jws"
    [ -s "$answer.jws" ] || die "the answer to $1 is not signed"
}

# status_is BANK USCC STATUS
status_is() {
    ask "$1" "$2"
    told=$(member status <"$answer")
    [ "$told" = "$3" ] || die "$2 should be $3, but $1 was told $told"
}

# unbase64 < base64url
unbase64() {
    tr -d '\n' | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | openssl base64 -d -A
}

hex() {
    od -An -v -tx1 | tr -d ' \n'
}

# verify_by_hand ANSWER CERT ALG: the same judgement with nothing but openssl (RFC 7515: header.base64url(body); raw r and s)
verify_by_hand() {
    jws=$(cat "$1.jws")
    signature=$(printf '%s' "${jws##*.}" | unbase64 | hex)
    printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%.64s\ns=INTEGER:0x%s\n' "$signature" "${signature#????????????????????????????????????????????????????????????????}" \
        >"$work/asn1"
    openssl asn1parse -genconf "$work/asn1" -noout -out "$work/signature.der"
    { printf '%s.' "${jws%%.*}" && openssl base64 -A <"$1" | tr '/+' '_-' | tr -d '='; } >"$work/signed"
    openssl x509 -in "$2" -noout -pubkey >"$work/key.pem"
    if [ "$3" = SM2 ]; then
        openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -digest sm3 -pkeyopt distid:1234567812345678 \
            -in "$work/signed" -sigfile "$work/signature.der"
    else
        openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/signature.der" "$work/signed"
    fi >"$work/verdict" 2>&1
}

# verify BANK USCC CERT ALG
verify() {
    answer=$work/$1-$2.json
    "$build/bin/pledgectl" verify "$answer" --cert "$3" >"$work/verified" 2>&1 || die "pledgectl does not verify $answer: $(cat "$work/verified")"
    verify_by_hand "$answer" "$3" "$4" || die "openssl does not verify $answer: $(cat "$work/verdict")"
    head -c 200 "$answer" >"$work/changed" # a changed answer must not verify
    if "$build/bin/pledgectl" verify "$work/changed" --jws "@$answer.jws" --cert "$3" >/dev/null 2>&1; then
        die "a changed answer verified"
    fi
}

# ---- the story ---------------------------------------------------------------------------------------------------------------

sync_list() {
    say "syncing the bureau's list"
    ctl --json sync run --source bureau-sx --wait >"$work/run.json" || die "the sync failed: $(cat "$work/run.json")"
    [ "$(member state <"$work/run.json")" = "done" ] || die "the sync is not done: $(cat "$work/run.json")"
}

count() {
    member "counts.$1" <"$work/run.json"
}

tell_first_sync() {
    cat <<END

IP pledge financing whitelist 知识产权质押融资白名单 — what just happened

1. The bureau's list was fetched  同步名单
   Source    山西省民营经济发展局 (a stand-in at $bureau_url)
   List      version $(member list_version <"$work/run.json"), run $(member id <"$work/run.json")
   Received  $(count received) firms: $(count added) added, $(count rejected) rejected, $(count doubtful) with a doubtful code
   Each decision is a record in the journal 日志; whoever is certified 优质民营企业 and has no exclusion is listed at once
   here (admission: automatic; the default asks a person to approve each run).
END
}

# tell_answer BANK USCC CERT ALG
tell_answer() {
    answer=$work/$1-$2.json
    cat <<END
   $1 asked about $2
     answer   $(member status <"$answer") $(member status_zh <"$answer")$(name_of "$answer")
     valid    $(member this_update <"$answer") … $(member next_update <"$answer")
     signed   $4, key of $(basename "$3")
     verified by pledgectl verify, and again with openssl alone: $(head -n 1 "$work/verdict")
END
}

name_of() {
    python3 -c 'import json, sys
body = json.load(open(sys.argv[1]))
print(" · " + body["name"] + " · until 有效期至 " + body.get("valid_until", "-") if "name" in body else "")' "$1"
}

ask_and_verify() {
    say "asking as two banks, verifying their answers"
    es256=$pki/gateway-sign.pem
    sm2=$pki/gateway-sign-sm2.pem
    first_unlisted=${unlisted%% *}
    echo
    echo "2. Two banks asked about firms, over mutual TLS 双向 TLS, and verified what they were told  查询与验签"
    for question in "bank-a $listed_firm listed $es256 ES256" "bank-a $first_unlisted not_listed $es256 ES256" \
        "bank-b $listed_firm listed $sm2 SM2"; do
        # shellcheck disable=SC2086  # five words
        set -- $question
        status_is "$1" "$2" "$3"
        verify "$1" "$2" "$4" "$5"
        tell_answer "$1" "$2" "$4" "$5"
    done
}

# A person proposes, another one approves.
suspend_firm() {
    say "suspending a firm: operator-1 proposes, operator-2 approves"
    ctl_as operator-1 --json list propose suspend "$suspended" --ground abnormal_operation --reason "演示：列入经营异常名录" >"$work/proposal.json" ||
        [ $? -eq 6 ] || die "the proposal failed: $(cat "$work/proposal.json")"
    approval=$(member approval <"$work/proposal.json")
    if ctl_as operator-1 --json approve grant "$approval" --comment "本人批准" >"$work/own.json" 2>&1; then
        die "operator-1 could approve what operator-1 proposed"
    fi
    ctl_as operator-2 --json approve grant "$approval" --comment "演示：已核对" >"$work/grant.json" || die "the approval failed: $(cat "$work/grant.json")"
}

change_list() {
    say "the bureau withdraws a certification; syncing again"
    curl -sS --fail-with-body --noproxy '*' --cacert "$pki/ca.pem" --cert "$pki/bureau-sx.pem" --key "$pki/bureau-sx.key" -o "$work/control.json" \
        -H 'Content-Type: application/json' --data-binary "@$work/list-change.json" "$bureau_url/control" || die "the stand-in bureau refused"
    sync_list
}

tell_cases() {
    cat <<END

3. Firms that are not simply listed  其他状态
   $suspended  suspended 已暂停  operator-1 proposed it (经营异常), operator-2 approved ($approval); nobody approves alone
   $removed  removed 已移出    the bureau's next list (version $(member list_version <"$work/run.json")) withdrew its certification: $(count withdrawn) withdrawn
   $expired  expired 已到期    its certification ended yesterday
   $checking  checking 核查中   a digit of its code is in doubt (GB 11714); banks read not_listed, a person decides
END
}

make_cases() {
    suspend_firm
    change_list
    status_is bank-a "$suspended" suspended
    status_is bank-a "$removed" removed
    status_is bank-a "$expired" expired
    status_is bank-a "$checking" not_listed
    [ "$(member reasons <"$answer")" = under_review ] || die "$checking should be under review"
    tell_cases
}

# ---- messages ------------------------------------------------------------------------------------------------------------------

# sign_body FORM PARTNER KIND ALG: the body on standard input becomes a signed message $work/KIND.FORM (JSON: beside it .jws)
sign_body() {
    message=$work/$3.$1
    cat >"$work/$3.body"
    "$build/bin/pledgectl" msg sign "$work/$3.body" --form "$1" --kind "$3" --sender "$2" --receiver ippledge-sx --alg "$4" \
        --key "$pki/$2-sign.key" --cert "$pki/$2-sign.pem" --schemas "$root/schemas" --output "$message" >/dev/null ||
        die "the message $3 cannot be signed"
}

# post PARTNER CERT: sends $message as this partner, verifies the receipt's signature by hand or not at all
post() {
    receipt=$message.receipt
    type=application/json signature=
    case $message in *.xml) type=application/xml ;; *) signature=$(cat "$message.jws") ;; esac
    curl -sS --fail-with-body --noproxy '*' --cacert "$pki/ca.pem" --cert "$pki/$1.pem" --key "$pki/$1.key" -D "$receipt.headers" -o "$receipt" \
        -H "Content-Type: $type" ${signature:+-H "x-jws-signature: $signature"} --data-binary "@$message" \
        "https://$url_host:$port/v1/messages" || die "$1 was refused: $(cat "$receipt")"
    sed -n 's/^[Xx]-[Jj][Ww][Ss]-[Ss]ignature: *//p' "$receipt.headers" | tr -d '\r\n' >"$receipt.jws"
    [ -s "$receipt.jws" ] || rm -f "$receipt.jws"
    "$build/bin/pledgectl" verify "$receipt" --cert "$2" >"$work/verified" 2>&1 || die "the receipt to $1 does not verify: $(cat "$work/verified")"
}

# receipt_says: what the receipt tells, in either form
receipt_says() {
    python3 -c 'import json, re, sys
text = open(sys.argv[1]).read()
if text.startswith("<"):
    print(*(re.search(f"<{n}>([^<]*)", text).group(1) for n in ("Result", "Sequence")))
else:
    body = json.loads(text)["body"]
    print(body["result"], body["sequence"])' "$receipt"
}

# told BANK CODE: waits until the stand-in's log has a change of the list that is about this sequence
told() {
    python3 - "$work/$1.log" "$2" <<'END' || die "$1 was not told"
import json, sys, time
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    for line in open(sys.argv[1], encoding="utf-8"):
        line = json.loads(line)
        if line.get("kind") == "whitelist.change" and line["signature"] == "valid":
            first, last = map(int, line["id"].split("-")[1:])
            if first <= int(sys.argv[2]) <= last:
                print(f"{line['id']}, {line['bytes']} bytes, signature {line['signature']}")
                sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
END
}

push_certification() {
    say "a city's bureau pushes a certification in XML, signed with SM2"
    sign_body xml bureau-ty certification.batch SM2 <<END
{"list_version":"推送-1","rows":[{"action":"grant","uscc":"$pushed","name":"$pushed_name","region_code":"$pushed_region",
 "document_no":"并民营发〔2026〕8号","valid_from":"$today"}]}
END
    post bureau-ty "$sm2"
    # shellcheck disable=SC2046  # two words
    set -- $(receipt_says)
    [ "$1" = accepted ] || die "the certification was not accepted: $(cat "$receipt")"
    ctl --json list history "$pushed" >"$work/history.json"
    change=$(python3 -c 'import json, sys
print([record["seq"] for record in json.load(open(sys.argv[1])) if record.get("to") == "listed"][-1])' "$work/history.json")
    cat <<END

4. A bureau pushed a certification as a signed message  推送认定报文
   bureau-ty 太原市民营经济发展局 sent certification.batch in XML, signed SM2/SM3: $pushed $pushed_name
   receipt   $1, record $2 of the journal, in XML signed SM2: verified
END
}

banks_were_told() {
    say "the banks are told of the change"
    a=$(told bank-a "$change") && b=$(told bank-b "$change")
    cat <<END
   told      bank-a over HTTPS, JSON with ES256: whitelist.change $a
             bank-b over framed TCP, XML in GB18030 with SM2: whitelist.change $b
             each answered with a signed receipt; until then the gateway would ask and send again, with the same id and bytes
END
}

report_loan() {
    say "a bank reports a loan"
    sign_body json bank-a credit.report ES256 <<END
{"rows":[{"event":"credit_line","uscc":"$pushed","credit_no":"SX-0001","amount_fen":500000000,"date":"$today"},
 {"event":"drawdown","uscc":"$pushed","credit_no":"SX-0001","loan_no":"JJ-0001","amount_fen":300000000,"rate_bp":365,"date":"$today"}]}
END
    post bank-a "$es256"
    # shellcheck disable=SC2046  # two words
    set -- $(receipt_says)
    [ "$1" = accepted ] || die "the loan was not accepted: $(cat "$receipt")"
    cat <<END

5. A bank reported what it lent  授信与放款反馈
   bank-a sent credit.report: a line of 500 万元, 300 万元 drawn at 3.65 % · receipt $1, record $2: verified
END
}

register_pledge() {
    say "the agency registers a pledge"
    sign_body json registry-ty pledge.registration ES256 <<END
{"registration_no":"Y2026140000001","event":"registered","date":"$today","right_kind":"patent",
 "pledgors":[{"uscc":"$pushed","name":"$pushed_name"}],"pledgee":{"uscc":"$bank_a_code","name":"甲银行（演示）"},
 "secured_amount_fen":300000000,"rights":[{"number":"$patent","title":"一种演示装置"}]}
END
    post registry-ty "$es256"
    # shellcheck disable=SC2046  # two words
    set -- $(receipt_says)
    [ "$1" = accepted ] || die "the registration was not accepted: $(cat "$receipt")"
    answer=$work/right.json
    curl -sS --fail-with-body --noproxy '*' --cacert "$pki/ca.pem" --cert "$pki/bank-b.pem" --key "$pki/bank-b.key" -D "$answer.headers" \
        -o "$answer" "https://$url_host:$port/v1/rights/patent/$patent" || die "no answer about the patent: $(cat "$answer")"
    sed -n 's/^[Xx]-[Jj][Ww][Ss]-[Ss]ignature: *//p' "$answer.headers" | tr -d '\r\n' >"$answer.jws"
    "$build/bin/pledgectl" verify "$answer" --cert "$sm2" >"$work/verified" 2>&1 || die "the answer does not verify: $(cat "$work/verified")"
    [ "$(member pledge <"$answer")" = pledged ] || die "the patent should be pledged: $(cat "$answer")"
    cat <<END

6. The agency registered a pledge, and another bank asked about the patent  质押登记与查询
   registry-ty 太原代办处 sent pledge.registration Y2026140000001 for patent $patent · receipt $1, record $2: verified
   bank-b asked GET /v1/rights/patent/$patent
     answer  $(member pledge <"$answer") since $(member since <"$answer"): it lends on something else, or asks first · signed SM2, verified
END
}

messages() {
    push_certification
    banks_were_told
    report_loan
    register_pledge
}

tell_proof() {
    ctl --json journal verify >"$work/journal.json" || die "the journal does not verify"
    cat <<END

7. The journal  日志
   $(member size <"$work/journal.json") records; leaves, tree and root were recomputed and agree: root $(member root <"$work/journal.json")
END
}

# For a person's browser: Debian's Chromium and Firefox import it with this password.
tell_console() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://pledged/console/)" = 200 ] || return 0
    for id in operator-1 operator-2; do
        openssl pkcs12 -export -in "$pki/$id.pem" -inkey "$pki/$id.key" -passout pass:pledged -out "$work/$id.p12" || return 0
    done
    cat <<END
   console      https://$url_host:$admin_port/console/   with $work/operator-1.p12 (or operator-2, password pledged) and
                $pki/ca.pem imported in the browser
END
}

tell_next() {
    cat <<END

Where to look next  接下来
   $work/bank-a-$listed_firm.json       a signed statement; beside it its signature (.jws) and headers
   $work/*.yaml                         the configuration that was used
   $work/pledged.log                    what pledged logged
   build/bin/pledgectl help             every command
   README.md, gateway/*/README.md       how it is built
END
    if [ -n "$keep" ]; then
        cat <<END

The sandbox is up  沙箱已就绪
   partner API  https://$url_host:$port          admin  https://$url_host:$admin_port
   everything   $work/sandbox.json
   try          build/bin/pledgectl --socket $socket status
                build/bin/pledgectl --socket $socket approve list
                curl --cacert $pki/ca.pem --cert $pki/bank-a.pem --key $pki/bank-a.key https://$url_host:$port/v1/whitelist/$listed_firm
END
        tell_console
        echo "   Interrupt (Ctrl-C) to stop it."
    else
        echo "   sh gateway/quickstart.sh --keep      the same as a sandbox that stays up"
        echo
        echo "Done in $(($(date +%s) - began)) s; everything is stopped again."
    fi
}

# ---- the sandbox -----------------------------------------------------------------------------------------------------------------

quoted() {
    first=
    for word; do
        printf '%s"%s"' "$first" "$word"
        first=,
    done
}

sandbox_partners() {
    first=
    for id in bank-a bank-b bureau-sx bureau-ty registry-ty onestop-sx ippublic-sx operator-1 operator-2 observer-1 auditor-1 secadmin-1 sysadmin-1; do
        alg=ES256
        case $id in bank-b | bureau-ty) alg=SM2 ;; esac
        printf '%s\n  "%s":{"cert":"%s","key":"%s","sign_cert":"%s","sign_key":"%s","alg":"%s"}' "$first" "$id" "$pki/$id.pem" "$pki/$id.key" \
            "$pki/$id-sign.pem" "$pki/$id-sign.key" "$alg"
        first=,
    done
}

# The last step, by rename: who sees the file sees a sandbox that is complete.
write_sandbox() {
    # shellcheck disable=SC2086  # lists of words
    cat >"$work/sandbox.json.new" <<END
{"gateway":"ippledge-sx","origin":"ippledge-sx.log","api":"https://$url_host:$port","admin":"https://$url_host:$admin_port",
 "frames":"$url_host:$frames_port","admin_socket":"$socket","config":"$work/pledged.yaml","ca":"$pki/ca.pem",
 "gateway_cert":"$pki/gateway-sign.pem","gateway_cert_sm2":"$pki/gateway-sign-sm2.pem","pid":$pledged_pid,
 "partners":{$(sandbox_partners)},
 "listed":[$(quoted $listed)],
 "unlisted":[$(quoted $unlisted)],
 "cases":{"suspended":"$suspended","removed":"$removed","expired":"$expired","checking":"$checking"}}
END
    mv "$work/sandbox.json.new" "$work/sandbox.json"
}

# pledged may be stopped and started again by whoever plays with the sandbox; the bureau and the file stay.
stay_up() {
    write_sandbox
    tell_next
    trap 'finish 0' INT TERM HUP
    wait "$pledged_pid" || :
    say "pledged ended; start it again with: $build/bin/pledged --config $work/pledged.yaml"
    pledged_pid=
    wait "$bureau_pid" || :
    die "the stand-in bureau ended"
}

while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=yes ;;
    --listen)
        [ $# -gt 1 ] || usage
        listen=$2
        shift
        ;;
    --listen=*) listen=${1#--listen=} ;;
    *) usage ;;
    esac
    shift
done

trap 'finish $?' EXIT
trap 'exit 130' INT TERM HUP
install_packages
take_directory
build_programs
choose_addresses
make_pki
eval "$(write_list)"
start_bureau
start_banks
choose_socket
write_pledged
cp "$root/gateway/policy/rules-sample.yaml" "$work/rules.yaml"
write_partners
write_operators
write_sources
start_pledged
sync_list
tell_first_sync
ask_and_verify
make_cases
messages
tell_proof
if [ -n "$keep" ]; then
    stay_up
fi
tell_next
