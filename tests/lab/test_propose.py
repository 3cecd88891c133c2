#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""hookprobe lab map propose (LAB-7.10): drafts from two descriptions, refused descriptions. TAP on standard output."""
import copy
import ctypes
import ctypes.util
import json
import os
import random
import subprocess
import sys
import tempfile

PROGRAM, VECTORS = sys.argv[1], sys.argv[2]
CASES = []


def case(function):
    CASES.append(function)
    return function


def load(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
        return json.load(f)


def run(*words, data=b""):
    return subprocess.run([PROGRAM, "lab", *words], capture_output=True, input=data, timeout=120)


def expect(result, code, *in_stderr):
    assert result.returncode == code, f"exit {result.returncode}, expected {code}: {result.stdout}{result.stderr}"
    for words in in_stderr:
        assert words in result.stderr.decode(), f"{words!r} is not in {result.stderr!r}"
    return result


def write(folder, name, content, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        out.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.chmod(path, mode)
    return path


# ---- descriptions ----

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def put(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


TYPES = {name: n for n, name in enumerate(
    "double float int64 uint64 int32 fixed64 fixed32 bool string group message bytes uint32 enum sfixed32 sfixed64 "
    "sint32 sint64".split(), 1)}


def field(name, number, kind, how="", extra=b""):
    """A FieldDescriptorProto; kind is the name of a type, or of a message or enumeration: .lab.Line"""
    out = put(1, name) + put(3, number) + put(4, 3 if how == "repeated" else 1)
    if kind.startswith("."):
        out += put(5, TYPES["enum" if kind == ".lab.State" else "message"]) + put(6, kind)
    else:
        out += put(5, TYPES[kind])
    return put(2, out + (put(9, 0) + put(17, 1) if how == "optional" else b"") + extra)


def message(name, *fields):
    return put(4, put(1, name) + b"".join(fields))


STATE = put(5, put(1, "State") + b"".join(put(2, put(1, name) + put(2, n)) for name, n in (
    ("STATE_UNKNOWN", 0), ("STATE_OPEN", 1), ("STATE_CLOSED", 2), ("STATE_HELD", 7))))
# The messages of the vectors, with names as another team would have chosen them: they do not go over the wire.
LINE = message("Line", field("sku_cd", 1, "string"), field("qty_ord", 2, "uint32"), field("unit_prc", 3, "string"))
SHIP = message("Ship", field("city_nm", 1, "string"), field("east_deg", 2, "double", "optional"),
               field("delta_val", 3, "sfixed32", "optional"), field("optional_zero", 4, "int64", "optional"))
ORDER = message("Order", field("ord_id", 1, "uint64"), field("cust", 2, "string"), field("tot_amt", 3, "sint64"),
                field("rt", 4, "double"), field("is_paid", 5, "bool"), field("order_state", 6, ".lab.State"),
                field("note_text", 7, "string", "optional"), field("ord_lines", 8, ".lab.Line", "repeated"),
                field("tag_list", 9, "string", "repeated"), field("code_list", 20, "int32", "repeated"),
                field("ship_to", 11, ".lab.Ship"), field("big_no", 12, "fixed64", "optional"),
                field("sign", 30, "bytes", "optional"))


def proto(*parts, syntax="proto3"):
    return put(1, put(1, "order.proto") + put(2, "lab") + b"".join(parts) + (put(12, syntax) if syntax else b""))


def objects(properties, optional=(), **more):
    return {"type": "object", "properties": properties, "required": [n for n in properties if n not in optional], **more}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
ORDER_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order",
    "$defs": {"line": objects({"sku": TEXT, "qty": WHOLE, "price": {"type": "number", "x-scale": 2}}, title="Line")},
    **objects({
        "id": WHOLE, "customer": TEXT, "total": {"type": "number", "x-scale": 2}, "rate": {"type": "number"},
        "paid": {"type": "boolean"}, "state": {"type": "string", "enum": ["unknown", "open", "closed", "held"]},
        "note": TEXT, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "tags": {"type": "array", "items": TEXT}, "codes": {"type": "array", "items": WHOLE},
        "ship": objects({"city": TEXT, "east": {"type": "number"}, "delta": WHOLE, "opt_zero": WHOLE},
                        ("east", "delta", "opt_zero"), title="Ship"),
        "big": {"type": "string", "format": "decimal", "x-scale": 0}, "sig": {"type": "string", "format": "byte"},
    }, ("note", "ship", "big", "sig"))}
ACCOUNT_SCHEMA = objects({
    "number": WHOLE, "holder": TEXT, "balance": {"type": "number", "x-scale": 2},
    "limit": {"type": "number", "x-scale": 2}, "active": {"type": "boolean"},
    "kind": {"type": "string", "enum": ["checking", "savings", "held"]}, "branch": WHOLE, "points": WHOLE})
COPYBOOK = {"charset": "cp037", "length": 64, "fields": [
    {"name": "ACCT-NUMBER", "offset": 0, "length": 10, "form": "digits"},
    {"name": "ACCT-HOLDER-NM", "offset": 10, "length": 20, "form": "text"},
    {"name": "ACCT-BAL", "offset": 30, "length": 7, "form": "packed", "scale": 2},
    {"name": "CR-LIMIT", "offset": 37, "length": 9, "form": "signed", "scale": 2},
    {"name": "ACTV-FLAG", "offset": 46, "length": 1, "form": "text"},
    {"name": "ACCT-KIND", "offset": 47, "length": 8, "form": "text"},
    {"name": "BRNCH-CD", "offset": 55, "length": 2, "form": "binary"},
    {"name": "LOYALTY-PTS", "offset": 57, "length": 4, "form": "binary"}]}


def propose(folder, a, b, *words, code=0, told=()):
    a = write(folder, "a", a)
    b = write(folder, "b", b)
    got = expect(run("map", "propose", a, b, "-o", "-", *words), code, *told)
    return json.loads(got.stdout) if code == 0 else None


def lines(draft):
    return [line for m in draft["messages"] for line in m["fields"]]


def sign(folder, draft, code=0, told=()):
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    assert sodium.crypto_sign_seed_keypair(public, secret, bytes(32)) == 0
    key = write(folder, "key", secret.raw, 0o600)
    out = os.path.join(folder, "table.lmt")
    expect(run("map", "sign", write(folder, "draft", draft), "--key", key, "--out", out), code, *told)
    return out, ["--signer", public.raw.hex()]


def accept_all(draft):
    for line in lines(draft):
        line["accepted"] = True
    return draft


# ---- what is proposed ----

@case
def a_table_accepted_line_by_line_translates_as_the_vectors_do(folder):
    draft = propose(folder, ORDER_SCHEMA, proto(STATE, LINE, SHIP, ORDER))
    assert draft["unmatched"] == [] and draft["sides"] == ["json", "protobuf"] and len(lines(draft)) == 20
    by_name = {line["name"]: line for line in draft["messages"][0]["fields"]}
    assert by_name["customer"]["b"] == "cust" and by_name["total"]["b"] == "tot_amt"
    assert (by_name["total"]["type"], by_name["total"]["arg"], by_name["big"]["json_form"]) == ("decimal", 2, 1)
    assert by_name["note"]["cardinality"] == "optional" and by_name["lines"]["cardinality"] == "repeated"
    assert draft["enums"] == [[[0, "unknown"], [1, "open"], [2, "closed"], [7, "held"]]]
    table, signer = sign(folder, accept_all(draft))
    for one in load("translate.json")["cases"][:6]:
        got = expect(run("translate", table, "-", "-", *signer, "--from", "json", data=one["json"].encode()), 0)
        assert got.stdout.hex() == one["protobuf"]
        back = expect(run("translate", table, "-", "-", *signer, "--from", "protobuf", data=got.stdout), 0)
        assert back.stdout.decode() == one["json"]


@case
def a_copybook_becomes_a_table_that_reads_the_records_of_the_vectors(folder):
    draft = propose(folder, ACCOUNT_SCHEMA, COPYBOOK, "--name", "account", "--sensitivity", "2")
    assert draft["unmatched"] == [], draft["unmatched"]
    assert [line["b"] for line in lines(draft)] == [f["name"] for f in COPYBOOK["fields"]]
    by_name = {line["name"]: line for line in lines(draft)}
    assert by_name["branch"]["type"] == by_name["points"]["type"] == "i64" and "sign" in by_name["points"]["notes"][0]
    by_name["points"]["type"] = "u64"  # what only a person knows
    table, signer = sign(folder, accept_all(draft))
    for one in load("record.json")["sets"][1]["cases"][:6]:
        if json.loads(one["json"])["kind"] not in ACCOUNT_SCHEMA["properties"]["kind"]["enum"]:
            continue
        got = expect(run("translate", table, "-", "-", *signer, "--from", "record", data=bytes.fromhex(one["record"])), 0)
        assert got.stdout.decode() == one["json"]


@case
def it_never_decides(folder):
    draft = propose(folder, ORDER_SCHEMA, proto(STATE, LINE, SHIP, ORDER))
    for line in lines(draft):
        assert line["accepted"] is False and 0 <= line["runner_up"] <= line["score"] <= 65535
    sign(folder, draft, 1, ["accepted by hand"])
    one_left = accept_all(copy.deepcopy(draft))
    one_left["messages"][1]["fields"][0]["accepted"] = False
    sign(folder, one_left, 1, ["sku", "accepted by hand"])


@case
def what_has_no_partner_is_named_and_not_signed(folder):
    more = message("Order", field("ord_id", 1, "uint64"), field("zodiac", 2, "string"))
    draft = propose(folder, objects({"id": WHOLE, "paid": {"type": "boolean"}}), proto(more))
    assert {(u["side"], u["name"]) for u in draft["unmatched"]} == {("json", "paid"), ("protobuf", "zodiac")}
    sign(folder, accept_all(draft), 1, ["paid", "no partner"])
    draft["unmatched"] = []
    sign(folder, draft)


@case
def types_that_do_not_go_together_are_not_proposed(folder):
    same = message("Order", field("paid", 1, "string"), field("id", 2, "bool"), field("tags", 3, "string"),
                   field("rate", 4, "sint64"))
    draft = propose(folder, objects({"id": WHOLE, "paid": {"type": "boolean"}, "rate": {"type": "number"},
                                     "tags": {"type": "array", "items": TEXT}}), proto(same))
    names = {(line["a"], line["b"]) for line in lines(draft)}
    assert not names & {(n, n) for n in ("id", "paid", "tags", "rate")}, names


@case
def two_sides_of_one_form_are_refused(folder):
    propose(folder, ORDER_SCHEMA, ACCOUNT_SCHEMA, code=2, told=["two different forms"])


@case
def the_same_twice_is_the_same_draft(folder):
    a = propose(folder, ORDER_SCHEMA, proto(STATE, LINE, SHIP, ORDER))
    assert a == propose(folder, ORDER_SCHEMA, proto(STATE, LINE, SHIP, ORDER))


@case
def a_message_that_two_fields_share_stands_below_both(folder):
    inner = {"$ref": "#/$defs/place"}
    schema = {"$defs": {"place": objects({"city": TEXT}, title="Place")},
              **objects({"ship": objects({"address": inner}, title="Ship"), "address": inner})}
    order = message("Order", field("addr", 1, ".lab.Place"), field("ship", 2, ".lab.Ship"))
    ship = message("Ship", field("addr", 1, ".lab.Place"))
    draft = propose(folder, schema, proto(order, ship, message("Place", field("city_name", 1, "string"))))
    assert draft["unmatched"] == [] and len(draft["messages"]) == 3
    for index, m in enumerate(draft["messages"]):
        assert all(line["arg"] > index for line in m["fields"] if line["type"] == "message")
    table, signer = sign(folder, accept_all(draft))
    text = b'{"ship":{"address":{"city":"a"}},"address":{"city":"b"}}'
    got = expect(run("translate", table, "-", "-", *signer, "--from", "json", data=text), 0)
    assert got.stdout.hex() == "0a030a016212050a030a0161"


@case
def samples_are_looked_at(folder):
    def top(*samples):
        words = []
        for side, values in zip("ab", samples):
            words += [f"--samples-{side}", write(folder, "samples-" + side, {"root": values, "record": values})]
        draft = propose(folder, objects({"date": TEXT}), [{"name": "DT", "offset": 0, "length": 10, "form": "text"}],
                        *words)
        return [line["score"] for line in lines(draft)] or [0]
    assert top() != top({"date": "2024-05-01"}, {"DT": "20240501"})


@case
def the_network_is_better_than_edit_distance_on_names_it_never_saw(folder):
    told = json.loads(expect(run("map", "propose", "--figures", "--json"), 0).stdout)
    assert told["held_out"] == 100
    assert told["network"] >= told["edit_distance"] + 10 * told["held_out"] / 100, told


# ---- what is refused, and where ----

@case
def what_json_schema_says_beyond_the_subset_is_named(folder):
    def refused(properties, *told, **more):
        propose(folder, objects(properties, **more), COPYBOOK, "--edit-distance", code=2, told=told)
    refused({"a": TEXT}, "additionalProperties", additionalProperties=False)
    refused({"a": {"type": "string", "pattern": "x"}}, "/properties/a", "pattern")
    refused({"a": {"oneOf": [TEXT]}}, "/properties/a", "oneOf")
    refused({"a": {"type": ["string", "null"]}}, "/properties/a", "type")
    refused({"a": {"type": "null"}}, "/properties/a", "type")
    refused({"a": {"type": "object"}}, "/properties/a", "free-form")
    refused({"a": {"type": "string", "format": "date"}}, "/properties/a", "format")
    refused({"a": {"type": "string", "format": "decimal"}}, "/properties/a", "x-scale")
    refused({"a": {"type": "number", "x-scale": 19}}, "/properties/a", "x-scale")
    refused({"a": {"type": "integer", "enum": [1]}}, "/properties/a", "enum")
    refused({"a": {"type": "string", "enum": [1]}}, "/properties/a", "enum")
    refused({"a": {"type": "array", "items": {"type": "array", "items": TEXT}}}, "/properties/a/items", "type")
    refused({"a": {"$ref": "other.json"}}, "/properties/a", "$ref")
    refused({"a": {"$ref": "#/$defs/none"}}, "/properties/a", "there is no")
    refused({"a": {"$ref": "#"}}, "/properties/a", "$ref")
    refused({"a": {"$ref": "#/$defs/b"}}, "refers to itself", **{"$defs": {"b": {"$ref": "#/$defs/b"}}})
    refused({"a": {"$ref": "#/$defs/b"}}, "contains itself", **{"$defs": {"b": objects({"c": {"$ref": "#/$defs/b"}})}})
    deep = TEXT
    for _ in range(9):
        deep = objects({"a": deep})
    propose(folder, deep, COPYBOOK, "--edit-distance", code=2, told=["more than 8"])
    propose(folder, objects({f"f{i}": TEXT for i in range(257)}), COPYBOOK, "--edit-distance", code=2, told=["256"])
    propose(folder, b'{"type": "object",\n "properties": nothing}', COPYBOOK, code=2, told=["a:2:"])


@case
def what_protobuf_has_beyond_the_subset_is_named(folder):
    def refused(descriptor, *told):
        propose(folder, ACCOUNT_SCHEMA, descriptor, "--edit-distance", code=2, told=told)
    refused(proto(message("Order", field("a", 1, "float"))), "lab.Order.a", "float")
    refused(proto(message("Order", field("a", 1, "group"))), "lab.Order.a", "groups")
    refused(proto(message("Order", field("a", 1, "string", extra=put(9, 0)))), "lab.Order.a", "oneof")
    refused(proto(message("Order", field("a", 1, ".google.protobuf.Any"))), "lab.Order.a", "Any")
    refused(proto(message("Order", field("a", 1, ".lab.None"))), "lab.Order.a", "include_imports")
    refused(proto(message("Order", field("a", 1, ".lab.Order"))), "contains itself")
    refused(proto(message("Order", field("a", 1, "int32")), syntax="proto2"), "proto2")
    refused(proto(message("Order", field("a", 1, "int32")), syntax=""), "proto2")
    entry = put(3, put(1, "AEntry") + field("key", 1, "string") + put(7, put(7, 1)))
    refused(proto(message("Order", entry, field("a", 1, ".lab.Order.AEntry", "repeated"))), "maps")
    refused(proto(message("Order", field("a", 1, "int32"), put(6, put(1, "x")))), "extensions")
    refused(proto(message("A", field("a", 1, "int32")), message("B", field("a", 1, "int32"))), "--root")
    refused(put(1, b"\xff"), "FileDescriptorSet")
    draft = propose(folder, ACCOUNT_SCHEMA, proto(message("A", field("number", 4, "int32")), message("B")),
                    "--root-b", "lab.A")
    assert [(line["name"], line["pb_number"]) for line in lines(draft)] == [("number", 4)]


@case
def what_a_copybook_may_not_say(folder):
    def refused(told, **change):
        one = {"name": "A", "offset": 0, "length": 4, "form": "digits", **change}
        propose(folder, ACCOUNT_SCHEMA, [{k: v for k, v in one.items() if v is not None}], "--edit-distance", code=2,
                told=["/fields/0", told])
    refused("occurs", occurs=3)
    refused("name", name=None)
    refused("form", form="float")
    refused("offset", offset=-1)
    refused("32768", offset=32767)
    refused("scale", scale=2)
    refused("length", length="4")
    propose(folder, ACCOUNT_SCHEMA, {"fields": []}, code=2, told=["fields"])
    propose(folder, ACCOUNT_SCHEMA, {**COPYBOOK, "charset": "utf-8"}, code=2, told=["charset"])
    propose(folder, ACCOUNT_SCHEMA, {**COPYBOOK, "length": 50}, code=2, told=["ends behind"])


@case
def a_damaged_description_is_read_or_refused(folder):
    rng = random.Random(int(os.environ.get("HKP_SEED", "1")))
    whole = proto(STATE, LINE, SHIP, ORDER)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        damaged = bytes(damaged[:rng.choice((len(damaged), rng.randrange(1, len(damaged))))])
        got = run("map", "propose", write(folder, "a", ORDER_SCHEMA), write(folder, "b", damaged), "-o", "-",
                  "--edit-distance")
        assert got.returncode in (0, 2), f"exit {got.returncode} of {damaged.hex()}: {got.stderr}"


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, function in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(folder)
                print(f"ok {number} - {function.__name__}")
            except Exception as fault:  # noqa: BLE001
                failed += 1
                print(f"not ok {number} - {function.__name__}\n# {type(fault).__name__}: {fault}")
    return 1 if failed else 0


sys.exit(main())
