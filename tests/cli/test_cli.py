#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""The program as its users meet it: exit codes, where errors are, JSON that parses. TAP on standard output."""
import hashlib
import json
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import time
import zlib

from nodes import PROGRAM, case, run_cases
from swtpm import Swtpm


def run(*words, timeout=60):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=timeout)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stderr}"
    for words in in_stderr:
        assert words in result.stderr, f"{words!r} is not in {result.stderr!r}"


HEX32, HEX64 = "0" * 32, "0" * 64
PEER = f"""  - node_id: "{HEX32}"
    key: "{HEX64}"
    address: "127.0.0.1:9"
"""


@case
def every_command_knows_help_and_json(folder):
    for words in (["node", "run"], ["status"], ["intel", "lookup"], ["intel", "list"], ["ter", "capture"],
                  ["ter", "hardware"], ["ter", "log"], ["ter", "verify"], ["ter", "export"], ["tpm", "status"], ["tpm", "ak"],
                  ["tpm", "quote"], ["tpm", "verify"], ["tpm", "authorize"], ["keys"], ["trust", "release"],
                  ["policy", "apply"], ["provision"], ["demo"], ["file", "key"], ["file", "serve"], ["file", "put"],
                  ["file", "get"], ["file", "ls"], ["file", "stat"], ["file", "rm"], ["ca", "init"], ["ca", "request"],
                  ["ca", "sign"], ["ca", "order"], ["policy", "sign"], ["policy", "list"], ["workload", "sign"],
                  ["workload", "assign"], ["workload", "verify"], ["workload", "show"], ["workload", "list"], ["ca", "revoke"], ["ca", "restart"], ["ca", "show"], ["restart", "check"], ["restart", "apply"], ["store", "check"], ["store", "repair"],
                  ["store", "export"], ["store", "import"], ["audit", "show"], ["audit", "verify"], ["node", "submit"],
                  ["node", "ask"], ["node", "send"], ["node", "retire"], ["node", "tombstone"],
                  ["node", "telemetry"]):
        got = run(*words, "--help")
        expect(got, 0)
        assert got.stdout.startswith("usage: hookprobe " + " ".join(words)), words
        assert "--json" in got.stdout and "exit: 0" in got.stdout, words
        assert got.stderr == ""
    expect(run("--help"), 0)
    assert set(json.loads(run("version", "--json").stdout)) == {"ter", "neuro", "htp", "dsm", "mesh"}


@case
def wrong_use_is_exit_2_and_says_what(folder):
    expect(run(), 2, "usage:")
    expect(run("fly"), 2, "no such command: fly")
    expect(run("ter"), 2, "ter capture", "ter log", "ter verify", "ter export")
    expect(run("ter", "log"), 2, "one folder")
    expect(run("policy"), 2, "policy apply")
    expect(run("file"), 2, "file put", "file get", "file serve")
    expect(run("policy", "apply", "--manifest", "x"), 2, "--manifest FILE and --rebase FILE")
    expect(run("policy", "apply", "--manifest", folder, "--rebase", folder), 2, "which node")
    expect(run("policy", "apply", "--manifest", folder + "/none", "--rebase", folder, "--control", "x"), 3,
           "none: No such file")
    expect(run("ter", "log", "--last", "0", folder), 2, "--last")
    expect(run("ter", "log", "--last", "3", "--from", "1", folder), 2, "neither")
    expect(run("ter", "export", folder, "--from", "1"), 2, "--out")
    expect(run("ter", "verify"), 2, "one folder or file")
    expect(run("ter", "capture", "--count", "none"), 2, "--count")
    expect(run("ter", "capture", "--count"), 2, "wants a value")
    expect(run("ter", "capture", "--wings"), 2, "no such option: --wings")
    expect(run("ter", "capture", "more"), 2, "more")
    expect(run("tpm"), 2, "tpm status", "tpm verify")
    expect(run("tpm", "status", "--tcti", "mssim:"), 2, "--tcti") if not no_tpm() else None
    expect(run("tpm", "quote"), 2, "--ak FILE")
    expect(run("tpm", "verify", "--extra", "00"), 2, "64 hex digits")
    expect(run("tpm", "verify", "--pcrs", "24"), 2, "0..23")
    expect(run("keys"), 2, "--keys FILE")
    expect(run("keys", "--keys", "x", "--to", "gold"), 2, "plain, passphrase or tpm")
    expect(run("node", "run"), 2, "--config")
    expect(run("intel", "lookup", "ip4"), 2, "TYPE and VALUE")
    expect(run("intel", "lookup", "ip9", "1.2.3.4"), 2, "no such type: ip9")
    expect(run("status"), 2, "--config FILE or --control PATH")


def no_tpm():
    """Is there nothing to try TPM commands with? Says so."""
    missing = not shutil.which("swtpm")
    absent = "built without TPM" in run("tpm", "status", "--tcti", "swtpm:path=/nonexistent").stderr
    if missing or absent:
        print("# left out:", "no swtpm" if missing else "built without TPM support")
    return missing or absent


@case
def a_quote_is_made_and_judged_and_keys_are_sealed(folder):
    if no_tpm():
        return
    ak, quote, keys, operator = (os.path.join(folder, name) for name in ("ak", "quote", "keys", "operator"))
    extra, other = "05" * 32, "06" * 32
    with Swtpm(folder) as tpm:
        tcti = ["--tcti", tpm.tcti]
        told = run("tpm", "status", "--json", *tcti)
        expect(told, 0)
        digest = json.loads(told.stdout)["pcr_digest"]
        name = json.loads(run("tpm", "ak", "--out", ak, "--json", *tcti).stdout)["ak_name"]
        expect(run("tpm", "quote", "--ak", ak, "--extra", extra, "--out", quote, *tcti), 0)
        verify = ["tpm", "verify", "--area", ak + ".area", "--quote", quote, "--json"]
        good = run(*verify, "--extra", extra, "--digest", digest)
        expect(good, 0)
        assert json.loads(good.stdout)["ak_name"] == name
        for words, result in ((["--extra", other, "--digest", digest], "E_TER_QUOTE_EXTRA"),
                              (["--extra", extra, "--digest", other], "E_TER_QUOTE_PCR"),
                              (["--extra", extra, "--digest", digest, "--pcrs", "0"], "E_TER_QUOTE_PCR")):
            bad = run(*verify, *words)
            expect(bad, 1)
            assert json.loads(bad.stdout)["result"] == result

        secret = b"HKPKEYS1" + bytes(range(96))
        plain = secret + zlib.crc32(secret).to_bytes(4, "little")
        with open(os.open(keys, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(plain)
        signed = ["tpm", "authorize", "--key", operator, "--out", keys + ".pca", "--json", *tcti]
        key = json.loads(run(*signed, "--new").stdout)["pca_key"]
        expect(run(*signed, "--new"), 2, "is there already")
        expect(run("keys", "--keys", keys, "--to", "tpm", "--pca-key", key, *tcti), 0)
        assert bytes(range(96)) not in open(keys, "rb").read()
        assert json.loads(run("keys", "--keys", keys, "--json", *tcti).stdout) == \
            {"keys": keys, "form": "tpm", "level": "tpm"}
        expect(run("keys", "--keys", keys), 1, "is sealed")
        expect(run(*signed, "--digest", other), 0)
        expect(run("keys", "--keys", keys, *tcti), 1, "not authorised")
        expect(run(*signed), 0)
        expect(run("keys", "--keys", keys, "--to", "plain", *tcti), 0)
        assert open(keys, "rb").read() == plain
    expect(run("tpm", "status", *tcti), 3, "no TPM answers")


@case
def keys_under_a_passphrase_want_it(folder):
    keys, words = os.path.join(folder, "keys"), os.path.join(folder, "words")
    secret = b"HKPKEYS1" + bytes(range(96))
    for path, content in ((keys, secret + zlib.crc32(secret).to_bytes(4, "little")), (words, b"a long one\n")):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(content)
    expect(run("keys", "--keys", keys, "--to", "passphrase"), 2, "--passphrase-file")
    expect(run("keys", "--keys", keys, "--to", "passphrase", "--passphrase-file", words), 0)
    expect(run("keys", "--keys", keys), 1, "passphrase missing or wrong")
    expect(run("keys", "--keys", keys, "--passphrase-file", words), 0)
    os.chmod(words, 0o644)
    expect(run("keys", "--keys", keys, "--passphrase-file", words), 3, "mode 0600")
    os.chmod(keys, 0o640)
    expect(run("keys", "--keys", keys), 3, "mode 0600")
    expect(run("keys", "--keys", keys + ".none"), 1, "NOTFOUND")


@case
def a_configuration_error_names_file_line_and_key(folder):
    path = os.path.join(folder, "node.yaml")
    for text, line, key, why in (
            ("", 1, "data_dir", "nothing"),
            ("# only words\n", 1, "data_dir", "nothing"),
            ("data_dir: x\nbad_key: 1\n", 2, "bad_key", "Unexpected key"),
            ("listen: \"127.0.0.1:9\"\n", 1, "data_dir", "Missing required"),
            ("data_dir: x\nlisten: here\n", 2, "listen", "ADDRESS:PORT"),
            ("data_dir: x\nlisten: 127.0.0.1:0\n", 2, "listen", "ADDRESS:PORT"),
            ("data_dir: x\nlisten: 127.0.0.256:9\n", 2, "listen", "ADDRESS:PORT"),
            ("data_dir: x\n# rekey_s: 5\ntiming:\n  rekey_s: 5\n", 4, "rekey_s", "10..60"),
            ("data_dir: x\ntiming:\n  ter_period_ms: soon\n", 3, "ter_period_ms", "soon"),
            ("data_dir: x\nintel_records: 99999999\n", 2, "intel_records", "1..10000000"),
            ("data_dir: x\ntelemetry_s: 9\n", 2, "telemetry_s", "10..3600"),
            ("data_dir: x\ntelemetry_s: 3601\n", 2, "telemetry_s", "10..3600"),
            ("data_dir: x\ntelemetry_s: off\n", 2, "telemetry_s", "off"),
            ("data_dir: x\nattest: tpm\n", 2, "attest", ""),
            ("data_dir: x\naddresses: [192.0.2.1]\n", 2, "addresses", "ADDRESS:PORT"),
            ("data_dir: x\nclock_trusted: perhaps\n", 2, "clock_trusted", "perhaps"),
            ("data_dir: x\nboundary: 12\n", 2, "boundary", "< 64"),
            ("data_dir: x\nboundary: " + "g" * 64 + "\n", 2, "boundary", "64 hex"),
            ("data_dir: x\nlog: loud\n", 2, "log", "loud"),
            ("data_dir: x\ndata_dir: y\n", 2, "data_dir", "already seen"),
            ("data_dir: x\neve:\n  from_start: true\n", 3, "file", "Missing required"),
            ("data_dir: x\npeers:\n" + PEER + PEER, 6, "node_id", "already in the list"),
            ("data_dir: x\npeers:\n" + PEER.replace("127.0.0.1:9", "nowhere"), 5, "address", "ADDRESS:PORT"),
            ("data_dir: x\npeers:\n" + PEER.replace(HEX64, "g" * 64), 4, "key", "64 hex"),
            ("data_dir: x\npeers:\n" + PEER.replace(HEX32, "12"), 3, "node_id", "< 32"),
    ):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        for words in (["node", "run", "--config", path], ["status", "--config", path]):
            expect(run(*words), 2, f"{path}:{line}: {key}", why)
    expect(run("node", "run", "--config", path + ".none"), 2, path + ".none", "No such file")
    with open(path, "wb") as f:
        f.write(b"data_dir: x\n\0")
    expect(run("node", "run", "--config", path), 2, "zero byte")
    with open(path, "w", encoding="utf-8") as f:
        f.write("data_dir: x\n#" + "x" * 300000)
    expect(run("node", "run", "--config", path), 2, "longer than")


@case
def a_sound_configuration_is_accepted_in_all_its_forms(folder):
    path = os.path.join(folder, "node.yaml")
    for text in ("data_dir: x\n", "data_dir: x\ntelemetry_s: 0\n", "data_dir: x\ntelemetry_s: 3600\n",
                 "{data_dir: x, listen: '[::1]:9', clock_trusted: true}\n",
                 "data_dir: /x\nlisten: \"[2a00::1]:65535\"\nlog: debug\ntiming: {rekey_s: 10}\npeers: []\n",
                 "data_dir: x\neve:\n  file: eve.json\n  from_start: false\npeers:\n" + PEER):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        expect(run("node", "run", "--check", "--config", path), 0)


@case
def nothing_starts_where_no_node_was_provisioned(folder):
    path = os.path.join(folder, "node.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("data_dir: nowhere\nlisten: 127.0.0.1:1\n")
    got = run("node", "run", "--config", path)
    assert got.returncode != 0 and "nowhere" in got.stderr, got
    assert os.listdir(folder) == ["node.yaml"], os.listdir(folder)


@case
def a_node_that_does_not_run_is_exit_3(folder):
    where = os.path.join(folder, "control.sock")
    expect(run("status", "--control", where), 3, "no node is running here")
    expect(run("intel", "list", "--control", where, "--json"), 3, "no node is running here")
    expect(run("intel", "lookup", "--control", where, "ip4", "1.2.3.4"), 3, "no node is running here")
    expect(run("status", "--control", "x" * 200), 2, "107 bytes")


@case
def ters_are_captured_and_form_a_chain(folder):
    got = run("ter", "capture", "--count", "3", "--interval", "0", "--trust-clock", "--json")
    expect(got, 0)
    ters = [json.loads(line) for line in got.stdout.splitlines()]
    assert [t["sequence"] for t in ters] == [0, 1, 2]
    assert ters[0]["chain_crc"] == 0
    assert len({t["entropy"] for t in ters}) == 3
    assert all(len(t["ter"]) == 128 for t in ters)
    assert ters[0]["timestamp_us"] < ters[1]["timestamp_us"] < ters[2]["timestamp_us"]


@case
def a_mesh_is_provisioned_with_keys_that_only_the_owner_reads(folder):
    where = os.path.join(folder, "mesh")
    got = run("provision", "--dir", where, "--nodes", "4", "--trust-clock", "--json")
    expect(got, 0)
    made = json.loads(got.stdout)
    assert len({n["node_id"] for n in made["nodes"]}) == 4
    for node in made["nodes"]:
        expect(run("node", "run", "--check", "--config", node["config"]), 0)
        assert stat.S_IMODE(os.stat(node["data_dir"]).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(os.path.join(node["data_dir"], "keys")).st_mode) == 0o600
    expect(run("provision", "--dir", where, "--nodes", "4"), 2, "not empty")
    expect(run("provision", "--dir", where, "--nodes", "65"), 2, "--nodes")
    expect(run("provision", "--dir", where, "--nodes", "4", "--groups", "1,2"), 2, "--groups")
    expect(run("provision"), 2, "--dir")
    expect(run("ter", "log", made["nodes"][0]["data_dir"]), 1, "no log of TERs")
    expect(run("ter", "verify", made["nodes"][0]["data_dir"]), 1, "no log of TERs")


@case
def the_endorsement_key_of_a_tpm_is_part_of_the_record(folder):
    got = run("ter", "hardware", "--tpm", "here")
    if shutil.which("swtpm") is None or "E_TER_TPM_ABSENT" in got.stderr:
        print("# SKIP no swtpm here, or a build without TPM support")
        return
    expect(got, 2, "here: no public area")
    expect(run("ter", "hardware", "--tpm", f"swtpm:path={folder}/none"), 3, "no public area")
    path = os.path.join(folder, "s")
    tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server",
                            f"type=unixio,path={path}", "--ctrl", f"type=unixio,path={path}.ctrl", "--flags",
                            "not-need-init,startup-clear", "--seccomp", "action=none"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if os.path.exists(path) or tpm.poll() is not None:
                break
            time.sleep(0.01)
        if tpm.poll() is not None:
            print("# SKIP swtpm does not start here")
            return
        keys = []
        for _ in range(2):
            got = run("ter", "hardware", "--tpm", f"swtpm:path={path}", "--json")
            expect(got, 0)
            keys.append(json.loads(got.stdout)["keys"][0])
        assert keys[0] == keys[1] and keys[0]["outcome"] == "read" and len(keys[0]["values"][0]) == 64, keys
    finally:
        tpm.kill()
        tpm.wait()


@case
def no_key_of_a_node_is_made_of_what_identifies_it(folder):
    """The older system signed with SHA-256 of "device-" and the name of the device: anybody could."""
    hardware = json.loads(run("ter", "hardware", "--json").stdout)
    words = [hardware["fingerprint"], bytes.fromhex(hardware["fingerprint"]), bytes.fromhex(hardware["record"]),
             socket.gethostname()]
    words += [value for key in hardware["keys"] for value in key["values"]]
    keys = []
    for name in ("first", "second"):
        where = os.path.join(folder, name)
        got = run("provision", "--dir", where, "--nodes", "4", "--trust-clock", "--json")
        expect(got, 0)
        for node in json.loads(got.stdout)["nodes"]:
            words += [node["node_id"], bytes.fromhex(node["node_id"])]
            with open(os.path.join(node["data_dir"], "keys"), "rb") as f:
                content = f.read()
            assert content[:8] == b"HKPKEYS1"
            keys += [content[at:at + 32] for at in (8, 40, 72)]
    assert len(set(keys)) == 2 * 4 * 3
    for word in words:
        word = word.encode() if isinstance(word, str) else word
        for text in (word, b"device-" + word):
            for digest in (hashlib.sha256(text).digest(), hashlib.sha512(text).digest()[:32]):
                assert digest not in keys, word


@case
def a_log_that_is_damaged_is_exit_4_with_file_and_offset(folder):
    path = os.path.join(folder, "ter-00000000000000000000.log")
    with open(path, "wb") as f:
        f.write(b"\0" * 300)
    expect(run("ter", "log", folder), 4, path, "at byte 0", "E_TER_LOG_HEADER")
    expect(run("ter", "verify", path), 2, "--key")
    expect(run("ter", "verify", "--key", HEX64, path), 4, path, "at byte 0")
    expect(run("ter", "verify", "--key", HEX64, "--node", HEX32, path), 4, "foreign", path)
    expect(run("ter", "verify", "--key", "12", path), 2, "neither 64 hex digits")
    expect(run("ter", "log", os.path.join(folder, "none")), 3, "No such file")
    expect(run("ter", "verify", os.path.join(folder, "none")), 3, "No such file")


def records(bytes_):
    """(offset, type, length) of each record of a segment."""
    at = 192
    while at < len(bytes_):
        kind, length = struct.unpack_from("<HH", bytes_, at)
        yield at, kind, 8 + length
        at += 8 + length


def with_checksum(bytes_, at, length):
    """The record at an offset with its CRC-32 made right."""
    body = bytes(bytes_[at:at + 4]) + bytes(bytes_[at + 8:at + length])
    bytes_[at + 4:at + 8] = struct.pack("<I", zlib.crc32(body))


def check_verification(folder, data_dir):
    """A log of a node that has ended: sound, then as others may leave it."""
    got = run("ter", "verify", "--json", data_dir)
    expect(got, 0)
    sound = json.loads(got.stdout)
    assert sound["verdict"] == "sound" and sound["checkpoints"] >= 1 and sound["end_index"] > 1, sound
    log = os.path.join(data_dir, "ter", "ter-00000000000000000000.log")
    with open(log, "rb") as f:
        whole = f.read()
    tck = next(r for r in records(whole) if r[1] == 2)
    ter = next(r for r in records(whole) if r[1] == 1)
    held = os.path.join(folder, "checkpoint")
    with open(held, "w", encoding="ascii") as f:
        f.write(whole[tck[0] + 8:tck[0] + 264].hex() + "\n")
    expect(run("ter", "verify", "--checkpoint", held, data_dir), 0)

    part = os.path.join(folder, "part")
    expect(run("ter", "export", data_dir, "--from", "0", "--to", "0", "-o", part), 0)
    certificate = os.path.join(data_dir, "certificate")
    expect(run("ter", "verify", "--key", certificate, part), 0)
    expect(run("ter", "verify", "--key", HEX64, part), 4, "edited")
    expect(run("ter", "export", data_dir, "--from", "0", "--to", str(sound["end_index"] - 1), "-o", part), 1,
           "no checkpoint covers")
    expect(run("ter", "export", data_dir, "--from", "0", "--to", "99999999", "-o", part), 1, "not in this log")

    copy = os.path.join(folder, "copy")
    os.mkdir(copy)
    changed = os.path.join(copy, os.path.basename(log))

    def verdict(bytes_, *words):
        with open(changed, "wb") as f:
            f.write(bytes_)
        got = run("ter", "verify", "--json", "--key", certificate, *words, copy)
        return got.returncode, json.loads(got.stdout)

    bit = bytearray(whole)
    bit[ter[0] + 20] ^= 1
    code, d = verdict(bit)
    assert code == 4 and d["verdict"] == "damaged" and d["offset"] == ter[0] and d["file"] == changed, d
    with_checksum(bit, ter[0], ter[2])
    code, d = verdict(bit)
    assert code == 4 and d["verdict"] == "edited" and d["offset"] == ter[0] and d["index"] == 0, d
    code, d = verdict(whole[:ter[0]] + whole[ter[0] + ter[2]:])
    assert code == 4 and d["verdict"] == "deleted" and d["count"] == 1, d
    code, d = verdict(whole[:ter[0]], "--checkpoint", held)
    assert code == 4 and d["verdict"] == "truncated", d
    code, d = verdict(whole[:-5])
    assert code == 0 and d["verdict"] == "torn" and d["torn_bytes"] > 0, d


def free_port():
    """The first of four UDP ports in a row that are free now."""
    for base in range(30000 + os.getpid() % 2000 * 8, 60000, 8):
        sockets = []
        try:
            for port in range(base, base + 4):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


class Node:
    """One node of four: it runs alone, which is enough to be asked."""

    def __init__(self, folder, extra=""):
        where = os.path.join(folder, "mesh")
        got = run("provision", "--dir", where, "--trust-clock", "--listen", f"127.0.0.1:{free_port()}", "--json")
        expect(got, 0)
        self.made = json.loads(got.stdout)["nodes"][0]
        self.config = self.made["config"]
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(extra)

    def __enter__(self):
        self.process = subprocess.Popen([PROGRAM, "node", "run", "--config", self.config], stderr=subprocess.PIPE, text=True)
        self.wait_for(lambda: run("status", "--config", self.config).returncode == 0)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = self.process.communicate(timeout=60)[1]

    @staticmethod
    def wait_for(holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come to hold in time"
            time.sleep(0.1)

    def status(self):
        got = run("status", "--config", self.config, "--json")
        expect(got, 0)
        return json.loads(got.stdout)


@case
def a_node_opens_keys_that_its_tpm_sealed(folder):
    if no_tpm():
        return
    with Swtpm(folder) as tpm:
        node = Node(folder, f"tpm:\n  tcti: \"{tpm.tcti}\"\n")
        keys, operator = os.path.join(node.made["data_dir"], "keys"), os.path.join(folder, "operator")
        with node:
            assert node.status()["keys"] == "software"
        signed = ["tpm", "authorize", "--key", operator, "--out", keys + ".pca", "--json", "--tcti", tpm.tcti]
        key = json.loads(run(*signed, "--new").stdout)["pca_key"]
        expect(run("keys", "--keys", keys, "--to", "tpm", "--pca-key", key, "--tcti", tpm.tcti), 0)
        with node:
            assert node.status()["keys"] == "tpm"
        expect(run(*signed, "--digest", "00" * 32), 0)
        expect(run("node", "run", "--config", node.config), 3, "keys: is sealed", "not authorise")
    expect(run("node", "run", "--config", node.config), 3, "keys: is sealed", "does not answer")


@case
def a_running_node_is_asked_and_ends_in_order(folder):
    node = Node(folder)
    with node:
        status = node.status()
        assert status["node_id"] == node.made["node_id"] and status["consensus"]["quorum"] == 3, status
        sock = os.path.join(node.made["data_dir"], "control.sock")
        assert stat.S_IMODE(os.stat(sock).st_mode) == 0o600
        told = run("status", "--control", sock)
        expect(told, 0)
        assert isinstance(status["bls"], bool) and ("built without BLS" in told.stdout) == (not status["bls"]), status
        expect(run("intel", "lookup", "--config", node.config, "ip4", "45.33.32.156"), 1)
        expect(run("intel", "lookup", "--config", node.config, "ip4", "45.33.32"), 2, "E_IOC_VALUE")
        expect(run("intel", "list", "--config", node.config), 0)
        expect(run("trust", "release", "--config", node.config, "0011"), 2, "8 to 32 hex digits")
        expect(run("trust", "release", "--config", node.config, "00" * 16), 2, "no configured peer")
        expect(run("trust", "release", "--config", node.config, status["peers"][0]["node_id"][:8]), 2,
               "not in quarantine")
        second = run("node", "run", "--config", node.config)
        assert second.returncode == 3 and node.made["data_dir"] in second.stderr, second
        node.wait_for(lambda: node.status()["counts"]["ters"] > 1)
        expect(run("ter", "log", node.made["data_dir"]), 0)
        follow = subprocess.Popen([PROGRAM, "ter", "log", "--follow", "--json", node.made["data_dir"]],
                                  stdout=subprocess.PIPE, text=True)
        seen = [json.loads(follow.stdout.readline())["index"] for _ in range(5)]
        follow.terminate()
        follow.communicate(timeout=60)
        assert seen == sorted(seen), seen
    assert node.process.returncode == 0, node.said
    shown = run("ter", "log", "--last", "1", "--json", node.made["data_dir"])
    expect(shown, 0)
    assert json.loads(shown.stdout.splitlines()[0])["index"] >= 1
    shown = run("ter", "log", "--from", "0", "--to", "0", "--json", "--data", node.made["data_dir"])
    kinds = [json.loads(line).get("type", "ter") for line in shown.stdout.splitlines()]
    assert kinds[0] == "boot" and "ter" in kinds, kinds
    check_verification(folder, node.made["data_dir"])
    expect(run("status", "--config", node.config), 3, "no node is running here")


@case
def an_audit_log_is_whole_proven_and_a_change_is_found(folder):
    node = Node(folder)
    data, proof = node.made["data_dir"], os.path.join(folder, "proof")
    expect(run("audit", "show", data), 1, "there is no audit log")
    with node:
        node.wait_for(lambda: node.status()["counts"]["ters"] > 1)
    with node:
        pass
    got = run("audit", "show", data, "--json")
    expect(got, 0)
    entries = [json.loads(line) for line in got.stdout.splitlines()]
    assert [e["index"] for e in entries] == list(range(len(entries))) and len(entries) >= 2, entries
    assert entries[0]["class"] == "configuration" and entries[0]["actor"] == node.made["node_id"], entries
    got = run("audit", "verify", data, "--json")
    expect(got, 0)
    assert json.loads(got.stdout)["under_head"] == len(entries), got
    expect(run("audit", "prove", data, "99", "-o", proof), 1, "not under a head")
    expect(run("audit", "prove", data, "1", "-o", proof), 0)
    check = ["audit", "verify", "--proof", proof, "--genesis", os.path.join(data, "genesis"), "--json"]
    got = run(*check)
    expect(got, 0)
    assert json.loads(got.stdout) == entries[1], got
    with open(proof, "rb") as f:
        whole = f.read()
    for at in range(0, len(whole), 37): # nothing of it can be another byte
        with open(proof, "wb") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        expect(run(*check), 1)
    log = os.path.join(data, "audit", "entries")
    with open(log, "rb") as f:
        kept = f.read()
    for changed in (kept[:20] + bytes([kept[20] ^ 1]) + kept[21:], kept[:len(kept) // 2], b""):
        with open(log, "wb") as f:
            f.write(changed)
        expect(run("audit", "verify", data), 4, "entries")
        expect(run("node", "run", "--config", node.config), 4)
    with open(log, "wb") as f:
        f.write(kept + b"\x00\x60cut") # as by a crash
    expect(run("audit", "verify", data), 0)


def signed_policy(folder, node, ver, measured):
    """A manifest that wants these files, and the reference of this machine now: (manifest, rebase)."""
    yaml, draft = os.path.join(folder, "policy.yaml"), os.path.join(folder, "policy.draft")
    files = [os.path.join(folder, f"{ver}.manifest"), os.path.join(folder, f"{ver}.rebase")]
    with open(yaml, "w", encoding="utf-8") as f:
        f.write("files:\n" + "".join(f"  - path: {path}\n" for path in measured))
    expect(run("ter", "manifest", "build", yaml, "--out", draft), 0)
    expect(run("ter", "manifest", "sign", draft, "--out", files[0], "--rebase", files[1], "--policy-ver", str(ver), "--node",
               node.made["node_id"], "--key", os.path.join(folder, "mesh", "authority", "policy.key")), 0)
    return files


@case
def a_running_node_takes_a_signed_policy_and_no_other(folder):
    measured = os.path.join(folder, "measured")
    with open(measured, "w", encoding="utf-8") as f:
        f.write("first")
    node = Node(folder)

    def apply(files, *words):
        return run("policy", "apply", "--config", node.config, "--manifest", files[0], "--rebase", files[1], *words)

    with node:
        two, three = signed_policy(folder, node, 2, [measured]), signed_policy(folder, node, 3, [measured])
        node.wait_for(lambda: node.status()["counts"]["ters"] > 1)
        expect(apply([two[0], three[1]]), 2, "the node refuses", "manifest is of policy_ver 2, the rebase of 3")
        expect(apply([two[1], two[0]]), 2, two[0] + ": is no RBA1")
        assert node.status()["integrity"]["policy_ver"] == 1
        got = apply(two, "--json")
        expect(got, 0)
        assert json.loads(got.stdout)["policy_ver"] == 2 and json.loads(got.stdout)["index"] > 1, got
        expect(apply(two), 2, two[1] + ": its policy_ver must be above")
        before = node.status()["counts"]["ters"]
        node.wait_for(lambda: node.status()["counts"]["ters"] > before)
        assert node.status()["integrity"] == {"state": "reference", "differs": [], "policy_ver": 2, "manifest_ver": 2}
        with open(measured, "w", encoding="utf-8") as f:
            f.write("second")
        node.wait_for(lambda: node.status()["integrity"]["state"] == "differs")
        expect(apply(three), 2, "not as the rebase says", "changed since the policy in force: " + measured)
        expect(apply(signed_policy(folder, node, 4, [measured])), 0)
        node.wait_for(lambda: node.status()["integrity"]["state"] == "reference")
    with node:
        node.wait_for(lambda: node.status()["integrity"]["state"] == "reference")
        assert node.status()["integrity"]["policy_ver"] == 4
    expect(run("ter", "verify", node.made["data_dir"]), 0)
    expect(apply(two), 3, "no node is running here")


@case
def eve_lines_that_make_no_record_are_counted_by_cause(folder):
    alert = {"event_type": "alert", "src_ip": "45.33.32.156", "dest_ip": "10.0.0.1", "proto": "TCP",
             "alert": {"signature_id": 1, "signature": "x", "category": "Misc Attack", "severity": 2}}
    local = dict(alert, src_ip="10.0.0.2")
    with open(os.path.join(folder, "eve.json"), "w", encoding="utf-8") as f:
        for line in (json.dumps(alert), json.dumps({"event_type": "dns"}), json.dumps(alert)[:60], json.dumps(local), "",
                     json.dumps({"event_type": "alert"}), json.dumps(dict(alert, payload="x" * 70000)), json.dumps(alert)):
            f.write(line + "\n")
    node = Node(folder, f"eve:\n  file: {folder}/eve.json\n  from_start: true\n")
    with node:
        want = {"records": 2, "broken": 1, "oversized": 1, "not_alert": 1, "no_address": 1, "local": 1}
        node.wait_for(lambda: {k: node.status()["eve"][k] for k in want} == want)
        assert "1 broken, 1 oversized" in run("status", "--config", node.config).stdout


@case
def damaged_files_stop_a_node_before_it_starts(folder):
    node = Node(folder)
    for name in ("keys", "genesis", "certificate", "manifest", "rebase"):
        path = os.path.join(node.made["data_dir"], name)
        with open(path, "r+b") as f:
            f.seek(30)
            byte = f.read(1)
            f.seek(30)
            f.write(bytes([byte[0] ^ 0x40]))
        got = run("node", "run", "--config", node.config)
        assert got.returncode in (3, 4) and got.stderr.strip() != "", (name, got)
        with open(path, "r+b") as f:
            f.seek(30)
            f.write(byte)


@case
def the_hardware_record_tells_this_machine_from_another(folder):
    root, record = os.path.join(folder, "root"), os.path.join(folder, "record")
    files = {"sys/class/dmi/id/product_uuid": "7e6f347f-9486-1af5-57cf-3861b93b08be\n",
             "sys/class/dmi/id/board_serial": "None\n",
             "sys/block/sda/removable": "0\n", "sys/block/sda/device/serial": "S1\n",
             "sys/class/net/eth0/type": "1\n", "sys/class/net/eth0/addr_assign_type": "0\n",
             "sys/class/net/eth0/address": "00:1b:21:00:00:01\n", "sys/class/net/eth0/device/x": "",
             "proc/cpuinfo": "vendor_id : A\ncpu family : 1\nmodel : 2\nstepping : 3\n"}
    for name, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="ascii") as f:
            f.write(text)
    words = ["ter", "hardware", "--root", root, "--json"]
    got = run(*words, "--record", record, "--sources")
    expect(got, 0)
    first = json.loads(got.stdout)
    assert first["weight"] == 52 and open(record, "rb").read().hex() == first["record"]
    outcomes = {k["name"]: k["outcome"] for k in first["keys"]}
    assert outcomes == {"TPM endorsement key": "absent", "product UUID": "read", "board serial": "placeholder",
                        "disks": "read", "network addresses": "read", "processor": "read",
                        "machine-id": "absent"}, outcomes
    assert {p["name"]: p["state"] for p in first["providers"]} == dict.fromkeys(
        ("TPM", "TrustZone", "SGX", "TXT", "PUF"), "absent")
    assert [s["verdict"] for s in first["sources"]] == ["E_TER_FUZZ_ENTROPY"] * 2
    got = run(*words, "--compare", record)
    expect(got, 0)
    same = json.loads(got.stdout)
    assert same["compare"]["verdict"] == "same machine" and same["fingerprint"] == first["fingerprint"]
    with open(os.path.join(root, "sys/block/sda/device/serial"), "w", encoding="ascii") as f:
        f.write("S2\n")
    with open(os.path.join(root, "sys/class/net/eth0/address"), "w", encoding="ascii") as f:
        f.write("00:1b:21:00:00:02\n")
    got = run(*words, "--compare", record)
    expect(got, 1)
    match = json.loads(got.stdout)["compare"]
    assert match["verdict"] == "changed machine" and match["score"] == 100 * 22 // 52
    assert match["differs"] == ["disks", "network addresses"] and match["missing"] == []
    got = run("ter", "hardware", "--root", root, "--compare", record)
    expect(got, 1)
    assert "changed machine: score 42 of 100" in got.stdout
    expect(run(*words, "--compare", os.path.join(folder, "none")), 3, "none: E_NOTFOUND")
    with open(record, "ab") as f:
        f.write(b"x")
    expect(run(*words, "--compare", record), 4, "record: E_TER_HW_RECORD")
    with open(record, "wb") as f:
        f.write(bytes.fromhex("a10001"))
    expect(run(*words, "--compare", record), 1, "too little", "E_TER_HW_WEAK")
    with open(record, "wb") as f:
        f.write(bytes(2000))
    expect(run(*words, "--compare", record), 4, "E_TER_HW_RECORD")
    expect(run(*words, "--record", os.path.join(folder, "none", "x")), 3, "cannot be written")
    expect(run(*words, "--ek", os.path.join(folder, "none")), 3, "no public area")
    expect(run("ter", "hardware", "more"), 2, "more")
    ek = os.path.join(folder, "ek")
    with open(ek, "wb") as f:
        f.write(bytes(314))
    assert json.loads(run(*words, "--ek", ek).stdout)["weight"] == 92
    expect(run("ter", "hardware"), 0)  # this machine, whatever it shows


if __name__ == "__main__":
    sys.exit(run_cases())
