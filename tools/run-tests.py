#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Runs "meson test" and ends with the line "N passed, N failed[, N skipped]", which counts single cases.

usage: run-tests.py BUILD [SUITE | TEST | option of meson test]...
"""
import json
import os
import re
import subprocess
import sys

GOOD = ("OK", "EXPECTEDFAIL")


def selection(build, words):
    """A bare word may be a suite or a test: meson wants the first behind --suite."""
    listing = json.loads(subprocess.check_output(["meson", "introspect", "--tests", build]))
    suites = {s.split(":")[-1] for test in listing for s in test["suite"]}
    out = []
    for i, word in enumerate(words):
        plain = i == 0 or not words[i - 1].startswith("-")
        out += ["--suite", "hookprobe:" + word] if plain and word in suites else [word]
    return out


def cases(test):
    """(passed, failed, skipped) of one test program: the cases it told in TAP, or the program as one case."""
    count = [0, 0, 0]
    for line in test.get("stdout", "").splitlines():
        if re.match(r"(not )?ok\b", line):
            count[2 if re.search(r"#\s*skip", line, re.I) else line.startswith("not")] += 1
    if test["result"] == "SKIP":
        return [0, 0, 1]
    if test["result"] not in GOOD:  # a program that crashed or hung told no failed case: it is one itself
        return [count[0], max(count[1], 1), count[2]]
    return count if sum(count) else [1, 0, 0]


def main():
    build, words = sys.argv[1], sys.argv[2:]
    log_path = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log_path):
        os.unlink(log_path)
    done = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs"]
                          + selection(build, words), stdin=subprocess.DEVNULL)
    try:
        with open(log_path, encoding="utf-8") as log:
            results = [json.loads(line) for line in log]
    except OSError:
        results = []

    counts = [cases(test) for test in results]
    passed, failed, skipped = (sum(count[i] for count in counts) for i in range(3))
    bad = [f"{test['name']} ({test['result'].lower()})" for test, count in zip(results, counts) if count[1]]
    print()
    for name in bad:
        print("failed: " + name)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    if failed == 0 and done.returncode != 0:
        print("run-tests: meson test itself failed", file=sys.stderr)
    return 1 if failed or not results else done.returncode


if __name__ == "__main__":
    sys.exit(main())
