#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe ca restart, restart check and restart apply: two of four nodes are lost for good. TAP on standard output."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = sys.argv[1]
PATIENCE = 90


def run(*words, code=0, said=""):
    got = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60)
    assert got.returncode == code, f"exit {got.returncode}, expected {code}: {got.stderr}{got.stdout}"
    assert said in got.stderr, f"{said!r} is not in {got.stderr!r}"
    return json.loads(got.stdout) if "--json" in words and got.stdout else got.stdout


def free_ports():
    """The first of four, one behind the other."""
    for port in range(22000 + os.getpid() % 20000, 60000, 4):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        try:
            for i, one in enumerate(sockets):
                one.bind(("127.0.0.1", port + i))
            return port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


def status(node, part):
    got = subprocess.run([PROGRAM, "status", "--config", node["config"], "--json"], capture_output=True, text=True)
    return json.loads(got.stdout).get(part, {}) if got.returncode == 0 else {}


def chain(node):
    return status(node, "chain")


def wait(what):
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def ask(node, request):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect(os.path.join(node["data_dir"], "control.sock"))
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile().readline())["ok"]


def report(node, number):
    wait(lambda: ask(node, {"op": "report", "type": "ip4", "value": f"45.155.206.{number}", "evidence": 1}))


def two_of_four_go_on(folder):
    made = run("provision", "--dir", os.path.join(folder, "mesh"), "--nodes", "4", "--trust-clock",
               "--listen", f"127.0.0.1:{free_ports()}", "--json")
    nodes, officer = made["nodes"], os.path.join(folder, "mesh", "authority")
    running = [subprocess.Popen([PROGRAM, "node", "run", "--config", node["config"]], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for node in nodes]
    out, early = os.path.join(folder, "restart"), os.path.join(folder, "early")
    lost = [word for node in nodes[2:] for word in ("--without", node["node_id"])]
    try:
        wait(lambda: all(status(node, "sessions").get("up") == 3 for node in nodes))
        report(nodes[0], 1)
        wait(lambda: chain(nodes[0])["height"] == chain(nodes[1])["height"] > 0)
        for process in running[2:]:
            process.kill()
            process.wait()
        wait(lambda: chain(nodes[0])["height"] == chain(nodes[1])["height"])
        height = chain(nodes[0])["height"]
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
        wait(lambda: min(chain(node).get("height", 0) for node in nodes[:2]) > height)
        assert all(chain(node)["epoch"] == 2 and status(node, "consensus")["members"] == 2 for node in nodes[:2]), chain(nodes[0])
        run("restart", "check", "--node", nodes[0]["data_dir"], out, code=1, said="gone beyond")
        run("restart", "apply", "--config", nodes[0]["config"], out, code=2, said="gone beyond")
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(timeout=60)


def wrong_use_is_told(folder):
    run("ca", "restart", code=2, said="--dir DIR")
    run("restart", "check", code=2, said="--node DIR")
    run("restart", "apply", code=2, said="wants a FILE")
    run("ca", "restart", "--dir", folder, "--node", folder, "--out", "x", "--without", "12", code=2, said="32 hex digits")


CASES = [two_of_four_go_on, wrong_use_is_told]
failed = 0
for number, one in enumerate(CASES, 1):
    with tempfile.TemporaryDirectory(prefix="hookprobe-restart-") as place:
        try:
            one(place)
            print(f"ok {number} - {one.__name__}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"# {error}\nnot ok {number} - {one.__name__}", flush=True)
print(f"1..{len(CASES)}")
sys.exit(failed > 0)
