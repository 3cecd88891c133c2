/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Records from the wire into a small cache: length u16 and bytes, one behind the other, over some authors. */
#include <hookprobe/mesh.h>
#include <string.h>

#define NOW 1760000010U

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    memset(dst, 7, len);
    return 0;
}

/* What the cache gives back is what came in. */
static void look(const hkp_mesh_intel *t, const uint8_t *bytes, size_t len,
                 const struct hkp_mesh_added *added) {
    struct hkp_mesh_match m = {.struct_size = sizeof m};
    struct hkp_mesh_finding f = {.struct_size = sizeof f};
    struct hkp_mesh_record r;
    uint8_t again[HKP_MESH_RECORD_MAX];
    size_t again_len = 0;
    int found = 0;
    if (hkp_mesh_record_decode(&r, bytes, len, NOW) != HKP_OK) __builtin_trap();
    if (hkp_mesh_intel_lookup(t, NOW, r.ioc_type, r.value, r.value_len, &m) != HKP_OK) __builtin_trap();
    for (uint32_t i = 0; hkp_mesh_intel_finding(t, NOW, added->ioc_key, i, &f) == HKP_OK; i++) {
        if (hkp_mesh_record_encode(&f.record, again, sizeof again, &again_len) != HKP_OK) __builtin_trap();
        found |= again_len == len && memcmp(again, bytes, len) == 0;
    }
    if (!found) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_mesh_intel_options o;
    hkp_mesh_intel *t = NULL;
    uint32_t removed, n = 0;
    hkp_mesh_intel_options_init(&o, sizeof o);
    o.group = 1;
    o.records = 8;
    o.authors = 8;
    o.rng.fill = fill;
    if (hkp_mesh_intel_new(&t, &o, NOW) != HKP_OK) return 0;
    while (size >= 2 && n < 64) {
        size_t len = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        if (len > size) len = size;
        struct hkp_mesh_origin origin = {.seq = n, .group = 1 + n % 5, .time_s = NOW};
        struct hkp_mesh_added added = {.struct_size = sizeof added};
        origin.author[0] = (uint8_t)(n++ % 7);
        if (hkp_mesh_intel_add(t, NOW, &origin, data, len, &added) == HKP_OK &&
            added.result <= HKP_MESH_ADDED_REPLACED)
            look(t, data, len, &added);
        if (n % 9 == 8) hkp_mesh_intel_revoke(t, NOW, n % 2 ? origin.author : NULL, added.ioc_key, &removed);
        data += len;
        size -= len;
    }
    hkp_mesh_intel_expire(t, NOW + 400U * 86400U, &removed);
    struct hkp_mesh_intel_stats s = {.struct_size = sizeof s};
    if (hkp_mesh_intel_get_stats(t, &s) != HKP_OK || s.records != 0 || s.indicators != 0) __builtin_trap();
    hkp_mesh_intel_free(t);
    return 0;
}
