#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: tools/equal-bytes.sh [STEPS] [FOLDER]
# NZ1 15: builds by gcc and clang, at -O2 and -O3, for this machine and for a big-endian one (s390x under qemu),
# each in every variant of the step, evolve the same two streams for STEPS steps (default 100000) and must print
# the same lines: SHA-256 of the serialised state and F at 0, 1, 10, 100, ... steps. One line for each build and
# variant; the last says how many are equal. FOLDER (default build-bytes) keeps the builds and what they printed.
# Exits with 1 if anything differs; what this machine cannot build is named, with the reason, and left out.
set -eu
steps=${1:-100000}
folder=${2:-build-bytes}
cd "$(dirname "$0")/.."
source=$PWD
case $steps in *[!0-9]* | '') sed -n '5,11s/^# //p' "$0" >&2 && exit 2 ;; esac
export HKP_VECTORS="$source/tests/vectors"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -f "$folder"/*.out "$folder"/*.code "$folder/jobs"
: >"$folder/jobs"

# One build: name, compiler, further words for meson setup. Its variants become jobs.
build() {
    name=$1 compiler=$2
    shift 2
    log=$folder/$name.log
    rm -rf "$folder/$name"
    CC=$compiler meson setup "$folder/$name" "$@" -Dcli=disabled -Dbench=disabled -Ddocs=disabled -Dfuzz=off \
        -Dtpm=disabled \
        >"$log" 2>&1 </dev/null && ninja -C "$folder/$name" tests/neuro/steps >>"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        echo "equal-bytes: the build $name failed" >&2
        exit 1
    }
    for variant in $variants; do echo "$name $variant" >>"$folder/jobs"; done
}

variants='scalar base avx2'
for compiler in gcc clang; do
    for level in 2 3; do
        if command -v "$compiler" >/dev/null 2>&1; then
            build "$compiler-O$level" "$compiler" -Doptimization=$level
        else
            echo "left out: $compiler -O$level: no $compiler here"
        fi
    done
done
if tools/s390x-root.sh "$folder/s390x" 2>"$folder/s390x.why"; then
    for level in 2 3; do # the emulator is slow: one variant of each
        [ "$level" = 2 ] && variants=scalar || variants=base
        build "s390x-gcc-O$level" gcc -Doptimization=$level --cross-file "$folder/s390x/cross.ini"
    done
elif [ $? = 77 ]; then
    echo "left out: big-endian: $(cat "$folder/s390x.why")"
else
    cat "$folder/s390x.why" >&2
    exit 1
fi

# As many at once as there are processors, the slow ones first.
run_one='
    cd "$0" && set -- $1
    emulator=""
    case $1 in s390x-*) emulator="qemu-s390x -L $0/s390x/root" ;; esac
    code=0
    $emulator "$1/tests/neuro/steps" "$2" "$3" >"$1-$2.out" 2>"$1-$2.err" || code=$?
    echo $code >"$1-$2.code"'
sort -r "$folder/jobs" | sed "s/\$/ $steps/" | tr '\n' '\0' |
    xargs -0 -P "$(getconf _NPROCESSORS_ONLN)" -n 1 sh -c "$run_one" "$folder"

first='' equal=0 bad=0
while read -r name variant; do
    out=$folder/$name-$variant.out
    code=$(cat "$folder/$name-$variant.code")
    what=equal
    case $code in
    0)
        [ -n "$first" ] || first=$out
        if cmp -s "$first" "$out"; then equal=$((equal + 1)); else what=DIFFERENT bad=$((bad + 1)); fi
        ;;
    77)
        [ "$variant" = avx2 ] || bad=$((bad + 1)) # the plain ones are everywhere
        what='- (not on this processor)'
        ;;
    *) what="FAILED with $code: $(tail -n 1 "$folder/$name-$variant.err")" bad=$((bad + 1)) ;;
    esac
    printf '%-14s %-7s %s\n' "$name" "$variant" "$what"
done <"$folder/jobs"
if [ -n "$first" ]; then tail -n 1 "$first"; fi
if [ "$bad" -gt 0 ] || [ "$equal" -lt 2 ]; then
    echo "equal-bytes: $equal equal, $bad not, over $steps steps of two streams"
    exit 1
fi
echo "equal-bytes: $equal builds and variants equal over $steps steps of two streams"
