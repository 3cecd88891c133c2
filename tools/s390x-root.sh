#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: tools/s390x-root.sh FOLDER
# Makes in FOLDER what a build for a big-endian machine (s390x) needs: root/ with the Debian libraries of that
# machine, and cross.ini for meson, which runs programs under qemu. The packages come from the package sources
# of this system, verified by apt, and are only unpacked: the system itself gets neither a foreign architecture
# nor a file. Exits with 77 and the reason where that is not to be had.
set -eu
[ $# = 1 ] || {
    sed -n '5,9s/^# //p' "$0" >&2
    exit 2
}
libraries='libsodium-dev libjansson-dev libmbedtls-dev zlib1g-dev libsqlite3-dev libidn2-dev
    libssl-dev libcyaml-dev libyaml-dev'

lacking() {
    echo "s390x: $*" >&2
    exit 77
}
for word in s390x-linux-gnu-gcc=gcc-s390x-linux-gnu qemu-s390x=qemu-user dpkg-deb=dpkg apt-get=apt; do
    command -v "${word%%=*}" >/dev/null 2>&1 || lacking "no ${word%%=*} (package ${word#*=})"
done

mkdir -p "$1"
cd "$1"
here=$PWD
[ ! -f cross.ini ] || exit 0 # made before
rm -rf apt root
mkdir -p apt/lists/partial apt/cache/archives/partial root

# apt with a memory of its own, as a system of that machine with nothing installed would see it
apt_there() {
    apt-get -qq -o Dir::State::Lists="$here/apt/lists" -o Dir::Cache="$here/apt/cache" \
        -o Dir::State::status=/dev/null -o APT::Architecture=s390x -o APT::Architectures=s390x \
        -o APT::Sandbox::User= -o Acquire::Retries=3 "$@" >apt/log 2>&1 </dev/null
}
apt_there update || lacking "no package lists of s390x: $(grep '^E' apt/log | head -n 1)"
apt_there -y --no-install-recommends --download-only install $libraries ||
    lacking "no packages of s390x: $(grep '^E' apt/log | head -n 1)"
for package in apt/cache/archives/*.deb; do dpkg-deb -x "$package" root; done
rm -rf apt

# a link to an absolute name would lead out of root
find root -type l -lname '/*' | while read -r link; do
    target=$(readlink "$link")
    ln -sfr "root$target" "$link"
done

cat >cross.ini <<INI
[binaries]
c = 's390x-linux-gnu-gcc'
ar = 's390x-linux-gnu-ar'
strip = 's390x-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-s390x', '-L', '$here/root']
[built-in options]
c_args = ['--sysroot=$here/root']
c_link_args = ['--sysroot=$here/root']
[properties]
sys_root = '$here/root'
pkg_config_libdir = '$here/root/usr/lib/s390x-linux-gnu/pkgconfig:$here/root/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 's390x'
cpu = 'z13'
endian = 'big'
INI
