#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""contrib/wireshark/htp.lua in a real tshark, on sessions of our own endpoints.

usage: dissector.py MAKE_CAPTURE
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

MESSAGE = b"the message that the dissector must show\0"
DATAGRAM = b"a datagram\0"
SOURCE = os.environ["HKP_SOURCE"]
SCRIPT = os.path.join(SOURCE, "contrib/wireshark/htp.lua")
case_number = failures = 0


def case(name, faults):
    global case_number, failures
    case_number += 1
    failures += bool(faults)
    for fault in faults[:8]:
        print(f"# {fault}")
    print(f"{'not ok' if faults else 'ok'} {case_number} - {name}", flush=True)


def walk(tree, name):
    """All values of a field, wherever it stands in tshark's JSON."""
    found = []
    for key, value in tree.items() if isinstance(tree, dict) else []:
        for one in value if isinstance(value, list) else [value]:
            if key == name and not isinstance(one, dict):
                found.append(one)
            found += walk(one, name)
    return found


def tshark(capture, keylog):
    command = ["tshark", "-X", f"lua_script:{SCRIPT}", "-r", capture, "-T", "json", "--no-duplicate-keys"]
    if keylog:
        command += ["-o", f"hkphtp.keylog:{keylog}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60,
                         env={**os.environ, "HOME": os.path.dirname(capture)})
    packets = [p["_source"]["layers"] for p in json.loads(run.stdout or "[]")]
    errors = [line for line in run.stderr.splitlines() if "Running as user" not in line and line.strip()]
    return packets, errors


def hex_of(values):
    return b"".join(bytes.fromhex(v.replace(":", "")) for v in values)


def check_contents(packets, mode):
    faults = []
    types = [int(v, 16) for p in packets for v in walk(p, "hkphtp.type")]
    for wanted in (1, 2, 3, 4, 0x10, 0x20, 0x21, 0xff):
        if wanted not in types:
            faults.append(f"no packet of type {wanted:#x}")
    if len(types) != len(packets):
        faults.append(f"{len(packets)} packets, {len(types)} types")
    data = hex_of(v for p in packets for v in walk(p, "hkphtp.data"))
    for text in (MESSAGE, DATAGRAM):
        if text not in data:
            faults.append(f"{text!r} is not shown")
    if any(walk(p, "hkphtp.payload") for p in packets):
        faults.append("a payload was not opened")
    if any(walk(p, "hkphtp.bad") or walk(p, "hkphtp.no_open") for p in packets):
        faults.append("an expert found fault")
    if {int(v) for p in packets for v in walk(p, "hkphtp.mode")} != {mode}:
        faults.append("mode is wrong")
    frames = {int(v, 16) for p in packets for v in walk(p, "hkphtp.frame_type")}
    if not {0x01, 0x02, 0x03, 0x0a, 0x10, 0x11, 0x12} <= frames:
        faults.append(f"frames seen: {sorted(frames)}")
    if {int(v) for p in packets for v in walk(p, "hkphtp.reason")} != {16}:
        faults.append("no CLOSE with reason DONE")
    return faults


def main():
    make = sys.argv[1]
    if shutil.which("tshark") is None:
        print("1..0 # SKIP no tshark here")
        return 0
    folder = tempfile.mkdtemp(prefix="htp-dissector-")
    try:
        for vector, mode in (("n", 0), ("r", 1), ("r_suite2_mask", 1), ("retry", 1)):
            capture, keylog = (os.path.join(folder, f"{vector}.{end}") for end in ("pcap", "keys"))
            subprocess.run([make, vector, capture, keylog], check=True, stdout=subprocess.DEVNULL)
            packets, errors = tshark(capture, keylog)
            case(f"a session like handshake_{vector} is read whole with its key log",
                 errors + check_contents(packets, mode))
        packets, errors = tshark(os.path.join(folder, "r.pcap"), None)
        faults = errors + [f"{len(packets)} packets" for _ in range(1) if not packets]
        faults += ["contents without keys" for p in packets if walk(p, "hkphtp.frame_type") or walk(p, "hkphtp.data")]
        faults += ["no header" for p in packets if not walk(p, "hkphtp.type")]
        case("without a key log headers are shown and nothing else", faults)
        wrong = os.path.join(folder, "wrong.keys")
        with open(os.path.join(folder, "r.keys")) as src, open(wrong, "w") as dst:
            for line in src:
                words = line.split()
                at = 5 if words[0] == "HTP1_KEYS" else 2 if words[0] == "HTP1_HANDSHAKE" else None
                if at is not None:
                    words[at] = words[at][:-1] + ("0" if words[at][-1] != "0" else "1")
                dst.write(" ".join(words) + "\n")
        packets, errors = tshark(os.path.join(folder, "r.pcap"), wrong)
        faults = errors + ["contents under a wrong key" for p in packets
                           if walk(p, "hkphtp.frame_type") or walk(p, "hkphtp.node_id")]
        faults += ["nothing says why" for _ in range(1) if not any(walk(p, "hkphtp.no_open") for p in packets)]
        case("a wrong key opens nothing, and the dissector says so", faults)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{case_number}")
    return 1 if failures else 0


sys.exit(main())
