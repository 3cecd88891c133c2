/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the tests of the bridge share: names of results, a bridge of a vector's table, translations into
 * buffers. */
#ifndef HKP_TESTS_BRIDGE_SUPPORT_H
#define HKP_TESTS_BRIDGE_SUPPORT_H

#include "check.h"
#include "vectors.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

enum { JSON = HKP_NEURO_BRIDGE_JSON, PROTOBUF = HKP_NEURO_BRIDGE_PROTOBUF, RECORD = HKP_NEURO_BRIDGE_RECORD };

/** Bytes of one form. */
struct form {
    uint8_t bytes[65536];
    size_t len;
};

/** Checks a result against the name that a vector gives: "ok", "BR_E_X" or "HYB_E_X". */
static inline void check_expect(hkp_status st, const char *want) {
    const char *name = hkp_neuro_status_name(st);
    char full[64] = "ok";
    if (strcmp(want, "ok") != 0) {
        const char *e = strstr(want, "_E_");
        snprintf(full, sizeof full, "E_NEURO_%.*s_%s", (int)(e - want), want, e + 3);
    }
    const int ok = strcmp(want, "ok") == 0 ? st == HKP_OK : strcmp(name, full) == 0;
    if (!ok) printf("# %s, expected %s\n", name, full);
    CHECK(ok);
}

static inline hkp_neuro_bridge *bridge_of(json_t *o, const char *key) {
    const struct vec_bytes table = vec_hex(o, key);
    hkp_neuro_bridge *b = NULL;
    CHECK_EQ(hkp_neuro_bridge_new(&b, NULL, table.ptr, table.len), HKP_OK);
    free(table.ptr);
    return b;
}

static inline hkp_status decode(hkp_neuro_bridge *b, uint32_t form, const void *in, size_t len,
                                struct form *inter) {
    return hkp_neuro_bridge_decode(b, form, in, len, inter->bytes, sizeof inter->bytes, &inter->len, NULL);
}

static inline hkp_status encode(const hkp_neuro_bridge *b, uint32_t form, const struct form *inter,
                                struct form *out) {
    return hkp_neuro_bridge_encode(b, form, inter->bytes, inter->len, out->bytes, sizeof out->bytes,
                                   &out->len, NULL);
}

static inline void check_form(const struct form *got, const void *want, size_t len) {
    CHECK_EQ(got->len, len);
    if (got->len == len) CHECK_MEM(got->bytes, want, len);
}

#endif
