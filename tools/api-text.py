#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""The public interface of one library as text: every declaration and every macro of its header.

usage: api-text.py --cc CC --include DIR --baseline FILE [--save] HEADER

Compares the text with FILE and shows what differs; --save writes it. abidiff sees neither constants nor
macros, this does (style 2.12).
"""
import argparse
import difflib
import os
import sys

import headers


def api_text(cc, include, header):
    from pycparser import c_generator
    generator = c_generator.CGenerator()
    lines = []
    for name, value in sorted(headers.own_macros(cc, include, header).items()):
        if value or "(" in name:  # a name without a value is an include guard
            lines.append(f"#define {name} {value}".rstrip())
    _, own = headers.parse(cc, include, header)
    return "\n".join(lines + [""] + [generator.visit(node).rstrip() + ";" for node in own]) + "\n"


def main():
    parser = argparse.ArgumentParser()
    for name in ("--cc", "--include", "--baseline"):
        parser.add_argument(name, required=True)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("header")
    args = parser.parse_args()

    now = api_text(args.cc.split("|"), args.include, args.header)
    if args.save:
        with open(args.baseline, "w", encoding="utf-8") as out:
            out.write(now)
        return 0
    before = ""
    if os.path.exists(args.baseline):
        before = open(args.baseline, encoding="utf-8").read()
    if before == now:
        return 0
    sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), now.splitlines(True),
                                               args.baseline, args.header))
    print(f"\nThe public interface in {args.header} changed. If that is wanted: ninja -C BUILD api-save, "
          "a line in docs/APICHANGES.md, and a commit titled \"abi:\".", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
