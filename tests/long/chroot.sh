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
keep=${CHROOT_DIR:-}
system=${CHROOT_DIR:-}
mounted=

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
    for where in $mounted; do
        umount -l "$where"
    done
    # Only what this run made, and only when nothing of this machine is mounted inside any more.
    if [ -z "$keep" ] && [ -n "$system" ] && ! grep -q " $system/" /proc/mounts; then
        rm -rf --one-file-system "$system"
    fi
    exit "$code"
}

# What apt is told here to use: address, suite, component of each Debian line.
sources() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk '$3 == "main" && $2 ~ /^bookworm/ && !seen[$0]++ { print "deb", $1, $2, $3 }' | grep -E '/debian|deb\.debian\.org' || :
}

make_system() {
    if [ -n "$system" ] && [ -x "$system/bin/sh" ]; then
        return
    fi
    [ -n "$system" ] || system=$(mktemp -d "${TMPDIR:-/var/tmp}/pledged-chroot.XXXXXX")
    mirror=$(sources | awk '$3 == "bookworm" { print $2; exit }')
    say "debootstrap bookworm from ${mirror:=http://deb.debian.org/debian}"
    debootstrap --variant=minbase bookworm "$system" "$mirror" >>"$log" 2>&1 || die "debootstrap failed: see $log"
}

# The same mirrors, proxies and name service as outside.
share_network() {
    sources >"$system/etc/apt/sources.list"
    [ -s "$system/etc/apt/sources.list" ] || echo "deb $mirror bookworm main" >"$system/etc/apt/sources.list"
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        if [ -f "$file" ] && grep -qiE 'Acquire::|Verify-Peer|CaInfo' "$file"; then
            mkdir -p "$system$(dirname "$file")"
            cp "$file" "$system$file"
        fi
    done
    cp -L /etc/resolv.conf /etc/hosts "$system/etc/" 2>/dev/null || :
}

mount_kernel() {
    for what in proc sys dev; do
        mkdir -p "$system/$what"
        mount --rbind "/$what" "$system/$what"
        mount --make-rslave "$system/$what"
        mounted="$system/$what $mounted"
    done
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
        ${https_proxy:+https_proxy="$https_proxy"} chroot "$system" sh -c "cd /root/pledged && sh $1" >"$results/chroot.last" 2>&1 || code=$?
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
make_system
share_network
mount_kernel
clone_head
inside gateway/quickstart.sh
inside tests/run.sh
git -C "$system/root/pledged" status --porcelain --ignored | grep -v '^!! build/$' | tee -a "$log" | grep . && die "these landed outside build/"
say "both commands end well on a fresh Debian 12"
rm -f "$results/chroot.last"
