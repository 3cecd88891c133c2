/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Verification of any bytes, of the same with all checksums made right, and with the chain and the signatures
 * made right as well. Whatever is called sound recovery must take too, and the pieces in which the bytes come
 * change nothing.
 */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t public_key[32], secret_key[64];

static struct hkp_ter_verdict verdict_of(const uint8_t *bytes, size_t len, const uint8_t node_id[16],
                                         size_t piece) {
    struct hkp_ter_verify_options o;
    struct hkp_ter_verdict d;
    hkp_ter_verify *v = NULL;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    hkp_ter_verify_options_init(&o, sizeof o);
    memcpy(o.node_id, node_id, 16);
    memcpy(o.device_public, public_key, 32);
    if (hkp_ter_verify_new(&v, &o) != HKP_OK) abort();
    hkp_ter_verify_segment(v, UINT64_MAX);
    for (size_t at = 0; at < len; at += piece)
        hkp_ter_verify_feed(v, bytes + at, len - at < piece ? len - at : piece);
    hkp_status st = hkp_ter_verify_end(v, &d);
    if ((st == HKP_OK) != (d.kind <= HKP_TER_VERDICT_TORN)) abort();
    if (d.reason[0] == 0 || d.reason[sizeof d.reason - 1] != 0 || d.offset > len) abort();
    hkp_ter_verify_free(v);
    return d;
}

static void verify(const uint8_t *bytes, size_t len) {
    const uint8_t zero[16] = {0};
    const uint8_t *node_id = len >= 32 ? bytes + 16 : zero;
    struct hkp_ter_recovery got;
    struct hkp_ter_verdict a = verdict_of(bytes, len, node_id, len + 1),
                           b = verdict_of(bytes, len, node_id, 7);
    if (memcmp(&a, &b, sizeof a) != 0) abort();
    if (a.kind > HKP_TER_VERDICT_TORN) return;
    hkp_status st = hkp_ter_log_recover(bytes, len, node_id, NULL, &got);
    if (st != (a.kind == HKP_TER_VERDICT_SOUND ? HKP_OK : HKP_E_TER_LOG_TORN)) abort();
    if (got.cursor.index != a.end_index || len - got.offset != a.torn_bytes) abort();
}

static void checksum(uint8_t *record, size_t body) {
    uint8_t input[HKP_TER_LOG_RECORD_MAX];
    hkp_put_le16(record + 2, (uint16_t)body);
    memcpy(input, record, 4);
    memcpy(input + 4, record + 8, body);
    hkp_put_le32(record + 4, hkp_ter_crc32(input, 4 + body));
}

static void sign(uint8_t *tck, const uint8_t node_id[16], const struct hkp_ter_cursor *c) {
    uint8_t message[15 + 192];
    memcpy(tck, "TCK1\1", 6);
    memcpy(tck + 8, node_id, 16);
    hkp_put_le64(tck + 24, c->index);
    memcpy(tck + 32, c->h, 32);
    hkp_put_le64(tck + 128, hkp_le64(c->last_ter + 52));
    memset(tck + 180, 0, 12);
    memcpy(message, "TER1 checkpoint", 15);
    memcpy(message + 15, tck, 192);
    crypto_sign_detached(tck + 192, NULL, message, sizeof message, secret_key);
}

/* chain: 0 checksums only, 1 chain and signatures too. */
static void repair(uint8_t *bytes, size_t len, int chain) {
    struct hkp_ter_cursor c;
    memcpy(bytes, "TERLOG1\0\1\0\300\0\0\0\0\0", 16);
    memset(bytes + 160, 0, 28);
    hkp_ter_cursor_init(&c, bytes + 16, public_key);
    if (chain) {
        hkp_put_le64(bytes + 32, 0);
        memcpy(bytes + 40, c.h, 32);
    }
    hkp_put_le32(bytes + 188, hkp_ter_crc32(bytes, 188));
    for (size_t at = 192; len - at >= 8;) {
        uint8_t *b = bytes + at + 8;
        uint32_t type = hkp_le16(bytes + at);
        size_t body = hkp_ter_log_body_size(type);
        if (body == 0 || body > len - at - 8) return;
        if (chain && type == HKP_TER_LOG_TER) {
            hkp_put_le16(b + 60, (uint16_t)c.index);
            hkp_put_le16(b + 62, c.has_last ? hkp_ter_crc16(c.last_ter, 64) : 0);
            hkp_ter_chain_step(c.h, b, b + 64);
            memcpy(c.h, b + 64, 32);
            memcpy(c.last_ter, b, 64);
            c.has_last = 1;
            c.index++;
        }
        if (chain && type == HKP_TER_LOG_TCK) sign(b, bytes + 16, &c);
        if (chain && type == HKP_TER_LOG_BOOT) hkp_put_le64(b + 16, c.index);
        checksum(bytes + at, body);
        at += 8 + body;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t seed[32] = {7};
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    verify(data, size);
    if (size < HKP_TER_LOG_HEAD_SIZE) return 0;
    uint8_t *copy = malloc(size);
    if (copy == NULL) return 0;
    for (int chain = 0; chain < 2; chain++) {
        memcpy(copy, data, size);
        repair(copy, size, chain);
        verify(copy, size);
    }
    free(copy);
    return 0;
}
