#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""embed.py FILE NAME OUT: a file as an array of bytes in C, and the number of them."""
import sys

path, name, out = sys.argv[1:]
with open(path, "rb") as f:
    data = f.read()
with open(out, "w", encoding="ascii") as f:
    f.write(f"static const unsigned char {name}[{len(data)}] = {{\n")
    for at in range(0, len(data), 24):
        f.write(" ".join(f"{byte}," for byte in data[at:at + 24]) + "\n")
    f.write("};\n")
