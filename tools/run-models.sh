#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: tools/run-models.sh [FOLDER]
# Checks the models of docs/models/ with spin, every state: first that a model holds, then that each mutant of it
# breaks the property named beside it; and proves the lemmas of quorum.smt2 with z3. One line each; exits with 1 if
# a line is not as expected, and with 77 where spin or z3 is not installed. FOLDER (default build-models) holds the
# checkers and their trails.
set -eu
folder=${1:-build-models}
cd "$(dirname "$0")/.."
models=$PWD/docs/models
for program in spin z3 cc; do
    command -v $program >/dev/null 2>&1 || {
        echo "models: no $program here (package $([ $program = cc ] && echo gcc || echo $program))"
        exit 77
    }
done
mkdir -p "$folder"
cd "$folder"
bad=0 killed=0

# Builds and runs the checker of $model with these -D; prints "states", then the name of the assertion that broke, if any.
explore() {
    rm -f pan* ./*.trail result
    spin "$@" -a "$models/$model" >log 2>&1 || {
        cat log >&2
        exit 1
    }
    cc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=512 -o pan pan.c
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

model=commit.pml
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

model=simplex.pml
holds 'D-SMX, n = 4, one liar, 4 views' -DVIEWS=4
holds 'D-SMX, n = 7, two liars' -DHONEST=5 -DNEED=3
holds 'D-SMX, n = 6, one liar' -DHONEST=5 -DNEED=4
dies M_QUORUM final_or_null -DHONEST=5 -DNEED=2 # 2f + 1 of six
dies M_QUORUM one_chain -DHONEST=5 -DNEED=2 -DNO_MONITOR
for rule in FORGETS:final_or_null SECOND_NOTAR:one_notarised PARENT_LEFT_OUT:one_notarised \
    FINAL_AFTER_NULL:final_or_null NULL_AFTER_FINAL:final_or_null; do
    dies "M_${rule%:*}" "${rule#*:}"
    dies "M_${rule%:*}" one_chain -DNO_MONITOR
done
dies M_PARENT_UNCERTIFIED one_chain
dies M_VIEWS_SKIPPED one_chain

# A lemma is asserted negated; a rule that the specification rejects has a counterexample.
lemmas=0
z3 "$models/quorum.smt2" >proofs 2>&1 || true
while read -r name && read -r verdict; do
    want=unsat
    case $name in wrong:*) want=sat ;; esac
    [ "$verdict" = "$want" ] || verdict="$verdict, NOT AS EXPECTED" bad=1
    case $verdict in unsat) verdict=proved ;; sat) verdict='has a counterexample' ;; esac
    printf '%-80s %s\n' "$name" "$verdict"
    lemmas=$((lemmas + 1))
done <proofs
[ "$lemmas" = "$(grep -c '^(check-sat)' "$models/quorum.smt2")" ] || {
    cat proofs >&2
    echo 'models: z3 did not judge every lemma' >&2
    bad=1
}
if [ "$bad" != 0 ]; then
    echo 'models: something is not as expected; the last trail is in the folder, "spin -t" shows it'
    exit 1
fi
echo "models: all hold, $killed mutants killed, $lemmas lemmas as expected"
