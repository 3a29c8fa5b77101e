# shellcheck shell=sh
# Read by long tests that need a fresh Debian 12: made by debootstrap in a temporary folder from the mirror that this
# machine uses. Needs root and debootstrap. The caller calls fresh_remove at its end.
#
#   fresh_make [DIR]   sets system; DIR is used when it has a system, else made, and kept in both cases
#   fresh_remove       unmounts, and removes what fresh_make made in a temporary folder
fresh_mounted=
fresh_temporary=

fresh_remove() {
    for where in $fresh_mounted; do
        umount -l "$where"
    done
    fresh_mounted=
    # Only when nothing of this machine is mounted inside any more.
    if [ -n "$fresh_temporary" ] && ! grep -q " $fresh_temporary/" /proc/mounts; then
        rm -rf --one-file-system "$fresh_temporary"
    fi
}

# What apt is told here to use: address, suite, component of each Debian line.
fresh_sources() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk '$3 == "main" && $2 ~ /^bookworm/ && !seen[$0]++ { print "deb", $1, $2, $3 }' | grep -E '/debian|deb\.debian\.org' || :
}

fresh_bootstrap() {
    mirror=$(fresh_sources | awk '$3 == "bookworm" { print $2; exit }')
    mirror=${mirror:-http://deb.debian.org/debian}
    echo "debootstrap bookworm from $mirror" >&2
    debootstrap --variant=minbase bookworm "$system" "$mirror"
    fresh_sources >"$system/etc/apt/sources.list"
    [ -s "$system/etc/apt/sources.list" ] || echo "deb $mirror bookworm main" >"$system/etc/apt/sources.list"
}

# The same proxies, name service and trust as outside.
fresh_network() {
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        if [ -f "$file" ] && grep -qiE 'Acquire::|Verify-Peer|CaInfo' "$file"; then
            mkdir -p "$system$(dirname "$file")"
            cp "$file" "$system$file"
        fi
    done
    cp -L /etc/resolv.conf /etc/hosts "$system/etc/" 2>/dev/null || :
    # whom this machine trusts when it fetches npm packages, for NODE_EXTRA_CA_CERTS
    cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/outside-ca.crt" 2>/dev/null || :
}

fresh_mount() {
    for what in proc sys dev; do
        mount --rbind "/$what" "$system/$what"
        mount --make-rslave "$system/$what"
        fresh_mounted="$system/$what $fresh_mounted"
    done
}

fresh_make() {
    if [ -z "${1:-}" ]; then
        fresh_temporary=$(mktemp -d "${TMPDIR:-/var/tmp}/pledged-fresh.XXXXXX")
        chmod 755 "$fresh_temporary" # the root of a system is open to its users
    fi
    system=${1:-$fresh_temporary}
    [ -x "$system/bin/sh" ] || fresh_bootstrap
    fresh_network
    fresh_mount
}
