#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe workload, policy and ca order: signed by operators, schedulers and officers, in force at running nodes."""
import hashlib
import json
import os
import shutil
import signal
import socket
import sys

from nodes import case, end, provision, run, run_cases, start, status, wait


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def told(node, request):
    """The answer of its control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(60)
        s.connect(os.path.join(node["data_dir"], "control.sock"))
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile().readline())


class World:
    """A mesh, its officer, and an operator who is no member of it."""

    def __init__(self, folder, count=2, roles="operator,scheduler"):
        self.folder = folder
        self.nodes = provision(folder, count)
        self.officer = self.at("mesh", "authority")
        self.image = write(self.at("image"), b"#!/bin/sh\nexit 0\n")
        self.operator = self.person("operator", roles)
        self.files = {name: self.at(name) for name in ("workload", "assign", "order")}

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def person(self, name, roles):
        """A folder with keys of its own and a certificate of this mesh with these roles."""
        made = run("provision", "--dir", self.at(name), "--nodes", "1", "--json")["nodes"][0]["data_dir"]
        shutil.copy(os.path.join(self.nodes[0]["data_dir"], "genesis"), os.path.join(made, "genesis"))
        token, request = write(self.at("token-" + name), os.urandom(16).hex().encode()), self.at("request-" + name)
        run("ca", "request", "--node", made, "--genesis", os.path.join(made, "genesis"), "--token", token, "--roles",
            roles, "--out", request)
        run("ca", "sign", "--dir", self.officer, "--yes", "--out", os.path.join(made, "certificate"), request, "--token",
            token, "--group", "9", "--no-evidence")
        return made

    def sign(self):
        self.workload = run("workload", "sign", "--node", self.operator, "--image", self.image, "--argument", "-v",
                            "--out", self.files["workload"], "--json")
        self.assign = run("workload", "assign", "--node", self.operator, "--workload", self.files["workload"], "--to",
                          self.nodes[1]["node_id"], "--out", self.files["assign"], "--json")
        run("ca", "order", "--dir", self.officer, "--scope", "workload", "--workload", self.files["workload"], "--out",
            self.files["order"], "--yes")

    def verify(self, code=0, node=1, image=None, without=(), more=()):
        words = ["workload", "verify", "--node", self.nodes[node]["data_dir"], "--workload", self.files["workload"],
                 "--assign", self.files["assign"], *more]
        if "order" not in without:
            words += ["--order", self.files["order"]]
        if "certificate" not in without:
            words += ["--certificate", os.path.join(self.operator, "certificate")]
        return run(*words, image or self.image, "--json", code=code)


@case
def a_workload_starts_with_all_that_it_needs_and_with_nothing_less(folder):
    w = World(folder)
    w.sign()
    got = w.verify()
    assert got["starts"] is True and got["run"] == w.assign["id"] and got["workload"] == w.workload["id"], got
    assert w.workload["image"] == hashlib.sha256(read(w.image)).hexdigest() and w.workload["arguments"] == ["-v"]
    assert w.verify(1, without=["order"])["error"] == "E_DSM_ORDER"
    assert w.verify(1, without=["certificate"])["error"] == "E_DSM_SIGNER"
    assert w.verify(1, image=write(w.at("other"), b"#!/bin/sh\nexit 1\n"))["error"] == "E_DSM_PAYLOAD"
    assert w.verify(1, node=0)["error"] == "E_DSM_TARGET"
    whole = read(w.files["workload"])
    write(w.files["workload"], whole[:-1] + bytes([whole[-1] ^ 1]))
    assert w.verify(1)["error"] == "E_DSM_SIG"
    write(w.files["workload"], read(w.files["assign"]))
    assert w.verify(1)["error"] == "E_DSM_KIND"
    write(w.files["workload"], b"")
    assert w.verify(1)["starts"] is False
    write(w.files["workload"], whole)
    withdrawn = w.at("withdrawn")
    run("ca", "order", "--dir", w.officer, "--scope", "workload", "--workload", w.files["workload"], "--out", withdrawn,
        "--withdraw", "--yes")
    assert w.verify(1, more=["--order", withdrawn], without=["order"])["error"] == "E_DSM_ORDER"
    run("ca", "revoke", "--dir", w.officer, "--node", w.workload["signer"], "--out", w.at("list"), "--yes")
    assert w.verify(1, more=["--list", w.at("list")])["error"] == "E_DSM_REVOKED"
    shown = run("ca", "show", "--dir", w.officer, w.files["order"], "--json")
    assert shown["state"] == "complete" and shown["scope"] == "workload" and shown["workload"] == w.workload["id"], shown
    shown = run("workload", "show", "--genesis", os.path.join(w.operator, "genesis"), w.files["assign"], "--json")
    assert shown["to"] == w.nodes[1]["node_id"] and shown["id"] == w.assign["id"], shown


@case
def without_the_role_nothing_is_signed(folder):
    w = World(folder, 1, roles="edge")
    run("workload", "sign", "--node", w.operator, "--image", w.image, "--out", w.at("x"), code=1, said="operator")
    run("policy", "sign", "--node", w.operator, "--scope", "7", "--version", "1", "--out", w.at("x"), w.image, code=1,
        said="operator")
    run("policy", "sign", "--node", w.operator, "--scope", "3", "--version", "1", "--out", w.at("x"), w.image, code=2,
        said="ca order")
    run("ca", "order", "--dir", w.officer, "--scope", "workload", "--out", w.at("x"), code=2, said="--workload")
    assert not os.path.exists(w.at("x"))


@case
def running_nodes_obey_what_was_handed_to_one_of_them(folder):
    w = World(folder)
    w.sign()
    policy = w.at("policy")
    run("policy", "sign", "--node", w.operator, "--scope", "7", "--version", "1", "--out", policy, w.image)

    def submit(path, code=0, said=""):
        run("node", "submit", path, "--config", w.nodes[0]["config"], code=code, said=said)

    def held(kind, state, at=1):
        words = ["policy" if kind in ("policy", "order") else "workload", "list", "--config", w.nodes[at]["config"], "--json"]
        return [o for o in run(*words)["objects"] if o["kind"] == kind and o["state"] == state]

    processes = [start(node) for node in w.nodes]
    try:
        wait(lambda: all(status(node).get("sessions", {}).get("up") == 1 for node in w.nodes))
        submit(policy, 2, "E_DSM_SIGNER") # nobody knows that operator yet
        submit(os.path.join(w.operator, "certificate"))
        submit(policy)
        for name in ("workload", "assign"):
            submit(w.files[name])
        wait(lambda: held("policy", "in force") and held("assignment", "held"))
        request = {"op": "workload_start", "run": w.assign["id"], "image": w.workload["image"]}
        assert told(w.nodes[1], request)["error"] == "E_DSM_ORDER"
        submit(w.files["order"])
        wait(lambda: held("order", "in force") and held("assignment", "in force"))
        assert told(w.nodes[1], dict(request, image="00" * 32))["error"] == "E_DSM_PAYLOAD"
        assert "no assignment" in told(w.nodes[0], request)["error"]
        got = told(w.nodes[1], request)
        assert got["ok"] and got["arguments"] == ["-v"] and got["cpu_milli"] == 1000, got
        assert held("assignment", "running")
        assert told(w.nodes[1], request)["error"] == "E_DSM_DUPLICATE"
        processes[1].send_signal(signal.SIGKILL)
        processes[1].wait()
        processes[1] = start(w.nodes[1])
        wait(lambda: status(w.nodes[1]))
        assert held("policy", "in force") and held("order", "in force")
        wait(lambda: told(w.nodes[1], request).get("error") not in (None, "the node is not ready"))
        assert not told(w.nodes[1], request)["ok"] # its nonce is used up, over the crash
        assert told(w.nodes[1], {"op": "workload_ended", "run": w.assign["id"]})["ok"] is False
    finally:
        end(processes)


if __name__ == "__main__":
    sys.exit(run_cases())
