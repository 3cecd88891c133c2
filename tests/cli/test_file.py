#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe file: servers and clients as processes over loopback, killed and started again. TAP on standard output."""
import glob
import hashlib
import json
import os
import pty
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from nodes import PROGRAM, case, run_cases

EXAMPLE = sys.argv[2]
SEED = int(os.environ.get("HKP_SEED", "1"))


def run(*words, timeout=60):
    return subprocess.run([PROGRAM, "file", *words], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stderr}"
    for words in in_stderr:
        assert words in result.stderr, f"{words!r} is not in {result.stderr!r}"


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def wait_until(condition, what, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.005)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make(path, size, seed=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = random.Random(SEED * 1000 + seed).randbytes(size)
    with open(path, "wb") as f:
        f.write(data)
    os.utime(path, ns=(1_700_000_000_123_456_000, 1_700_000_000_123_456_000))
    return data


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Relay:
    """Datagrams to a port and back, not faster than so many bytes a second: a slow link."""

    def __init__(self, port, rate):
        self.target, self.rate, self.ending, self.peers = ("127.0.0.1", port), rate, False, {}
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.front.setblocking(False)
        self.port = self.front.getsockname()[1]
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self):
        due = time.monotonic()
        while not self.ending:
            for s in select.select([self.front, *self.peers.values()], [], [], 0.05)[0]:
                try:
                    data, source = s.recvfrom(65535)
                    if s is self.front:
                        if source not in self.peers:
                            self.peers[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                            self.peers[source].connect(self.target)
                            self.peers[source].setblocking(False)
                        self.peers[source].send(data)
                    else:
                        back = next(address for address, peer in self.peers.items() if peer is s)
                        self.front.sendto(data, back)
                except OSError:
                    continue  # nobody listens just now
                due = max(due, time.monotonic() - 0.01) + len(data) / self.rate
                time.sleep(max(0, due - time.monotonic()))

    def close(self):
        self.ending = True
        self.thread.join()
        for s in [self.front, *self.peers.values()]:
            s.close()


class World:
    """A server with its root and its keys, and a client's configuration."""

    def __init__(self, where, operations="put update get ls stat rm tree", **grant):
        folder = where
        self.folder, self.port, self.server, self.relay = folder, free_port(), None, None
        self.root = os.path.join(folder, "root")
        self.here = os.path.join(folder, "here")
        self.out = os.path.join(folder, "out")
        for path in (self.root, self.here, self.out):
            os.mkdir(path)
        self.cards = {name: self.key(name) for name in ("server", "client", "stranger")}
        self.grants = [dict(name="sensor1", card=self.cards["client"], operations=operations, **grant)]
        self.audit = os.path.join(folder, "audit")

    def key(self, name):
        made = run("key", "--out", os.path.join(self.folder, name + ".key"), "--json")
        expect(made, 0)
        return json.loads(made.stdout)["card"]

    def write_service(self):
        path = os.path.join(self.folder, "serve.yaml")
        with open(path, "w") as f:
            f.write(f'root: root\nkey: server.key\nlisten: "127.0.0.1:{self.port}"\naudit: audit\npeers:\n')
            for grant in self.grants:
                lead = "  - "
                for key, value in grant.items():
                    f.write(f'{lead}{key}: "{value}"\n')
                    lead = "    "
        return path

    def config(self, key="client", server=None):
        path = os.path.join(self.folder, f"{key}.yaml")
        port = self.relay.port if self.relay else self.port
        with open(path, "w") as f:
            f.write(f'key: {key}.key\nservers:\n  - name: box\n    address: "127.0.0.1:{port}"\n'
                    f'    card: "{server or self.cards["server"]}"\n')
        return path

    def __enter__(self):
        self.start()
        return self

    def start(self):
        self.server = subprocess.Popen([PROGRAM, "file", "serve", "--json", "--config", self.write_service()],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.server.stderr.readline()
        assert line.startswith("{"), line
        assert json.loads(line)["card"] == self.cards["server"]

    def stop(self, number=signal.SIGTERM):
        self.server.send_signal(number)
        code = self.server.wait(20)
        self.server.stderr.close()
        self.server = None
        return code

    def __exit__(self, *_):
        if self.relay:
            self.relay.close()
        if self.server:
            self.stop(signal.SIGKILL)

    def slow(self, rate):
        self.relay = Relay(self.port, rate)

    def ask(self, command, *words, key="client", server=None, timeout=60):
        return run(command, "--config", self.config(key, server), *words, timeout=timeout)

    def begin(self, command, *words):
        return subprocess.Popen([PROGRAM, "file", command, "--config", self.config(), *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def written(self):
        return [line for line in lines_of(read(self.audit).decode())]


def part_size(folder):
    sizes = [os.stat(path).st_blocks * 512 for path in glob.glob(os.path.join(folder, ".htp-*.part"))]
    return max(sizes, default=0)


# ---- what each command does


@case
def what_is_put_is_seen_fetched_and_removed(folder):
    with World(folder) as w:
        data = make(w.here + "/a.pcap", 300_000)
        done = w.ask("put", "--json", w.here + "/a.pcap", "box:day/one.pcap")
        expect(done, 0)
        told, summary = lines_of(done.stdout)
        digest = hashlib.sha256(data).hexdigest()
        assert told["path"] == "day/one.pcap" and told["ok"] and told["sha256"] == digest and told["bytes"] == 300_000
        assert summary["summary"] and summary["done"] == 1 and summary["exit"] == 0
        assert read(w.root + "/day/one.pcap") == data
        assert os.stat(w.root + "/day/one.pcap").st_mtime_ns == 1_700_000_000_123_456_000
        listed = lines_of(w.ask("ls", "--json", "box:day").stdout)
        assert listed == [{"path": "day/one.pcap", "kind": "file", "size": 300_000, "mtime": "2023-11-14T22:13:20.123456Z"}]
        assert json.loads(w.ask("stat", "--hash", "--json", "box:day/one.pcap").stdout)["sha256"] == digest
        assert "sha256" not in json.loads(w.ask("stat", "--json", "box:day/one.pcap").stdout)
        expect(w.ask("get", "box:day/one.pcap", w.out + "/mine.pcap"), 0)
        assert read(w.out + "/mine.pcap") == data
        expect(w.ask("get", "box:day/one.pcap", w.out), 0)
        assert read(w.out + "/one.pcap") == data
        expect(w.ask("rm", "box:day/one.pcap"), 0)
        expect(w.ask("stat", "box:day/one.pcap"), 1, "NOT_FOUND")
        expect(w.ask("rm", "box:day"), 0)
        assert os.listdir(w.root) == []
        assert w.stop() == 0
        files = [line for line in w.written() if "operation" in line]
        assert [line["operation"] for line in files] == ["stat", "put", "ls", "stat", "stat", "stat", "get", "stat", "get",
                                                         "rm", "stat", "rm"]
        put = next(line for line in files if line["operation"] == "put")
        assert put["name"] == "sensor1" and put["sha256"] == digest and put["ok"] and put["code"] == "SUCCESS"
        missing = [line for line in files if not line["ok"]]
        assert missing and all(line["code"] == "NOT_FOUND" for line in missing)
        assert {line["session"] for line in w.written() if "session" in line} == {"up", "down"}


@case
def folders_go_there_and_back_and_only_what_changed_goes_again(folder):
    with World(folder) as w:
        sizes = {f"cap/{i:02}/{k:02}.json": 100 * i + k for i in range(4) for k in range(30)}
        data = {name: make(f"{w.here}/{name}", size, size) for name, size in sizes.items()}
        os.symlink("/etc/passwd", w.here + "/cap/link.json")
        first = w.ask("put", "-r", "--json", w.here + "/cap", "box:")
        expect(first, 0, "link.json: left out")
        assert lines_of(first.stdout)[-1]["done"] == 120
        for name, content in data.items():
            assert read(f"{w.root}/{name}") == content, name
        make(w.here + "/cap/03/07.json", 5000, 9)
        second = lines_of(w.ask("put", "-r", "--json", w.here + "/cap", "box:").stdout)
        assert second[-1]["done"] == 1 and second[-1]["same"] == 119
        assert [line["path"] for line in second if line.get("sha256")] == ["cap/03/07.json"]
        assert lines_of(w.ask("put", "-r", "--all", "--json", w.here + "/cap", "box:").stdout)[-1]["done"] == 120
        expect(w.ask("get", "-r", "box:cap", w.out + "/copy"), 0)
        for name in data:
            assert read(f"{w.out}/copy/{name[4:]}") == read(f"{w.here}/{name}"), name
        again = lines_of(w.ask("get", "-r", "--json", "box:cap", w.out + "/copy").stdout)
        assert again[-1]["same"] == 120 and again[-1]["done"] == 0
        assert len(lines_of(w.ask("ls", "-r", "--json", "box:cap").stdout)) == 124
        expect(w.ask("put", w.here + "/cap", "box:"), 2, "-r sends it")
        expect(w.ask("get", "box:cap", w.out + "/"), 1, "-r fetches it")
        expect(w.ask("rm", "box:cap"), 1)
        expect(w.ask("rm", "-r", "box:cap"), 0)
        assert os.listdir(w.root) == []


@case
def a_folder_of_more_than_a_page_is_whole(folder):
    with World(folder) as w:
        for i in range(1205):
            for place in (w.here, w.root, w.out):
                make(f"{place}/many/{i:04}.log", i % 7, i)
        make(f"{w.here}/many/1200.log", 9, 9)
        os.unlink(f"{w.root}/many/1204.log")
        summary = lines_of(w.ask("put", "-r", "--json", w.here + "/many", "box:many").stdout)[-1]
        assert summary["same"] == 1203 and summary["done"] == 2, summary
        names = [line["path"] for line in lines_of(w.ask("ls", "--json", "box:many").stdout)]
        assert names == [f"many/{i:04}.log" for i in range(1205)]
        summary = lines_of(w.ask("get", "-r", "--json", "box:many", w.out + "/many").stdout)[-1]
        assert summary["same"] == 1204 and summary["done"] == 1, summary
        assert read(w.out + "/many/1200.log") == read(w.here + "/many/1200.log")


# ---- what is refused


@case
def grants_hold(folder):
    with World(folder, operations="put ls stat", folder="lab/one", extensions="pcap json", size_max="1M",
               quota="1500K") as w:
        make(w.here + "/a.pcap", 700_000), make(w.here + "/b.pcap", 900_000), make(w.here + "/c.exe", 10)
        make(w.here + "/big.pcap", 1_048_577)
        expect(w.ask("put", w.here + "/a.pcap", "box:"), 0)
        assert os.path.exists(w.root + "/lab/one/a.pcap")
        refused = w.ask("put", "--json", w.here + "/c.exe", "box:")
        expect(refused, 1, "PERMISSION_DENIED")
        assert lines_of(refused.stdout)[0]["code"] == "PERMISSION_DENIED"
        expect(w.ask("put", w.here + "/a.pcap", "box:../a.pcap"), 1, "INVALID_PATH")
        expect(w.ask("put", w.here + "/big.pcap", "box:"), 1, "QUOTA_EXCEEDED")
        expect(w.ask("put", w.here + "/b.pcap", "box:"), 1, "QUOTA_EXCEEDED")
        expect(w.ask("get", "box:a.pcap", w.out + "/"), 1, "PERMISSION_DENIED")
        expect(w.ask("rm", "box:a.pcap"), 1, "PERMISSION_DENIED")
        expect(w.ask("put", "--no-overwrite", "--all", w.here + "/a.pcap", "box:"), 1, "ALREADY_EXISTS")
        assert sorted(os.listdir(w.root + "/lab/one")) == ["a.pcap"]
        w.stop()
        codes = [line["code"] for line in w.written() if line.get("operation") in ("put", "get", "rm")]
        assert codes == ["SUCCESS", "PERMISSION_DENIED", "QUOTA_EXCEEDED", "QUOTA_EXCEEDED", "PERMISSION_DENIED",
                         "PERMISSION_DENIED", "ALREADY_EXISTS"], codes


@case
def who_is_not_named_gets_nothing_and_who_is_left_out_is_cut_off(folder):
    with World(folder) as w:
        make(w.here + "/a.pcap", 1000)
        expect(w.ask("ls", "box:", key="stranger"), 3, "refuses us")
        expect(w.ask("ls", "--timeout", "2", "box:", server=w.cards["stranger"]), 3)
        w.grants.append(dict(name="late", card=w.cards["stranger"], operations="ls put"))
        w.write_service()
        w.server.send_signal(signal.SIGHUP)
        assert "read again, 2 peers" in w.server.stderr.readline()
        expect(w.ask("put", w.here + "/a.pcap", "box:", key="stranger"), 0)
        w.grants.pop(0)
        w.write_service()
        w.server.send_signal(signal.SIGHUP)
        assert "read again, 1 peers" in w.server.stderr.readline()
        expect(w.ask("ls", "box:"), 3, "refuses us")
        with open(os.path.join(w.folder, "serve.yaml"), "a") as f:
            f.write("  - operations: fly\n")
        w.server.send_signal(signal.SIGHUP)
        assert "operations: wants words" in w.server.stderr.readline()
        expect(w.ask("ls", "box:", key="stranger"), 0)


@case
def wrong_use_is_exit_2_and_says_what(folder):
    w = World(folder)
    make(w.here + "/a.pcap", 10)
    expect(run("put"), 2, "LOCAL... and SERVER:PATH")
    expect(run("get", "x"), 2, "SERVER:PATH... and LOCAL")
    expect(run("ls"), 2, "SERVER:PATH")
    expect(run("serve"), 2, "--config FILE")
    expect(run("key"), 2, "--out FILE")
    expect(run("key", "--out", folder + "/client.key"), 2, "is there already")
    expect(run("ls", "--timeout", "0", "box:"), 2, "--timeout")
    expect(run("ls", "--config", folder + "/none", "box:"), 2, "none")
    expect(w.ask("ls", "nowhere:"), 2, 'no server "nowhere"')
    expect(w.ask("ls", "/etc"), 2, "SERVER:PATH")
    expect(w.ask("put", w.here + "/a.pcap", w.here + "/a.pcap", "box:a"), 2, "end it with /")
    expect(w.ask("put", w.here + "/none", "box:"), 1, "No such file")
    with open(folder + "/bad.yaml", "w") as f:
        f.write("key: client.key\nservers:\n  - name: box\n    address: somewhere\n    card: \"" + "0" * 160 + "\"\n")
    expect(run("ls", "--config", folder + "/bad.yaml", "box:"), 2, "bad.yaml:4: address")
    path = w.write_service()
    expect(run("serve", "--check", "--config", path), 0)
    for wrong, told in (("root: root", "key"), ("quota: 1X", "quota: must be a size"), ("folder: /x", "folder: must be"),
                        ("folder: a/../b", "folder: must be")):
        with open(folder + "/wrong.yaml", "w") as f:
            f.write("root: root\n" if wrong.startswith("root") else "root: root\nkey: server.key\n")
            f.write(f"peers:\n  - operations: ls\n    {wrong if not wrong.startswith('root') else 'name: x'}\n")
        expect(run("serve", "--check", "--config", folder + "/wrong.yaml"), 2, told)
    os.chmod(folder + "/client.key", 0o644)
    expect(w.ask("ls", "box:"), 3, "mode 0600")


@case
def no_server_is_exit_3(folder):
    w = World(folder)
    expect(w.ask("ls", "--timeout", "1", "box:"), 3, "silent for 1 seconds")


# ---- interruptions

MIB = 1 << 20


def kill_in_the_middle(w, process, where, part, end):
    """Waits until a part has grown so far, then calls end(); the transfer must not be over by then."""
    wait_until(lambda: part_size(where) >= part or process.poll() is not None, "a part that grows")
    assert process.poll() is None, process.communicate()
    end()


@case
def a_client_that_is_killed_goes_on_where_it_was(folder):
    with World(folder) as w:
        w.slow(24 * MIB)
        data = make(w.here + "/big.pcap", 24 * MIB)
        for part in (2 * MIB, 9 * MIB, 18 * MIB):
            process = w.begin("put", w.here + "/big.pcap", "box:")
            kill_in_the_middle(w, process, w.root, part, process.kill)
            process.communicate()
            assert part_size(w.root) >= part and not os.path.exists(w.root + "/big.pcap")
        done = w.ask("put", "--json", w.here + "/big.pcap", "box:")
        expect(done, 0)
        told, summary = lines_of(done.stdout)
        assert told["resumed"] and summary["bytes"] < 12 * MIB, (told, summary)
        assert read(w.root + "/big.pcap") == data
        assert glob.glob(w.root + "/.htp-*") == []

        for part in (2 * MIB, 9 * MIB, 18 * MIB):
            process = w.begin("get", "box:big.pcap", w.out + "/")
            kill_in_the_middle(w, process, w.out, part, process.kill)
            process.communicate()
        done = w.ask("get", "--json", "box:big.pcap", w.out + "/")
        expect(done, 0)
        told, summary = lines_of(done.stdout)
        assert told["resumed"] and summary["bytes"] < 12 * MIB, (told, summary)
        assert read(w.out + "/big.pcap") == data
        assert glob.glob(w.out + "/.htp-*") == []


@case
def a_server_that_is_killed_and_comes_again_is_waited_for(folder):
    with World(folder) as w:
        w.slow(24 * MIB)
        data = make(w.here + "/big.pcap", 24 * MIB)
        process = w.begin("put", "--json", w.here + "/big.pcap", "box:")
        for part, number in ((4 * MIB, signal.SIGKILL), (14 * MIB, signal.SIGTERM)):
            kill_in_the_middle(w, process, w.root, part, lambda: w.stop(number))
            w.start()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        told = lines_of(out)[0]
        assert told["resumed"] and told["sha256"] == hashlib.sha256(data).hexdigest()
        assert read(w.root + "/big.pcap") == data

        process = w.begin("get", "--json", "box:big.pcap", w.out + "/")
        kill_in_the_middle(w, process, w.out, 8 * MIB, lambda: w.stop(signal.SIGKILL))
        w.start()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and lines_of(out)[0]["resumed"], err
        assert read(w.out + "/big.pcap") == data


@case
def ctrl_c_leaves_a_part_and_says_so(folder):
    with World(folder) as w:
        w.slow(24 * MIB)
        data = make(w.here + "/big.pcap", 16 * MIB)
        process = w.begin("put", w.here + "/big.pcap", "box:")
        kill_in_the_middle(w, process, w.root, 4 * MIB, lambda: process.send_signal(signal.SIGINT))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 5 and "the same command goes on from there" in err, err
        assert part_size(w.root) > 0
        done = w.ask("put", "--json", w.here + "/big.pcap", "box:")
        assert done.returncode == 0 and lines_of(done.stdout)[0]["resumed"]
        assert read(w.root + "/big.pcap") == data
        process = w.begin("put", "--all", "--timeout", "1", w.here + "/big.pcap", "box:other.pcap")
        kill_in_the_middle(w, process, w.root, 4 * MIB, lambda: w.stop(signal.SIGKILL))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 5 and "silent for 1 seconds" in err, err


@case
def a_terminal_sees_how_far_it_is(folder):
    with World(folder) as w:
        w.slow(24 * MIB)
        make(w.here + "/big.pcap", 12 * MIB)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([PROGRAM, "file", "put", "--config", w.config(), w.here + "/big.pcap", "box:"],
                                   stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:
                break
            if not more:
                break
            seen += more
        os.close(ours)
        assert process.wait(20) == 0
        assert b"%" in seen and b"of 12.0 MiB" in seen and b"ETA " in seen and b"/s" in seen, seen
        assert b"1 of 1 files, 12.0 MiB in" in seen, seen
        quiet = w.ask("put", "--all", w.here + "/big.pcap", "box:")
        assert quiet.stdout == quiet.stderr == ""


@case
def the_example_drops_its_evidence(folder):
    with World(folder, operations="put") as w:
        data = make(w.here + "/today.pcap", 200_000)
        words = [EXAMPLE, folder + "/client.key", f"127.0.0.1:{w.port}", w.cards["server"], w.here]
        done = subprocess.run([*words, "today.pcap"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and "200000 bytes are there" in done.stdout, done
        assert read(w.root + "/today.pcap") == data
        make(w.here + "/tool.exe", 5)
        refused = subprocess.run([*words, "tool.exe"], capture_output=True, text=True, timeout=30)
        assert refused.returncode == 1 and "PERMISSION_DENIED" in refused.stdout, refused


if __name__ == "__main__":
    sys.exit(run_cases())
