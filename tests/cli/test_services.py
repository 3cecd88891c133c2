#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""examples/lab: a shop that speaks JSON and a ledger that speaks records, and what someone on the line can do.
TAP on standard output."""
import ctypes
import ctypes.util
import json
import os
import socket
import subprocess
import sys
import threading

from nodes import PROGRAM, case, run_cases

SHOP, LEDGER, TABLES = sys.argv[2:5]
PATIENCE = 60


class World:
    """Signed tables, a key, a ledger that runs."""

    def __init__(self, folder):
        sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        assert sodium.crypto_sign_seed_keypair(public, secret, os.urandom(32)) == 0
        self.key = self.write(folder, "key", secret.raw)
        self.master = self.write(folder, "master", os.urandom(32))
        self.signer, self.folder = public.raw.hex(), folder
        self.tables = [self.sign(name) for name in ("order", "receipt")]
        self.ledger = subprocess.Popen([LEDGER, *self.tables, self.signer, self.master], stdout=subprocess.PIPE, text=True)
        self.port = int(self.ledger.stdout.readline())

    def write(self, folder, name, content):
        path = os.path.join(folder, name)
        with open(path, "wb") as out:
            out.write(content)
        os.chmod(path, 0o600)
        return path

    def sign(self, name):
        out = os.path.join(self.folder, name + ".lmt")
        subprocess.run([PROGRAM, "lab", "map", "sign", os.path.join(TABLES, name + ".json"), "--key", self.key, "--out", out],
                       check=True, capture_output=True, timeout=PATIENCE)
        return out

    def shop(self, *orders, port=None, master=None):
        lines = "".join((o if isinstance(o, str) else json.dumps(o)) + "\n" for o in orders)
        done = subprocess.run([SHOP, *self.tables, self.signer, master or self.master, str(port or self.port)], input=lines,
                              capture_output=True, text=True, timeout=PATIENCE)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ledger.kill()
        self.ledger.wait()
        self.ledger.stdout.close()


class Line:
    """Someone between them: sees all bytes, and changes what goes to the ledger as told."""

    def __init__(self, to, change=lambda message: [message]):
        self.to, self.change, self.seen = to, change, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def take(sock, n):
        got = b""
        while len(got) < n:
            more = sock.recv(n - len(got))
            if not more:
                return None
            got += more
        return got

    def message(self, sock):
        head = self.take(sock, 4)
        return None if head is None else head + (self.take(sock, int.from_bytes(head, "big")) or b"")

    def run(self):
        shop, _ = self.server.accept()
        with shop, socket.create_connection(("127.0.0.1", self.to)) as ledger:
            while (order := self.message(shop)) is not None:
                self.seen.append(order)
                for sent in self.change(order):
                    ledger.sendall(sent)
                answer = self.message(ledger)
                if answer is None:
                    return
                self.seen.append(answer)
                shop.sendall(answer)

    def end(self):
        self.thread.join(PATIENCE)
        self.server.close()


def order(number, customer, amount, express=False):
    return f'{{"order":{number},"customer":"{customer}","amount":{amount},"express":{json.dumps(express)}}}'


@case
def each_speaks_its_own_and_is_understood(world):
    done, got = world.shop(order(1, "Ada", "60.00"), order(2, "Ada", "40.01"), order(3, "Bob", "0.10", True),
                           order(4, "Ada", "40.00"))
    assert done.returncode == 0, done.stderr
    assert [(g["order"], g["status"], g["balance"]) for g in got] == [
        (1, "BOOKED", 40.00), (2, "REFUSED", 40.00), (3, "BOOKED", 99.90), (4, "BOOKED", 0.00)]
    assert '"balance":99.90' in done.stdout, "two fraction digits, as the table says"


@case
def what_does_not_fit_is_refused_with_its_place_before_it_is_sent(world):
    for bad, error, field in ((order(1, "A" * 21, "1.00"), "E_NEURO_BR_RANGE", "2"),
                              (order(1, "Zo\u00eb", "1.00"), "E_NEURO_BR_CHARSET", "2"),
                              (order(1, "Ada", "1.001"), "E_NEURO_BR_NUMBER", "3"),
                              (order(10000000000, "Ada", "1.00"), "E_NEURO_BR_RANGE", "1"),
                              ('{"order":1,"customer":"Ada","amount":1.00}', "E_NEURO_BR_MISSING", "4"),
                              (order(1, "Ada", "1.00")[:-1] + ',"tip":1}', "E_NEURO_BR_UNMAPPED", "")):
        done, got = world.shop(bad, order(7, "Eve", "1.00"))
        assert done.returncode == 1 and (got[0]["refused"], got[0]["field"]) == (error, field), got
        assert got[1]["order"] == 7, "the next one goes through"


@case
def the_line_sees_no_name_and_all_orders_alike(world):
    line = Line(world.port)
    done, got = world.shop(order(1, "Grace Hopper", "1.00"), order(2, "G", "99.00"), port=line.port)
    line.end()
    assert done.returncode == 0 and len(got) == 2
    everything = b"".join(line.seen)
    for name in (b"Grace", "GRACE".encode("cp037"), "Grace".encode("cp037"), b"BOOKED"):
        assert name not in everything
    assert len(line.seen) == 4 and len({len(m) for m in line.seen}) == 1, "one length, as the level pads"


@case
def a_changed_bit_is_not_opened(world):
    for place in (10, 60, 120, -1):
        def flip(message, place=place):
            changed = bytearray(message)
            changed[place] ^= 1
            return [bytes(changed)]
        line = Line(world.port, flip)
        done, got = world.shop(order(1, "Mallory", "1.00"), port=line.port)
        line.end()
        assert done.returncode == 1 and got == [] and "hung up" in done.stderr
    assert world.shop(order(2, "Mallory", "100.00"))[1][0]["status"] == "BOOKED", "nothing was booked before"


@case
def the_same_message_twice_books_once(world):
    line = Line(world.port, lambda message: [message, message])
    done, got = world.shop(order(1, "Heidi", "60.00"), port=line.port)
    line.end()
    assert got[0]["balance"] == 40.00
    assert world.shop(order(2, "Heidi", "40.00"))[1] == [{"order": 2, "status": "BOOKED", "balance": 0.00}]


@case
def another_key_opens_nothing(world):
    other = world.write(world.folder, "other", os.urandom(32))
    done, got = world.shop(order(1, "Ada", "1.00"), master=other)
    assert done.returncode == 1 and got == [] and "hung up" in done.stderr


if __name__ == "__main__":
    sys.exit(run_cases(World))
