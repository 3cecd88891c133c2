/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter: R item by item (for a measurement that holds no array of items), and byte order of
 * paths. */
#ifndef HKP_LIBTER_INTEGRITY_H
#define HKP_LIBTER_INTEGRITY_H

#include <hookprobe/ter.h>
#include <sodium.h>

void hkp_ter__root_begin(crypto_hash_sha256_state *hash, uint32_t n_items);
void hkp_ter__root_add(crypto_hash_sha256_state *hash, const struct hkp_ter_item *item);
void hkp_ter__root_end(crypto_hash_sha256_state *hash, uint8_t root[32]);

/** Bytewise order, a prefix first: negative, 0 or positive. */
int hkp_ter__compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

#endif
