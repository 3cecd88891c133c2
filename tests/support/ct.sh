#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
# Secret independence under valgrind, TAP: a branch or an index that depends on bytes marked undefined is an error.
# usage: ct.sh LEAK WHAT... -- PROGRAM...    a program, one for each compiler and level, takes LEAK or one WHAT as
# its words; with LEAK it must be found guilty: a test that cannot fail shows nothing
valgrind=$(command -v valgrind) || {
    echo "1..0 # SKIP valgrind is not here"
    exit 77
}
leak=$1
shift
whats=''
while [ "$1" != -- ]; do
    whats="$whats$1;"
    shift
done
shift
n=0 bad=0
say() {
    n=$((n + 1))
    [ "$1" = ok ] || bad=1
    echo "$1 $n - $2"
}
judge() { # words of the program; not quoted, because there may be several
    "$valgrind" -q --error-exitcode=9 "$program" $1 >/dev/null 2>&1
}
for program in "$@"; do
    name=$(basename "$program")
    rest=$whats
    while [ -n "$rest" ]; do
        what=${rest%%;*} rest=${rest#*;}
        judge "$what"
        case $? in
            0) say ok "$name $what" ;;
            77) say ok "$name $what # SKIP not on this machine" ;;
            *) say 'not ok' "$name $what" ;;
        esac
    done
    judge "$leak"
    if [ $? -eq 9 ]; then say ok "$name: a leak is found"; else say 'not ok' "$name: a leak is not found"; fi
done
echo "1..$n"
exit $bad
