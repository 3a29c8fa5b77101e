#!/bin/sh
# sh tests/long/package.sh [BUILD]: the life of the Debian package of a finished build, on a fresh Debian 12: installed, started by
# hand as its user, asked by a bank, upgraded with its data and an edited configuration, removed, purged. Needs root,
# debootstrap, dpkg-dev, file, curl. What happened stays in tests/results/package.txt.
#
# CHROOT_DIR=DIR uses a system there that has not seen the package, or makes one there, and keeps it.
set -eu
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd)
results=$root/tests/results
log=$results/package.txt
work=
pid=
bureau_pid=
doing=
# shellcheck source=tests/long/fresh.sh
. "$root/tests/long/fresh.sh"

say() {
    echo "package: $(date +%T) $*" | tee -a "$log" >&2
}

stop() {
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || :
    wait "$pid" && code=0 || code=$?
    pid=
    return "$code"
}

finish() {
    code=$?
    trap - EXIT INT TERM
    [ -z "$doing" ] || { tail -n 40 "$log" >&2 && say "FAILED: $doing"; }
    stop || :
    [ -z "$bureau_pid" ] || kill "$bureau_pid" 2>/dev/null || :
    fresh_remove
    [ -z "$work" ] || rm -rf "$work"
    exit "$code"
}

inside() {
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$system" "$@"
}

# check WHAT COMMAND…: the first command that fails ends the test
check() {
    doing=$1
    shift
    "$@" >>"$log" 2>&1
    say "$doing"
    doing=
}

# is ACTUAL EXPECTED
is() {
    [ "$1" = "$2" ] || { echo "$1, expected $2"; return 1; }
}

# ---- packages --------------------------------------------------------------------------------------------------------

# The next version: another number, and another example of a file that the first one's owner has edited.
make_next() {
    dpkg-deb --raw-extract "$first" "$work/next"
    version=$(dpkg-deb --field "$first" Version)
    next_version=$version+1
    sed -i "s/^Version: .*/Version: $next_version/" "$work/next/DEBIAN/control"
    echo "# the next version says more" >>"$work/next/etc/pledged/pledged.yaml"
    (cd "$work/next" && find etc usr -type f -exec md5sum {} + >DEBIAN/md5sums)
    next=$work/pledged_next.deb
    dpkg-deb --root-owner-group --build "$work/next" "$next"
}

make_packages() {
    cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/cpack"
    first=$(echo "$work"/cpack/pledged_*.deb)
    [ -f "$first" ]
    make_next
}

fields_are_right() {
    is "$(dpkg-deb --field "$first" Section)" net
    depends=$(dpkg-deb --field "$first" Depends)
    for library in libc6 libcurl4 libjansson4 liblmdb0 libssl3 libsystemd0 libuv1 libyaml-0-2; do
        echo "$depends" | grep -q "\b$library\b" || { echo "$library is not in Depends: $depends"; return 1; }
    done
    dpkg-deb --field "$first" Description | grep -q whitelist
    dpkg-deb --field "$first" Description | grep -q 白名单
    is "$(dpkg-deb --info "$first" conffiles | wc -l)" 5
}

# put PACKAGE: installs or upgrades, and keeps edited configuration as an administrator would say
put() {
    cp "$1" "$system/root/pledged.deb"
    inside apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        /root/pledged.deb </dev/null
}

# ---- what is true inside ---------------------------------------------------------------------------------------------

nothing_runs() {
    ! ls "$system"/etc/systemd/system/*/pledged.service "$system/run/pledged/pledged.sock" 2>/dev/null || return 1
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe")" != "$system/usr/sbin/pledged" ] || { echo "$exe runs"; return 1; }
    done
}

folders_are_right() {
    user=$(inside id -u pledged)
    is "$(stat -c '%a %u' "$system/etc/pledged")" "755 0"
    is "$(stat -c '%a %u' "$system/etc/pledged/pki")" "700 $user"
    is "$(stat -c '%a %u' "$system/var/lib/pledged")" "700 $user"
    is "$(inside getent passwd pledged | cut -d: -f7)" /usr/sbin/nologin
}

free_ports() {
    python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))'
}

# A stand-in bureau with one firm on its list.
start_bureau() {
    sh "$root/certs/make-dev-pki.sh" "$work/pki"
    pki=$work/pki
    cat >"$work/list.json" <<END
[{"uscc": "91140000110010402W", "name": "山西样例有限公司", "regionCode": "140000", "level": "省级", "batch": "2026-1",
  "documentNo": "晋民营发〔2026〕1号", "certifiedOn": "$(date -d '30 days ago' +%F)", "validUntil": "$(date -d '330 days' +%F)",
  "status": "certified"}]
END
    python3 "$root/tests/peers/bureau.py" --list "$work/list.json" --version 2026-11 --cert "$pki/bureau-server.pem" \
        --key "$pki/bureau-server.key" --ca "$pki/ca.pem" >"$work/bureau.json" &
    bureau_pid=$!
    tries=0
    until [ -s "$work/bureau.json" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ]
        sleep 0.1
    done
}

# What an administrator does: certificates, the addresses of this place.
configure() {
    cp "$pki"/*.pem "$pki"/*.key "$system/etc/pledged/pki/"
    inside chown -R pledged:pledged /etc/pledged/pki
    # shellcheck disable=SC2046  # three words
    set -- $(free_ports)
    api=https://127.0.0.1:$1
    plain=http://127.0.0.1:$3
    sed -i "s/127.0.0.1:8443/127.0.0.1:$1/; s/127.0.0.1:8444/127.0.0.1:$2/; s/127.0.0.1:8445/127.0.0.1:$3/" "$system/etc/pledged/pledged.yaml"
    edited=$(sha256sum <"$system/etc/pledged/pledged.yaml")
    url=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["url"])' <"$work/bureau.json")
    sed -i "s|https://bureau.example/api|$url|" "$system/etc/pledged/sources.yaml"
}

passes_its_check() {
    inside setpriv --reuid pledged --regid pledged --init-groups pledged --config /etc/pledged/pledged.yaml --check
}

# pid is the daemon itself: chroot becomes it.
start() {
    env -i PATH=/usr/sbin:/usr/bin chroot --userspec=pledged:pledged "$system" /usr/sbin/pledged --config /etc/pledged/pledged.yaml \
        2>>"$work/pledged.log" &
    pid=$!
    tries=0
    until [ "$(curl -s --noproxy '*' -o "$work/ready" -w '%{http_code}' "$plain/readyz")" = 200 ]; do
        tries=$((tries + 1))
        if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 300 ]; then
            cat "$work/pledged.log"
            return 1
        fi
        sleep 0.1
    done
    is "$(stat -c %u "/proc/$pid")" "$(inside id -u pledged)"
}

ask() {
    curl -sS --fail-with-body --noproxy '*' --cacert "$pki/ca.pem" --cert "$pki/bank-a.pem" --key "$pki/bank-a.key" -D "$work/headers" \
        -o "$system/root/answer.json" "$api/v1/whitelist/91140000110010402W"
    sed -n 's/^[Xx]-[Jj][Ww][Ss]-[Ss]ignature: *//p' "$work/headers" | tr -d '\r\n' >"$system/root/answer.json.jws"
    grep -q '"status":"listed"' "$system/root/answer.json"
}

answer_verifies() {
    inside pledgectl verify /root/answer.json --cert /etc/pledged/pki/gateway-sign.pem
}

# Names the journal as it is: its records, one a line.
export_journal() {
    inside pledgectl --json journal export >"$1"
    [ -s "$1" ]
}

journal_is_kept() {
    inside pledgectl journal verify
    export_journal "$work/after"
    head -n "$(wc -l <"$work/before")" "$work/after" | cmp - "$work/before"
}

question_is_known() {
    inside pledgectl --json access find --partner bank-a | grep -q 91140000110010402W
}

still_runs() {
    kill -0 "$pid"
    is "$(curl -s --noproxy '*' -o "$work/ready" -w '%{http_code}' "$plain/readyz")" 200
}

configuration_is_kept() {
    is "$(sha256sum <"$system/etc/pledged/pledged.yaml")" "$edited"
    grep -q "the next version says more" "$system/etc/pledged/pledged.yaml.dpkg-dist"
    is "$(inside dpkg-query -W -f '${Version}' pledged)" "$next_version"
}

programs_are_gone_data_is_not() {
    for name in usr/sbin/pledged usr/bin/pledgectl usr/lib/pledged usr/lib/systemd/system/pledged.service; do
        [ ! -e "$system/$name" ] || { echo "$name is left"; return 1; }
    done
    [ -s "$system/var/lib/pledged/store/data.mdb" ]
    [ -s "$system/etc/pledged/pki/gateway-sign.key" ]
}

configuration_is_there() {
    is "$(sha256sum <"$system/etc/pledged/pledged.yaml")" "$edited"
}

configuration_is_gone() {
    [ ! -e "$system/etc/pledged/pledged.yaml" ] && [ ! -e "$system/etc/pledged/partners.yaml" ]
}

[ "$(id -u)" -eq 0 ] || { echo "package: this needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "package: this needs debootstrap" >&2; exit 1; }
mkdir -p "$results"
: >"$log"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/pledged-package.XXXXXX")
trap finish EXIT
trap 'exit 130' INT TERM
check "two versions of the package are made" make_packages
check "section, dependencies, description and configuration files are said" fields_are_right
check "a fresh Debian 12 is there" fresh_make "${CHROOT_DIR:-}"
check "its package lists are new" inside apt-get -q update
check "apt installs the package" put "$first"
check "nothing was started or enabled" nothing_runs
check "user and folders are as they should be" folders_are_right
check "a bureau has a list" start_bureau
check "certificates and addresses are given" configure
check "pledged --check finds no fault as its user" passes_its_check
check "it starts by hand and is ready" start
check "the bureau's list is fetched" inside pledgectl sync run --source bureau-sx --wait
check "a bank is told that its firm is listed" ask
check "the answer verifies" answer_verifies
check "the journal is noted" export_journal "$work/before"
check "apt upgrades the package" put "$next"
check "the daemon was left running" still_runs
check "the edited configuration was kept, the new one laid beside it" configuration_is_kept
check "it stops in order" stop
check "the new version starts" start
check "the journal verifies and begins as before" journal_is_kept
check "the bank's question is still known" question_is_known
check "the old answer verifies" answer_verifies
check "a bank is told the same again" ask
check "it stops in order" stop
check "apt removes the package" inside apt-get -q remove -y pledged
check "programs are gone, data and keys are not" programs_are_gone_data_is_not
check "the configuration is still there" configuration_is_there
check "apt purges the package" inside apt-get -q purge -y pledged
check "data and keys are still there" programs_are_gone_data_is_not
check "the configuration is gone" configuration_is_gone
say "passed"
