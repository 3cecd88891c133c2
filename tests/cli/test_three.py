#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Three officers and the operators of nodes, each with a folder of their own: what goes between them goes over HTP, by
"file serve", and "node submit" gives it to the mesh. TAP on standard output."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from nodes import PROGRAM, case, end, run_cases, status
from test_ca import World, ca, expect, read, run

PATIENCE = 120


def wait(what, told):
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, f"waited in vain for {told}"
        time.sleep(0.1)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Post:
    """The folder that Boris serves; each of the others has a key of their own, and a machine: a folder."""

    def __init__(self, w, names):
        self.w, self.port, self.root = w, free_port(), w.at("post")
        os.mkdir(self.root)
        peers = ""
        card = self.key("boris")
        for name in names:
            os.makedirs(w.at("machines", name), exist_ok=True)
            peers += f'  - name: {name}\n    card: "{self.key(name)}"\n    operations: put get ls stat\n    extensions: "ca"\n'
            self.write(name + ".yaml", f'key: {name}.key\nservers:\n  - name: post\n    address: "127.0.0.1:{self.port}"\n'
                                       f'    card: "{card}"\n')
        self.write("serve.yaml", f'root: {self.root}\nkey: boris.key\nlisten: "127.0.0.1:{self.port}"\naudit: audit\n'
                                 f'peers:\n{peers}')

    def key(self, name):
        return expect(run("file", "key", "--out", self.w.at(name + ".key"), "--json"), 0)["card"]

    def write(self, name, text):
        with open(self.w.at(name), "w") as f:
            f.write(text)

    def __enter__(self):
        self.server = subprocess.Popen([PROGRAM, "file", "serve", "--json", "--config", self.w.at("serve.yaml")],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.server.stderr.readline().startswith("{")
        return self

    def __exit__(self, *_):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(60)
        self.server.stderr.close()

    def put(self, name, path, to):
        expect(run("file", "put", path, "post:/" + to, "--config", self.w.at(name + ".yaml"), timeout=60), 0)

    def get(self, name, what):
        """The file on the machine of the one who fetched it."""
        path = self.w.at("machines", name, what)
        expect(run("file", "get", "post:/" + what, path, "--config", self.w.at(name + ".yaml"), timeout=60), 0)
        return path


def start(node):
    return subprocess.Popen([PROGRAM, "node", "run", "--config", node["config"]], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def up(node):
    return status(node).get("sessions", {}).get("up", -1)


def height(node):
    return status(node).get("chain", {}).get("height", 0)


def refused(node, who):
    return [r["cause"] for r in status(node).get("refusals", []) if r["node_id"] == who["node_id"]]


def join(w, paths):
    for i, node in enumerate(w.nodes):
        shutil.copy(w.genesis, os.path.join(node["data_dir"], "genesis"))
        shutil.copy(paths[i], os.path.join(node["data_dir"], "certificate"))
        for k, other in enumerate(w.nodes):
            if k != i:
                shutil.copy(paths[k], os.path.join(node["data_dir"], "members", other["node_id"]))


def admit(w, post, node):
    """Dora asks for her node; Anna and Chen sign on their machines; she fetches what came of it."""
    token = w.token() # not by this way
    request = w.request(node, "--token", token, "--roles", "edge,witness,neuro", "--this-machine", name="request.ca")
    post.put("dora", request, "dora.ca")
    post.put("dora", request + ".evidence", "dora-evidence.ca")
    beside = ["--token", token, "--evidence"]
    first = w.sign(0, post.get("anna", "dora.ca"), "half.ca", *beside, post.get("anna", "dora-evidence.ca"), "--group", "9")
    assert not first["complete"], first
    post.put("anna", w.at("half.ca"), "dora-half.ca")
    second = w.sign(2, post.get("chen", "dora-half.ca"), "whole.ca", *beside, post.get("chen", "dora-evidence.ca"),
                    "--request", post.get("chen", "dora.ca"))
    assert second["complete"], second
    post.put("chen", w.at("whole.ca"), "dora-certificate.ca")
    return post.get("dora", "dora-certificate.ca")


def revoke(w, post, node):
    """Boris begins the list where the others find it; Anna completes it."""
    ca("revoke", "--dir", w.officers[1], "--yes", "--out", os.path.join(post.root, "list-half.ca"), "--node", node["node_id"],
       "--reason", "key-compromise")
    assert w.sign(0, post.get("anna", "list-half.ca"), "list.ca")["complete"]
    post.put("anna", w.at("list.ca"), "list.ca")
    return post.get("chen", "list.ca")


def inbox(node, what):
    place = os.path.join(node["data_dir"], "inbox")
    names = os.listdir(place) if os.path.isdir(place) else []
    return [os.path.join(place, name) for name in names if name.startswith(what) and not name.endswith(".tmp")]


def send(node, to, path, code=0, said=""):
    expect(run("node", "send", to["node_id"], path, "--config", node["config"]), code, said)


def letters(w):
    """A renewal from node to node: Anna sits at the first, Chen at the second, who asks at the fourth."""
    anna, chen, asks = w.nodes[0], w.nodes[1], w.nodes[3]
    request = w.request(asks, "--renew", "--roles", "edge,witness,validator", name="renewal")
    send(asks, anna, request)
    wait(lambda: inbox(anna, "request"), "the request")
    renewed = os.path.join(asks["data_dir"], "certificate")
    w.sign(0, inbox(anna, "request")[0], "renewal.half", "--renew", renewed, "--no-evidence")
    send(anna, chen, w.at("renewal.half"))
    wait(lambda: inbox(chen, "certificate"), "the half-signed certificate")
    assert w.show(inbox(chen, "certificate")[0])["state"] == "half-signed"
    assert w.sign(2, inbox(chen, "certificate")[0], "renewal.whole", "--renew", renewed, "--request", request,
                  "--no-evidence")["complete"]
    send(chen, asks, w.at("renewal.whole"))
    wait(lambda: inbox(asks, "certificate"), "the certificate")
    assert w.show(inbox(asks, "certificate")[0])["serial"] == 2
    wait(lambda: status(asks)["certificate"]["serial"] == 2, "its use without a restart")
    wait(lambda: w.show(renewed)["serial"] == 2, "its file, which the next start reads")
    stands = status(asks)["certificate"]
    assert stands["state"] == "valid" and stands["days_left"] in (29, 30), stands
    assert stands["renewal_from_s"] == stands["valid_until_s"] - 10 * 86400, stands
    assert " days left; renewal from " in run("status", "--config", asks["config"]).stdout
    send(chen, asks, w.genesis, 2, "E_DSM")
    send(chen, {"node_id": "00" * 16}, request, 2, "no session")
    assert not inbox(w.nodes[2], "")


def submit(node, path):
    return run("node", "submit", path, "--config", node["config"], "--json")


@case
def a_node_comes_and_goes_by_three_officers_over_the_transport(folder):
    w = World(folder, 5, seats_for=4)
    members, dora = w.nodes[:4], w.nodes[4]
    running = {}
    with Post(w, ["anna", "chen", "dora"]) as post:
        paths = [w.enrol(node, i + 1, f"certificate{i + 1}", by=(i % 3, (i + 1) % 3)) for i, node in enumerate(members)]
        join(w, paths + [admit(w, post, dora)])
        try:
            for i, node in enumerate(w.nodes):
                running[i] = start(node)
            wait(lambda: all(up(node) == 4 for node in w.nodes), "five nodes in touch")
            assert w.ask(dora, {"op": "report", "type": "ip4", "value": "45.155.205.233", "evidence": 1})
            wait(lambda: min(height(node) for node in w.nodes) > 0, "what is final")
            letters(w)
            path = revoke(w, post, dora)
            half = submit(members[2], w.at("machines", "anna", "list-half.ca"))
            expect(half, 2, "E_DSM_") # one of three officers revokes nobody
            wait(lambda: up(members[2]) == 4, "four sessions")
            assert expect(submit(members[2], path), 0)["kind"] == "revocation list"
            wait(lambda: all(up(node) == 3 for node in members) and up(dora) == 0, "sessions that end")
            assert all("officers revoked its certificate" in refused(node, dora) for node in members)
            running[4].send_signal(signal.SIGTERM)
            running[4].wait(timeout=60)
            running[4] = start(dora) # it knows no list; the others take no session of it
            wait(lambda: status(dora).get("counts", {}).get("ters", 0) > 0, "its new start")
            wait(lambda: height(members[0]) > 0, "an answer")
            before = max(height(node) for node in members)
            assert w.ask(members[0], {"op": "report", "type": "ip4", "value": "45.155.205.234", "evidence": 1})
            wait(lambda: min(height(node) for node in members) > before, "members that go on")
            wait(lambda: [up(node) for node in w.nodes] == [3, 3, 3, 3, 0], "four in touch, and one alone")
            said = run("node", "retire", dora["node_id"], "--config", members[1]["config"], "--json")
            assert expect(said, 0)["id"] == dora["node_id"], said
            expect(run("node", "retire", dora["node_id"], "--config", dora["config"]), 2, "no seat")
        finally:
            end(running.values())
    lines = [json.loads(line) for line in read(w.at("audit")).splitlines()]
    assert {"anna", "chen", "dora"} <= {line.get("name") for line in lines}, "the audit of the server names all"


if __name__ == "__main__":
    sys.exit(run_cases())
