#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
# examples/agent.c on this machine, TAP. Arguments: the program.
program=$(realpath "$1")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
"$program" 3 >out 2>err
code=$?
n=0
bad=0
say() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
        bad=1
        echo "not ok $n - $2"
        sed 's/^/# /' out err
    fi
}
say $code "the agent captures this machine"
[ "$(grep -c 'the same bit for bit at index [123]; trust 0\.' out)" -eq 3 ]
say $? "its replica follows it bit for bit"
# 0.30 at first, and three good heartbeats (NZ1 16)
grep -q 'index 3; trust 0\.347$' out
say $? "trust rises by one step at a time"
grep -q '^why not more: no TPM$' out
say $? "what holds trust down is named"
echo "1..$n"
exit $bad
