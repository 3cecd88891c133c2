#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults put into the code on purpose, each of which a test must find (NZ1 19, SYN-13). TAP on standard output.

usage: mutants.py [--table] BUILD LIB...

tests/LIB/mutants.py holds the faults of a library: ALWAYS, FURTHER (with HKP_MUTANTS=all or --table only), LINK,
the link options of tests that need some, and WITH, further sources of tests that have some. A fault is (name, source, sentence, replacement, test, case): the source
with that sentence replaced is compiled and linked before the library's own objects, with tests/LIB/TEST.c of which only
the named case is left, or all if the name is empty. That must fail; without a fault it must pass, else nothing would
be shown. A sentence and its replacement may be tuples of equal length. A sentence must stand in its source exactly
once. A header is compiled into everything that includes it, the test too.
"""
import concurrent.futures
import itertools
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
STACK = ["ter", "neuro", "htp", "dsm", "mesh"]  # a library is linked with those below it
LAB = "lab"  # libneuro/lab, tests/lab: in builds with -Dlab=true only
JOBS = 2
PATIENCE = 100  # seconds until a test that does not end counts as failed
NO_CASE = ""
SKIPPED = "# SKIP this build cannot show it"


def words_of_build(build, lib):
    """The compiler, the options for compiling and those for linking with which the build makes mutant_base_LIB."""
    done = subprocess.run(["ninja", "-C", build, "-t", "commands", f"tests/mutant_base_{lib}"], capture_output=True,
                          text=True, check=True)
    lines = [shlex.split(line) for line in done.stdout.splitlines()]
    compiled = next(words for words in lines if words[-1].endswith("/mutant_base.c"))
    linked = next(words for words in lines if f"tests/mutant_base_{lib}" in words)

    def whole(word): # a path of the build is seen from the build's folder only
        path = os.path.join(build, word)
        return path if not word.startswith("-") and os.path.exists(path) else word

    options = ["-I" + os.path.join(build, word[2:]) if word.startswith("-I") else word
               for word in compiled if word.startswith(("-I", "-D"))]
    options += [word for pair in zip(compiled, compiled[1:]) if pair[0] == "-include" for word in pair]
    libraries = [whole(word) for word in linked[linked.index("-o") + 2:]
                 if not word.endswith("/support_mutant_base.c.o") and "rpath" not in word
                 and not re.match(r"libhookprobe-\w+\.", os.path.basename(word))] # objects reach internal functions, too
    return list(itertools.takewhile(lambda word: not word.startswith("-"), compiled)), options, libraries


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    if done.returncode != 0:
        raise RuntimeError(" ".join(command) + "\n" + done.stdout + done.stderr)


def includes(path):
    """What a file of the libraries includes, as paths below SOURCE, whole."""
    seen, todo = set(), [path]
    while todo:
        with open(os.path.join(SOURCE, todo.pop()), encoding="utf-8") as f:
            for name in re.findall(r'^#include "(lib\w+/[^"]+)"', f.read(), re.M):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
    return seen


class Library:
    def __init__(self, build, lib, everything):
        self.lib = lib
        table = runpy.run_path(os.path.join(SOURCE, "tests", lib, "mutants.py"))
        self.faults = table["ALWAYS"] + (table["FURTHER"] if everything else [])
        self.link, self.further = table["LINK"], table.get("WITH", {})
        self.lock, self.made = threading.Lock(), {}
        self.cc, options, self.libraries = words_of_build(build, lib)
        if not any(word.startswith("-DHKP_OPENSSL") for word in options): # a build without libcrypto has no faults in the use of it
            self.faults = [fault for fault in self.faults if "/openssl/" not in fault[1] and "libcrypto" not in fault[4]]
        self.flags = ["-std=c11", "-O1", "-w", "-I" + os.path.join(SOURCE, "tests", lib), *options]
        # the same random tests in every run; HKP_SEED tries others
        self.env = {"HKP_SOURCE": SOURCE, "HKP_VECTORS": os.path.join(SOURCE, "tests/vectors"), "HKP_SEED": "1",
                    **os.environ}

    def compile(self, source, out, first=()):
        run([*self.cc, *first, *self.flags, "-c", source, "-o", out])
        return out

    def further_objects(self, parent, test):
        """The objects of the test's further sources, each made once."""
        with self.lock:
            for name in self.further.get(test, []):
                if name not in self.made:
                    source = os.path.join(SOURCE, "tests", self.lib, name)
                    self.made[name] = self.compile(source, os.path.join(parent, f"{self.lib}-{name}.o"))
            return [self.made[name] for name in self.further.get(test, [])]

    def test_source(self, folder, test, case):
        """A copy of the test with that case alone."""
        with open(os.path.join(SOURCE, "tests", self.lib, test + ".c"), encoding="utf-8") as f:
            text = f.read()
        if case != NO_CASE:
            text = re.sub(r"^    CASE(?:_IF)?\((?![^;]*\b%s\);)[^;]*\);$" % case, "", text, flags=re.M)
        copy = os.path.join(folder, test + ".c")
        with open(copy, "w", encoding="utf-8") as f:
            f.write(text)
        return copy

    def outcome(self, folder, objects, test):
        """None if the test passes, SKIPPED if it has nothing but skipped cases, else the names of the cases that fail."""
        program = os.path.join(folder, "program")
        run([*self.cc, *objects, *self.libraries, *self.link.get(test, []), "-o", program])
        try:
            done = subprocess.run([program], capture_output=True, text=True, errors="replace", timeout=PATIENCE,
                                  env=self.env, cwd=folder)
        except subprocess.TimeoutExpired:
            return ["(it does not end)"]
        if done.returncode == 0:
            return None if re.search(r"^ok (?!.* # SKIP)", done.stdout, re.M) else SKIPPED
        failed = re.findall(r"^not ok \d+ - (.*)$", done.stdout, re.M)
        return failed if done.returncode == 1 and failed else failed + ["(it ends with %d)" % done.returncode]

    def objects_of(self, folder, source, text, test_source, test_objects):
        """The objects that the fault makes, and the test's own."""
        mutant = os.path.join(folder, source)
        os.makedirs(os.path.dirname(mutant), exist_ok=True)
        with open(mutant, "w", encoding="utf-8") as f:
            f.write(text)
        if source.endswith(".c"):
            return [self.compile(mutant, os.path.join(folder, "mutant.o")), *test_objects]
        first, objects = ["-I" + folder], list(test_objects[1:])
        names = sorted(os.listdir(os.path.join(SOURCE, "lib" + self.lib)))
        users = [f"lib{self.lib}/{name}" for name in names if name.endswith(".c")]
        users = [os.path.join(SOURCE, user) for user in users if source in includes(user)]
        for i, user in enumerate([*users, test_source]):
            objects.append(self.compile(user, os.path.join(folder, f"user{i}.o"), first))
        return objects

    def prepare(self, test, case, parent):
        """The test's source and objects (None: it is skipped), and what is wrong with it."""
        folder = os.path.join(parent, self.lib, test, case or "all")
        os.makedirs(folder)
        source = self.test_source(folder, test, case)
        try:
            made = [self.compile(source, os.path.join(folder, "test.o")), *self.further_objects(parent, test)]
            failed = self.outcome(folder, made, test)
        except RuntimeError as fault:
            return source, [], str(fault)
        if failed == SKIPPED:
            return source, None, None
        return source, made, None if failed is None else "fails: " + ", ".join(failed)

    def judge(self, fault, test_source, test_objects):
        """Whether the test found the fault, and by what."""
        name, source, old, new, test, case = fault
        if test_objects is None:
            return True, SKIPPED
        pairs = list(zip(old, new)) if isinstance(old, tuple) else [(old, new)]
        with open(os.path.join(SOURCE, source), encoding="utf-8") as f:
            text = f.read()
        for sentence, replacement in pairs:
            if text.count(sentence) != 1:
                return False, f"{source} has {text.count(sentence)} times the sentence {sentence!r}"
            text = text.replace(sentence, replacement)
        with tempfile.TemporaryDirectory(prefix="hkp-mutant-") as folder:
            try:
                failed = self.outcome(folder, self.objects_of(folder, source, text, test_source, test_objects), test)
            except RuntimeError as fault_in_the_table:
                return False, str(fault_in_the_table)
        if failed is None:
            return False, f"{test} passes"
        return True, f"{test}: {failed[0]}"


def main():
    words = sys.argv[1:]
    as_table = "--table" in words
    words = [word for word in words if word != "--table"]
    unknown = [word for word in words[1:] if word not in [*STACK, LAB]]
    if len(words) < 2 or unknown:
        print(f"mutants: {', '.join(unknown) or 'no library'}: not one of {', '.join([*STACK, LAB])}", file=sys.stderr)
        return 2
    everything = as_table or os.environ.get("HKP_MUTANTS") == "all"
    libs = [Library(os.path.abspath(words[0]), lib, everything) for lib in words[1:]]
    number = failed = 0
    with tempfile.TemporaryDirectory(prefix="hkp-mutants-") as folder, \
            concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for lib in libs:
            tests = sorted({fault[4:6] for fault in lib.faults})
            made = dict(zip(tests, pool.map(lambda test, lib=lib: lib.prepare(*test, folder), tests)))
            for test, (_, _, wrong) in made.items():
                number += 1
                failed += wrong is not None
                if not as_table or wrong is not None:
                    print(f"{'ok' if wrong is None else 'not ok'} {number} - without a fault, {': '.join(test)}")
                if wrong is not None:
                    print("\n".join("# " + line for line in wrong.splitlines()), flush=True)
            found = pool.map(lambda fault, lib=lib, made=made: lib.judge(fault, *made[fault[4:6]][:2]), lib.faults)
            for fault, (good, why) in zip(lib.faults, found):
                number += 1
                failed += not good
                if as_table:
                    words = "" if why == SKIPPED else "killed by " if good else "NOT KILLED: "
                    print(f"{lib.lib:6} {fault[0]:58} {words}{why}", flush=True)
                    continue
                if not good:
                    print("\n".join("# " + line for line in why.splitlines()))
                print(f"{'ok' if good else 'not ok'} {number} - {fault[0]}: {why.splitlines()[0]}", flush=True)
    faults = sum(len(lib.faults) for lib in libs)
    print(f"mutants: {faults} faults, {failed} not as expected" if as_table else f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
