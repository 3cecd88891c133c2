/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* TCK1: input is a record, then a TER and h_{n-1} as sent along; once as it is and once signed anew. */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t secret[64], signed_again[256], sent[96] = {0};
    const uint8_t seed[32] = {1};
    struct hkp_ter_tck tck, back;
    struct hkp_ter_tck_enrol enrol = {.h_before = sent + 64, .ter = sent, .gen = 1};
    crypto_sign_seed_keypair(enrol.device_public, secret, seed);
    size_t len = size < 256 ? size : 256;
    if (size > 256) memcpy(sent, data + 256, size - 256 < sizeof sent ? size - 256 : sizeof sent);
    if (hkp_ter_tck_decode(&tck, data, len) != HKP_OK) return 0;
    memcpy(enrol.node_id, tck.node_id, 16);
    if (hkp_ter_tck_verify_enrol(data, len, &enrol) == HKP_OK) abort(); /* nobody holds the key */
    if (hkp_ter_tck_sign(&tck, secret, signed_again) != HKP_OK) return 0;
    if (hkp_ter_tck_decode(&back, signed_again, 256) != HKP_OK || memcmp(signed_again, data, 192) != 0)
        abort();
    hkp_status st = hkp_ter_tck_verify_enrol(signed_again, 256, &enrol);
    if (st == HKP_E_TER_TCK_SIGNATURE) abort();
    struct hkp_ter_cursor cursor = {.index = tck.n, .has_last = 1};
    memcpy(cursor.last_ter, sent, 64);
    hkp_ter_chain_step(sent + 64, sent, cursor.h);
    struct hkp_ter_tck_verifier verifier = {
        .cursor = &cursor, .policy_ver = tck.policy_ver, .log_gen = tck.log_gen};
    memcpy(verifier.node_id, tck.node_id, 16);
    memcpy(verifier.device_public, enrol.device_public, 32);
    memcpy(verifier.h_ref, tck.h_ref, 20);
    hkp_status other = hkp_ter_tck_verify(signed_again, 256, NULL, &verifier);
    /* Both checks judge the stream alike; they differ in log_gen and in the record before. */
    if (st == HKP_OK && other != HKP_OK && other != HKP_E_TER_TCK_PREV) abort();
    return 0;
}
