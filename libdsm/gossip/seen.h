/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Ids of items that came lately, and how often: two generations, the older is dropped (D-GSP-9). */
#ifndef HKP_LIBDSM_SEEN_H
#define HKP_LIBDSM_SEEN_H

#include <hookprobe/base.h>

struct hkp_dsm__seen {
    uint8_t key[16];
    struct hkp_dsm__seen_half {
        uint8_t (*ids)[16];
        /** 0: the place is free; saturates at 255 */
        uint8_t *copies;
        uint32_t count;
    } half[2];
    /** ids of one generation; places - 1 */
    uint32_t cap, mask, young;
    hkp_time since;
};

/** Bytes of memory for cap ids in each generation; cap is a power of two. */
size_t hkp_dsm__seen_bytes(uint32_t cap);
/** memory: zeroed, at least so many bytes, borrowed. key: secret, so that nobody can aim ids at one place. */
void hkp_dsm__seen_init(struct hkp_dsm__seen *s, void *memory, uint32_t cap, const uint8_t key[16]);
/** Counts one copy: 1 for an id that was not known, else how many came, up to 255. */
uint32_t hkp_dsm__seen_add(struct hkp_dsm__seen *s, hkp_time now, const uint8_t id[16]);
int hkp_dsm__seen_has(const struct hkp_dsm__seen *s, const uint8_t id[16]);

#endif
