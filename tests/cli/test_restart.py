#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe ca restart, restart check and restart apply: two of four nodes are lost for good. TAP on standard output."""
import os
import shutil
import sys

from nodes import answer, ask, case, end, provision, run, run_cases, start, status, wait


def part(node, name):
    return status(node).get(name, {})


def height_of(node):
    return part(node, "chain").get("height", -1)


def report(node, number):
    wait(lambda: ask(node, {"op": "report", "type": "ip4", "value": f"45.155.206.{number}", "evidence": 1}))


def signers_of(node, number):
    """How many members signed what proves that report; empty while nothing does."""
    found = answer(node, {"op": "lookup", "type": "ip4", "value": f"45.155.206.{number}", "proof": True})
    proofs = [f.get("proof", {}) for f in found.get("findings", [])]
    return [proof["signatures"] for proof in proofs if proof.get("verified")]


@case
def two_of_four_go_on(folder):
    nodes, officer = provision(folder, 4), os.path.join(folder, "mesh", "authority")
    running = [start(node) for node in nodes]
    out, early = os.path.join(folder, "restart"), os.path.join(folder, "early")
    lost = [word for node in nodes[2:] for word in ("--without", node["node_id"])]
    try:
        wait(lambda: all(part(node, "sessions").get("up") == 3 for node in nodes))
        report(nodes[0], 1)
        wait(lambda: height_of(nodes[0]) == height_of(nodes[1]) > 0)
        for process in running[2:]:
            process.kill()
            process.wait()
        wait(lambda: height_of(nodes[0]) == height_of(nodes[1]))
        height = height_of(nodes[0])
        words = ["ca", "restart", "--dir", officer, "--node", nodes[0]["data_dir"], "--yes"]
        run(*words, "--out", out, "--without", "00" * 16, code=1, said="has no seat")
        signed = run(*words, *lost, "--out", out, "--json")
        assert signed["complete"], signed
        run(*words, "--out", early, *lost[:2], code=1) # one number, two bodies (D-CA-4)
        shown = run("ca", "show", "--genesis", os.path.join(nodes[0]["data_dir"], "genesis"), out, "--json")
        assert shown["type"] == "restart" and shown["verified"] is True and shown["first_height"] == height + 1, shown
        assert {m["node_id"] for m in shown["members"]} == {n["node_id"] for n in nodes[:2]}, shown
        for node in nodes[:2]:
            checked = run("restart", "check", "--node", node["data_dir"], out, "--json")
            assert checked["epoch"] == 2 and checked["members"] == 2, checked
        forged = os.path.join(folder, "forged")
        with open(out, "rb") as f:
            data = bytearray(f.read())
        data[-1] ^= 1
        with open(forged, "wb") as f:
            f.write(data)
        run("restart", "check", "--node", nodes[0]["data_dir"], forged, code=4, said="E_DSM_SIG")
        run("restart", "apply", "--config", nodes[0]["config"], forged, code=2, said="not signed as it has to be")
        run("restart", "apply", "--config", nodes[0]["config"], "/nonexistent", code=3)
        for node in nodes[:2]:
            assert run("restart", "apply", "--config", node["config"], out, "--json")["epoch"] == 2
        report(nodes[1], 2)
        wait(lambda: min(height_of(node) for node in nodes[:2]) > height)
        wait(lambda: all(part(node, "chain").get("epoch") == 2 and part(node, "consensus").get("members") == 2
                         for node in nodes[:2]))
        for node in nodes[:2]:
            assert wait(lambda: signers_of(node, 1)) in ([3], [4]), "final before it, by its quorum then"
            assert wait(lambda: signers_of(node, 2)) == [2], "final behind it"
            head = {"op": "ask", "what": "head", "key": nodes[1]["node_id"]}
            wait(lambda: answer(node, head).get("proof", {}).get("verified"))
        chain = os.path.join(folder, "chain")
        told = run("store", "export", nodes[0]["data_dir"], chain, "--json")
        assert told["from_height"] == 1 and told["to_height"] > height, told
        running[3].wait()
        shutil.rmtree(os.path.join(nodes[3]["data_dir"], "store"))
        came = run("store", "import", nodes[3]["data_dir"], chain, "--json")
        assert (came["to_height"], came["items"]) == (told["to_height"], told["items"]), (told, came)
        assert run("store", "check", nodes[3]["data_dir"], "--deep", "--json")["to_height"] == told["to_height"]
        run("restart", "check", "--node", nodes[0]["data_dir"], out, code=1, said="gone beyond")
        run("restart", "apply", "--config", nodes[0]["config"], out, code=2, said="gone beyond")
    finally:
        end(running)


@case
def wrong_use_is_told(folder):
    run("ca", "restart", code=2, said="--dir DIR")
    run("restart", "check", code=2, said="--node DIR")
    run("restart", "apply", code=2, said="wants a FILE")
    run("ca", "restart", "--dir", folder, "--node", folder, "--out", "x", "--without", "12", code=2, said="32 hex digits")


if __name__ == "__main__":
    sys.exit(run_cases())
