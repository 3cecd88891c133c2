#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""bindgen reads each public header; a Rust program from the result links the library and calls it. Prints TAP."""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import headers

PROGRAM = """
#[allow(non_camel_case_types, non_upper_case_globals, non_snake_case, dead_code)]
mod sys {{
    include!("{bindings}");
}}
/* Every function is named, so that each must resolve. */
static ALL: [unsafe extern "C" fn(); {count}] = unsafe {{ [{functions}] }};
fn main() {{
    assert!(ALL.iter().all(|f| *f as usize != 0));
    assert_eq!(sys::HKP_OK, 0);
    let text = unsafe {{ std::ffi::CStr::from_ptr(sys::hkp_{lib}_version()) }};
    println!("{{}}", text.to_str().unwrap());
}}
"""


def run(*command, env=None):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(" ".join(command) + "\n" + done.stderr[:2000])
    return done.stdout


def use(flags, cc, include, libdir, lib, work):
    header = os.path.join(include, "hookprobe", lib + ".h")
    bindings = os.path.join(work, lib + ".rs")
    run("bindgen", *flags, "-o", bindings, header, "--", "-I", include)
    bound = set(re.findall(rf"pub fn (hkp_{lib}_\w+)", open(bindings, encoding="utf-8").read()))
    _, own = headers.parse(cc, include, header)
    functions = sorted(n.name for n in own if type(n.type).__name__ == "FuncDecl")
    lost = set(functions) - bound
    if lost:
        raise AssertionError("bindgen lost " + ", ".join(sorted(lost)))

    source, program = os.path.join(work, lib + "_main.rs"), os.path.join(work, lib)
    with open(source, "w", encoding="utf-8") as out:
        out.write(PROGRAM.format(bindings=bindings, lib=lib, count=len(functions), functions=", ".join(
            f"std::mem::transmute(sys::{name} as *const ())" for name in functions)))
    run("rustc", "--edition", "2021", "-o", program, source, "-L", libdir, "-l", f"dylib=hookprobe-{lib}",
        "-C", "link-arg=-Wl,-rpath-link," + libdir)
    said = run(program, env=dict(os.environ, LD_LIBRARY_PATH=libdir)).strip()
    macros = headers.own_macros(cc, include, header)
    wanted = ".".join(macros[f"HKP_{lib.upper()}_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH"))
    if said != wanted:
        raise AssertionError(f"says version {said}, the header says {wanted}")
    return len(functions)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--include", "--libdir", "--stack", "--cc", "--flags"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    for tool in ("bindgen", "rustc"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP no {tool}")
            return 0
    flags = shlex.split(open(args.flags, encoding="utf-8").read())
    failed = 0
    stack = args.stack.split(",")
    with tempfile.TemporaryDirectory(prefix="hookprobe-rust-") as work:
        for count, lib in enumerate(stack, 1):
            try:
                functions = use(flags, args.cc.split("|"), args.include, args.libdir, lib, work)
                print(f"ok {count} - {lib}: {functions} functions bound", flush=True)
            except AssertionError as why:
                failed += 1
                print("# " + str(why).replace("\n", "\n# "))
                print(f"not ok {count} - {lib}", flush=True)
    print(f"1..{len(stack)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
