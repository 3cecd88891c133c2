#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Runs the bench programs that meson knows, one after the other.

usage: run-bench.py BUILD [NAME...] [--json]

NAME is the beginning of a bench's name. --json passes on their lines, one JSON object each; else a table.
"""
import json
import subprocess
import sys


def row(result):
    value = f"{result['value']:>12.5g} {result['unit']:<6}"
    spread = f"{result['min']:.4g} .. {result['max']:.4g}"
    other = ""
    if "ref" in result:
        other = f"{result['ref_value']:>12.5g}  {result['ratio']:>6.2f} x {result['ref']}"
    return f"{result['bench']:<24}{value}  {spread:<24}{other}"


def main():
    build, words = sys.argv[1], sys.argv[2:]
    as_json = "--json" in words
    names = [word for word in words if word != "--json"]
    if any(name.startswith("-") for name in names):
        print("usage: ./run bench [NAME...] [--json]", file=sys.stderr)
        return 2
    programs = json.loads(subprocess.check_output(["meson", "introspect", "--benchmarks", build]))
    if not as_json:
        print(f"{'bench':<24}{'ours':>12} {'unit':<6}  {'min .. max':<24}{'reference':>12}  ahead when above 1")
    count = failed = 0
    for program in programs:
        with subprocess.Popen(program["cmd"] + names, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              text=True) as running:
            for line in running.stdout:
                count += 1
                print(line.rstrip() if as_json else row(json.loads(line)), flush=True)
        if running.returncode != 0:
            failed += 1
            print(f"bench: {program['name']} failed with {running.returncode}", file=sys.stderr)
    if count == 0 and not failed:
        print("bench: no bench has such a name", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
