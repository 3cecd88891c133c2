/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the vector tests of libdsm share: verdicts by name, the keys and the CA set of a file. */
#ifndef HKP_TESTS_DSM_VECTORS_H
#define HKP_TESTS_DSM_VECTORS_H

#include "check.h"
#include "vectors.h"

#include "libdsm/objects/objects.h"

/* Name as the vectors write it: "ok", "E_QUORUM", "E_TIME" for both classes of it (D 14). */
static inline const char *verdict_name(hkp_status status) {
    static char text[64];
    if (status == HKP_OK) return "ok";
    if (status == HKP_E_DSM_TIME_AHEAD) return "E_TIME";
    const char *name = hkp_dsm_status_name(status);
    if (strncmp(name, "E_DSM_", 6) != 0) return name;
    snprintf(text, sizeof text, "E_%s", name + 6);
    return text;
}

/* One case: the verdict is exactly the expected one. */
#define CHECK_VERDICT(status, object)                                                                        \
    do {                                                                                                     \
        const char *verdict_found = verdict_name(status);                                                    \
        if (strcmp(verdict_found, vec_text(object, "expect")) != 0) {                                        \
            printf("# %s:%d: \"%s\" is %s, expected %s\n", __FILE__, __LINE__, vec_text(object, "name"),     \
                   verdict_found, vec_text(object, "expect"));                                               \
            check_faults++;                                                                                  \
        }                                                                                                    \
    } while (0)

/* After a refusal the result is as it was: filled with 0xA5 before. */
static inline int is_untouched(const void *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (((const uint8_t *)p)[i] != 0xA5) return 0;
    return 1;
}

struct fixture {
    json_t *file, *keys;
    uint8_t chain_id[32];
    struct hkp_dsm_ca_set ca_set;
    struct hkp_dsm_officers officers;
    uint8_t scratch[1 << 17];
    uint8_t key[32]; /* of the last look-up */
};

static inline void fixture_load(struct fixture *f, const char *name) {
    memset(f, 0, sizeof *f);
    f->file = vec_load(name);
    f->keys = vec_find(f->file, "keys");
    vec_hex_into(f->file, "chain_id", f->chain_id, 32);
    if (vec_find(f->file, "ca_set") == NULL) return;
    struct vec_bytes ca = vec_hex(f->file, "ca_set");
    CHECK_EQ(hkp_dsm_ca_set_parse(ca.ptr, ca.len, &f->ca_set), HKP_OK);
    f->officers = (struct hkp_dsm_officers){&f->ca_set, 1, f->scratch, sizeof f->scratch};
    free(ca.ptr);
}

/* Key of a node by the list of the file, NULL if it is not there. */
static inline const uint8_t *fixture_key(struct fixture *f, const uint8_t node_id[16]) {
    char hex[33];
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", node_id[i]);
    if (vec_find(f->keys, hex) == NULL) return NULL;
    vec_hex_into(f->keys, hex, f->key, 32);
    return f->key;
}

#endif
