#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe ca: three operators with a folder each, who hand each other files. TAP on standard output."""
import base64
import hashlib
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import time

from nodes import PROGRAM, case, run_cases
from swtpm import Swtpm

SEED = int(os.environ.get("HKP_SEED", "1"))


def run(*words, stdin="", timeout=30):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=timeout, input=stdin)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stderr}"
    for words in in_stderr:
        assert words in result.stderr, f"{words!r} is not in {result.stderr!r}"
    return json.loads(result.stdout) if code == 0 and result.stdout.startswith("{") else None


def ca(command, *words, code=0, said=(), stdin=""):
    return expect(run("ca", command, "--json", *words, stdin=stdin), code, *said)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o600)


def free_port():
    for base in range(31000 + os.getpid() % 1500 * 8, 60000, 8):
        sockets = []
        try:
            for port in range(base, base + 8):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


class World:
    """Three operators, and the folders of a mesh that "provision" made, for its keys."""

    def __init__(self, folder, nodes=1, seats_for=None):
        self.folder = folder
        made = run("provision", "--dir", self.at("mesh"), "--nodes", str(nodes), "--name", "three", "--trust-clock",
                   "--listen", f"127.0.0.1:{free_port()}", "--json")
        self.nodes = expect(made, 0)["nodes"]
        self.officers = [self.at(name) for name in ("anna", "boris", "chen")]
        keys = [ca("init", "--dir", officer)["officer"] for officer in self.officers]
        self.keys = sorted(keys)
        seats = []
        for i, node in enumerate(self.nodes[:seats_for]):
            seats += ["--seat", ca("request", "--node", node["data_dir"], "--seat")["card"] + f":{i + 1}"]
        self.genesis = self.at("genesis")
        self.chain = ca("init", "--name", "three", "--out", self.genesis, *seats,
                        *(word for key in keys for word in ("--officer", key)))["chain_id"]
        for officer in self.officers:
            ca("init", "--dir", officer, "--genesis", self.genesis, "--yes")
        self.tokens = 0

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def token(self):
        self.tokens += 1
        path = self.at(f"token{self.tokens}")
        ca("init", "--token", path)
        return path

    def request(self, node, *words, name="request"):
        path = self.at(name)
        ca("request", "--node", node["data_dir"], "--genesis", self.genesis, "--out", path, *words)
        return path

    def sign(self, officer, what, out, *words, code=0, said=()):
        return ca("sign", "--dir", self.officers[officer], "--yes", "--out", self.at(out), what, *words, code=code, said=said)

    def enrol(self, node, group, out, roles="edge,witness,neuro,validator", by=(0, 1)):
        token = self.token()
        request = self.request(node, "--token", token, "--roles", roles, name=out + ".request")
        beside = ["--token", token, "--no-evidence"]
        first = self.sign(by[0], request, out + ".half", *beside, "--group", str(group))
        assert not first["complete"] and first["needed"] == 2, first
        second = self.sign(by[1], self.at(out + ".half"), out, *beside, "--request", request)
        assert second["complete"], second
        return self.at(out)

    @staticmethod
    def ask(node, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.connect(os.path.join(node["data_dir"], "control.sock"))
            s.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(s.makefile().readline())["ok"]

    def show(self, path, code=0):
        got = run("ca", "show", "--json", "--genesis", self.genesis, path)
        assert got.returncode == code, got
        return json.loads(got.stdout)


# ---- the way of a certificate


@case
def three_operators_admit_a_node(folder):
    w = World(folder)
    assert all(stat.S_IMODE(os.stat(os.path.join(o, "officer.key")).st_mode) == 0o600 for o in w.officers)
    assert all(stat.S_IMODE(os.stat(o).st_mode) == 0o700 for o in w.officers)
    shown = w.show(w.genesis)
    assert shown["officers"] == w.keys and shown["threshold"] == 2 and shown["chain_id"] == w.chain
    certificate = w.enrol(w.nodes[0], 7, "certificate", by=(2, 0))
    half = w.show(w.at("certificate.half"))
    assert half["state"] == "half-signed" and half["verified"] is None and len(half["signatures"]) == 1
    whole = w.show(certificate)
    assert whole["verified"] is True and [s["holds"] for s in whole["signatures"]] == [True, True], whole
    assert whole["node_id"] == w.nodes[0]["node_id"] and whole["group"] == 7 and whole["serial"] == 1
    assert "validator" in whole["roles"] and os.path.getsize(certificate) <= 880
    token = w.token()
    w.sign(1, certificate, "third", "--request", w.at("certificate.request"), "--token", w.at("token1"), "--no-evidence",
           code=1, said=["is complete"])
    assert not os.path.exists(w.at("third")) and token
    text = run("ca", "show", "--dir", w.officers[0], certificate)
    expect(text, 0)
    assert "complete" in text.stdout and w.nodes[0]["node_id"] in text.stdout


@case
def nodes_run_with_certificates_of_three_operators(folder):
    w = World(folder, 4)
    paths = [w.enrol(node, i + 1, f"certificate{i + 1}", by=(i % 3, (i + 1) % 3)) for i, node in enumerate(w.nodes)]
    for i, node in enumerate(w.nodes):
        shutil.copy(w.genesis, os.path.join(node["data_dir"], "genesis"))
        shutil.copy(paths[i], os.path.join(node["data_dir"], "certificate"))
        for k, other in enumerate(w.nodes):
            if k != i:
                shutil.copy(paths[k], os.path.join(node["data_dir"], "members", other["node_id"]))
    running = [subprocess.Popen([PROGRAM, "node", "run", "--config", node["config"]], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for node in w.nodes]
    try:
        until, reported = time.monotonic() + 60, False
        while True:
            got = run("status", "--config", w.nodes[3]["config"], "--json")
            status = json.loads(got.stdout) if got.returncode == 0 else {}
            if status.get("chain", {}).get("height", 0) > 0:
                break
            if not reported and status.get("sessions", {}).get("up") == 3:
                reported = w.ask(w.nodes[0], {"op": "report", "type": "ip4", "value": "45.155.205.233", "evidence": 1})
            assert time.monotonic() < until, status
            time.sleep(0.1)
        assert status["chain_id"] == w.chain, status
    finally:
        for process in running:
            process.kill()
            process.wait()


@case
def what_an_operator_is_asked_is_shown_and_may_be_refused(folder):
    w = World(folder)
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    words = ["ca", "sign", "--dir", w.officers[0], "--out", w.at("half"), request, "--token", token, "--group", "3",
             "--no-evidence"]
    before = read(os.path.join(w.officers[0], "record"))
    for answer in ("no\n", "", "y\n"):
        got = run(*words, stdin=answer)
        expect(got, 1, "nothing was done")
        for line in ("node_id       " + w.nodes[0]["node_id"], "group         3", "serial        1", "the token, used up now"):
            assert line in got.stdout, (line, got.stdout)
    assert read(os.path.join(w.officers[0], "record")) == before and not os.path.exists(w.at("half"))
    expect(run(*words, stdin="yes\n"), 0)
    assert w.show(w.at("half"))["state"] == "half-signed"


@case
def a_token_is_for_one_certificate(folder):
    w = World(folder, 4)
    token = w.token()
    first = w.request(w.nodes[0], "--token", token, name="r0")
    second = w.request(w.nodes[1], "--token", token, name="r1")
    other = w.token()
    w.sign(0, first, "c", "--token", other, "--group", "1", "--no-evidence", code=1, said=["the token is missing"])
    w.sign(0, first, "c", "--group", "1", "--no-evidence", code=1, said=["the token is missing"])
    w.sign(0, first, "c", "--token", token, "--group", "1", "--no-evidence")
    w.sign(0, second, "d", "--token", token, "--group", "2", "--no-evidence", code=1, said=["the token was used"])
    w.sign(0, first, "d", "--token", token, "--group", "1", "--serial", "2", "--no-evidence", code=1,
           said=["the token was used"])
    # another officer, who did not sign the first, cannot complete it alone
    w.sign(1, second, "d", "--token", token, "--group", "2", "--no-evidence")
    w.sign(0, w.at("d"), "e", "--request", second, "--token", token, "--no-evidence", code=1, said=["the token was used"])
    write(w.at("short"), b"fifteen bytes..")
    w.sign(0, first, "d", "--token", w.at("short"), "--group", "1", "--no-evidence", code=2, said=["16 to 256"])


@case
def a_renewal_needs_no_token_and_widens_nothing(folder):
    w = World(folder)
    certificate = w.enrol(w.nodes[0], 7, "certificate", roles="edge,witness")
    request = w.request(w.nodes[0], "--renew", "--roles", "edge,witness,validator")
    w.sign(0, request, "half", "--renew", certificate, "--no-evidence", code=1, said=["widens neither roles nor tier"])
    w.sign(0, request, "half", "--renew", certificate, "--no-evidence", "--roles", "edge", "--group", "8", code=1,
           said=["changes no group"])
    w.sign(0, request, "half", "--renew", certificate, "--no-evidence", "--roles", "edge,witness", "--tier", "mssp", code=1,
           said=["what was not asked for"])
    w.sign(0, request, "half", "--no-evidence", "--group", "7", code=1, said=["no certificate to renew"])
    w.sign(0, request, "half", "--renew", certificate, "--no-evidence", "--roles", "edge,witness")
    w.sign(2, w.at("half"), "renewed", "--renew", certificate, "--request", request, "--no-evidence")
    shown = w.show(w.at("renewed"))
    assert shown["serial"] == 2 and shown["group"] == 7 and shown["verified"] is True, shown


@case
def the_machine_is_the_one_of_the_request_and_not_a_barred_one(folder):
    w = World(folder, 4)
    token = w.token()
    request = w.request(w.nodes[0], "--token", token, "--this-machine", name="r0")
    evidence = request + ".evidence"
    w.sign(0, request, "c", "--token", token, "--group", "1", code=2, said=["--evidence FILE"])
    fake = w.at("fake")
    write(fake, read(evidence)[:-1] + bytes([read(evidence)[-1] ^ 1]))
    got = run("ca", "sign", "--dir", w.officers[0], "--yes", "--out", w.at("c"), request, "--token", token, "--group", "1",
              "--evidence", fake)
    assert got.returncode in (1, 4), got
    w.sign(0, request, "c", "--token", token, "--group", "1", "--evidence", evidence)
    ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("list.half"), "--node", w.nodes[0]["node_id"], "--reason",
       "attestation")
    w.sign(1, w.at("list.half"), "list")
    again = w.token()
    request = w.request(w.nodes[1], "--token", again, "--this-machine", name="r1")
    got = run("ca", "sign", "--dir", w.officers[0], "--yes", "--list", w.at("list"), "--out", w.at("d"), request, "--token",
              again, "--group", "1", "--evidence", request + ".evidence")
    weak = json.loads(run("ter", "hardware", "--json").stdout)["weight"] < 25
    assert got.returncode == (0 if weak else 1), got  # a record that says too little accuses nobody
    assert weak or "which is barred" in got.stderr, got.stderr


@case
def the_one_officer_of_a_provisioned_mesh_goes_on(folder):
    w = World(folder)
    where, node = w.at("mesh", "authority"), w.nodes[0]
    assert ca("show", "--dir", where)["record_entries"] == 2
    own = os.path.join(node["data_dir"], "certificate")
    request = w.at("renew")
    ca("request", "--node", node["data_dir"], "--genesis", os.path.join(where, "genesis"), "--renew", "--out", request)
    words = ["--dir", where, "--yes", "--no-evidence", "--renew", own, request]
    ca("sign", *words, "--serial", "1", "--out", w.at("again"), code=1, said=["number is not above"])
    assert ca("sign", *words, "--out", w.at("next"))["complete"]
    shown = json.loads(run("ca", "show", "--json", "--dir", where, own, w.at("next")).stdout.splitlines()[1])
    assert shown["verified"] is True and shown["serial"] == 2, shown


class Maker:
    """Whoever made the swtpm of a request: its certificate of that endorsement key, as "swtpm_setup" has it made."""

    def __init__(self, folder, evidence):
        os.mkdir(folder)
        self.root, self.der = os.path.join(folder, "root.pem"), os.path.join(folder, "ek.cert")
        self.pem, self.between = os.path.join(folder, "ek.pem"), os.path.join(folder, "issuer.pem")
        write(os.path.join(folder, "conf"), f"statedir = {folder}\nsigningkey = {folder}/key.pem\nissuercert = {self.between}\n"
              f"certserial = {folder}/serial\n".encode())
        write(os.path.join(folder, "options"), b"")
        point = read(evidence)[-68:]  # the public area ends with x and y
        assert point[:2] == point[34:36] == b"\0\x20"
        got = subprocess.run(
            ["swtpm_localca", "--type", "ek", "--ek", f"x={point[2:34].hex()},y={point[36:].hex()},id=secp256r1", "--dir", folder,
             "--vmid", "test", "--configfile", os.path.join(folder, "conf"), "--optsfile", os.path.join(folder, "options"),
             "--tpm2", "--tpm-spec-family", "2.0", "--tpm-spec-revision", "146", "--tpm-spec-level", "00", "--tpm-manufacturer",
             "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20191023"], capture_output=True, text=True, timeout=60)
        assert got.returncode == 0, got
        shutil.copy(os.path.join(folder, "swtpm-localca-rootca-cert.pem"), self.root)
        text = base64.b64encode(read(self.der)).decode()
        write(self.pem, f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n".encode() + read(self.between))


# the base point of P-256, as another key
OTHER_POINT = bytes.fromhex("00206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                            "00204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


def the_maker_is_checked(w, request, beside):
    """SYN-8.5: the certificate of the endorsement key that answered, by roots of this officer (decision 0582)."""
    if not shutil.which("swtpm_localca"):
        print("# left out: no swtpm_localca")
        return []
    write(w.at("point"), OTHER_POINT)
    maker, other = Maker(w.at("maker"), request + ".evidence"), Maker(w.at("maker2"), w.at("point"))
    words = [*beside, "--group", "1", "--answer", w.at("a0")]
    w.sign(0, request, "half", *words, "--ek-cert", maker.pem, code=2, said=["--ek-root FILE"])
    w.sign(0, request, "half", *words, "--ek-root", maker.root, code=2, said=["--ek-root FILE"])
    w.sign(0, request, "half", *words, "--ek-cert", maker.der, "--ek-root", maker.root, code=1, said=["no chain of sound signatures"])
    w.sign(0, request, "half", *words, "--ek-cert", maker.pem, "--ek-root", other.root, code=1, said=["no chain of sound signatures"])
    w.sign(0, request, "half", *words, "--ek-cert", other.pem, "--ek-root", other.root, code=1, said=["of another key"])
    w.sign(0, request, "half", *words, "--ek-cert", maker.between, "--ek-root", maker.root, code=1, said=["of another key"])
    w.sign(0, request, "half", *words, "--ek-cert", request, "--ek-root", maker.root, code=1, said=["no X.509 certificates"])
    w.sign(0, request, "half", *words, "--ek-cert", maker.pem, "--ek-root", w.at("none"), code=3, said=["is missing"])
    write(w.at("long"), bytes(16385))
    w.sign(0, request, "half", *words, "--ek-cert", w.at("long"), "--ek-root", maker.root, code=4, said=["is longer"])
    assert not os.path.exists(w.at("half"))
    got = run("ca", "sign", "--dir", w.officers[0], "--out", w.at("half"), request, *words, stdin="no\n")
    assert "maker         NOT CHECKED" in got.stdout, got
    got = run("ca", "sign", "--dir", w.officers[0], "--out", w.at("half"), request, *words, "--ek-cert", maker.der, "--ek-root",
              other.root, "--ek-root", maker.between, stdin="no\n")  # the officer may believe whom it likes
    assert "maker         id:00001014 swtpm id:20191023, certified by CN=swtpm-localca" in got.stdout, got
    return ["--ek-cert", maker.pem, "--ek-root", maker.root]


@case
def a_tpm_proves_to_each_officer_that_it_holds_the_key(folder):
    if not shutil.which("swtpm") or "built without TPM" in run("tpm", "status", "--tcti", "swtpm:path=/none").stderr:
        print("# left out: no swtpm, or built without TPM support")
        return
    w = World(folder, 4)
    ak, other = w.at("ak"), w.at("ak2")
    with Swtpm(folder) as tpm:
        tcti = ["--tcti", tpm.tcti]
        name = expect(run("tpm", "ak", "--out", ak, "--json", *tcti), 0)["ak_name"]
        expect(run("tpm", "ak", "--out", other, *tcti), 0)
        token = w.token()
        ca("request", "--node", w.nodes[0]["data_dir"], "--genesis", w.genesis, "--token", token, "--out", w.at("r"),
           "--ak", ak, code=2, said=["--this-machine"])
        request = w.request(w.nodes[0], "--token", token, "--this-machine", "--ak", ak, *tcti, name="r")
        foreign = w.request(w.nodes[0], "--token", token, "--this-machine", "--ak", other, *tcti, name="r2")
        seat = ca("request", "--node", w.nodes[0]["data_dir"], "--seat", "--ak", ak)
        shown = w.show(request)
        assert shown["ak"] == name and shown["node_id"] == seat["node_id"] != w.nodes[0]["node_id"], shown
        beside = ["--token", token, "--evidence", request + ".evidence"]
        w.sign(0, request, "half", *beside, "--group", "1", code=2, said=["names a TPM"])
        w.sign(0, request, "half", "--token", token, "--no-evidence", "--group", "1", code=2, said=["names a TPM"])
        ca("sign", "--dir", w.officers[0], request, "--evidence", foreign + ".evidence", "--challenge", w.at("c"), code=1,
           said=["is not what the request was made with"])
        for i in range(2):
            ca("sign", "--dir", w.officers[i], request, "--evidence", request + ".evidence", "--challenge", w.at(f"c{i}"))
            expect(run("ca", "request", "--answer", w.at(f"c{i}"), "--ak", ak, "--out", w.at(f"a{i}"), *tcti), 0)
        refused = run("ca", "request", "--answer", w.at("c0"), "--ak", other, "--out", w.at("x"), *tcti)
        assert refused.returncode != 0 and not os.path.exists(w.at("x")), refused
    w.sign(0, request, "half", *beside, "--group", "1", "--answer", w.at("a1"), code=1, said=["is not what this officer wrapped"])
    maker = the_maker_is_checked(w, request, beside)
    signed = w.sign(0, request, "half", *beside, "--group", "1", "--answer", w.at("a0"), *maker)
    assert signed["maker"]["checked"] is (maker != []), signed
    assert not maker or signed["maker"]["manufacturer"] == "id:00001014", signed
    w.sign(2, w.at("half"), "c", *beside, "--request", request, "--answer", w.at("a0"), code=2, said=["asked nothing of that TPM"])
    signed = w.sign(1, w.at("half"), "certificate", *beside, "--request", request, "--answer", w.at("a1"))
    assert signed["complete"] and signed["maker"] == {"checked": False}, signed
    assert w.show(w.at("certificate"))["ak"] == name


# ---- the record


def half_signed(w, officer=0):
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    return request, ["--token", token, "--group", "1", "--no-evidence"]


@case
def after_a_crash_before_the_signature_only_the_same_body_is_signed(folder):
    w = World(folder)
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    beside = ["--token", token, "--no-evidence"]
    w.sign(1, request, "half", *beside, "--group", "1")
    w.sign(2, request, "other", *beside, "--group", "2")  # Chen would make another certificate of serial 1
    # the record of the first officer is durable, but what it signs cannot be written
    w.sign(0, w.at("half"), "none/out", *beside, "--request", request, code=3, said=["cannot be written"])
    w.sign(0, w.at("other"), "out", *beside, "--request", request, code=1, said=["has promised another body"])
    assert not os.path.exists(w.at("out"))
    assert w.sign(0, w.at("half"), "out", *beside, "--request", request)["complete"]
    w.sign(2, w.at("half"), "two", *beside, "--request", request, code=1, said=["has promised another body"])


@case
def after_a_crash_the_first_officer_makes_the_same_certificate_again(folder):
    w = World(folder, 4)
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    beside = ["--token", token, "--no-evidence", "--group", "1"]
    w.sign(0, request, "none/out", *beside, code=3, said=["cannot be written"])  # recorded, and the token is used
    time.sleep(1.1)  # so that a body of now would be another one
    w.sign(0, request, "other", "--token", token, "--no-evidence", "--group", "2", code=1, said=["the token was used"])
    w.sign(0, request, "other", *beside, "--days", "31", code=1, said=["the token was used"])
    w.sign(0, request, "half", *beside)
    assert w.show(w.at("half"))["serial"] == 1
    assert w.sign(1, w.at("half"), "certificate", *beside[:3], "--request", request)["complete"]
    renewal = w.request(w.nodes[0], "--renew", name="renewal")
    beside = ["--renew", w.at("certificate"), "--no-evidence"]
    w.sign(0, renewal, "none/out", *beside, code=3)
    w.sign(0, renewal, "next", *beside)
    assert w.show(w.at("next"))["serial"] == 2
    w.sign(0, renewal, "later", *beside, "--days", "31")  # what was asked for has changed
    assert w.show(w.at("later"))["serial"] == 3
    again = w.token()  # another token is used up by a certificate of its own
    request = w.request(w.nodes[0], "--token", again, name="again")
    w.sign(0, request, "new", "--token", again, "--no-evidence", "--group", "1", "--days", "31")
    assert w.show(w.at("new"))["serial"] == 4


@case
def a_record_that_is_not_whole_signs_nothing(folder):
    w = World(folder)
    anna = w.officers[0]
    record, mark = os.path.join(anna, "record"), os.path.join(anna, "mark")
    old_record, old_mark = read(record), read(mark)
    request, beside = half_signed(w)
    w.sign(0, request, "half", *beside)
    whole, whole_mark = read(record), read(mark)
    rng = random.Random(SEED)
    damaged = [b"", whole[:-1], old_record, whole[: len(whole) // 2]]
    for _ in range(6):
        at = rng.randrange(len(whole))
        damaged.append(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1:])
    for bytes_ in damaged:
        write(record, bytes_)
        w.sign(0, request, "again", *beside, code=4, said=["signs no more"])
        assert not os.path.exists(w.at("again"))
    os.remove(record)
    w.sign(0, request, "again", *beside, code=4, said=["signs no more"])
    ca("init", "--dir", anna, "--genesis", w.genesis, "--yes", code=2, said=["once in the life of a key"])
    write(record, whole)
    os.remove(mark)
    w.sign(0, request, "again", *beside, code=4, said=["signs no more"])
    write(mark, whole_mark)
    write(record, whole + whole[-40:-3])  # an append that was torn: it was never signed
    assert ca("show", "--dir", anna)["record_entries"] == 2
    other = w.token()
    w.sign(0, w.request(w.nodes[0], "--token", other, name="next"), "next.half", "--token", other, "--group", "1", "--no-evidence")
    assert ca("show", "--dir", anna)["record_entries"] == 3  # it was cut off, and the record went on
    write(record, whole)
    write(mark, old_mark)  # a crash between record and mark
    assert ca("show", "--dir", anna)["record_entries"] == 2


def fill_record(officer, size):
    """The record of an officer with so many barred nodes that it has nearly this size, and its mark (decision 0460)."""
    path = os.path.join(officer, "record")
    parts, at, n = [read(path)], len(read(path)), 1
    head = hashlib.blake2b(b"HKP1 officer\0" + parts[0][2:], digest_size=32).digest()
    while at + 60 <= size:
        entry = b"\xa4\0\1\1\2\2\x58\x20" + head + b"\3\x50" + n.to_bytes(16, "big")
        head = hashlib.blake2b(b"HKP1 officer\0" + entry, digest_size=32).digest()
        parts.append(len(entry).to_bytes(2, "big") + entry)
        at, n = at + 60, n + 1
    write(path, b"".join(parts))
    write(os.path.join(officer, "mark"), b"\xa3\0\1\1\x1a" + n.to_bytes(4, "big") + b"\2\x58\x20" + head)


@case
def a_full_record_is_not_written_beyond_what_is_read_again(folder):
    w = World(folder)
    request, beside = half_signed(w)
    fill_record(w.officers[0], 64 << 20)
    before = os.path.getsize(os.path.join(w.officers[0], "record"))
    assert (64 << 20) - 60 < before <= 64 << 20
    w.sign(0, request, "half", *beside, code=1, said=["bytes are used", "the record is full", "another key"])
    ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("list"), "--node", w.nodes[0]["node_id"], code=1,
       said=["the record is full"])
    assert os.path.getsize(os.path.join(w.officers[0], "record")) == before  # and it is still whole
    shown = expect(run("ca", "show", "--dir", w.officers[0], "--json"), 0, "bytes are used")
    assert shown["record_entries"] > 1 << 20, shown
    w.sign(1, request, "half", *beside)  # who has room


@case
def an_old_copy_of_record_and_mark_is_betrayed_by_a_signature(folder):
    w = World(folder)
    anna, backup = w.officers[0], w.at("backup")
    shutil.copytree(anna, backup)
    request, beside = half_signed(w)
    w.sign(0, request, "half", *beside)
    shutil.rmtree(anna)
    shutil.copytree(backup, anna)
    w.sign(0, w.at("half"), "again", *beside[:2], "--no-evidence", "--request", request, code=4,
           said=["bears this officer's signature", "old copy"])
    other = w.token()
    fresh = w.request(w.nodes[0], "--token", other, name="fresh")
    w.sign(0, fresh, "again", "--token", other, "--group", "1", "--no-evidence", code=4, said=["signs no more"])


@case
def one_command_at_a_time_works_with_a_folder(folder):
    w = World(folder)
    request, beside = half_signed(w)
    words = [PROGRAM, "ca", "sign", "--dir", w.officers[0], "--out", w.at("half"), request, *beside]
    waits = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        waits.stderr.read(8)  # it asks
        w.sign(0, request, "second", *beside, code=3, said=["another \"hookprobe ca\""])
    finally:
        waits.communicate("yes\n", timeout=60)
    assert waits.returncode == 0 and os.path.exists(w.at("half"))


# ---- lists and sets


@case
def revocation_lists_follow_each_other(folder):
    w = World(folder, 4)
    a, b = (node["node_id"] for node in w.nodes[:2])
    first = ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("l1.half"), "--node", a, "--reason", "key-compromise",
               "--node", b, "--serial", "3", "--reason", "superseded")
    assert first["number"] == 1 and not first["complete"], first
    assert w.sign(1, w.at("l1.half"), "l1")["complete"]
    shown = w.show(w.at("l1"))
    assert shown["verified"] is True and shown["previous"] == "00" * 32, shown
    assert {e["node_id"]: e["serial"] for e in shown["revoked"]} == {a: "barred", b: 3}
    # Boris completed it, so he knows it; Anna and Chen are handed it
    second = ca("revoke", "--dir", w.officers[1], "--yes", "--out", w.at("l2.half"), "--node", b, "--serial", "5")
    assert second["number"] == 2, second
    w.sign(2, w.at("l2.half"), "l2", code=1, said=["hand it over with --list"])
    w.sign(2, w.at("l2.half"), "l2", "--list", w.at("l1"))
    assert w.show(w.at("l2"))["previous"] == shown["id"]
    ca("revoke", "--dir", w.officers[2], "--yes", "--out", w.at("x"), "--node", b, "--serial", "4", code=1,
       said=["revoked already"])
    ca("revoke", "--dir", w.officers[2], "--yes", "--out", w.at("x"), "--node", a, "--serial", "4", "--reason", "retired",
       code=1, said=["revoked already"])
    # a barred node is not certified again, by nobody who knows the list
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    w.sign(2, request, "c", "--token", token, "--group", "1", "--no-evidence", code=1, said=["node is barred"])
    # Anna promised list 1 but never saw it complete: without it her next one is refused by the others
    third = ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("l3.half"))
    w.sign(1, w.at("l3.half"), "l3", code=1)
    assert third["number"] == 2
    fourth = ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("l4.half"), "--list", w.at("l2"), code=0)
    assert fourth["number"] == 3
    assert w.sign(2, w.at("l4.half"), "l4")["complete"]
    assert len(w.show(w.at("l4"))["revoked"]) == 2


@case
def lists_that_nobody_completed_lock_nothing_and_lose_nothing(folder):
    w = World(folder, 4)
    a, b, c, d = (node["node_id"] for node in w.nodes)

    def revoke(officer, out, *words, **how):
        return ca("revoke", "--dir", w.officers[officer], "--yes", "--out", w.at(out), *words, **how)

    revoke(0, "l1.half", "--node", d, "--serial", "1")
    w.sign(1, w.at("l1.half"), "l1")
    one = w.show(w.at("l1"))["id"]
    for officer in (0, 2):
        ca("init", "--dir", w.officers[officer], "--list", w.at("l1"))
    for officer, node in enumerate((a, b, c)):  # each of them makes the list of the day
        assert revoke(officer, f"l2.{officer}", "--node", node, "--reason", "lost")["number"] == 2
    got = run("ca", "sign", "--dir", w.officers[0], "--out", w.at("l2"), w.at("l2.1"), stdin="yes\n")
    expect(got, 1, "has promised another body")
    got = run("ca", "revoke", "--dir", w.officers[0], "--yes", "--out", w.at("l3.0"), "--node", a, "--serial", "7", "--json")
    assert expect(got, 0, "not known here as complete", "taken over from list 2, which this officer signed: node " + a)
    shown = w.show(w.at("l3.0"))
    assert shown["number"] == 3 and shown["previous"] == one, shown
    assert {e["node_id"]: e["serial"] for e in shown["revoked"]} == {a: "barred", d: 1}, shown
    # Boris has barred another node meanwhile: what he signs has it, or he says that it need not
    w.sign(1, w.at("l3.0"), "l3", code=1, said=["LEFT OUT: list 2, which this officer signed, revokes more of node " + b,
                                                "sign it without --yes"])
    refused = run("ca", "sign", "--dir", w.officers[1], "--out", w.at("l3"), w.at("l3.0"), stdin="no\n")
    expect(refused, 1, "LEFT OUT", "nothing was done")
    assert not os.path.exists(w.at("l3"))
    assert revoke(1, "l3.1", "--node", a, "--reason", "lost")["number"] == 3
    assert {e["node_id"] for e in w.show(w.at("l3.1"))["revoked"]} == {a, b, d}
    w.sign(0, w.at("l3.1"), "l3", code=1, said=["has promised another body"])
    revoke(1, "none/out", code=3)  # recorded, and the file is lost
    four = revoke(1, "l5.1")
    assert four["number"] == 5, four
    assert w.sign(0, w.at("l5.1"), "l5")["complete"]
    shown = w.show(w.at("l5"))
    assert shown["verified"] is True and shown["previous"] == one
    assert {e["node_id"] for e in shown["revoked"]} == {a, b, d}
    # Chen barred c in vain; he may say that it need not be
    agreed = run("ca", "sign", "--dir", w.officers[2], "--list", w.at("l5"), "--out", w.at("x"), w.at("l5"), stdin="yes\n")
    expect(agreed, 1, "LEFT OUT: list 2, which this officer signed, revokes more of node " + c)
    assert revoke(2, "l6.2", "--list", w.at("l5"))["number"] == 6
    assert {e["node_id"] for e in w.show(w.at("l6.2"))["revoked"]} == {a, b, c, d}
    revoke(0, "l6.0")
    agreed = run("ca", "sign", "--dir", w.officers[2], "--list", w.at("l5"), "--out", w.at("x"), w.at("l6.0"), stdin="yes\n")
    expect(agreed, 1, "LEFT OUT: list 6", "has promised another body")
    revoke(0, "l7.0")
    agreed = run("ca", "sign", "--dir", w.officers[2], "--out", w.at("l7"), w.at("l7.0"), stdin="yes\n")
    expect(agreed, 0, "LEFT OUT: list 6")
    assert w.show(w.at("l7"))["verified"] is True and w.show(w.at("l7"))["number"] == 7
    write(os.path.join(w.officers[2], "own-list"), b"x")
    revoke(2, "l8.2", code=4, said=["own-list: is damaged"])


@case
def a_lost_officer_is_replaced_by_the_next_set(folder):
    w = World(folder)
    ada = w.at("ada")
    key = ca("init", "--dir", ada)["officer"]
    keep = [ca("show", "--dir", officer)["key"] for officer in w.officers[1:]]
    words = [word for k in [*keep, key] for word in ("--officer", k)]
    made = ca("init", "--dir", w.officers[1], "--out", w.at("set.half"), *words)
    assert not made["complete"]
    assert w.sign(2, w.at("set.half"), "set")["complete"]
    for officer in w.officers[1:]:
        ca("init", "--dir", officer, "--set", w.at("set"))
    shutil.copy(w.at("set"), os.path.join(ada, "set.2"))
    ca("init", "--dir", ada, "--genesis", w.genesis, "--yes")
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    beside = ["--token", token, "--no-evidence"]
    w.officers.append(ada)
    w.sign(3, request, "half", *beside, "--group", "1")
    w.sign(0, w.at("half"), "x", *beside, "--request", request, code=1)  # Anna knows another set, and is not in this one
    assert w.sign(1, w.at("half"), "certificate", *beside, "--request", request)["complete"]
    got = run("ca", "show", "--json", "--genesis", w.genesis, "--set", w.at("set"), w.at("certificate"))
    assert json.loads(got.stdout)["verified"] is True, got
    got = run("ca", "show", "--json", "--genesis", w.genesis, w.at("certificate"))
    assert got.returncode == 1 and "CA_VERSION" in got.stdout, got


# ---- hostile files


@case
def hostile_files_are_refused_and_change_nothing(folder):
    w = World(folder)
    certificate = w.enrol(w.nodes[0], 7, "certificate")
    ca("revoke", "--dir", w.officers[0], "--yes", "--out", w.at("list.half"))
    token = w.token()
    request = w.request(w.nodes[0], "--token", token)
    w.sign(0, request, "fresh.half", "--token", token, "--no-evidence", "--group", "1")
    folder_of = w.officers[2]
    before = read(os.path.join(folder_of, "record"))
    rng = random.Random(SEED)
    sources = [w.at("certificate.half"), certificate, w.at("list.half"), w.at("fresh.half"), request, w.genesis]
    for i in range(60):
        good = bytearray(read(rng.choice(sources)))
        how = rng.randrange(3)
        if how == 0:
            good = good[:rng.randrange(len(good))]
        elif how == 1:
            good[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        else:
            good += bytes([rng.randrange(256)])
        write(w.at("bad"), bytes(good))
        shown = run("ca", "show", "--json", "--genesis", w.genesis, w.at("bad"))
        assert shown.returncode in (0, 1, 4), (shown.returncode, good.hex())
        got = run("ca", "sign", "--dir", folder_of, "--yes", "--out", w.at("out"), w.at("bad"), "--request", request,
                  "--token", w.at("token1"), "--no-evidence", "--group", "1", "--list", w.at("bad"))
        assert got.returncode in (1, 2, 4), (got, good.hex())
    assert read(os.path.join(folder_of, "record")) == before and not os.path.exists(w.at("out"))
    foreign = World(os.path.join(folder, "foreign")) if os.makedirs(os.path.join(folder, "foreign")) is None else None
    w.sign(0, foreign.request(foreign.nodes[0], "--token", token), "out", "--token", token, "--group", "1", "--no-evidence",
           code=4, said=["no request that its own key signed"])


@case
def wrong_use_is_exit_2(folder):
    expect(run("ca"), 2, "ca init", "ca sign", "ca show")
    expect(run("ca", "init"), 2, "--dir DIR")
    expect(run("ca", "sign", "x"), 2, "--dir DIR")
    expect(run("ca", "show"), 2, "a FILE")
    expect(run("ca", "revoke"), 2, "--dir DIR")
    expect(run("ca", "request", "--node", folder), 2, "--genesis FILE")
    expect(run("ca", "request", "--node", folder, "--roles", "king"), 2, "--roles")
    officer = os.path.join(folder, "o")
    ca("init", "--dir", officer)
    expect(run("ca", "init", "--dir", officer), 2, "is there already")
    expect(run("ca", "sign", "--dir", officer, "--out", "x", officer), 2, "genesis: is missing")
    expect(run("ca", "init", "--name", "m", "--out", os.path.join(folder, "g"), "--officer", "00"), 2, "64 hex digits")
    key = "ab" * 32
    expect(run("ca", "init", "--name", "m", "--out", os.path.join(folder, "g"), "--officer", key, "--officer", key), 2,
           "none twice")
    os.chmod(os.path.join(officer, "officer.key"), 0o644)
    expect(run("ca", "show", "--dir", officer), 3, "mode 0600")


@case
def a_key_under_a_passphrase_wants_it(folder):
    officer, words = os.path.join(folder, "o"), os.path.join(folder, "words")
    write(words, b"correct horse\n")
    ca("init", "--dir", officer, "--passphrase-file", words)
    expect(run("ca", "show", "--dir", officer), 3, "passphrase")
    expect(run("ca", "show", "--dir", officer, "--passphrase-file", words), 2, "genesis: is missing")


if __name__ == "__main__":
    sys.exit(run_cases())
