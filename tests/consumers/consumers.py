#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Installs into a temporary prefix and builds programs from it through pkg-config. Prints TAP.

For each library: a dynamic program, one with our archives, a fully static one where the system has every
archive, and a plugin with hidden archives. Each must run and hold nothing of a library above the one it asked for.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def run(*command, env=None):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed(" ".join(command) + f": exit {done.returncode}\n"
                     + "\n".join(done.stdout.split("\n")[:20]))
    return done.stdout


class Prefix:
    """What a user of the installed files has: a prefix, pkg-config, a compiler."""

    def __init__(self, build, cc, work):
        self.cc, self.work = cc, work
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", work)
        self.pc_dirs = [where for where, _, files in os.walk(work) if any(f.endswith(".pc") for f in files)]
        if len(self.pc_dirs) != 1:
            raise Failed(f"expected one folder of .pc files, found {self.pc_dirs}")
        self.libdir = os.path.dirname(self.pc_dirs[0])
        for name in os.listdir(self.pc_dirs[0]):  # the prefix moved, as with any relocated package
            path = os.path.join(self.pc_dirs[0], name)
            text = open(path, encoding="utf-8").read()
            old = re.search(r"^prefix=(.*)$", text, re.M).group(1)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text.replace(f"prefix={old}\n", f"prefix={work}{old}\n", 1))
        self.search = re.search(r"libraries: =(.*)", run(*cc, "-print-search-dirs")).group(1).split(":")
        self.env = dict(os.environ, PKG_CONFIG_PATH=self.pc_dirs[0])

    def pkg_config(self, lib, *flags):
        return run("pkg-config", *flags, "hookprobe-" + lib, env=self.env).split()

    def compile(self, lib, source, out, flags, libs):
        run(*self.cc, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-DHEADER=<hookprobe/{lib}.h>",
            f"-DVERSION=hkp_{lib}_version", *self.pkg_config(lib, "--cflags"), *flags,
            "-o", out, os.path.join(HERE, source), *libs)

    def archives(self, lib, kinds, whole=False):
        """--static --libs in its order, with our libraries named as archives.

        kinds: what the outside libraries may be, .so or .a.
        whole: every object of ours is linked, so that every symbol of every archive must resolve.
        """
        words = self.pkg_config(lib, "--static", "--libs")
        if whole:
            ours = sorted({w for w in words if w.startswith("-lhookprobe-")})
            words = ["-Wl,--whole-archive", *ours, "-Wl,--no-whole-archive"] + [w for w in words if w not in ours]
        folders = [w[2:] for w in words if w.startswith("-L")] + self.search
        for name in [w[2:] for w in words if w.startswith("-l") and not w.startswith("-lhookprobe-")]:
            if not any(os.path.exists(f"{folder}/lib{name}{end}") for folder in folders for end in kinds):
                raise Skipped(f"this system has no lib{name}{' or '.join(kinds)}")
        return [re.sub(r"^-l(hookprobe-\w+)$", r"-l:lib\1.a", w) for w in words]


def family_symbols(path, stack, dynamic=False):
    text = run("nm", *(["-D"] if dynamic else []), path)
    return {m.group(1) for m in re.finditer(r"\bhkp_([a-z]+)_", text) if m.group(1) in stack}


def nothing_above(found, lib, stack):
    above = found & set(stack[stack.index(lib) + 1:])
    if above:
        raise Failed(f"asked for {lib}, got {', '.join(sorted(above))}")
    if lib not in found:
        raise Failed(f"asked for {lib}, but it is not there")


def says_version(prefix, lib, *command, env=None):
    wanted = prefix.pkg_config(lib, "--modversion")[0]
    said = run(*command, env=env).strip()
    if said != wanted:
        raise Failed(f"says version {said}, the .pc file says {wanted}")


def dynamic(prefix, lib, stack):
    out = os.path.join(prefix.work, "dynamic_" + lib)
    prefix.compile(lib, "consumer.c", out, [], prefix.pkg_config(lib, "--libs")
                   + ["-Wl,-rpath-link," + prefix.libdir])
    env = dict(os.environ, LD_LIBRARY_PATH=prefix.libdir)
    says_version(prefix, lib, out, env=env)
    direct = re.findall(r"NEEDED.*\[libhookprobe-(\w+)\.so", run("readelf", "-d", out))
    if direct != [lib]:
        raise Failed(f"links {direct} directly")
    loaded = set(re.findall(r"libhookprobe-(\w+)\.so\S* => " + re.escape(prefix.libdir), run("ldd", out, env=env)))
    nothing_above(loaded, lib, stack)


def static(prefix, lib, stack):
    out = os.path.join(prefix.work, "static_" + lib)
    libs = prefix.archives(lib, [".so", ".a"])
    prefix.compile(lib, "consumer.c", out, [], libs)
    says_version(prefix, lib, out)
    nothing_above(family_symbols(out, stack), lib, stack)
    if "libhookprobe" in run("readelf", "-d", out):
        raise Failed("still needs one of our shared libraries")


def full_static(prefix, lib, stack):
    out = os.path.join(prefix.work, "full_static_" + lib)
    libs = prefix.archives(lib, [".a"])
    prefix.compile(lib, "consumer.c", out, ["-static"], libs)
    says_version(prefix, lib, out)
    nothing_above(family_symbols(out, stack), lib, stack)


def plugin(prefix, lib, stack):
    out = os.path.join(prefix.work, f"plugin_{lib}.so")
    libs = prefix.archives(lib, [".so", ".a"], whole=True)
    prefix.compile(lib, "plugin.c", out, ["-shared", "-fPIC", "-fvisibility=hidden"],
                   [*libs, "-Wl,--exclude-libs,ALL", "-Wl,-z,defs"])
    exported = set(re.findall(r" [A-Z] (\w+)", run("nm", "-D", "--defined-only", out)))
    if exported != {"plugin_version"}:
        raise Failed(f"exports {', '.join(sorted(exported))}")
    nothing_above(family_symbols(out, stack), lib, stack)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--build", "--stack", "--kind", "--cc"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    stack, cc = args.stack.split(","), args.cc.split("|")

    if not shutil.which("pkg-config"):
        print("1..0 # SKIP no pkg-config")
        return 0
    cases = [dynamic] if args.kind in ("shared", "both") else []
    cases += [static, full_static, plugin] if args.kind in ("static", "both") else []
    failed = count = 0
    with tempfile.TemporaryDirectory(prefix="hookprobe-consumers-") as work:
        try:
            prefix = Prefix(args.build, cc, work)
        except Failed as why:
            print("Bail out! cannot install: " + str(why).replace("\n", "\n# "))
            return 1
        for lib in stack:
            for case in cases:
                count += 1
                try:
                    case(prefix, lib, stack)
                    print(f"ok {count} - {lib}_{case.__name__}", flush=True)
                except Skipped as why:
                    print(f"ok {count} - {lib}_{case.__name__} # SKIP {why}", flush=True)
                except Failed as why:
                    failed += 1
                    print("# " + str(why).replace("\n", "\n# "))
                    print(f"not ok {count} - {lib}_{case.__name__}", flush=True)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
