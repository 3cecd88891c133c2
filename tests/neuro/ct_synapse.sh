#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
# Secret independence of messages, shares and commitments under valgrind (SYN-1.2), TAP. Arguments: programs.
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
    for what in field deal open message-seal message-open commit proof; do
        if "$valgrind" -q --error-exitcode=9 "$program" $what >/dev/null 2>&1; then
            say ok "$(basename "$program") $what"
        else
            say 'not ok' "$(basename "$program") $what"
        fi
    done
    # the negative control: a test that cannot fail shows nothing
    "$valgrind" -q --error-exitcode=9 "$program" leak >/dev/null 2>&1
    if [ $? -eq 9 ]; then say ok "$(basename "$program"): a leak is found"; else say 'not ok' "a leak is found"; fi
done
echo "1..$n"
exit $bad
