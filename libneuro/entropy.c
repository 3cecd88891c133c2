/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Collective entropy: shares, commitments, bundles, and the values that were adopted (SYN-4). */
#include "libter/bytes.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

void hkp_neuro_ce_share(const uint8_t r[32], const uint8_t h_entropy[32], uint8_t share[32]) {
    uint8_t input[14 + 64];
    memcpy(input, "NSE1 ce share", 14);
    memcpy(input + 14, r, 32);
    memcpy(input + 46, h_entropy, 32);
    crypto_hash_sha256(share, input, sizeof input);
    sodium_memzero(input, sizeof input);
}

void hkp_neuro_ce_commitment(const uint8_t chain_id[32], uint32_t epoch, const uint8_t node_id[16],
                             const uint8_t share[32], uint8_t commitment[32]) {
    uint8_t input[15 + 32 + 4 + 16 + 32];
    memcpy(input, "NSE1 ce commit", 15);
    memcpy(input + 15, chain_id, 32);
    hkp_put_be32(input + 47, epoch);
    memcpy(input + 51, node_id, 16);
    memcpy(input + 67, share, 32);
    crypto_hash_sha256(commitment, input, sizeof input);
    sodium_memzero(input, sizeof input);
}

void hkp_neuro_ce_value(const uint8_t chain_id[32], uint32_t epoch, const struct hkp_neuro_ce_row *rows,
                        size_t n_rows, uint8_t ce[32]) {
    crypto_hash_sha256_state h;
    uint8_t counts[6];
    hkp_put_be32(counts, epoch);
    hkp_put_be16(counts + 4, (uint16_t)n_rows);
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)"NSE1 ce", 8);
    crypto_hash_sha256_update(&h, chain_id, 32);
    crypto_hash_sha256_update(&h, counts, sizeof counts);
    for (size_t i = 0; i < n_rows; i++) {
        crypto_hash_sha256_update(&h, rows[i].node_id, 16);
        crypto_hash_sha256_update(&h, rows[i].share, 32);
    }
    crypto_hash_sha256_final(&h, ce);
}

void hkp_neuro_ce_check(uint32_t epoch, const uint8_t ce[32], uint8_t check[32]) {
    uint8_t input[14 + 4 + 32];
    memcpy(input, "NSE1 ce check", 14);
    hkp_put_be32(input + 14, epoch);
    memcpy(input + 18, ce, 32);
    crypto_hash_sha256(check, input, sizeof input);
}

static int ascending(const struct hkp_neuro_ce_row *rows, size_t n_rows) {
    for (size_t i = 1; i < n_rows; i++)
        if (memcmp(rows[i - 1].node_id, rows[i].node_id, 16) >= 0) return 0;
    return 1;
}

/* Rows of the same group as row at, among those before it. */
static uint32_t of_group_before(const struct hkp_neuro_ce_row *rows, size_t at) {
    uint32_t n = 0;
    for (size_t i = 0; i < at; i++) n += rows[i].group == rows[at].group;
    return n;
}

hkp_status hkp_neuro_ce_bundle_check(uint32_t now_epoch, uint32_t epoch, const struct hkp_neuro_ce_row *rows,
                                     size_t n_rows) {
    if (epoch > now_epoch || now_epoch - epoch > 1) return HKP_E_NEURO_SYN_RANGE;
    if (n_rows < HKP_NEURO_CE_ROWS_MIN || n_rows > HKP_NEURO_CE_ROWS_MAX) return HKP_E_NEURO_SYN_COUNT;
    if (!ascending(rows, n_rows)) return HKP_E_NEURO_SYN_ORDER;
    for (size_t i = 0; i < n_rows; i++)
        if (!rows[i].certified) return HKP_E_NEURO_SYN_SIGNER;
    for (size_t i = 0; i < n_rows; i++)
        if (of_group_before(rows, i) >= HKP_NEURO_CE_GROUP_ROWS) return HKP_E_NEURO_SYN_GROUP;
    return HKP_OK;
}

static int better(const struct hkp_neuro_ce *a, const struct hkp_neuro_ce *b) {
    if (a->groups != b->groups) return a->groups > b->groups;
    if (a->rows != b->rows) return a->rows > b->rows;
    return memcmp(a->object_id, b->object_id, 32) < 0;
}

/* Newest first; one for each epoch; the oldest leaves. */
static int keep(struct hkp_neuro_ce_book *book, const struct hkp_neuro_ce *ce) {
    uint32_t at = 0;
    while (at < book->n && book->held[at].epoch > ce->epoch) at++;
    if (at == HKP_NEURO_CE_HELD) return 0;
    if (at < book->n && book->held[at].epoch == ce->epoch) {
        if (!better(ce, &book->held[at])) return 0;
        book->held[at] = *ce;
        return 1;
    }
    if (book->n < HKP_NEURO_CE_HELD) book->n++;
    for (uint32_t i = book->n - 1; i > at; i--) book->held[i] = book->held[i - 1];
    book->held[at] = *ce;
    return 1;
}

hkp_status hkp_neuro_ce_adopt(struct hkp_neuro_ce_book *book, const uint8_t chain_id[32], uint32_t now_epoch,
                              uint32_t epoch, const uint8_t object_id[32],
                              const struct hkp_neuro_ce_row *rows, size_t n_rows, int32_t *changed) {
    struct hkp_neuro_ce ce = {.epoch = epoch, .rows = (uint32_t)n_rows};
    const hkp_status st = hkp_neuro_ce_bundle_check(now_epoch, epoch, rows, n_rows);
    if (st != HKP_OK) return st;
    for (size_t i = 0; i < n_rows; i++) {
        if (!rows[i].signatures) return HKP_E_NEURO_SYN_SIG;
        ce.groups += of_group_before(rows, i) == 0;
    }
    memcpy(ce.object_id, object_id, 32);
    hkp_neuro_ce_value(chain_id, epoch, rows, n_rows, ce.ce);
    hkp_neuro_ce_check(epoch, ce.ce, ce.check);
    *changed = keep(book, &ce);
    return HKP_OK;
}

const struct hkp_neuro_ce *hkp_neuro_ce_newest(const struct hkp_neuro_ce_book *book, uint32_t now_epoch) {
    if (book->n == 0) return NULL;
    const uint32_t epoch = book->held[0].epoch;
    return epoch < now_epoch && now_epoch - epoch > HKP_NEURO_CE_AGE ? NULL : &book->held[0];
}

const struct hkp_neuro_ce *hkp_neuro_ce_find(const struct hkp_neuro_ce_book *book, const uint8_t ce_id[8]) {
    for (uint32_t i = 0; i < book->n; i++)
        if (memcmp(book->held[i].check, ce_id, 8) == 0) return &book->held[i];
    return NULL;
}
