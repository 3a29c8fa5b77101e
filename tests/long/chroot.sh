#!/bin/sh
# sh tests/long/chroot.sh [ROOT]: a newcomer's two commands on a fresh Debian 12, made by debootstrap in a temporary folder from
# the mirror that this machine uses; HEAD is cloned into it. Needs root and debootstrap. The log stays in tests/results/.
#
# CHROOT_DIR=DIR uses an existing fresh system there, or makes one there and keeps it.
set -eu
export LC_ALL=C.UTF-8
root=$(cd "${1:-$(dirname "$0")/../..}" && pwd)
results=$root/tests/results
log=$results/chroot.txt
# shellcheck source=tests/long/fresh.sh
. "$(dirname "$0")/fresh.sh"

say() {
    echo "chroot: $(date +%T) $*" | tee -a "$log" >&2
}

die() {
    say "$*"
    exit 1
}

finish() {
    code=$?
    trap - EXIT INT TERM
    fresh_remove
    [ "$code" -eq 0 ] || say "ended with $code; see $log"
    exit "$code"
}

clone_head() {
    say "cloning $(git -c safe.directory='*' -C "$root" log -1 --format='%h %s')"
    rm -rf "$system/root/pledged"
    git -c safe.directory='*' clone -q --no-hardlinks "$root" "$system/root/pledged" || die "the clone failed"
}

# inside COMMAND: as a newcomer, without this machine's environment but for its proxies
inside() {
    say "sh $1"
    began=$(date +%s)
    code=0
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} NODE_EXTRA_CA_CERTS=/etc/outside-ca.crt chroot "$system" sh -c "cd /root/pledged && sh $1" >"$results/chroot.last" 2>&1 || code=$?
    cat "$results/chroot.last" >>"$log"
    say "sh $1: exit $code after $(($(date +%s) - began)) s"
    [ "$code" -eq 0 ] || {
        tail -n 60 "$results/chroot.last" >&2
        die "sh $1 failed; all of it is in $log"
    }
}

[ "$(id -u)" -eq 0 ] || { echo "chroot: this needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "chroot: this needs debootstrap" >&2; exit 1; }
mkdir -p "$results"
: >"$log"
trap finish EXIT
trap 'exit 130' INT TERM
say "a fresh Debian 12 in ${CHROOT_DIR:-a temporary folder}"
fresh_make "${CHROOT_DIR:-}" >>"$log" 2>&1
clone_head
inside gateway/quickstart.sh
inside tests/run.sh
git -C "$system/root/pledged" status --porcelain --ignored | grep -v '^!! build/$' | tee -a "$log" | grep . && die "these landed outside build/"
say "both commands end well on a fresh Debian 12"
rm -f "$results/chroot.last"
