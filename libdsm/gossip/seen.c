/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/gossip/seen.h"

#include <sodium.h>
#include <string.h>

#include "libter/bytes.h"

enum { SEEN_SECONDS = 300 };

/* Half of the places stay free, so a search ends soon. */
static size_t places(uint32_t cap) { return (size_t)cap * 2; }

size_t hkp_dsm__seen_bytes(uint32_t cap) { return places(cap) * 2 * (16 + 1); }

void hkp_dsm__seen_init(struct hkp_dsm__seen *s, void *memory, uint32_t cap, const uint8_t key[16]) {
    uint8_t *at = memory;
    *s = (struct hkp_dsm__seen){.cap = cap, .mask = (uint32_t)places(cap) - 1};
    memcpy(s->key, key, 16);
    for (int i = 0; i < 2; i++, at += places(cap) * 16) s->half[i].ids = (void *)at;
    for (int i = 0; i < 2; i++, at += places(cap)) s->half[i].copies = at;
}

/* Where a search for an id begins. */
static uint32_t begin(const struct hkp_dsm__seen *s, const uint8_t id[16]) {
    uint8_t hash[8];
    (void)crypto_shorthash(hash, id, 16, s->key);
    return (uint32_t)hkp_le64(hash) & s->mask;
}

/* The place of an id, or the free one where it belongs. */
static uint32_t place(const struct hkp_dsm__seen *s, const struct hkp_dsm__seen_half *h, uint32_t at,
                      const uint8_t id[16]) {
    while (h->copies[at] != 0 && memcmp(h->ids[at], id, 16) != 0) at = (at + 1) & s->mask;
    return at;
}

static void turn(struct hkp_dsm__seen *s, hkp_time now) {
    s->young ^= 1;
    s->since = now;
    s->half[s->young].count = 0;
    memset(s->half[s->young].copies, 0, places(s->cap));
}

uint32_t hkp_dsm__seen_add(struct hkp_dsm__seen *s, hkp_time now, const uint8_t id[16]) {
    const uint32_t from = begin(s, id);
    for (uint32_t i = 0; i < 2; i++) {
        struct hkp_dsm__seen_half *h = &s->half[s->young ^ i];
        const uint32_t at = place(s, h, from, id);
        if (h->copies[at] != 0) return h->copies[at] == 255 ? 255 : ++h->copies[at];
    }
    struct hkp_dsm__seen_half *h = &s->half[s->young];
    if (h->count == 0) s->since = now;
    if (h->count == s->cap || now - s->since >= SEEN_SECONDS * 1000000000ULL) {
        turn(s, now);
        h = &s->half[s->young];
    }
    const uint32_t at = place(s, h, from, id);
    memcpy(h->ids[at], id, 16);
    h->count++;
    return h->copies[at] = 1;
}

int hkp_dsm__seen_has(const struct hkp_dsm__seen *s, const uint8_t id[16]) {
    const uint32_t from = begin(s, id);
    return s->half[0].copies[place(s, &s->half[0], from, id)] != 0 ||
           s->half[1].copies[place(s, &s->half[1], from, id)] != 0;
}
