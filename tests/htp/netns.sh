#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: netns.sh PEER   sessions through a real kernel's router that loses packets (nftables, numgen) and through its
# NAT (masquerade) whose mapping runs out; then by two uplinks, of which one is cut, narrower or bad. TAP. Everything
# lives in namespaces of its own: E - router - V.
# Skipped where namespaces, nft or connection tracking are not to be had.
set -u
peer=$1

# A private /run/netns and an own network, as root there: nothing of this is seen from outside, or stays.
if [ "${2:-}" != inside ]; then
    for tool in ip nft unshare; do
        PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || { echo "1..0 # skip no $tool"; exit 0; }
    done
    as=
    [ "$(id -u)" = 0 ] || as='--user --map-root-user'
    unshare $as --net --mount true 2>/dev/null || { echo "1..0 # skip namespaces are not allowed"; exit 0; }
    exec unshare $as --net --mount --propagation private sh "$0" "$peer" inside
fi
PATH=$PATH:/usr/sbin:/sbin
mount -t tmpfs none /run 2>/dev/null || { echo "1..0 # skip no private mounts"; exit 0; }
e=hkp-faults-e r=hkp-faults-r v=hkp-faults-v v_pid=
clean() {
    [ -z "$v_pid" ] || kill "$v_pid" 2>/dev/null
    for ns in $e $r $v; do ip netns del $ns 2>/dev/null; done
}
trap clean EXIT
trap 'exit 1' INT TERM
trap '' PIPE

rules() { # PERCENT NAT
    ip netns exec $r nft flush ruleset
    ip netns exec $r nft -f - <<RULES
table ip hkp {
    chain lose { type filter hook forward priority 0; meta l4proto udp numgen random mod 100 < $1 drop; }
    chain nat { type nat hook postrouting priority 100; $2; }
}
RULES
}

net() {
    for ns in $e $r $v; do ip netns add $ns && ip -n $ns link set lo up || return 1; done
    ip link add hkp-f0 netns $e type veth peer name hkp-f1 netns $r || return 1
    ip link add hkp-f2 netns $r type veth peer name hkp-f3 netns $v || return 1
    ip -n $e addr add 10.0.1.2/24 dev hkp-f0 && ip -n $r addr add 10.0.1.1/24 dev hkp-f1 || return 1
    ip -n $r addr add 10.0.2.1/24 dev hkp-f2 && ip -n $v addr add 10.0.2.2/24 dev hkp-f3 || return 1
    ip -n $e link set hkp-f0 up && ip -n $r link set hkp-f1 up && ip -n $r link set hkp-f2 up || return 1
    ip -n $v link set hkp-f3 up && ip -n $e route add default via 10.0.1.1 || return 1
    ip -n $v route add 10.0.1.0/24 via 10.0.2.1 || return 1
    # The second uplink: narrower, and with a default route that only who asks for the interface gets.
    ip link add hkp-f4 netns $e type veth peer name hkp-f5 netns $r || return 1
    ip -n $e addr add 10.0.3.2/24 dev hkp-f4 && ip -n $r addr add 10.0.3.1/24 dev hkp-f5 || return 1
    ip -n $e link set hkp-f4 mtu 1400 up && ip -n $r link set hkp-f5 mtu 1400 up || return 1
    ip -n $e route add default via 10.0.3.1 metric 200 && ip -n $v route add 10.0.3.0/24 via 10.0.2.1 || return 1
    ip -n $e link set hkp-f4 gso_max_segs 1 || return 1
    ip netns exec $e sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done' || return 1
    # The router is to lose datagrams, not runs of them.
    ip -n $e link set hkp-f0 gso_max_segs 1 && ip -n $v link set hkp-f3 gso_max_segs 1 || return 1
    ip netns exec $r sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || return 1
    rules 0 'oifname "hkp-f2" masquerade fully-random' || return 1
    ip netns exec $r sh -c 'cd /proc/sys/net/netfilter && echo 3 >nf_conntrack_udp_timeout &&
        echo 3 >nf_conntrack_udp_timeout_stream' || return 1
}
net >/run/hkp-faults.log 2>&1 || { echo "1..0 # skip $(tail -n 1 /run/hkp-faults.log)"; exit 0; }

mkfifo /run/hkp-faults.end
ip netns exec $v "$peer" v 10.0.2.2:8144 </run/hkp-faults.end >/run/hkp-faults.v 2>&1 &
v_pid=$!
exec 3>/run/hkp-faults.end
until grep -q ready /run/hkp-faults.v; do
    kill -0 $v_pid 2>/dev/null || { cat /run/hkp-faults.v; echo "Bail out! V does not start"; exit 1; }
    sleep 0.1
done

failed=0 count=0
try() { # NAME PERCENT NAT STEP...
    name=$1 percent=$2 rule=$3
    shift 3
    count=$((count + 1))
    rules "$percent" "$rule" || { echo "not ok $count - $name"; failed=1; return; }
    if ip netns exec $e "$peer" e 10.0.2.2:8144 "$@" >/run/hkp-faults.e 2>&1; then
        sed 's/^/# /' /run/hkp-faults.e
        echo "ok $count - $name"
    else
        sed 's/^/# /' /run/hkp-faults.e
        echo "not ok $count - $name"
        failed=1
    fi
}
plain='counter'
nat='oifname "hkp-f2" counter masquerade fully-random'
try "no_loss" 0 "$plain" 2048
try "one_percent_is_lost" 1 "$plain" 2048
try "five_percent_are_lost" 5 "$plain" 1024
try "twenty_percent_are_lost" 20 "$plain" 128
try "through_a_nat" 1 "$nat" 512
try "the_mapping_of_a_nat_runs_out" 0 "$nat" 256 +5 256 +5 256
# The chain of a NAT sees the first packet of each mapping only: its counter says that they did run out.
mappings=$(ip netns exec $r nft list chain ip hkp nat | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')
count=$((count + 1))
if [ "${mappings:-0}" -ge 3 ]; then
    echo "ok $count - they_did_run_out"
else
    echo "not ok $count - they_did_run_out # $mappings mappings"
    failed=1
fi

# ---- two uplinks: each counted, the first one cut at will

uplinks() { # LOSS of the first, percent
    ip netns exec $r nft flush ruleset
    ip netns exec $r nft -f - <<RULES
table ip hkp {
    counter up0 { }
    counter down0 { }
    counter up1 { }
    counter down1 { }
    chain pass {
        type filter hook forward priority 0;
        meta l4proto udp iifname "hkp-f1" numgen random mod 100 < $1 drop
        iifname "hkp-f1" counter name up0
        oifname "hkp-f1" counter name down0
        iifname "hkp-f5" counter name up1
        oifname "hkp-f5" counter name down1
    }
}
RULES
}
cut() { # the first uplink; what is still sent there is counted
    ip netns exec $r nft add rule ip hkp pass iifname hkp-f1 drop
    ip netns exec $r nft add rule ip hkp pass oifname hkp-f1 drop
}
kib() { # NAME: what a counter has
    ip netns exec $r nft list counter ip hkp "$1" | sed -n 's/.*bytes \([0-9]*\).*/\1/p' | awk '{print int($1 / 1024)}'
}
result() { # NAME CONDITION...
    count=$((count + 1))
    sed 's/^/# /' /run/hkp-faults.e
    echo "# KiB by the first uplink $(kib up0) up, $(kib down0) down; by the second $(kib up1), $(kib down1)"
    name=$1
    shift
    if "$@"; then echo "ok $count - $name"; else echo "not ok $count - $name"; failed=1; fi
}
# Runs E; when it waits the first uplink is cut. 0: all came back.
run_and_cut() { # STEP...
    mkfifo /run/hkp-faults.go
    : >/run/hkp-faults.e # what the run before said is not waited for
    ip netns exec $e "$peer" e 10.0.2.2:8144 "$@" </run/hkp-faults.go >/run/hkp-faults.e 2>&1 &
    e_pid=$!
    exec 4>/run/hkp-faults.go
    while kill -0 $e_pid 2>/dev/null && ! grep -q waits /run/hkp-faults.e; do sleep 0.1; done
    before=$(kib up0) before_down=$(kib down0)
    cut
    echo go >&4
    wait $e_pid
    status=$?
    exec 4>&-
    rm /run/hkp-faults.go
    return $status
}
one_handshake() { grep -q '^1 handshakes begun' /run/hkp-faults.e; }
# The session moves when its uplink is gone; nothing of the second half went by the first one (its search for a size of
# packets may have been under way).
moved() {
    [ $status = 0 ] && one_handshake && [ "$before" -ge 512 ] && [ "$(kib up0)" -le $((before + 32)) ] &&
        [ "$(kib up1)" -ge 512 ] && [ "$(kib down1)" -ge 512 ]
}
uplinks 0
run_and_cut =hkp-f4 512 '?' @1 512
result "a_session_moves_when_its_uplink_is_cut" moved
# Both carry, each in packets of its own size; one is cut in the middle, and the other goes on.
both() {
    [ $status = 0 ] && one_handshake && [ "$before" -ge 576 ] && [ "$before_down" -ge 576 ] &&
        [ "$(kib up1)" -ge 528 ] && [ "$(kib down1)" -ge 528 ] &&
        grep -Eq 'carrier 1 state 1 packets of 1(2[0-9]|3[0-7])[0-9]$' /run/hkp-faults.e # losses may begin the search anew
}
uplinks 0
run_and_cut =hkp-f4 512 '*1' 4096 '?' 512
result "a_swarm_goes_by_both_uplinks_and_by_the_one_that_is_left" both
# AUTO finds that the only path is bad, and the driver opens ports on both uplinks. (At such a loss the first handshake
# may run out of time; a session that went down would have ended E with a failure.)
by_itself() {
    [ $status = 0 ] && [ "$(kib up1)" -ge 16 ] && [ "$(kib down1)" -ge 16 ] &&
        [ "$(grep -c '^path .* state 1 ' /run/hkp-faults.e)" -ge 3 ]
}
uplinks 25
ip netns exec $e "$peer" e 10.0.2.2:8144 =hkp-f4 64 auto 256 >/run/hkp-faults.e 2>&1
status=$?
result "auto_opens_paths_by_both_uplinks" by_itself
echo "1..$count"
exec 3>&-
exit $failed
