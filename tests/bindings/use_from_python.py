#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""cffi in ABI mode reads each public header, opens the shared library, and calls into it. Prints TAP."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import headers


def use(cffi, cc, include, libdir, lib):
    """Declares the header, finds every function of it in the library, asks for the version."""
    header = os.path.join(include, "hookprobe", lib + ".h")
    ffi = cffi.FFI()
    ffi.cdef(headers.preprocess(cc, include, header, "-P"))
    library = ffi.dlopen(os.path.join(libdir, f"libhookprobe-{lib}.so"))
    _, own = headers.parse(cc, include, header)
    functions = [n.name for n in own if type(n.type).__name__ == "FuncDecl"]
    for name in functions:
        getattr(library, name)
    macros = headers.own_macros(cc, include, header)
    wanted = ".".join(macros[f"HKP_{lib.upper()}_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH"))
    said = ffi.string(getattr(library, f"hkp_{lib}_version")()).decode()
    if said != wanted:
        raise AssertionError(f"says version {said}, the header says {wanted}")
    return len(functions)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--include", "--libdir", "--stack", "--cc", "--flags"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    try:
        import cffi
    except ImportError:
        print("1..0 # SKIP no cffi")
        return 0
    failed = 0
    stack = args.stack.split(",")
    for count, lib in enumerate(stack, 1):
        try:
            functions = use(cffi, args.cc.split("|"), args.include, args.libdir, lib)
            print(f"ok {count} - {lib}: {functions} functions found")
        except Exception as why:  # whatever a binding trips over is a fault of the header
            failed += 1
            print(f"# {type(why).__name__}: {why}".replace("\n", "\n# "))
            print(f"not ok {count} - {lib}")
    print(f"1..{len(stack)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
