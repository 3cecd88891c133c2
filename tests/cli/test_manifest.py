#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe ter manifest: from YAML to what a node takes; hostile files; diff. TAP on standard output."""
import json
import os
import subprocess
import sys

from nodes import PROGRAM, case, run_cases

EXAMPLE = sys.argv[2]
NODE = "00112233445566778899aabbccddeeff"


def run(*words, timeout=60):
    return subprocess.run([PROGRAM, "ter", "manifest", *words], capture_output=True, text=True, timeout=timeout)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stdout}{result.stderr}"
    for words in in_stderr:
        assert words in result.stderr, f"{words!r} is not in {result.stderr!r}"
    return result


def write(folder, name, text, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    return path


def key_of(folder):
    """A policy key and its public half, as provisioning writes them."""
    mesh = os.path.join(folder, "mesh")
    subprocess.run([PROGRAM, "provision", "--dir", mesh, "--nodes", "1"], check=True, capture_output=True)
    return os.path.join(mesh, "authority", "policy.key"), os.path.join(mesh, "node1", "policy.pub")


def site(folder):
    """A small tree and the YAML that wants it."""
    etc = os.path.join(folder, "etc")
    os.makedirs(os.path.join(etc, "sub"))
    for name in ("a.conf", "b.conf", "sub/c", "sub/d.bak"):
        write(etc, name, name)
    os.symlink("a.conf", os.path.join(etc, "link"))
    return etc, write(folder, "m.yaml", f"""# comment
files:
  - path: {etc}/a.conf
folders:
  - path: {etc}
    exclude: ["*.bak"]
globs:
  - path: {etc}/*.conf
modules:
  allow: [vfat, ext4, vfat]
""")


@case
def every_command_knows_help_and_json(folder):
    for word in ("build", "sign", "show", "diff"):
        got = expect(run(word, "--help"), 0)
        assert got.stdout.startswith("usage: hookprobe ter manifest " + word), word
        assert "--json" in got.stdout and "exit: 0" in got.stdout, word
    expect(run(), 2, "ter manifest build", "ter manifest diff")
    expect(run("build"), 2, "--out")
    expect(run("sign", "x", "--out", "y", "--key", "z"), 2, "--policy-ver")
    expect(run("sign", "x", "--out", "y", "--key", "z", "--policy-ver", "0"), 2, "--policy-ver: 1..")
    expect(run("sign", "x", "--out", "y", "--key", "z", "--policy-ver", "1", "--measured", "m"), 2, "--rebase")
    expect(run("diff", "x"), 2, "two manifests")
    expect(run("show", os.path.join(folder, "none")), 3, "none")


@case
def the_example_builds_on_this_machine(folder):
    out = os.path.join(folder, "draft")
    made = json.loads(expect(run("build", EXAMPLE, "--out", out, "--json"), 0).stdout)
    shown = json.loads(expect(run("show", out, "--json"), 0).stdout)
    paths = [i.get("path") for i in shown["items"]]
    assert made["items"] == len(paths) and paths == sorted(paths, key=str.encode)
    assert {"/etc/passwd", "@cmdline", "@manifest", "@modules", os.path.realpath(PROGRAM)} <= set(paths), paths
    assert shown["allow"] == ["ext4", "nf_tables", "vfat"] and shown["signature"] == "none: a draft"
    missing = {i["path"]: i["outcome"] for i in made["missing"]}
    for path, outcome in missing.items():
        assert outcome == "unreadable" or path.startswith("@") or not os.path.exists(path), path


@case
def a_draft_becomes_a_manifest_and_its_reference(folder):
    etc, yaml = site(folder)
    key, public = key_of(folder)
    draft, man, rba, measured = (os.path.join(folder, n) for n in ("draft", "man", "rba", "measured"))
    made = json.loads(expect(run("build", yaml, "--out", draft, "--measured", measured, "--json"), 0).stdout)
    assert made["items"] == 6 and made["allow"] == 2 and made["empty"] == []  # a, b, link, c, @manifest, @modules
    sign = ("sign", draft, "--out", man, "--key", key, "--policy-ver", "7")
    expect(run(*sign, "--rebase", rba), 2, "--node")
    absent = [i["path"] for i in made["missing"]]
    accept = ["--accept-missing"] if absent else []
    assert absent in ([], ["@modules"])
    told = json.loads(expect(run(*sign, "--node", NODE, "--rebase", rba, *accept, "--json"), 0).stdout)
    shown = json.loads(expect(run("show", man, "--public", public, "--json"), 0).stdout)
    assert shown["signature"] == "right" and shown["policy_ver"] == 7 and shown["node_id"] == NODE
    assert shown["digest"] == told["digest"] and os.path.getsize(rba) == 192
    here = open(rba, "rb").read()
    expect(run(*sign, "--node", NODE, "--rebase", rba, "--measured", measured, *accept), 0)  # on another machine
    assert open(rba, "rb").read()[40:96] == here[40:96], "R' is another"
    live = ("diff", man, "--live", "--measured", measured, "--rebase", rba, "--public", public)
    assert expect(run(*live), 0).stdout == ""

    write(etc, "a.conf", "other!")
    os.unlink(os.path.join(etc, "b.conf"))
    os.unlink(os.path.join(etc, "sub", "c"))
    os.mkfifo(os.path.join(etc, "sub", "c"))
    got = json.loads(expect(run(*live, "--json"), 1).stdout)["differences"]
    assert {(d["what"], os.path.basename(d["path"])) for d in got} == {
        ("changed", "a.conf"), ("absent", "b.conf"), ("unreadable", "c"), ("reference", "R")}, got
    damaged = bytearray(open(man, "rb").read())
    damaged[70] ^= 1
    expect(run("show", write(folder, "bad", bytes(damaged)), "--public", public), 1)
    expect(run("show", write(folder, "bad", bytes(damaged[:100]))), 4, "MAN_LENGTH")


@case
def a_node_takes_what_was_signed_for_it(folder):
    _, yaml = site(folder)
    mesh = os.path.join(folder, "mesh")
    made = json.loads(subprocess.run([PROGRAM, "provision", "--dir", mesh, "--nodes", "1", "--trust-clock", "--json"],
                                     check=True, capture_output=True, text=True).stdout)["nodes"][0]
    draft = os.path.join(folder, "draft")
    expect(run("build", yaml, "--out", draft), 0)
    expect(run("sign", draft, "--out", os.path.join(made["data_dir"], "manifest"), "--rebase",
               os.path.join(made["data_dir"], "rebase"), "--node", made["node_id"], "--policy-ver", "1",
               "--key", os.path.join(mesh, "authority", "policy.key"), "--accept-missing"), 0)
    got = subprocess.run([PROGRAM, "node", "run", "--check", "--config", made["config"]], capture_output=True,
                         text=True, timeout=60)
    assert got.returncode == 0, got.stderr
    expect(run("diff", os.path.join(made["data_dir"], "manifest"), "--live", "--rebase",
               os.path.join(made["data_dir"], "rebase"), "--public",
               os.path.join(made["data_dir"], "policy.pub")), 0 if os.path.exists("/proc/modules") else 1)


@case
def a_key_that_others_can_read_signs_nothing(folder):
    _, yaml = site(folder)
    key, _ = key_of(folder)
    draft, man = os.path.join(folder, "draft"), os.path.join(folder, "man")
    expect(run("build", yaml, "--out", draft), 0)
    secret = open(key, "rb").read()
    sign = ("sign", draft, "--out", man, "--policy-ver", "1", "--key")
    for mode in (0o640, 0o604, 0o660, 0o644):
        expect(run(*sign, write(folder, "key", secret, mode)), 2, "chmod 600")
    expect(run(*sign, write(folder, "key", secret[:63], 0o600)), 4, "64 bytes")
    expect(run(*sign, write(folder, "key", secret + b"x", 0o600)), 4, "64 bytes")
    expect(run(*sign, write(folder, "key", bytes(64), 0o600)), 4, "does not sign")
    os.chmod(key, 0o600)
    expect(run(*sign, key), 0)
    expect(run("sign", yaml, "--out", man, "--policy-ver", "1", "--key", key), 4, "no manifest")


@case
def two_manifests_are_compared(folder):
    etc, yaml = site(folder)
    old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
    expect(run("build", yaml, "--out", old), 0)
    assert expect(run("diff", old, old), 0).stdout == ""
    other = write(folder, "n.yaml", f"""
files:
  - path: {etc}/a.conf
    method: fs-verity
  - path: {etc}/new
links: ["{etc}/link"]
globs: [{{path: "{etc}/b*"}}]
modules: {{allow: [xfs, ext4]}}
node_id: "{NODE}"
""")
    expect(run("build", other, "--out", new), 0)
    got = json.loads(expect(run("diff", old, new, "--json"), 1).stdout)["differences"]
    assert {(d["what"], os.path.basename(d["path"])) for d in got} == {
        ("method", "a.conf"), ("added", "new"), ("removed", "c"), ("disallowed", "vfat"), ("allowed", "xfs"),
        ("node", "@manifest")}, got


@case
def what_is_missing_is_named_and_strict_refuses_it(folder):
    out = os.path.join(folder, "draft")
    yaml = write(folder, "m.yaml", f"files:\n  - path: {folder}/none\nglobs:\n  - path: {folder}/*.so\n"
                                   f"folders:\n  - path: {folder}/nowhere\n")
    got = expect(run("build", yaml, "--out", out, "--strict"), 1, "nothing was written")
    assert "absent" in got.stdout and not os.path.exists(out)
    made = json.loads(expect(run("build", yaml, "--out", out, "--json"), 0).stdout)
    assert made["missing"] == [{"path": f"{folder}/none", "outcome": "absent"}]
    assert made["empty"] == [f"{folder}/nowhere", f"{folder}/*.so"]


@case
def hostile_yaml_gets_a_clean_error_with_a_line(folder):
    os.mkfifo(os.path.join(folder, "pipe"))
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8))
    for text, line, *words in (
            ("", 1, "sets nothing"),
            ("nonsense", 1),
            ("- a\n- b\n", 1),
            ("files: 7\n", 1, "files"),
            ("files:\n  - /etc/passwd\n", 2, "MAPPING"),
            ("# x\nfiles:\n  - path: /etc/passwd\n    mthod: content\n", 4, "Unexpected key: mthod"),
            ("method: md5\n", 1, "method", "words allowed"),
            ("symlinks: maybe\n", 1, "symlinks"),
            ("own_binaries: yes\n", 1, "own_binaries"),
            ("files:\n  - method: content\n", None, "path"),
            ("files:\n  - path: /etc/passwd\n  - path: etc/group\n", 3, "etc/group", "absolute"),
            ("files:\n  - path: /etc/passwd\n  - path: /etc/../etc/shadow\n", 3, "/etc/../etc/shadow"),
            ("files:\n  - path: /x\n    method: content\n  - path: /x\n    method: fs-verity\n", 2, "twice"),
            (f"folders:\n  - path: {folder}\n", 2, "pipe", "device, pipe or socket"),
            (f"globs:\n\n  - path: {folder}/p*\n", 3, "pipe"),
            ("folders:\n  - path: /proc\n", 2),
            ("modules:\n  allow: [ext4, \"two words\"]\n", 2, "two words"),
            ("node_id: " + "z" * 32 + "\n", 1, "32 hex digits"),
            ("node_id: abc\n", 1, "node_id"),
            ("kernel: {image: vmlinuz}\n", 1, "image"),
            ("files: &a\n  - path: /etc/passwd\nlinks: *a\n", 3, "links", "lias"),
            (bomb, 1),
            ("files: " + "[" * 20000, None),
            ("files: " + "{a: " * 20000, None),
            ("files:\n  - path: /" + "x" * 5000 + "\n", None, "path"),
            ("files:\n\t- path: /x\n", None),
            ("method: content\nmethod: content\n", 2, "already seen"),
            (b"files:\n  - path: \"/\xff\xfe\"\n", None),
            (b"method: content\0\n", None, "zero byte"),
            ("# long\n" * 50000, None, "longer than"),
    ):
        path = write(folder, "m.yaml", text)
        got = run("build", path, "--out", os.path.join(folder, "out"))
        assert got.returncode == 2, (text[:60], got.returncode, got.stderr[:200])
        assert got.stderr.startswith(f"hookprobe: {path}:") and len(got.stderr) < 1200, (text[:60], got.stderr[:300])
        assert got.stderr.count("\n") == 1 and got.stdout == "", (text[:60], got.stderr[:300])
        if line is not None:
            assert got.stderr.startswith(f"hookprobe: {path}:{line}:"), (text[:60], got.stderr[:300])
        for word in words:
            assert word in got.stderr, (text[:60], word, got.stderr[:300])
        assert not os.path.exists(os.path.join(folder, "out"))
    expect(run("build", os.path.join(folder, "none.yaml"), "--out", "x"), 2, "none.yaml")


@case
def a_false_list_of_what_was_measured_is_refused(folder):
    _, yaml = site(folder)
    key, _ = key_of(folder)
    draft, measured = os.path.join(folder, "draft"), os.path.join(folder, "measured")
    expect(run("build", yaml, "--out", draft, "--measured", measured), 0)
    good = json.load(open(measured))
    for change in (lambda m: m["items"].pop(), lambda m: m["items"].reverse(), lambda m: m.pop("items"),
                   lambda m: m["items"][0].update(path="/other"), lambda m: m["items"][0].update(kind="link"),
                   lambda m: m["items"][0].update(outcome="fs-verity"), lambda m: m["items"][0].update(digest="00"),
                   lambda m: m["items"][0].update(outcome="absent"), lambda m: m["items"][0].pop("path"),
                   lambda m: m["items"][0].update(digest=7)):
        false = json.loads(json.dumps(good))
        change(false)
        expect(run("sign", draft, "--out", os.path.join(folder, "man"), "--key", key, "--policy-ver", "1", "--node",
                   NODE, "--rebase", os.path.join(folder, "rba"), "--accept-missing", "--measured",
                   write(folder, "false", json.dumps(false))), 4, "false")
        assert not os.path.exists(os.path.join(folder, "man")) and not os.path.exists(os.path.join(folder, "rba"))
    expect(run("diff", draft, "--live", "--measured", write(folder, "false", "{")), 4, "false:1")


if __name__ == "__main__":
    sys.exit(run_cases())
