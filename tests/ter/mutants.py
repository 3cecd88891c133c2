#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults put into the code on purpose, each of which a test must find (SYN-13). TAP on standard output.

usage: mutants.py SOURCE BUILD CC...

One source with one sentence of it replaced is compiled and linked before the library's own objects, with a unit
test; that test must fail. Without a replacement it must pass: else nothing would be shown.
"""
import os
import subprocess
import sys
import tempfile

SOURCE, BUILD, CC = sys.argv[1], sys.argv[2], sys.argv[3:]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-O1", "-w", "-I" + SOURCE,
         "-I" + os.path.join(SOURCE, "include"),
         "-I" + os.path.join(SOURCE, "tests/support"), "-I" + os.path.join(SOURCE, "tests/ter")]
LIBRARIES = [os.path.join(BUILD, "libter_objs.a"), os.path.join(BUILD, "tests/libtest_support.a"), "-lsodium",
             "-lmbedcrypto", "-ljansson"]

# The calls that syscalls.h sees.
WRAPPED = ("fdatasync fsync ftruncate ftruncate64 open open64 openat openat64 pwrite pwrite64 rename renameat unlink"
           " unlinkat").split()

# name, source, sentence, its replacement, unit test
# Those that SYN-13 names run always, the others with HKP_MUTANTS=all.
NAMED = [
    ("hostname in hw_fp", "libter/hardware.c", "crypto_hash_sha256_update(&h, record, len);",
     "crypto_hash_sha256_update(&h, record, len); extern int gethostname(char *, size_t); char name[65] = {0};"
     " gethostname(name, 64); crypto_hash_sha256_update(&h, (const uint8_t *)name, sizeof name);",
     "hardware"),
    ("hostname in the record", "libter/host/hardware.c", "    *hw = got;",
     "    gethostname(got.cpu_vendor.text, 64); *hw = got;", "hardware_host"),
    ("time in the record", "libter/host/hardware.c", "    *hw = got;",
     "    extern int clock(void); got.cpu_stepping = (uint32_t)clock(); *hw = got;", "hardware_host"),
    ("entropy test skipped", "libter/fuzzy.c", "if (!entropy.enough) return HKP_E_TER_FUZZ_ENTROPY;", "",
     "hardware_host"),
    ("entropy test skipped, by a stable source", "libter/fuzzy.c",
     "if (!entropy.enough) return HKP_E_TER_FUZZ_ENTROPY;", "", "fuzzy"),
    ("key check value stored", "libter/fuzzy.c", "if (st == HKP_OK) memcpy(key, s->key, 32);",
     "if (st == HKP_OK) memcpy(key, s->key, 32), crypto_hash_sha256(sketch + AT_SALT, key, 32);", "fuzzy"),
    ("unsigned attestation", "libter/quote.c",
     "st = check_signature(&q, point);\n    if (st != HKP_OK) return st;", "(void)check_signature;", "quote"),
]
OTHERS = [
    ("a quote for another transcript", "libter/quote.c",
     "if (memcmp(q.extra, v->extra, 32) != 0) return HKP_E_TER_QUOTE_EXTRA;", "", "quote"),
    ("a key of another name", "libter/quote.c",
     "if (memcmp(name, v->ak_name, sizeof name) != 0) return HKP_E_TER_QUOTE_NAME;", "", "quote"),
    ("values of PCRs are not judged", "libter/quote.c", "if (!pcrs_right(&q, v)) return HKP_E_TER_QUOTE_PCR;",
     "(void)pcrs_right;", "quote"),
    ("other PCRs than demanded", "libter/quote.c", "if (q->pcr_mask != v->pcr_mask) return 0;", "", "quote"),
    ("bytes that the host made", "libter/quote.c",
     "if (hkp_ter__read_u32(&r) != GENERATED_VALUE) r.bad = 1;", "(void)hkp_ter__read_u32(&r);", "quote"),
    ("another structure than a quote", "libter/quote.c", "hkp_ter__read_is(&r, ST_ATTEST_QUOTE);",
     "(void)hkp_ter__read_u16(&r);", "quote"),
    ("unrestricted keys", "libter/area.c", "return (attributes & ~free_to_choose) == needed;",
     "(void)free_to_choose; return (attributes | HKP_TER__ATTR_RESTRICTED) == (needed | attributes);", "quote"),
    ("anybody authorises PCRs", "libter/pca.c",
     "if (key != NULL && memcmp(p.key, key, 64) != 0) return HKP_E_TER_PCA;", "", "quote"),
    ("fillers are values", "libter/hardware.c", "if (at == len && fillers[i][at] == 0) return 1;", "", "hardware"),
    ("addresses that somebody set", "libter/host/hardware_list.c",
     "if (!attribute_is(scan, nets, name, \"addr_assign_type\", \"0\")) return 0;", "", "hardware_host"),
    ("removable disks", "libter/host/hardware_list.c",
     "if (!attribute_is(scan, blocks, name, \"removable\", \"0\")) return 1;", "", "hardware_host"),
    ("score 70 is not the same", "libter/hardware.c", "m.score >= 70", "m.score > 70", "hardware"),
    ("weak records are judged", "libter/hardware.c",
     "if (m.total < HKP_TER_HW_WEIGHT_MIN) return HKP_E_TER_HW_WEAK;", "", "hardware"),
    ("long heads of CBOR", "libter/hardware_record.c", "|| value < least", "", "hardware"),
    ("what is declared is not asked", "libter/fuzzy.c", "h = declared;", "h = HKP_TER_FUZZY_BIT;", "fuzzy"),
    ("a driver of noise declares full entropy", "libter/host/fuzzy_source.c", ".name = \"clock drift\"",
     ".name = \"clock drift\", .declared = 65536", "hardware_host"),
    ("key without the sketch", "libter/fuzzy.c", "crypto_hash_sha256(info + 11, sketch, sketch_len);",
     "memset(info + 11, 0, 32);", "fuzzy"),
    ("secrets are left behind", "libter/fuzzy.c", "sodium_memzero(s, sizeof *s);", "", "fuzzy"),
    ("durable without a sync", "libter/host/log.c", "if (fdatasync(log->fd) != 0)", "if (0)", "powercut"),
    ("a rotation that does not sync", "libter/host/log.c",
     "hkp_status st = hkp_ter_log_sync(log, log->now);", "hkp_status st = HKP_OK;", "powercut"),
    ("a checkpoint before what it signs", "libter/host/log.c",
     "if (st == HKP_OK && type == HKP_TER_LOG_TCK) st = hkp_ter_log_sync(log, log->now);", "", "powercut"),
    ("a segment before its header", "libter/host/log.c", "if (error == 0 && fsync(fd) != 0) error = errno;", "",
     "powercut"),
    ("a name that the folder has not taken down", "libter/host/log.c",
     "if (error == 0 && fsync(log->dir_fd) != 0) error = errno;", "", "powercut"),
    ("checkpoints that nobody signed", "libter/verify_tck.c",
     "if (st == HKP_OK && !hkp_ter__tck_signed(bytes, v->device_public)) st = HKP_E_TER_TCK_SIGNATURE;", "", "verify"),
    ("a signed h that is not compared", "libter/verify_tck.c", "if (memcmp(t.h, v->cursor.h, 32) != 0) {", "if (0) {",
     "verify"),
    ("a checkpoint that is missing", "libter/verify_tck.c",
     "return memcmp(prev, t->prev, 32) == 0 ? HKP_OK : HKP_E_TER_TCK_PREV;", "return HKP_OK;", "verify"),
    ("what somebody holds is not asked", "libter/verify.c", "if (v->phase != 2) judge_held(v);", "(void)judge_held;",
     "verify"),
    ("h is a warning", "libter/record.c", "if (h != NULL && memcmp(h, next, 32) != 0) return HKP_E_TER_HCHAIN;", "",
     "verify"),
]
MUTANTS = NAMED + (OTHERS if os.environ.get("HKP_MUTANTS") == "all" else [])


def compile_to(source, out):
    subprocess.run([*CC, *FLAGS, "-c", source, "-o", out], check=True)


def passes(folder, objects, test):
    program = os.path.join(folder, "program")
    wraps = ["-Wl,--wrap=" + call for call in WRAPPED] if test == "powercut" else []
    subprocess.run([*CC, *objects, *LIBRARIES, *wraps, "-o", program], check=True)
    return subprocess.run([program], stdout=subprocess.DEVNULL, timeout=100).returncode == 0


def main():
    failed = number = 0
    with tempfile.TemporaryDirectory(prefix="hkp-mutants-") as folder:
        tests = {}
        for test in sorted({m[4] for m in MUTANTS}):
            tests[test] = os.path.join(folder, f"unit_{test}.o")
            compile_to(os.path.join(SOURCE, f"tests/ter/unit_{test}.c"), tests[test])
            number += 1
            good = passes(folder, [tests[test]], test)
            print(f"{'ok' if good else 'not ok'} {number} - unit_{test} passes without a fault", flush=True)
            failed += not good
        for name, source, old, new, test in MUTANTS:
            with open(os.path.join(SOURCE, source), encoding="utf-8") as f:
                text = f.read()
            number += 1
            good = text.count(old) >= 1
            if good:
                mutant, obj = os.path.join(folder, "mutant.c"), os.path.join(folder, "mutant.o")
                with open(mutant, "w", encoding="utf-8") as f:
                    f.write(text.replace(old, new))
                compile_to(mutant, obj)
                good = not passes(folder, [obj, tests[test]], test)
            else:
                print(f"# {source} has no sentence {old!r}")
            print(f"{'ok' if good else 'not ok'} {number} - killed by unit_{test}: {name}", flush=True)
            failed += not good
    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
