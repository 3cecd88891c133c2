#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
#
# usage: netns.sh PEER   sessions through a real kernel's router that loses packets (nftables, numgen) and through its
# NAT (masquerade) whose mapping runs out. TAP. Everything lives in namespaces of its own: E - router - V.
# Skipped (77) where namespaces, nft or connection tracking are not to be had.
set -u
peer=$1

# A private /run/netns and an own network, as root there: nothing of this is seen from outside, or stays.
if [ "${2:-}" != inside ]; then
    for tool in ip nft unshare; do
        PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || { echo "1..0 # skip no $tool"; exit 77; }
    done
    as=
    [ "$(id -u)" = 0 ] || as='--user --map-root-user'
    unshare $as --net --mount true 2>/dev/null || { echo "1..0 # skip namespaces are not allowed"; exit 77; }
    exec unshare $as --net --mount --propagation private sh "$0" "$peer" inside
fi
PATH=$PATH:/usr/sbin:/sbin
mount -t tmpfs none /run 2>/dev/null || { echo "1..0 # skip no private mounts"; exit 77; }
e=hkp-faults-e r=hkp-faults-r v=hkp-faults-v v_pid=
clean() {
    [ -z "$v_pid" ] || kill "$v_pid" 2>/dev/null
    for ns in $e $r $v; do ip netns del $ns 2>/dev/null; done
}
trap clean EXIT
trap 'exit 1' INT TERM

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
    # The router is to lose datagrams, not runs of them.
    ip -n $e link set hkp-f0 gso_max_segs 1 && ip -n $v link set hkp-f3 gso_max_segs 1 || return 1
    ip netns exec $r sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || return 1
    rules 0 'oifname "hkp-f2" masquerade fully-random' || return 1
    ip netns exec $r sh -c 'cd /proc/sys/net/netfilter && echo 3 >nf_conntrack_udp_timeout &&
        echo 3 >nf_conntrack_udp_timeout_stream' || return 1
}
net >/run/hkp-faults.log 2>&1 || { echo "1..0 # skip $(tail -n 1 /run/hkp-faults.log)"; exit 77; }

mkfifo /run/hkp-faults.end
ip netns exec $v "$peer" v 10.0.2.2:8144 </run/hkp-faults.end >/run/hkp-faults.v 2>&1 &
v_pid=$!
exec 3>/run/hkp-faults.end
until grep -q ready /run/hkp-faults.v; do sleep 0.1; done

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
echo "1..$count"
exec 3>&-
exit $failed
