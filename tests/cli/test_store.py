#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe store: checked, damaged, repaired, exported and imported, with a node that ran. TAP on standard output."""
import os
import shutil
import signal
import subprocess
import sys
import time

from nodes import ask, case, provision, run, run_cases, start, status


def run_nodes(nodes, height=0, reports=0):
    """Both, until the first has that height and a block for each report; its height and what it said."""
    running = [start(node, subprocess.PIPE) for node in nodes]
    try:
        until, sent, at = time.monotonic() + 90, 0, -1
        while sent < reports or at < height:
            assert time.monotonic() < until and running[0].poll() is None, (at, height, sent, running[0].poll())
            time.sleep(0.2)
            said = status(nodes[0])
            at = said.get("chain", {}).get("height", -1)
            if said.get("sessions", {}).get("up") == 1 and sent < reports and at >= height: # the one before is final
                sent += ask(nodes[0], {"op": "report", "type": "ip4", "value": f"45.155.205.{sent + 1}", "evidence": 1})
                height = at + 1
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=60)[1] for process in running]
    return at, said[0]


@case
def a_store_is_checked_damaged_and_repaired(folder):
    nodes = provision(folder, 2)
    where = nodes[0]["data_dir"]
    run("store", "check", folder, code=2, said="holds no store")
    height, _ = run_nodes(nodes, reports=3)
    whole = run("store", "check", where, "--json")
    assert whole["done"] == "whole" and whole["to_height"] >= height, (whole, height)
    deep = run("store", "check", where, "--deep", "--json")
    assert deep["done"] == "verified" and deep["to_height"] == whole["to_height"], deep
    path = os.path.join(where, "store", "dsm.sqlite")
    with open(path, "rb") as f:
        data = bytearray(f.read())
    with open(os.path.join(where, "certificate"), "rb") as f:
        at = data.find(f.read()[:64])
    assert at > 0
    data[at + 30] ^= 1
    with open(path, "wb") as f:
        f.write(data)
    run("store", "check", where, code=4, said="differs from its checksum")
    repaired = run("store", "repair", where, "--json")
    assert repaired["damaged"] == 1 and repaired["rows"] > 10, repaired
    assert os.path.exists(path + ".bad")
    assert run("store", "check", where, "--json")["to_height"] == whole["to_height"]
    with open(path, "r+b") as f: # a node repairs it, too, and says so
        f.write(data)
    for name in ("dsm.sqlite-wal", "dsm.sqlite-shm"):
        if os.path.exists(os.path.join(where, "store", name)):
            os.remove(os.path.join(where, "store", name))
    again, said = run_nodes(nodes, height=whole["to_height"])
    assert again >= whole["to_height"] and "differs from its checksum" in said and "repaired" in said, said


@case
def a_chain_goes_from_one_folder_to_another(folder):
    nodes = provision(folder, 2)
    where, chain = nodes[0]["data_dir"], os.path.join(folder, "chain")
    run_nodes(nodes, reports=3)
    out = run("store", "export", where, chain, "--json")
    assert out["from_height"] == 1 and out["blocks"] >= 3, out
    other = os.path.join(folder, "other")
    shutil.copytree(where, other, ignore=lambda at, names: [n for n in names if n.endswith(".sock") or at.endswith("/store")])
    with open(chain, "rb") as f:
        data = f.read()
    half = os.path.join(folder, "half")
    with open(half, "wb") as f:
        f.write(data[:len(data) // 2])
    run("store", "import", other, half, "--json", code=1, said="ends early")
    there = run("store", "import", other, chain, "--json")
    assert there["to_height"] == out["to_height"], (there, out)
    assert run("store", "check", other, "--deep", "--json")["to_height"] == out["to_height"]
    with open(half, "wb") as f:
        f.write(data[:-200] + bytes(b ^ 0x20 for b in data[-200:-100]) + data[-100:])
    shutil.rmtree(os.path.join(other, "store"))
    run("store", "import", other, half, code=1, said="refused")
    run("store", "import", where, chain, code=4, said="of a node that was started")
    run("store", "import", other, os.path.join(folder, "none"), code=3, said="No such file")
    run("store", "export", folder, chain, code=1)
    for words in (["check"], ["export", where], ["import", where], ["repair"]):
        run("store", *words, code=2)


if __name__ == "__main__":
    sys.exit(run_cases())
