#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""The fixed form of a public header (style 2.9 and 2.10).

usage: check-docs.py --cc CC --include DIR HEADER

Every function says in one sentence what it does, then @param for each parameter, @retval or @return,
Cost:, Source:, Since:. No construct that a binding loses silently. Structs of other headers pass by pointer.
"""
import argparse
import os
import re
import sys

import headers

FORBIDDEN_WORDS = ["bool", "_Bool", "long", "short", "float", "double", "time_t", "FILE", "va_list", "__int128"]


class Checker:
    def __init__(self, path, lib, own, tree):
        from pycparser import c_ast
        self.ast, self.path, self.lib, self.faults = c_ast, path, lib, []
        self.lines = open(path, encoding="utf-8").read().split("\n")
        self.own_structs = {n.type.name for n in tree.ext
                            if isinstance(getattr(n, "type", None), c_ast.Struct) and self.is_of(n, lib)}
        self.typedefs = {n.name: n.type for n in tree.ext if isinstance(n, c_ast.Typedef)}
        self.defined = {n.type.name for n in tree.ext
                        if isinstance(getattr(n, "type", None), c_ast.Struct) and n.type.decls}

    @staticmethod
    def is_of(node, lib):
        """Does the declaration stand in a header of this library, the main one or a part?"""
        return headers.library_of(os.path.realpath(node.coord.file)) == lib if node.coord else False

    def fault(self, node, text):
        self.faults.append(f"{self.path}:{node.coord.line}: {text}")

    # ---- comments

    def comment_above(self, line):
        """Text of the /** */ block that ends right above the declaration on this line (from 1), or None."""
        at = line - 2
        while at >= 0 and re.match(r"\s*HKP_(API|MUST_USE)\b[^;(]*$", self.lines[at]):
            at -= 1  # the attribute and the type may stand on a line of their own
        if at < 0 or not self.lines[at].rstrip().endswith("*/"):
            return None
        end = at
        while at >= 0 and "/*" not in self.lines[at]:
            at -= 1
        block = "\n".join(self.lines[at:end + 1])
        if not block.lstrip().startswith("/**"):
            return None
        return "\n".join(re.sub(r"^\s*(/\*\*|\*/|\*)\s?", "", row) for row in block.split("\n")).rstrip("*/ \n")

    def check_function(self, node):
        name = node.name
        doc = self.comment_above(node.coord.line)
        if doc is None:
            self.fault(node, f"{name}: no /** */ comment right above")
            return
        first = doc.strip().split("\n\n")[0].split("\n@")[0]
        if not re.match(r"\S.*[.:?]", first, re.S):
            self.fault(node, f"{name}: the comment does not begin with one sentence")
        params = node.type.args.params if node.type.args else []
        names = []
        for param in params:
            if isinstance(param, self.ast.EllipsisParam):
                self.fault(node, f"{name}: variable arguments")
            elif isinstance(param.type, self.ast.TypeDecl) and getattr(param.type.type, "names", []) == ["void"]:
                pass
            elif param.name is None:
                self.fault(node, f"{name}: a parameter has no name")
            else:
                names.append(param.name)
                self.check_by_value(node, param.type, f"{name}: parameter {param.name}")
        told = [word for group in re.findall(r"@param\s+(\w+(?:\s*,\s*\w+)*)", doc)
                for word in re.split(r"\s*,\s*", group)]
        for param in names:
            if param not in told:
                self.fault(node, f"{name}: no @param {param}")
        for param in told:
            if param not in names:
                self.fault(node, f"{name}: @param {param}, but there is no such parameter")
        result = node.type.type
        gives = not (isinstance(result, self.ast.TypeDecl) and getattr(result.type, "names", []) == ["void"])
        if gives and not re.search(r"@(retval|return)\b", doc):
            self.fault(node, f"{name}: neither @retval nor @return")
        if gives and isinstance(result, self.ast.TypeDecl) and isinstance(result.type, self.ast.Struct):
            self.fault(node, f"{name}: returns a struct")
        for word, more in (("Cost", ""), ("Source", ""), ("Since", rf"\s*hookprobe-{self.lib} \d+\.\d+")):
            if not re.search(rf"^{word}:{more or ' *[^ ]'}", doc, re.M):
                self.fault(node, f"{name}: no line \"{word}:\"" + (" with library and version" if more else ""))

    # ---- constructs

    def check_by_value(self, node, kind, what):
        """A struct by value must be one of this header or of base.h, never a lower library's (style 2.2)."""
        while isinstance(kind, self.ast.ArrayDecl):
            kind = kind.type
        if isinstance(kind, self.ast.TypeDecl) and isinstance(kind.type, self.ast.Struct):
            name = kind.type.name
            if name not in self.own_structs and name not in ("hkp_mem", "hkp_rng"):
                self.fault(node, f"{what}: struct {name} of another header by value")

    def check_constructs(self, node):
        checker = self

        class Visitor(self.ast.NodeVisitor):
            def visit_Union(self, inner):
                checker.fault(node, "union")

            def visit_Struct(self, inner):
                if inner.name is None:
                    checker.fault(node, "struct without a name")
                for decl in inner.decls or []:
                    if decl.bitsize is not None:
                        checker.fault(decl, f"bit-field {decl.name}")
                    if isinstance(decl.type, checker.ast.ArrayDecl) and decl.type.dim is None:
                        checker.fault(decl, f"flexible array {decl.name}")
                    checker.check_by_value(decl, decl.type, f"member {decl.name}")
                self.generic_visit(inner)

            def visit_Enum(self, inner):
                if inner.name is not None:
                    checker.fault(node, f"enum {inner.name}: constants stand in enums without a name")
                self.generic_visit(inner)

            def visit_IdentifierType(self, inner):
                for word in set(inner.names) & set(FORBIDDEN_WORDS):
                    checker.fault(node, f"type {word}")

            def visit_FuncDef(self, inner):
                checker.fault(inner, "function body in a header")

        Visitor().visit(node)
        if isinstance(node, self.ast.Typedef) and isinstance(node.type.type, self.ast.Enum):
            self.fault(node, "typedef of an enum")


    def check_numbers(self, tree):
        """Events and result codes have numbers of their own, whatever header of the library they stand in."""
        seen = {}
        for enum in (n.type for n in tree.ext if self.is_of(n, self.lib) and isinstance(getattr(n, "type", None), self.ast.Enum)):
            for one in enum.values.enumerators if enum.values else ():
                family = re.match(r"HKP_[A-Z]+_(EV|EVENT|E)_", one.name)
                if family is None or not isinstance(one.value, self.ast.Constant):
                    continue
                other = seen.setdefault((family.group(0), int(one.value.value.rstrip("uUlL"), 0)), one.name)
                if other != one.name:
                    self.fault(one, f"{one.name} has the number of {other}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--cc", "--include"):
        parser.add_argument(name, required=True)
    parser.add_argument("header")
    args = parser.parse_args()
    cc, lib = args.cc.split("|"), headers.library_of(args.header)

    tree, own = headers.parse(cc, args.include, args.header)
    own = [n for n in own if os.path.realpath(n.coord.file) == os.path.realpath(args.header)]  # parts: on their own
    checker = Checker(args.header, lib, own, tree)
    functions = 0
    checker.check_numbers(tree)
    for node in own:
        checker.check_constructs(node)
        if isinstance(node, checker.ast.Decl) and isinstance(node.type, checker.ast.FuncDecl):
            functions += 1
            if not node.name.startswith(f"hkp_{lib}_") or "__" in node.name:
                checker.fault(node, f"{node.name}: not of the form hkp_{lib}_<noun>_<verb>")
            checker.check_function(node)
    for name, value in headers.own_macros(cc, args.include, args.header).items():
        if "(" in name:
            checker.faults.append(f"{args.header}: function-like macro {name}")
        elif re.search(r"\(\s*\(?\s*\w*(int|size|unsigned|char)\w*\s*\)", value):
            checker.faults.append(f"{args.header}: cast in macro {name}, which bindings do not see")
    raw = open(args.header, encoding="utf-8").read()
    if re.search(r"\bstatic\s+inline\b", raw):
        checker.faults.append(f"{args.header}: static inline function")
    for number, line in enumerate(raw.split("\n"), 1):
        if re.search(r"[;,]\s*/\*\*", line):
            checker.faults.append(f"{args.header}:{number}: comment behind a member, which bindgen garbles")
    for name in re.findall(r"#\s*include\s*([<\"][^>\"]+[>\"])", raw):
        if not re.fullmatch(r"<(stddef\.h|stdint\.h|hookprobe/[\w/]+\.h)>", name):
            checker.faults.append(f"{args.header}: includes {name}")
    for fault in checker.faults:
        print(fault)
    print(f"# {functions} functions in {args.header}")
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
