#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
# Secret independence under valgrind (SYN-9.4), TAP. Arguments: programs, one for each compiler and level.
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
    # all in one run; one by one only to say which of them fails
    if "$valgrind" -q --error-exitcode=9 "$program" all >/dev/null 2>&1; then
        say ok "$(basename "$program") encode, decode, make, recover, key"
    else
        for what in encode decode make recover key; do
            "$valgrind" -q --error-exitcode=9 "$program" $what >/dev/null 2>&1 || say 'not ok' "$(basename "$program") $what"
        done
        bad=1
    fi
    # the negative control: a test that cannot fail shows nothing
    "$valgrind" -q --error-exitcode=9 "$program" leak >/dev/null 2>&1
    if [ $? -eq 9 ]; then say ok "a leak is found"; else say 'not ok' "a leak is found"; fi
done
echo "1..$n"
exit $bad
