/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* From independent groups to an action level (M-TI-11). */
#include "libmesh/record.h"

#define BLOCK_GROUPS_MIN 3
#define BLOCK_CONFIDENCE_MIN 5000

/* Shell's sort: in place, no allocation, and quick enough for the groups of any mesh. */
void hkp_mesh__sort(uint32_t *v, size_t n) {
    size_t gap = 1;
    while (gap < n / 3) gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (size_t i = gap; i < n; i++) {
            const uint32_t x = v[i];
            size_t k = i;
            for (; k >= gap && v[k - gap] > x; k -= gap) v[k] = v[k - gap];
            v[k] = x;
        }
}

uint32_t hkp_mesh__lower_median(uint32_t *v, uint32_t n) {
    hkp_mesh__sort(v, n);
    return v[(n - 1) / 2];
}

uint32_t hkp_mesh__action_level(const struct hkp_mesh__evidence *e) {
    const uint32_t groups = e->groups > e->doubts ? e->groups - e->doubts : 0;
    const uint32_t proving = e->n > e->doubts ? e->n - e->doubts : 0;
    if (e->allowed || groups == 0) return HKP_MESH_LEVEL_NONE;
    if (groups < 2) return HKP_MESH_LEVEL_WATCH;
    const uint64_t needed = e->faults + 1ULL > BLOCK_GROUPS_MIN ? e->faults + 1ULL : BLOCK_GROUPS_MIN;
    if (proving < needed || e->member) return HKP_MESH_LEVEL_ALERT;
    return hkp_mesh__lower_median(e->bp, e->n) >= BLOCK_CONFIDENCE_MIN ? HKP_MESH_LEVEL_BLOCK
                                                                       : HKP_MESH_LEVEL_ALERT;
}
