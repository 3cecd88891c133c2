# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""The cases of a test of the program (its path is the first argument), and processes of a mesh on loopback for them.
HKP_CASE=<part of a name> runs those cases alone."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

PROGRAM = sys.argv[1]
PATIENCE = 90 # seconds
CASES = []


class Skip(Exception):
    """What a case needs and this machine or build lacks."""


def case(function):
    CASES.append(function)
    return function


def run_cases(world=contextlib.nullcontext):
    """Runs the cases of the program, TAP on standard output; its exit code. Each gets what world(a folder of its own)
    gives, by default that folder. A case that fails is told, and the others go on."""
    chosen = [one for one in CASES if one.__module__ == "__main__" and os.environ.get("HKP_CASE", "") in one.__name__]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, one in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory(prefix="hookprobe-", ignore_cleanup_errors=True) as folder:
            try:
                with world(folder) as place:
                    one(place)
                print(f"ok {number} - {one.__name__}", flush=True)
            except Skip as why:
                print(f"ok {number} - {one.__name__} # SKIP {why}", flush=True)
            except Exception: # pylint: disable=broad-except
                failed += 1
                print("\n".join("# " + line for line in traceback.format_exc().splitlines()))
                print(f"not ok {number} - {one.__name__}", flush=True)
    return failed > 0


def wait(what):
    """What it gives once that is something."""
    until = time.monotonic() + PATIENCE
    while not (got := what()):
        assert time.monotonic() < until, what
        time.sleep(0.1)
    return got


def run(*words, code=0, said=""):
    """Standard output of a command that must end so; parsed if it was asked for as JSON."""
    got = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60)
    assert got.returncode == code, f"exit {got.returncode}, expected {code}: {got.stderr}{got.stdout}"
    assert said in got.stderr, f"{said!r} is not in {got.stderr!r}"
    return json.loads(got.stdout) if "--json" in words and got.stdout else got.stdout


def free_ports(count):
    """The first of so many (8 at most), one behind the other; tests that run beside each other begin at different ones."""
    for port in range(20000 + os.getpid() * 8 % 20000, 60000, 8):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
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


def provision(folder, count):
    """The nodes of a new mesh below folder/mesh."""
    return run("provision", "--dir", os.path.join(folder, "mesh"), "--nodes", str(count), "--trust-clock",
               "--listen", f"127.0.0.1:{free_ports(count)}", "--json")["nodes"]


def start(node, stderr=subprocess.DEVNULL):
    return subprocess.Popen([PROGRAM, "node", "run", "--config", node["config"]], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=stderr, text=True)


def end(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(timeout=60)


def status(node):
    """What it says of itself; empty while it does not answer."""
    got = subprocess.run([PROGRAM, "status", "--config", node["config"], "--json"], capture_output=True, text=True)
    return json.loads(got.stdout) if got.returncode == 0 else {}


def answer(node, request):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect(os.path.join(node["data_dir"], "control.sock"))
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile().readline())


def ask(node, request):
    return answer(node, request)["ok"]
