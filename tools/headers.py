# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Reads a public header the way bindings do: preprocessed without the system's headers, then parsed."""
import os
import re
import subprocess
import tempfile

FIXED = ["uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t", "size_t"]
# Any distinct type will do: only the names matter.
TYPEDEFS = "\n".join(f"typedef unsigned long {name};" for name in FIXED) + "\n"


def preprocess(cc, include, header, *flags):
    """Text of the header alone: <stddef.h> and <stdint.h> are empty, attributes are blanked."""
    with tempfile.TemporaryDirectory() as stubs:
        for name in ("stddef.h", "stdint.h"):
            with open(os.path.join(stubs, name), "w", encoding="ascii"):
                pass
        return subprocess.check_output(
            [*cc, "-E", "-nostdinc", "-isystem", stubs, "-I", include, "-D__attribute__(x)=", *flags,
             "-x", "c", header], text=True, encoding="utf-8")


def parts_of(header):
    """hookprobe/ter.h may be in parts: hookprobe/ter/*.h, which it includes at its end."""
    folder = os.path.splitext(header)[0]
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.endswith(".h")]


def own_macros(cc, include, header):
    """name -> replacement of the object-like and function-like macros that this header and its parts define."""
    text = "\n".join(open(path, encoding="utf-8").read() for path in [header, *parts_of(header)])
    defined = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M))
    macros = {}
    for line in preprocess(cc, include, header, "-dM").splitlines():
        m = re.match(r"#define (\w+)(\([^)]*\))? ?(.*)", line)
        if m and m.group(1) in defined:
            macros[m.group(1) + (m.group(2) or "")] = m.group(3)
    return macros


def parse(cc, include, header):
    """(pycparser tree, its declarations that stand in this header and its parts)"""
    from pycparser import c_parser  # comes with cffi
    text = TYPEDEFS + preprocess(cc, include, header)
    tree = c_parser.CParser().parse(text, header)
    here = {os.path.realpath(path) for path in [header, *parts_of(header)]}
    own = [node for node in tree.ext
           if node.coord and os.path.realpath(node.coord.file) in here and not is_stub(node)]
    return tree, own


def is_stub(node):
    return getattr(node, "name", None) in FIXED


def library_of(header):
    folder = os.path.basename(os.path.dirname(header))
    return os.path.splitext(os.path.basename(header))[0] if folder == "hookprobe" else folder
