#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe lab map|translate|hybrid: a table as text, signed, used by two sides. TAP on standard output."""
import importlib.util
import json
import os
import subprocess
import sys

from nodes import PROGRAM, Skip, case, run_cases

VECTORS = sys.argv[2]
with open(os.path.join(VECTORS, "table.json"), encoding="utf-8") as f:
    TABLE = json.load(f)
with open(os.path.join(VECTORS, "translate.json"), encoding="utf-8") as f:
    TRANSLATE = json.load(f)
ONE = TRANSLATE["cases"][1]
SIGNER = ["--signer", TABLE["public_key"]]


def run(*words, data=b""):
    return subprocess.run([PROGRAM, "lab", *words], capture_output=True, input=data, timeout=60)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stdout}{result.stderr}"
    for words in in_stderr:
        assert words in result.stderr.decode(), f"{words!r} is not in {result.stderr!r}"
    return result


def write(folder, name, content, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        out.write(content)
    os.chmod(path, mode)
    return path


def table_in(folder):
    return write(folder, "order.lmt", bytes.fromhex(TABLE["file"]))


@case
def both_directions_as_in_the_vectors(folder):
    table = table_in(folder)
    got = expect(run("translate", table, "-", "-", *SIGNER, "--from", "json", data=ONE["json"].encode()), 0)
    assert got.stdout.hex() == ONE["protobuf"]
    assert got.stderr == b"", "no warning is due here"
    back = expect(run("translate", table, "-", "-", *SIGNER, "--from", "protobuf", data=got.stdout), 0)
    assert back.stdout.decode() == ONE["json"]


@case
def a_refusal_has_its_place_and_no_value(folder):
    bad = ONE["json"].replace('"qty":6843', '"qty":"secret"').encode()
    got = expect(run("translate", table_in(folder), "-", "-", *SIGNER, "--from", "json", "--json", data=bad), 1,
                 "E_NEURO_BR_TYPE", "field 8[0].2")
    told = json.loads(got.stdout)
    assert (told["error"], told["field"], told["offset"]) == ("E_NEURO_BR_TYPE", "8[0].2", bad.index(b'"secret"') + 1)
    assert b"secret" not in got.stderr + got.stdout


@case
def a_table_is_believed_for_its_signature_only(folder):
    table = table_in(folder)
    expect(run("translate", table, "-", "-", "--from", "json"), 2, "--signer")
    expect(run("translate", table, "-", "-", "--signer", "00" * 32, "--from", "json"), 1, "E_NEURO_BR_SIGNER")
    expect(run("translate", table, "-", "-", *SIGNER, "--from", "record"), 2, "sides")
    expect(run("map", "check", table, *SIGNER), 0)
    damaged = bytearray(bytes.fromhex(TABLE["file"]))
    damaged[30] ^= 1
    expect(run("map", "check", write(folder, "damaged", bytes(damaged)), *SIGNER), 1, "E_NEURO_BR_SIG")


@case
def what_show_prints_is_what_sign_takes(folder):
    table = table_in(folder)
    shown = json.loads(expect(run("map", "show", table, *SIGNER, "--json"), 0).stdout)
    key = write(folder, "key", key_of(bytes(range(32))), 0o600)
    draft = write(folder, "draft.json", json.dumps(shown).encode())
    out = os.path.join(folder, "again.lmt")
    told = json.loads(expect(run("map", "sign", draft, "--key", key, "--out", out, "--json"), 0).stdout)
    again = json.loads(expect(run("map", "show", out, "--signer", told["signer"], "--json"), 0).stdout)
    assert again == shown
    os.chmod(key, 0o644)
    expect(run("map", "sign", draft, "--key", key, "--out", out), 3, "key")


def key_of(seed):
    """64 bytes as libsodium keeps them: the seed and its public key."""
    import ctypes
    import ctypes.util
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    assert sodium.crypto_sign_seed_keypair(public, secret, seed) == 0
    return secret.raw


@case
def what_nobody_accepted_is_not_signed(folder):
    shown = json.loads(run("map", "show", table_in(folder), "--json").stdout)
    for field in shown["messages"][0]["fields"]:
        field["accepted"] = True
    key = write(folder, "key", key_of(bytes(32)), 0o600)
    out = os.path.join(folder, "out.lmt")
    expect(run("map", "sign", write(folder, "good", json.dumps(shown).encode()), "--key", key, "--out", out), 0)
    shown["messages"][0]["fields"][3]["accepted"] = False
    os.remove(out)
    expect(run("map", "sign", write(folder, "bad", json.dumps(shown).encode()), "--key", key, "--out", out), 1,
           "rate", "accepted")
    assert not os.path.exists(out)


@case
def the_next_revision_keeps_meanings(folder):
    table = table_in(folder)
    shown = json.loads(run("map", "show", table, "--json").stdout)
    shown["revision"], shown["previous"] = 2, shown["table_id"]
    key = write(folder, "key", key_of(bytes(32)), 0o600)

    def next_table(name):
        out = os.path.join(folder, name)
        expect(run("map", "sign", write(folder, "draft", json.dumps(shown).encode()), "--key", key, "--out", out), 0)
        return out
    expect(run("map", "check", table, next_table("good")), 0)
    shown["messages"][1]["fields"][1]["name"] = "quantity"
    expect(run("map", "check", table, next_table("renamed")), 1, "E_NEURO_BR_REVISION")


@case
def a_sealed_intermediary_opens_with_its_key_only(folder):
    table, inter = table_in(folder), bytes.fromhex(ONE["inter"])
    key = ["--key", write(folder, "master", os.urandom(32), 0o600), "--key-id", "01" * 16]
    sealed = expect(run("hybrid", "seal", table, "-", "-", *SIGNER, *key, data=inter), 0)
    assert sealed.stderr == b"" and len(sealed.stdout) == 88 + 1024 + 16
    assert expect(run("hybrid", "open", table, "-", "-", *SIGNER, *key, data=sealed.stdout), 0).stdout == inter
    damaged = sealed.stdout[:200] + bytes([sealed.stdout[200] ^ 1]) + sealed.stdout[201:]
    expect(run("hybrid", "open", table, "-", "-", *SIGNER, *key, data=damaged), 1, "E_NEURO_HYB_AUTH")
    expect(run("hybrid", "seal", table, "-", "-", *SIGNER, *key, "--level", "2", data=inter), 1, "E_NEURO_HYB_POLICY")
    expect(run("hybrid", "seal", table, "-", "-", *SIGNER, *key, data=b"\xa0"), 1, "E_NEURO_BR_MISSING")


@case
def an_independent_decoder_reads_the_intermediary(folder):
    if importlib.util.find_spec("cbor2") is None:
        raise Skip("no python3-cbor2")
    import cbor2
    for one in TRANSLATE["cases"]:
        got = cbor2.loads(bytes.fromhex(one["inter"]))
        value = json.loads(one["json"])
        assert got[1] == value["id"] and got[2] == value["customer"] and got[5] == value["paid"]
        assert [line[1] for line in got[8]] == [line["sku"] for line in value["lines"]]


@case
def protobufs_own_library_reads_what_we_write(folder):
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.protobuf") is None:
        raise Skip("no python3-protobuf")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    pool = descriptor_pool.DescriptorPool()
    pool.Add(order_proto(descriptor_pb2))
    kind = pool.FindMessageTypeByName("lab.Order")
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    table = table_in(folder)
    for one in TRANSLATE["cases"][:12]:
        ours = expect(run("translate", table, "-", "-", *SIGNER, "--from", "json", data=one["json"].encode()), 0).stdout
        order = make(kind)()
        order.ParseFromString(ours)
        value = json.loads(one["json"])
        assert order.id == value["id"] and order.customer == value["customer"] and order.paid == value["paid"]
        assert order.total == round(value["total"] * 100) and order.rate == value["rate"]
        assert list(order.codes) == value["codes"] and list(order.tags) == value["tags"]
        assert [(x.sku, x.qty) for x in order.lines] == [(x["sku"], x["qty"]) for x in value["lines"]]
        assert order.HasField("ship") == ("ship" in value) and order.HasField("note") == ("note" in value)
        theirs = order.SerializeToString(deterministic=True)
        back = expect(run("translate", table, "-", "-", *SIGNER, "--from", "protobuf", data=theirs), 0)
        assert back.stdout.decode() == one["json"]


def order_proto(pb):
    """The .proto of the vectors, written as a descriptor, since protoc need not be there."""
    f = pb.FieldDescriptorProto
    file = pb.FileDescriptorProto(name="order.proto", package="lab", syntax="proto3")
    state = file.enum_type.add(name="State")
    for name, n in (("unknown", 0), ("open", 1), ("closed", 2), ("held", 7)):
        state.value.add(name=name, number=n)

    def message(name, *fields):
        m = file.message_type.add(name=name)
        for field, number, kind, how in fields:
            x = m.field.add(name=field, number=number, label=3 if how == "repeated" else 1)
            if isinstance(kind, str):
                x.type, x.type_name = (f.TYPE_ENUM if kind == ".lab.State" else f.TYPE_MESSAGE), kind
            else:
                x.type = kind
            if how == "optional":
                x.proto3_optional, x.oneof_index = True, len(m.oneof_decl)
                m.oneof_decl.add(name="_" + field)
    message("Line", ("sku", 1, f.TYPE_STRING, ""), ("qty", 2, f.TYPE_UINT32, ""), ("price", 3, f.TYPE_STRING, ""))
    message("Ship", ("city", 1, f.TYPE_STRING, ""), ("east", 2, f.TYPE_DOUBLE, "optional"),
            ("delta", 3, f.TYPE_SFIXED32, "optional"), ("opt_zero", 4, f.TYPE_INT64, "optional"))
    message("Order", ("id", 1, f.TYPE_UINT64, ""), ("customer", 2, f.TYPE_STRING, ""), ("total", 3, f.TYPE_SINT64, ""),
            ("rate", 4, f.TYPE_DOUBLE, ""), ("paid", 5, f.TYPE_BOOL, ""), ("state", 6, ".lab.State", ""),
            ("note", 7, f.TYPE_STRING, "optional"), ("lines", 8, ".lab.Line", "repeated"),
            ("tags", 9, f.TYPE_STRING, "repeated"), ("codes", 20, f.TYPE_INT32, "repeated"),
            ("ship", 11, ".lab.Ship", ""), ("big", 12, f.TYPE_FIXED64, "optional"),
            ("sig", 30, f.TYPE_BYTES, "optional"))
    return file


if __name__ == "__main__":
    sys.exit(run_cases())
