#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""The stack rule: a library includes and links only what stands below it, and its core touches no system.

usage: check-layers.py --root DIR --build DIR --stack LIB,LIB,... --name LIB [--shared FILE] [--archive FILE]

The sources of the library come from meson's own list of the target LIB_objs. Folders in SYSTEM may use the
system; every other object is core: it imports nothing but what ALLOWED lists, so it has no clock, socket,
file, environment, randomness, output, thread or exit of its own.
"""
import argparse
import json
import os
import re
import subprocess
import sys

import headers

# Folders whose rule is that they touch the system (ARCHITECTURE.md).
SYSTEM = {"ter": ["host", "tpm"], "neuro": [], "htp": ["posix"], "dsm": ["store"], "mesh": ["posix"]}

# Folders of experiments that are no part of their library: nothing of it may include them (LAB-1.1).
BESIDE = {"lab"}

# Outside packages: header -> the libraries (or folders, or files) that may include it; soname -> those that may link it.
HEADERS = {
    r"sodium\.h": ["ter", "neuro", "htp", "dsm", "mesh"],
    r"mbedtls/(ripemd160|version|ecdsa|ecp|aes)\.h": ["ter"],
    r"mbedtls/(asn1|oid|pk|x509_crt)\.h": ["ter/endorsement.c"],
    r"openssl/sha\.h": ["ter/sha256.h"],
    r"openssl/(evp|err)\.h": ["htp/openssl"],
    r"tss2/.*": ["ter/tpm"],
    r"pthread\.h": ["ter/tpm"],
    r"zlib\.h": ["htp", "mesh"],
    r"sqlite3\.h": ["dsm/store"],
    r"blst\.h": ["dsm/bls"],
    r"jansson\.h|idn2\.h": ["mesh"],
}
SONAMES = {
    r"libc\.so|ld-linux": ["ter", "neuro", "htp", "dsm", "mesh"],
    r"libsodium\.so": ["ter", "neuro", "htp", "dsm", "mesh"],
    r"libmbed(crypto|x509)\.so": ["ter"],
    r"libcrypto\.so": ["ter", "htp"],
    r"libtss2-(esys|mu)\.so": ["ter"],
    r"libz\.so": ["htp", "mesh"],
    r"libsqlite3\.so": ["dsm"],
    r"libblst\.so": ["dsm"],
    r"libjansson\.so|libidn2\.so": ["mesh"],
}
# Headers of C itself that hold nothing but types, limits, memory and string functions; and vector intrinsics.
PURE_HEADERS = r"(stddef|stdint|stdarg|stdbool|stdalign|stdatomic|string|limits|inttypes|assert|stdlib|stdio|immintrin" \
               r"|arm_neon|cpuid|valgrind/memcheck)\.h"

# What a core object may import, beside symbols of the family.
ALLOWED = [
    # memory and strings, and their forms of fortified and hardened builds
    r"(__)?(mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str(n?len|n?cmp|r?chr|chrnul|n?cpy|str|spn|cspn|pbrk))(_chk)?",
    r"bcmp|explicit_bzero|__explicit_bzero_chk|bsearch",  # clang writes memcmp() == 0 as bcmp
    r"(__)?v?snprintf(_chk)?",  # writes to memory only
    # the compiler's own
    r"__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__popcountdi2|__cpu_(model|indicator_init|features2)",
    r"__(u?(div|mod)|mul)ti3|__udivmodti4|__tls_get_addr",
    # pure functions of the packages
    r"crypto_(?!.*(_keygen|_keypair|_random|_seal|secretstream_.*_init_push|pwhash_str)$)\w+",
    r"crypto_sign(_ed25519)?_seed_keypair|crypto_(box|kx)_seed_keypair",
    r"sodium_(init|memcmp|memzero|stackzero|is_zero|compare|increment|add|sub|bin2hex|hex2bin|base642bin|bin2base64"
    r"|base64_encoded_len|pad|unpad|runtime_has_\w+)",
    r"crc32(_z|_combine)?|adler32(_z)?|(in|de)flate\w*",
    r"mbedtls_ripemd160\w*|mbedtls_version_\w+|mbedtls_(ecp|mpi|aes)_\w+|mbedtls_ecdsa_(verify|sign_det_ext)",
    r"mbedtls_asn1_get_\w+|mbedtls_pk_(can_do|get_bitlen|write_pubkey)|mbedtls_x509_dn_gets",
    r"mbedtls_x509_crt_(init|free|parse|verify_with_profile|check_\w+)",
    r"SHA256_(Init|Update|Final)|ERR_(set_mark|pop_to_mark)",
    r"EVP_CIPHER_(fetch|free|CTX_(new|free|ctrl))|EVP_Cipher(Init_ex2|Update|Final_ex)",
    r"idn2_\w+",
    r"blst_\w+",
    r"json_(?!.*(_file|loadf|loadfd|dumpf|dumpfd|set_alloc_funcs|object_seed)$)\w+|jsonp_\w+",
]
# Memory comes from the caller's struct hkp_mem; the default allocator stands in one file, for all.
ALLOCATION = r"malloc|free"
ALLOCATOR = "libter/options.h"


class Layers:
    def __init__(self, args):
        self.args, self.faults = args, []
        self.stack = args.stack.split(",")
        self.below = self.stack[:self.stack.index(args.name) + 1]

    def sources(self):
        listing = json.load(open(os.path.join(self.args.build, "meson-info", "intro-targets.json"),
                                 encoding="utf-8"))
        target = next(t for t in listing if t["name"] == self.args.name + "_objs")
        files = [f for group in target["target_sources"] for f in group.get("sources", [])]
        return sorted(os.path.relpath(f, self.args.root) for f in files)

    def folder_of(self, path):
        parts = path.split("/")
        return self.args.name + ("/" + parts[1] if len(parts) > 2 else "")

    def is_system(self, path):
        return any(path.startswith(f"lib{self.args.name}/{folder}/") for folder in SYSTEM[self.args.name])

    def may(self, table, word, folder, path=None):
        """None: the table does not know the word; else whether this folder or file may use it."""
        for pattern, users in table.items():
            if re.match(f"(?:{pattern})", word):
                return folder in users or folder.split("/")[0] in users or (path or "")[len("lib"):] in users
        return None

    def check_allocation(self, path):
        if path == ALLOCATOR or self.is_system(path):
            return
        text = open(os.path.join(self.args.root, path), encoding="utf-8").read()
        text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
        for m in re.finditer(r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|strn?dup|free)\s*\(", text):
            line = text.count("\n", 0, m.start()) + 1
            self.faults.append(f"{path}:{line}: {m.group(1)}: memory comes through {ALLOCATOR}")

    def check_includes(self, path):
        folder, system = self.folder_of(path), self.is_system(path)
        for number, line in enumerate(open(os.path.join(self.args.root, path), encoding="utf-8"), 1):
            found = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
            if not found:
                continue
            bracket, name = found.groups()
            where = f"{path}:{number}: includes {name}"
            if bracket == '"':
                lib = re.match(r"lib(\w+)/", name)
                if "../" in name or (lib and lib.group(1) not in self.below):
                    self.faults.append(f"{where}, which does not stand below lib{self.args.name}")
                elif not lib and not os.path.exists(os.path.join(self.args.root, os.path.dirname(path), name)):
                    self.faults.append(f"{where}, which is no file beside it")
                elif not system and re.search(rf"/({'|'.join(sum(SYSTEM.values(), ['-']))})/", name):
                    self.faults.append(f"{where}: the core knows no folder that touches the system")
            elif name.startswith("hookprobe/"):
                lib = name[len("hookprobe/"):-len(".h")].split("/")[0]
                if lib != "base" and lib not in self.below:
                    self.faults.append(f"{where}, which does not stand below lib{self.args.name}")
            else:
                allowed = self.may(HEADERS, name, folder, path)
                if allowed is False:
                    self.faults.append(f"{where}, a package that {folder} may not use")
                elif allowed is None and not system and not re.fullmatch(PURE_HEADERS, name):
                    self.faults.append(f"{where}: the core includes nothing of the system")

    def check_imports(self, sources):
        """nm of each object; the archive keeps meson's object names, which spell the path of the source."""
        objects = {path.replace("/", "_") + ".o": path for path in sources}
        text = subprocess.check_output(["nm", "-u", "-P", self.args.archive], text=True,
                                       stderr=subprocess.DEVNULL)
        seen, member = set(), None
        for line in text.splitlines():
            head = re.match(r".*\[(.*)\]:$", line)
            if head:
                member = os.path.basename(head.group(1))
                seen.add(member)
                continue
            symbol = line.split()[0]
            path = objects.get(member)
            if path is None or self.is_system(path):
                continue  # an object of a vendored package answers to check-symbols.py
            if re.fullmatch(ALLOCATION, symbol):
                continue  # by the default allocator; check_allocation() sees to it
            family = re.match(r"hkp_([a-z]+)_", symbol)
            if family and family.group(1) in self.below:
                continue
            if not any(re.fullmatch(pattern, symbol) for pattern in ALLOWED):
                self.faults.append(f"{path}: imports {symbol}, which is not on the list of a protocol core")
        for name in sorted(set(objects) - seen):
            self.faults.append(f"{self.args.archive}: no object {name}")

    def check_needed(self):
        text = subprocess.check_output(["readelf", "-d", self.args.shared], text=True)
        for soname in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            family = re.match(r"libhookprobe-(\w+)\.so", soname)
            if family:
                allowed = family.group(1) in self.below[:-1]
            else:
                allowed = self.may(SONAMES, soname, self.args.name)
            if not allowed:
                self.faults.append(f"{self.args.shared}: needs {soname}, which lib{self.args.name} may not use")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--root", "--build", "--stack", "--name"):
        parser.add_argument(name, required=True)
    parser.add_argument("--shared")
    parser.add_argument("--archive")
    layers = Layers(parser.parse_args())
    args = layers.args

    sources = layers.sources()
    own = [os.path.relpath(os.path.join(where, f), args.root)
           for where, _, files in os.walk(os.path.join(args.root, "lib" + args.name))
           for f in files if f.endswith((".c", ".h")) and os.path.basename(where) not in BESIDE]
    public = os.path.join(args.root, "include/hookprobe", args.name + ".h")
    public = {os.path.relpath(path, args.root) for path in [public, *headers.parts_of(public)]}
    for path in sorted(set(own) | public):
        layers.check_includes(path)
        layers.check_allocation(path)
    if args.archive:
        layers.check_imports(sources)
    if args.shared:
        layers.check_needed()

    for fault in layers.faults:
        print(fault)
    print(f"# lib{args.name}: {len(sources)} sources, {sum(map(layers.is_system, sources))} touch the system")
    return 1 if layers.faults else 0


if __name__ == "__main__":
    sys.exit(main())
