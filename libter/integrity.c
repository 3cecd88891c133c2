/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The root R over measured items (NZ1 2.3). */
#include "libter/integrity.h"
#include "libter/bytes.h"

int hkp_ter__compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

void hkp_ter__root_begin(crypto_hash_sha256_state *hash, uint32_t n_items) {
    uint8_t count[4];
    hkp_put_le32(count, n_items);
    crypto_hash_sha256_init(hash);
    crypto_hash_sha256_update(hash, (const uint8_t *)"TER1 integrity", 14);
    crypto_hash_sha256_update(hash, count, sizeof count);
}

void hkp_ter__root_add(crypto_hash_sha256_state *hash, const struct hkp_ter_item *item) {
    uint8_t len[2], kind = (uint8_t)item->kind;
    hkp_put_le16(len, (uint16_t)item->path_len);
    crypto_hash_sha256_update(hash, len, sizeof len);
    crypto_hash_sha256_update(hash, item->path, item->path_len);
    crypto_hash_sha256_update(hash, &kind, 1);
    crypto_hash_sha256_update(hash, item->digest, 32);
}

void hkp_ter__root_end(crypto_hash_sha256_state *hash, uint8_t root[32]) {
    crypto_hash_sha256_final(hash, root);
}

hkp_status hkp_ter_integrity_root(const struct hkp_ter_item *items, size_t n, uint8_t root[32]) {
    if (n > UINT32_MAX) return HKP_E_INVAL;
    for (size_t i = 0; i < n; i++) {
        const struct hkp_ter_item *item = &items[i];
        if (item->path_len < 1 || item->path_len > HKP_TER_PATH_MAX) return HKP_E_INVAL;
        if (item->kind > HKP_TER_KIND_UNREADABLE) return HKP_E_INVAL;
        if (i > 0 && hkp_ter__compare(item[-1].path, item[-1].path_len, item->path, item->path_len) >= 0)
            return HKP_E_INVAL;
    }
    crypto_hash_sha256_state hash;
    hkp_ter__root_begin(&hash, (uint32_t)n);
    for (size_t i = 0; i < n; i++) hkp_ter__root_add(&hash, &items[i]);
    hkp_ter__root_end(&hash, root);
    return HKP_OK;
}
