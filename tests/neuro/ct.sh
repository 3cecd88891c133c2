#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
# Secret independence under valgrind (NZ1 15), TAP. Arguments: programs, one for each compiler and level.
valgrind=$(command -v valgrind) || {
    echo "1..0 # SKIP valgrind is not here"
    exit 77
}
n=0
bad=0
say() {
    n=$((n + 1))
    [ "$1" = ok ] || bad=1
    echo "$1 $n - $2"
}
for program in "$@"; do
    for variant in 1 2 3; do
        for what in evolve fingerprint posf; do
            "$valgrind" -q --error-exitcode=9 "$program" $variant $what >/dev/null 2>&1
            case $? in
                0) say ok "$(basename "$program") variant $variant $what" ;;
                77) say ok "$(basename "$program") variant $variant $what # SKIP not on this machine" ;;
                *) say 'not ok' "$(basename "$program") variant $variant $what" ;;
            esac
        done
    done
    # the negative control: a test that cannot fail shows nothing
    "$valgrind" -q --error-exitcode=9 "$program" 1 leak >/dev/null 2>&1
    if [ $? -eq 9 ]; then say ok "a leak is found"; else say 'not ok' "a leak is found"; fi
done
echo "1..$n"
exit $bad
