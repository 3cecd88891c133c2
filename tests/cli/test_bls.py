#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""BLS keys of nodes and short proofs (D-QC-3), with real processes. What a build without blst says is shown in one; the
rest is skipped there. TAP on standard output."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from nodes import PROGRAM, Skip, ask, case, end, free_ports, run, run_cases, start, status, wait


def provision(folder, count, *words):
    return run("provision", "--dir", os.path.join(folder, "mesh"), "--nodes", str(count), "--trust-clock", "--json",
               "--listen", f"127.0.0.1:{free_ports(count)}", *words)["nodes"]


def is_built():
    with tempfile.TemporaryDirectory(prefix="hookprobe-bls-") as folder:
        node = provision(folder, 1)[0]
        got = subprocess.run([PROGRAM, "ca", "request", "--node", node["data_dir"], "--seat", "--bls"],
                             capture_output=True, text=True, timeout=60)
    assert got.returncode == 0 or "without blst" in got.stderr, got
    return got.returncode == 0


BUILT = is_built()


def built(wanted):
    if BUILT != wanted:
        raise Skip("built with blst" if BUILT else "built without blst")


def running(nodes):
    return [start(node) for node in nodes]


def scheme2(node):
    return status(node).get("scheme2", {})


# ---- in every build


@case
def the_status_says_what_there_is(folder):
    nodes = provision(folder, 2)
    processes = running(nodes[:1])
    try:
        wait(lambda: status(nodes[0]))
        assert status(nodes[0])["bls"] is BUILT and scheme2(nodes[0]) == {"listed": False, "keys": 0, "own": False}
        told = run("status", "--config", nodes[0]["config"])
        assert ("built without BLS" in told) is not BUILT and "short proofs" not in told, told
    finally:
        end(processes)


@case
def a_card_with_a_damaged_key_makes_no_genesis(folder):
    nodes = provision(folder, 1)
    officer = run("ca", "init", "--dir", os.path.join(folder, "officer"), "--json")["officer"]
    card = run("ca", "request", "--node", nodes[0]["data_dir"], "--seat", "--json")["card"]
    assert len(card) == 96
    words = ["ca", "init", "--name", "m/single", "--officer", officer, "--out", os.path.join(folder, "genesis")]
    run(*words, "--seat", card + "00" * 143 + ":1", code=2, said="CARD:GROUP")
    run(*words, "--seat", card + "a5" * 144 + ":1", code=2 if BUILT else 3, said="proof" if BUILT else "blst")
    run(*words, "--seat", card + ":1")


# ---- without blst


@case
def nothing_is_made_without_blst(folder):
    built(False)
    run("provision", "--dir", os.path.join(folder, "mesh"), "--bls", code=3, said="blst")


# ---- with blst


@case
def officers_certify_the_key_that_a_node_asks_for(folder):
    built(True)
    nodes = provision(folder, 2)
    at = lambda name: os.path.join(folder, name)
    officer = run("ca", "init", "--dir", at("officer"), "--json")["officer"]
    cards = [run("ca", "request", "--node", n["data_dir"], "--seat", "--json", "--bls")["card"] for n in nodes]
    run("ca", "init", "--name", "two", "--officer", officer, "--out", at("genesis"), "--seat", cards[0] + ":1", "--seat",
        cards[1] + ":2")
    run("ca", "init", "--dir", at("officer"), "--genesis", at("genesis"), "--yes")
    sign = ["ca", "sign", "--dir", at("officer"), "--yes", "--no-evidence"]
    for i, (node, card) in enumerate(zip(nodes, cards)):
        token, request, certificate = at(f"token{i}"), at(f"request{i}"), at(f"certificate{i}")
        run("ca", "init", "--token", token)
        run("ca", "request", "--node", node["data_dir"], "--genesis", at("genesis"), "--token", token, "--roles",
            "edge,validator,neuro,witness", "--bls", "--out", request)
        run(*sign, "--token", token, "--group", str(i + 1), "--out", certificate, request)
        for what in (request, certificate):
            shown = run("ca", "show", "--genesis", at("genesis"), what, "--json")
            assert shown["bls_key"] == card[96:192] and shown["verified"] is True, shown
        shutil.copyfile(at("genesis"), os.path.join(node["data_dir"], "genesis"))
        shutil.copyfile(certificate, os.path.join(node["data_dir"], "certificate"))
        shutil.copyfile(certificate, os.path.join(nodes[1 - i]["data_dir"], "members", node["node_id"]))
    processes = running(nodes) # in the mesh that their cards are in
    try:
        for node in nodes:
            wait(lambda: scheme2(node) == {"listed": True, "keys": 2, "own": True})
        wait(lambda: status(nodes[0])["sessions"]["up"] == 1)
        assert "2 members have a BLS key, this node too" in run("status", "--config", nodes[0]["config"])
    finally:
        end(processes)
    # a renewal asks again, and officers may leave it out
    run("ca", "request", "--node", nodes[0]["data_dir"], "--genesis", at("genesis"), "--renew", "--roles", "edge,validator",
        "--bls", "--out", at("again"))
    run(*sign, "--renew", at("certificate0"), "--no-bls", "--out", at("less"), at("again"))
    assert "bls_key" not in run("ca", "show", "--genesis", at("genesis"), at("less"), "--json")


def ask_head(node, of, out, *words):
    """The proof of the newest final head of that node, as a file; empty while there is none."""
    got = subprocess.run([PROGRAM, "node", "ask", "head", of["node_id"], "-o", out, *words, "--config", node["config"],
                          "--json"], capture_output=True, text=True, timeout=60)
    return json.loads(got.stdout)["proof"] if got.returncode == 0 else {}


def verify(nodes, proof, **how):
    return run("proof", "verify", "--genesis", os.path.join(nodes[0]["data_dir"], "genesis"), proof, "--json", **how)


def damaged(path, at):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    data[at] ^= 1
    with open(path + ".damaged", "wb") as f:
        f.write(data)
    return path + ".damaged"


@case
def an_edge_checks_a_long_proof(folder):
    nodes = provision(folder, 4)
    processes = running(nodes)
    out = os.path.join(folder, "proof")
    try:
        wait(lambda: all(status(node).get("sessions", {}).get("up") == 3 for node in nodes))
        wait(lambda: ask(nodes[0], {"op": "report", "type": "ip4", "value": "45.155.206.1", "evidence": 1}))
        got = wait(lambda: ask_head(nodes[1], nodes[0], out, "--short"))
    finally:
        end(processes)
    assert got["short"] is False, got # the set lists no scheme 2
    shown = verify(nodes, out)
    assert shown["of"] == "head" and shown["short_certificates"] == 0 and shown["bytes"] == got["bytes"], shown
    verify(nodes, damaged(out, -40), code=1, said="does not hold")


def trusts(node):
    """Shares travel where a session may carry all gossip, from trust 0.5 on (HTP-8.6)."""
    peers = status(node).get("peers", [])
    return len(peers) == 3 and all(peer["up"] and peer["trust"] >= 0.5 for peer in peers)


@case
def an_edge_checks_a_short_proof(folder):
    built(True)
    nodes = provision(folder, 4, "--bls")
    for node in nodes: # trust rises with each heartbeat
        with open(node["config"], "a", encoding="utf-8") as f:
            f.write("timing:\n  ter_period_ms: 200\n  ter_batch_ms: 100\n  heartbeat_s: 1\n  commit_every: 4\n")
    processes = running(nodes)
    out, long_one = os.path.join(folder, "proof"), os.path.join(folder, "long")
    number = 0

    def report():
        nonlocal number
        number += 1
        return ask(nodes[0], {"op": "report", "type": "ip4", "value": f"45.155.206.{number % 250 + 1}", "evidence": 1})

    def short():
        # the newest four views have shares; on a slow machine they may come after the question
        got = ask_head(nodes[1], nodes[0], out, "--short")
        return got if got.get("short") else report() and None
    try:
        wait(lambda: all(scheme2(node) == {"listed": True, "keys": 4, "own": True} for node in nodes))
        wait(lambda: all(trusts(node) for node in nodes))
        wait(report)
        got = wait(short)
        wait(lambda: ask_head(nodes[1], nodes[0], long_one))
    finally:
        end(processes)
    shown = verify(nodes, out)
    assert shown["short_certificates"] == 1 and shown["bytes"] == got["bytes"] == os.path.getsize(out), (shown, got)
    assert verify(nodes, long_one)["short_certificates"] == 0
    assert os.path.getsize(out) + 90 < os.path.getsize(long_one) # 3 signatures, or 4, are one
    with open(out, "rb") as f:
        size = len(f.read())
    for at in range(0, size, 7): # every part of it counts
        verify(nodes, damaged(out, at), code=1, said="does not hold")


if __name__ == "__main__":
    sys.exit(run_cases())
