#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: tools/run-models.sh [FOLDER]
# Checks docs/models/commit.pml with spin, every state: first that the model of NZ1 17 holds, then that each
# mutant of it breaks the property named beside it. One line each; exits with 1 if a line is not as expected,
# and with 77 where spin is not installed. FOLDER (default build-models) holds the checkers and their trails.
set -eu
folder=${1:-build-models}
cd "$(dirname "$0")/.."
model=$PWD/docs/models/commit.pml
for program in spin cc; do
    command -v $program >/dev/null 2>&1 || {
        echo "models: no $program here (package $([ $program = cc ] && echo gcc || echo $program))"
        exit 77
    }
done
mkdir -p "$folder"
cd "$folder"
bad=0 killed=0

# Builds and runs the checker with these -D; prints "states", then the name of the assertion that broke, if any.
explore() {
    rm -f pan* ./*.trail result
    spin "$@" -a "$model" >log 2>&1 || {
        cat log >&2
        exit 1
    }
    cc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=256 -o pan pan.c
    ./pan -m200000 -w22 >result 2>&1 || true
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' result)
    broken=$(sed -n 's/^pan:[0-9]*: assertion violated \([a-z_]*\) .*/\1/p' result)
    # neither an error nor the whole of it explored: a limit was reached, or the checker failed
    if [ -z "$broken" ] && { ! grep -q 'errors: 0$' result || grep -q 'Search not completed\|max search' result; }; then
        cat result >&2
        echo "models: the search with $* did not end" >&2
        exit 1
    fi
}

holds() {
    name=$1
    shift
    explore "$@"
    verdict=holds
    [ -z "$broken" ] || verdict="BROKEN: $broken" bad=1
    printf '%-34s %9s states  %s\n' "$name" "$states" "$verdict"
}

# $1 mutant, $2 the property that it must break, the rest for spin
dies() {
    name=$1 want=$2
    shift 2
    explore "-D$name" "$@"
    verdict="killed by $broken"
    if [ "$broken" = "$want" ]; then
        killed=$((killed + 1))
    else
        verdict="NOT KILLED by $want, but: ${broken:-holds}" bad=1
    fi
    printf '%-34s %9s states  %s\n' "$name" "$states" "$verdict"
}

copy='-DCOPY -DNO_LOSS -DCAP=2'
holds 'NZ1 17, one owner'
holds 'NZ1 17, an owner and a copy of it' $copy -DMAXN=2
dies M_ACK_BEFORE_STORED slots_agree -DNO_MONITOR
dies M_ACK_BEFORE_STORED stored_before_used
dies M_USED_BEFORE_STORED slots_agree -DNO_MONITOR
dies M_USED_BEFORE_STORED stored_before_used
dies M_SENT_BEFORE_DURABLE honest_not_lost -DNO_MONITOR
dies M_SENT_BEFORE_DURABLE stored_before_used
dies M_PREV_DROPPED slots_agree
dies M_BASE_RULE_DROPPED slots_agree
dies M_OTHER_N same_n_again
dies M_CKACK_OF_WRONG_N honest_not_lost
dies M_TERS_FORGOTTEN commit_agreed
dies M_REORDERED honest_not_lost
dies M_STALE_BASE_ACCEPTED history_goes_on $copy
dies M_ACK_UNCHECKED history_goes_on $copy -DMAXN=2
if [ "$bad" != 0 ]; then
    echo 'models: something is not as expected; the last trail is in the folder, "spin -t" shows it'
    exit 1
fi
echo "models: the model holds, $killed mutants killed"
