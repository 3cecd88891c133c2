#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""attest: tpm (D-AUTH): processes of a mesh with a TPM each, which ask each other for quotes. TAP on standard output."""
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from nodes import PROGRAM, Skip, case, end, provision, run, run_cases, start, status
from swtpm import Swtpm

PATIENCE = 180
PCRS = "0,16"  # 16 may be reset, so that a fault can be repaired
QUOTE, PCR_EXTEND, PCR_RESET = 0x158, 0x182, 0x13D


def wait(what, said=lambda: ""):
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, said()
        time.sleep(0.2)


def read(path):
    with open(path, "rb") as f:
        return f.read()


# ---- a TPM, as far as this test speaks with it itself


def message(line):
    """One command or answer: two bytes, its length in four, the rest."""
    data = b""
    while len(data) < 10 or len(data) < struct.unpack(">I", data[2:6])[0]:
        got = line.recv(4096)
        if not got:
            return None
        data += got
    return data


def command(tpm, code, handle, rest=b""):
    """A command under the empty password."""
    body = struct.pack(">II", handle, 9) + bytes.fromhex("40000009 0000 00 0000") + rest
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(tpm.path)
        line.sendall(struct.pack(">HII", 0x8002, 10 + len(body), code) + body)
        answer = message(line)
    assert answer[6:10] == bytes(4), answer.hex()


def extend(tpm):
    command(tpm, PCR_EXTEND, 16, struct.pack(">IH", 1, 0x0B) + b"\x5a" * 32)


def reset(tpm):
    command(tpm, PCR_RESET, 16)


class Between:
    """Stands between a node and its TPM, and may put another quote in the place of the TPM's."""

    def __init__(self, folder, tpm):
        self.tpm, self.lie, self.first = tpm, None, None
        self.path = os.path.join(folder, "between")
        self.tcti = "swtpm:path=" + self.path
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            line, _ = self.server.accept()
            with line, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as below:
                below.connect(self.tpm.path)
                while (asked := message(line)) is not None:
                    below.sendall(asked)
                    line.sendall(self.answer(asked, message(below)))

    def answer(self, asked, given):
        if struct.unpack(">I", asked[6:10])[0] != QUOTE or given[6:10] != bytes(4):
            return given
        size = struct.unpack(">I", given[10:14])[0]
        quote, end = given[14:14 + size], given[14 + size:]
        self.first = self.first or quote
        at = 18 + struct.unpack(">I", asked[14:18])[0]
        if self.lie is not None:
            quote = self.lie(asked[at + 2:at + 34])
        return struct.pack(">HIII", 0x8002, 14 + len(quote) + len(end), 0, len(quote)) + quote + end


# ---- a mesh


class Mesh:
    """Three nodes by one officer, the first two with a TPM; policy: the values of PCRS that a fresh TPM has."""

    def __init__(self, folder, tpms):
        self.folder, self.tpms = folder, tpms
        self.nodes = provision(folder, 3)
        self.officer = os.path.join(folder, "officer")
        officer = run("ca", "init", "--dir", self.officer, "--json")["officer"]
        self.genesis = self.at("genesis")
        old, seats = [node["node_id"] for node in self.nodes], []
        for i, node in enumerate(self.nodes):
            ak = []
            if i < len(tpms):
                run("tpm", "ak", "--out", self.at(f"ak{i}"), "--tcti", tpms[i].tcti)
                ak = ["--ak", self.at(f"ak{i}")]
            card = run("ca", "request", "--node", node["data_dir"], "--seat", *ak, "--json")
            node["node_id"] = card["node_id"]
            seats += ["--seat", f"{card['card']}:{i + 1}"]
        run("ca", "init", "--name", "three", "--out", self.genesis, *seats, "--officer", officer)
        run("ca", "init", "--dir", self.officer, "--genesis", self.genesis, "--yes")
        certificates = [self.certify(i) for i in range(3)]
        for i, node in enumerate(self.nodes):
            self.equip(i, old, certificates)
        self.digest = run("tpm", "status", "--pcrs", PCRS, "--tcti", tpms[0].tcti, "--json")["pcr_digest"]

    def at(self, name):
        return os.path.join(self.folder, name)

    def certify(self, i):
        """By request, token, and for a TPM by credential activation."""
        token, request, out = self.at(f"token{i}"), self.at(f"request{i}"), self.at(f"certificate{i}")
        run("ca", "init", "--token", token)
        words = ["--node", self.nodes[i]["data_dir"], "--genesis", self.genesis, "--token", token, "--out", request,
                 "--roles", "edge,witness,neuro,validator"]
        sign = ["ca", "sign", "--dir", self.officer, "--yes", "--token", token, "--group", str(i + 1), request]
        if i >= len(self.tpms):
            run("ca", "request", *words)
            run(*sign, "--no-evidence", "--out", out)
            return out
        tpm, ak = ["--tcti", self.tpms[i].tcti], self.at(f"ak{i}")
        run("ca", "request", *words, "--this-machine", "--ak", ak, *tpm)
        evidence = ["--evidence", request + ".evidence"]
        run("ca", "sign", "--dir", self.officer, request, *evidence, "--challenge", self.at("challenge"))
        run("ca", "request", "--answer", self.at("challenge"), "--ak", ak, "--out", self.at("answer"), *tpm)
        run(*sign, *evidence, "--answer", self.at("answer"), "--out", out)
        return out

    def equip(self, i, old, certificates):
        """Genesis, certificates, manifest and configuration under its new name."""
        node = self.nodes[i]
        shutil.copy(self.genesis, os.path.join(node["data_dir"], "genesis"))
        shutil.copy(certificates[i], os.path.join(node["data_dir"], "certificate"))
        members = os.path.join(node["data_dir"], "members")
        for name in os.listdir(members):
            os.remove(os.path.join(members, name))
        for k in range(3):
            if k != i:
                shutil.copy(certificates[k], os.path.join(members, self.nodes[k]["node_id"]))
        manifest = os.path.join(node["data_dir"], "manifest")
        run("ter", "manifest", "sign", manifest, "--out", manifest + ".new", "--key",
            os.path.join(self.folder, "mesh", "authority", "policy.key"), "--policy-ver", "1", "--node", node["node_id"],
            "--rebase", os.path.join(node["data_dir"], "rebase"))
        os.replace(manifest + ".new", manifest)
        text = read(node["config"]).decode()
        for k in range(3):
            text = text.replace(old[k], self.nodes[k]["node_id"])
        node["text"] = text + "timing:\n  ter_period_ms: 200\n  ter_batch_ms: 100\n  heartbeat_s: 1\n  commit_every: 16\n"
        self.configure(i, "")

    def configure(self, i, more):
        with open(self.nodes[i]["config"], "w", encoding="utf-8") as f:
            f.write(self.nodes[i]["text"] + more)

    def demand(self, i, tcti, digests=None):
        self.configure(i, f'attest: tpm\nattest_tpm:\n  pcrs: "{PCRS}"\n  every_s: 6\n  digests: ["{digests or self.digest}"]\n'
                          f'tpm:\n  tcti: "{tcti}"\n  ak: "{self.at(f"ak{i}")}"\n')

    def seen(self, i, k):
        """How node i sees what node k gave as evidence."""
        peers = status(self.nodes[i]).get("peers", [])
        return next((p["attestation"] for p in peers if p["node_id"] == self.nodes[k]["node_id"]), None) or {}

    def wait(self, i, k, accepted, refused):
        wait(lambda: self.seen(i, k).get("accepted") is accepted and self.seen(i, k)["refused"] == refused,
             lambda: f"node {i} of node {k}: {self.seen(i, k)}, not {accepted}, {refused}; {status(self.nodes[i])}")


@case
def quotes_decide_what_a_session_carries(machines):
    """D-AUTH-3 to D-AUTH-5: a good quote, none, one of other PCR values, a replayed one, one of another TPM."""
    mesh, between, other = machines
    mesh.demand(0, mesh.tpms[0].tcti)
    mesh.demand(1, between.tcti)
    running = [start(node) for node in mesh.nodes]
    try:
        for i, k in ((0, 1), (1, 0)):
            mesh.wait(i, k, True, "")
            assert mesh.seen(i, k)["evidence"] == mesh.seen(i, k)["demanded"] == "tpm", mesh.seen(i, k)
        mesh.wait(0, 2, False, "evidence of a lower type than demanded")
        extend(mesh.tpms[1])
        mesh.wait(0, 1, False, "PCR values that the policy does not hold")
        reset(mesh.tpms[1])
        mesh.wait(0, 1, True, "")
        between.lie = lambda extra: between.first
        mesh.wait(0, 1, False, "the quote was made for another challenge")
        run("tpm", "ak", "--out", mesh.at("foreign"), "--tcti", other.tcti)

        def foreign(extra):
            run("tpm", "quote", "--ak", mesh.at("foreign"), "--tcti", other.tcti, "--pcrs", PCRS, "--extra", extra.hex(),
                "--out", mesh.at("foreign.quote"))
            return read(mesh.at("foreign.quote"))

        between.lie = foreign
        mesh.wait(0, 1, False, "not signed by the attestation key of its certificate")
        between.lie = None
        mesh.wait(0, 1, True, "")
        assert mesh.seen(1, 0)["accepted"], mesh.seen(1, 0)  # what another member does costs it nothing
    finally:
        end(running)


@case
def a_node_that_cannot_attest_does_not_start(machines):
    mesh, _, other = machines
    mesh.demand(0, "swtpm:path=/nonexistent/tpm")
    refused = ["node", "run", "--config", mesh.nodes[0]["config"]]
    run(*refused, code=3, said="no TPM answers there")
    mesh.demand(0, other.tcti)
    run(*refused, code=3, said="the TPM refuses tpm.ak")
    mesh.demand(2, mesh.tpms[0].tcti)
    shutil.copy(mesh.at("ak0"), mesh.at("ak2"))
    shutil.copy(mesh.at("ak0.area"), mesh.at("ak2.area"))
    run("node", "run", "--config", mesh.nodes[2]["config"], code=2, said="names no attestation key")
    shutil.copy(mesh.at("ak1"), mesh.at("ak0"))
    shutil.copy(mesh.at("ak1.area"), mesh.at("ak0.area"))
    mesh.demand(0, mesh.tpms[0].tcti)
    run(*refused, code=2, said="names another attestation key")
    for more, said in (("attest: tpm\n", "attest_tpm: pcrs and digests"),
                       (f'attest: tpm\nattest_tpm:\n  pcrs: "0"\n  digests: ["{mesh.digest}"]\n', "tcti and ak"),
                       (f'attest_tpm:\n  pcrs: "24"\n  digests: ["{mesh.digest}"]\n', "numbers 0..23"),
                       (f'attest_tpm:\n  pcrs: "0"\n  every_s: 1\n  digests: ["{mesh.digest}"]\n', "must be 6..600"),
                       ('attest_tpm:\n  pcrs: "0"\n  digests: ["00"]\n', "STRING length")):
        mesh.configure(0, more)
        run(*refused, code=2, said=said)


@contextlib.contextmanager
def three_machines(folder):
    """A mesh, what stands before the TPM of its second node, and a TPM that nobody has."""
    if not shutil.which("swtpm"):
        raise Skip("no swtpm")
    got = subprocess.run([PROGRAM, "tpm", "status", "--tcti", "swtpm:path=/none"], capture_output=True, text=True)
    if "built without TPM" in got.stderr:
        raise Skip("built without TPM support")
    for name in ("a", "b", "c"):
        os.mkdir(os.path.join(folder, name))
    with Swtpm(os.path.join(folder, "a")) as a, Swtpm(os.path.join(folder, "b")) as b, Swtpm(os.path.join(folder, "c")) as c:
        yield Mesh(folder, [a, b]), Between(folder, b), c


if __name__ == "__main__":
    sys.exit(run_cases(three_machines))
