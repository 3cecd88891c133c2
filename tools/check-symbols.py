#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""What a library shows to the linker.

usage: check-symbols.py --name LIB --map FILE [--shared FILE] [--static FILE]

The shared library exports exactly what its map lists. The archive defines nothing outside hkp_<lib>_, so
that it can be linked into any program; that holds for the objects of vendored dependencies too.
"""
import argparse
import re
import subprocess
import sys


def map_symbols(path):
    """The names in the global: sections, in order; and the faults of the file itself."""
    text = re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
    names, faults = [], []
    for section in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        listed = [word.strip() for word in section.split(";") if word.strip()]
        faults += [f"{path}: {word} is not an exact name" for word in listed if not re.fullmatch(r"\w+", word)]
        if listed != sorted(listed):
            faults.append(f"{path}: not in alphabetical order")
        names += listed
    if not re.search(r"local:\s*\*;", text):
        faults.append(f"{path}: no \"local: *;\"")
    return names, faults


def nm(*args):
    out = subprocess.check_output(["nm", "-P", *args], text=True)
    return [line.split()[:2] for line in out.splitlines() if len(line.split()) >= 2 and not line.endswith(":")]


def main():
    parser = argparse.ArgumentParser()
    for name in ("--name", "--map"):
        parser.add_argument(name, required=True)
    parser.add_argument("--shared")
    parser.add_argument("--static")
    args = parser.parse_args()

    wanted, faults = map_symbols(args.map)
    prefix = f"hkp_{args.name}_"
    faults += [f"{args.map}: {name} lacks the prefix {prefix}" for name in wanted if not name.startswith(prefix)]
    if len(set(wanted)) != len(wanted):
        faults.append(f"{args.map}: a name stands twice")

    if args.shared:
        # kind A is a version node, no symbol
        exported = {name.split("@")[0] for name, kind in nm("-D", "--defined-only", args.shared) if kind != "A"}
        faults += [f"{args.shared}: exports {name}, which the map does not list"
                   for name in sorted(exported - set(wanted))]
        faults += [f"{args.shared}: does not export {name} of the map" for name in sorted(set(wanted) - exported)]
    if args.static:
        defined = {name for name, _ in nm("-g", "--defined-only", args.static)}
        faults += [f"{args.static}: defines {name}, outside {prefix}"
                   for name in sorted(defined) if not name.startswith(prefix)]
        faults += [f"{args.static}: does not define {name} of the map" for name in sorted(set(wanted) - defined)]

    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
