#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe lab cipher|attack as their users meet them (LAB-1.3, 2.5, 5.1, 9.1). TAP on standard output."""
import json
import math
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time

PROGRAM, VECTORS = sys.argv[1], sys.argv[2]
KEY = "07" * 32
CASES = []


def case(function):
    CASES.append(function)
    return function


def lab(*words, code=0):
    done = subprocess.run([PROGRAM, "lab", *words], capture_output=True, text=True, timeout=250)
    assert done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return done


def lines(*words, code=0):
    return [json.loads(line) for line in lab(*words, "--json", code=code).stdout.splitlines()]


@case
def every_run_begins_with_the_warning():
    for words in (["cipher"], ["cipher", "--space"], ["attack", "ecb"]):
        assert lab(*words).stderr.startswith("EXPERIMENT: this cipher is broken"), words
    for words in (["cipher", "--help"], ["attack", "--help"]):
        assert "EXPERIMENT" in lab(*words).stdout


@case
def the_space_is_twelve_bits_and_one_key():
    rows = {row["what"]: row["bits"] for row in lines("cipher", "--space")}
    assert abs(rows["architecture"] - math.log2(4080)) < 1e-9
    assert rows["the key"] == 256


@case
def a_block_comes_back_and_a_wrong_architecture_reads_noise():
    for key in ("00", "5a", "ff"):
        row, = lines("cipher", "--key", key * 32)
        assert row["decrypts"] and row["wrong_architecture_fails"] and len(row["block"]) == 32


@case
def rotation_changes_the_network_at_once():
    for _ in range(3):
        row, = lines("cipher", "--nc1", "--rotate", "--rounds", "2")
        assert row["old_block_is_noise"] and 0 <= row["next_index"] < 4080, row


@case
def brute_force_finds_the_architecture():
    row, = lines("cipher", "--brute", "--rounds", "2", "--key", KEY)
    assert row["tried"] == 4080 and row["matches"] == 1 and row["right"]
    assert 50 < row["wrong_distance"] < 66


@case
def a_pair_is_trained_saved_and_retrained():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pair")
        rows = lines("cipher", "--rotate", "--steps", "60", "--index", "1365", "--key", KEY, "--out", path)
        assert [row["what"] for row in rows] == ["trained", "retrained from the next key", "old code, new decoder",
                                                 "equal weights"]
        assert 0.01 < rows[0]["bit_error_rate"] < 0.45
        assert 0.45 < rows[2]["bit_error_rate"] < 0.55
        assert rows[3]["percent"] < 1
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, "rb") as f:
            assert f.readline().startswith(b"EXPERIMENT: ") and f.read(4) == b"LNC0"
        rows = lines("attack", "noise", "--pair", path, "--budget", "50")
        assert {row["target"] for row in rows} == {"NC0 Tanh 128-128, 60 steps"} and len(rows) == 7
        row, = lines("attack", "flip", "--pair", path, "--budget", "16")
        assert row["figure"] > 0.1 and row["broken"] and "has the decoder" in row["knows"], row
        with open(path, "r+b") as f:
            f.seek(5000)
            f.write(b"\0\0\1")
        assert "E_NEURO_LAB_FILE" in lab("attack", "noise", "--pair", path, code=4).stderr
        assert "exists" in lab("cipher", "--nc0", "--steps", "1", "--out", path, code=3).stderr


@case
def parties_make_one_key_over_sessions():
    for n in (2, 5):
        attempt, row = lines("cipher", "--share", str(n))
        assert attempt["result"] == "ok" and attempt["named"] == [], attempt
        assert row["same_key"] and row["parties"] == n and row["sessions"] == n * (n - 1) // 2
        assert row["messages"] == 4 * n * (n - 1), row  # commit, list, secret, confirmation


@case
def who_cheats_is_named_and_after_three_sessions_out():
    for how, result in (("change", "E_NEURO_LAB_COMMIT"), ("silent", "E_NEURO_LAB_ABORT")):
        *ended, last, row = lines("cipher", "--share", "3", "--cheat", how, "--wait", "300")
        assert len(ended) == 3 and all(e["named"] == [2] and not e["same_key"] for e in ended), ended
        assert all(e["result"] == result for e in ended) and ended[2]["excluded"] == [2]
        assert last["same_key"] and row["parties"] == 2 and row["excluded"] == [2], row


@case
def different_promises_give_no_key_and_name_nobody():
    *ended, row = lines("cipher", "--share", "4", "--cheat", "two", "--wait", "300", code=1)
    assert len(ended) == 3 and all(e["named"] == [] and e["result"] == "E_NEURO_LAB_COMMIT" for e in ended), ended
    assert not row["same_key"] and row["excluded"] == []


@case
def parties_train_one_pair_and_a_false_round_is_found():
    rows = lines("cipher", "--share", "2", "--average", "3", "--steps", "30")
    figures = {row["what"]: row for row in rows if "what" in row}
    assert 0 < figures["trained by all"]["bit_error_rate"] < 0.48, figures
    assert 0 < figures["trained by one alone"]["bit_error_rate"] < 0.48
    last = figures["averaged training"]
    assert last["false_round_found"] and last["steps"] == 10 and last["rounds"] == 3
    assert last["bytes"] == 3 * 2 * (4 * 2 * (3 * 128 * 129) + 32), last


@case
def training_that_was_stopped_goes_on_from_its_file():
    with tempfile.TemporaryDirectory() as folder:
        first, second, forgot = (os.path.join(folder, name) for name in ("first", "second", "forgot"))
        # as many steps as take minutes; it stops at the next report after the signal
        done = subprocess.Popen([PROGRAM, "lab", "cipher", "--nc0", "--steps", "100000", "--index", "1360", "--key", KEY,
                                 "--out", first], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert done.stderr.readline().startswith("EXPERIMENT")
        while True:  # its handler stands before the first step
            with open(f"/proc/{done.pid}/status", encoding="ascii") as f:
                caught = next(line for line in f if line.startswith("SigCgt:"))
            if int(caught.split()[1], 16) & 1 << signal.SIGTERM - 1:
                break
            time.sleep(0.01)
        done.send_signal(signal.SIGTERM)
        assert "stopped after" in done.communicate(timeout=250)[1] and done.returncode == 1
        lab("cipher", "--nc0", "--steps", "5", "--index", "1360", "--key", KEY, "--out", second, "--forget")
        row, = lines("cipher", "--nc0", "--in", second, "--out", forgot)
        assert row["what"] == "trained" and row["seconds"] < 1  # nothing was left to do
        with open(second, "rb") as a, open(forgot, "rb") as b:
            one, two = a.read(), b.read()
        assert bytes.fromhex(KEY) not in one and one == two
        with open(first, "rb") as f:
            assert bytes.fromhex(KEY) in f.read()
        row, = [r for r in lines("attack", "noise", "--pair", first, "--budget", "16")][:1]
        steps = int(row["target"].split()[-2])
        assert 0 < steps < 100000 and steps % 100 == 0


@case
def a_neural_layer_is_below_the_aead_and_claims_nothing():
    with open(os.path.join(VECTORS, "table.json"), encoding="utf-8") as f:
        table = json.load(f)
    with open(os.path.join(VECTORS, "translate.json"), encoding="utf-8") as f:
        inter = bytes.fromhex(json.load(f)["cases"][1]["inter"])
    with tempfile.TemporaryDirectory() as folder:
        def path(name, content=None):
            where = os.path.join(folder, name)
            if content is not None:
                with open(os.open(where, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
                    out.write(content)
            return where
        words = [path("table", bytes.fromhex(table["file"]))]
        more = ["--signer", table["public_key"], "--key", path("master", bytes(range(32))), "--key-id", "01" * 16]
        said = "neural layer: no security claim, the AEAD protects this\n"
        assert lab("hybrid", "seal", *words, path("inter", inter), path("sealed"), *more, "--neural").stderr == said
        assert lab("hybrid", "open", *words, path("sealed"), path("opened"), *more).stderr == said
        with open(path("opened"), "rb") as f:
            assert f.read() == inter
        with open(path("sealed"), "rb") as f:
            assert f.read()[7] == 1
        assert lab("hybrid", "seal", *words, path("inter"), path("plain"), *more).stderr == ""


@case
def attacks_say_what_is_broken():
    rows = lines("attack", "differential", "--key", KEY, "--budget", "1000")
    verdicts = {row["target"]: row["broken"] for row in rows if row["attack"] == "differential"}
    near = {row["target"]: row for row in rows if row["attack"] == "near"}
    assert near["NC1 ReLU 64-64, 1 rounds"]["figure"] == 1 and near["NC1 Tanh 64-64, 16 rounds"]["figure"] == 0
    assert near["NC1 Sigmoid 64-64, 16 rounds"]["broken"] and not near["NC1 Tanh 64-64, 16 rounds"]["broken"]
    for act in ("ReLU", "Tanh", "Sigmoid"):
        assert verdicts[f"NC1 {act} 64-64, 2 rounds"], act
    assert not verdicts["NC1 Tanh 64-64, 16 rounds"]
    assert verdicts["NC1 Sigmoid 64-64, 16 rounds"]
    assert verdicts["NC1 Sigmoid 512-512-512-512-512, 16 rounds"]
    row, = lines("attack", "ecb")
    assert row["broken"] and row["figure"] == 1
    row, = lines("attack", "altered")
    assert row["broken"] and row["figure"] == 1
    assert "secure" not in lab("attack", "ecb").stdout


@case
def a_clone_learns_few_rounds_and_a_budget_holds():
    rows = {row["target"]: row for row in lines("attack", "clone", "--budget", "256", "--rounds", "1", "--key", KEY)}
    for act in ("Tanh", "Sigmoid"):
        row = rows[f"NC1 {act} 64-64, 1 rounds"]
        assert row["broken"] and row["queries"] == 256 and row["figure"] > 0.1, row
    assert lines("attack", "differential", "--rounds", "8", "--key", KEY, "--budget", "300")[0]["queries"] == 300


@case
def what_is_wrong_is_said():
    for words, text in ((["cipher", "--rounds", "33"], "out of range"), (["cipher", "--share", "1"], "out of range"),
                        (["cipher", "--key", "12"], "64 hexadecimal digits"), (["cipher", "x"], "no argument"),
                        (["attack", "magic"], "no such attack"), (["cipher", "--magic"], "no such option")):
        assert text in lab(*words, code=2).stderr, words


def main():
    failed = 0
    for number, function in enumerate(CASES, 1):
        try:
            function()
            print(f"ok {number} - {function.__name__}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as fault:
            failed += 1
            print("\n".join("# " + line for line in repr(fault).splitlines()))
            print(f"not ok {number} - {function.__name__}", flush=True)
    print(f"1..{len(CASES)}")
    return 1 if failed else 0


sys.exit(main())
