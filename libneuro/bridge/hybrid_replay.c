/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Salts that were seen, until their messages expire; none is forgotten early to make room (LAB-8.3, LAB-10).
 */
#include "libneuro/bridge/hybrid.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

struct entry {
    uint8_t salt[HKP_NEURO__SALT];
    uint64_t expires_s;
};

struct hkp_neuro_hyb_replay {
    struct hkp_mem mem;
    size_t size; /* of this block */
    uint32_t capacity, n;
    uint32_t slots; /* a power of two, at least twice the capacity */
    uint64_t now_s, soonest_s;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct entry *entries;
    uint32_t *slot; /* number of an entry and one; 0: empty */
};

void hkp_neuro_hyb_replay_options_init(struct hkp_neuro_hyb_replay_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_neuro_hyb_replay_new(hkp_neuro_hyb_replay **out,
                                    const struct hkp_neuro_hyb_replay_options *opt) {
    struct hkp_neuro_hyb_replay_options own;
    uint8_t key[crypto_shorthash_KEYBYTES];
    uint32_t slots = 1;
    hkp_status st = hkp_options_import(&own, sizeof own, sizeof own, opt);
    if (st == HKP_OK) st = hkp_mem_import(&own.mem);
    if (st != HKP_OK) return st;
    if (own.capacity == 0) own.capacity = HKP_NEURO_HYB_REPLAY_LEAST;
    if (own.capacity < HKP_NEURO_HYB_REPLAY_LEAST || own.capacity > HKP_NEURO_HYB_REPLAY_MOST ||
        own.rng.fill == NULL)
        return HKP_E_INVAL;
    if (own.rng.fill(own.rng.user, key, sizeof key) != 0) return HKP_E_CALLBACK;
    while (slots < 2 * own.capacity) slots *= 2;
    const size_t entries = own.capacity * sizeof(struct entry);
    const size_t size = sizeof(struct hkp_neuro_hyb_replay) + entries + slots * sizeof(uint32_t);
    hkp_neuro_hyb_replay *r = hkp_mem_alloc(&own.mem, size);
    if (r == NULL) return HKP_E_NOMEM;
    *r = (struct hkp_neuro_hyb_replay){
        .mem = own.mem, .size = size, .capacity = own.capacity, .slots = slots, .soonest_s = UINT64_MAX};
    memcpy(r->key, key, sizeof key);
    r->entries = (struct entry *)(void *)(r + 1);
    r->slot = (uint32_t *)(void *)(r->entries + own.capacity);
    *out = r;
    return HKP_OK;
}

void hkp_neuro_hyb_replay_free(hkp_neuro_hyb_replay *r) {
    if (r == NULL) return;
    const struct hkp_mem mem = r->mem;
    hkp_mem_free(&mem, r, r->size);
}

uint64_t hkp_neuro__replay_now(const hkp_neuro_hyb_replay *r, uint64_t now_s) {
    return r != NULL && r->now_s > now_s ? r->now_s : now_s;
}

/* The slot of this salt, or the empty one where it belongs. */
static uint32_t *find(const hkp_neuro_hyb_replay *r, const uint8_t salt[HKP_NEURO__SALT]) {
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, salt, HKP_NEURO__SALT, r->key);
    uint32_t at = hkp_le32(hash) & (r->slots - 1);
    while (r->slot[at] != 0 && memcmp(r->entries[r->slot[at] - 1].salt, salt, HKP_NEURO__SALT) != 0)
        at = (at + 1) & (r->slots - 1);
    return &r->slot[at];
}

/* Forget what has expired. Pays for itself: not before at least one has. */
static void sweep(hkp_neuro_hyb_replay *r) {
    uint32_t kept = 0;
    r->soonest_s = UINT64_MAX;
    memset(r->slot, 0, r->slots * sizeof *r->slot);
    for (uint32_t i = 0; i < r->n; i++) {
        if (r->entries[i].expires_s <= r->now_s) continue;
        r->entries[kept] = r->entries[i];
        *find(r, r->entries[kept].salt) = kept + 1;
        if (r->entries[kept].expires_s < r->soonest_s) r->soonest_s = r->entries[kept].expires_s;
        kept++;
    }
    r->n = kept;
}

hkp_status hkp_neuro__replay_take(hkp_neuro_hyb_replay *r, const uint8_t salt[HKP_NEURO__SALT],
                                  uint64_t expires_s, uint64_t now_s) {
    r->now_s = hkp_neuro__replay_now(r, now_s);
    if (r->n == r->capacity && r->soonest_s <= r->now_s) sweep(r);
    uint32_t *slot = find(r, salt);
    if (*slot != 0 || r->n == r->capacity) return HKP_E_NEURO_HYB_REPLAY;
    memcpy(r->entries[r->n].salt, salt, HKP_NEURO__SALT);
    r->entries[r->n].expires_s = expires_s;
    if (expires_s < r->soonest_s) r->soonest_s = expires_s;
    *slot = ++r->n;
    return HKP_OK;
}
