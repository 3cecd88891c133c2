#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# Fills subprojects/packagecache/ with the upstream releases that the wraps name, taken from Debian's source
# packages, so that --wrap-mode=forcefallback works without a network. Run it once, where a mirror is at hand.
#
# A release that was fetched once is kept in the user's cache folder, for other clones on this machine.
#
# The mirror is the one that this machine's own apt uses; only the suite is another (Debian 12's libcbor source
# is older than the release that the wrap names).
set -eu
cd "$(dirname "$0")/.."

suite=trixie
cache=subprojects/packagecache
kept=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hookprobe
wrap=subprojects/libcbor.wrap

field() { sed -n "s/^$1 = //p" "$wrap"; }
file=$(field source_filename)
hash=$(field source_hash)

intact() { echo "$hash  $1" | sha256sum -c --quiet - >/dev/null 2>&1; }

if [ -f "$cache/$file" ] && intact "$cache/$file"; then
    echo "fetch-wraps: $cache/$file is there"
    exit 0
fi
mkdir -p "$cache"
if [ -f "$kept/$file" ] && intact "$kept/$file"; then
    cp "$kept/$file" "$cache/$file"
    echo "fetch-wraps: $cache/$file, from $kept"
    exit 0
fi
command -v apt-get >/dev/null || { echo "fetch-wraps: no apt-get; put $file into $cache/" >&2; exit 3; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/state"
: >"$work/state/status"

# A deb-src entry of our own, beside the machine's: same address, another suite; nothing of the machine changes.
{
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]\{1,\}\)[[:space:]].*/\2/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p'
} | grep -v security | head -n 1 >"$work/mirror"
mirror=$(cat "$work/mirror")
[ -n "$mirror" ] || { echo "fetch-wraps: no mirror in the apt configuration; put $file into $cache/" >&2; exit 3; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"

apt() {
    apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/state/status" \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
# The packaging files of an older revision may be gone from the mirror while the release itself is there: what
# counts is the hash, not apt's result. What apt says is shown only when that is wrong.
fetch() {
    apt update && (cd "$work" && apt source --download-only libcbor)
}
for try in 1 2 3; do
    fetch >"$work/log" 2>&1 || true
    if [ -f "$work/$file" ] && intact "$work/$file"; then
        mv "$work/$file" "$cache/$file"
        mkdir -p "$kept" && cp "$cache/$file" "$kept/$file" || true
        echo "fetch-wraps: $cache/$file"
        exit 0
    fi
    [ "$try" = 3 ] || sleep 5
done
tail -n 20 "$work/log" >&2
echo "fetch-wraps: the mirror gave no $file with the hash of $wrap" >&2
exit 1
