/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Validator sets, quorums, leaders (D-SMX-1 to D-SMX-4), and the genesis that begins with one (D-SIG-5). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

static const uint8_t no_key[48];

void hkp_dsm__quorum(uint32_t n, uint32_t *f, uint32_t *q) {
    *f = (n - 1) / 3;
    *q = n - *f;
}

/* D-SMX-1: ascending by node_id, keys distinct. */
static int seats_ok(const struct hkp_dsm_seat *seats, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (seats[i].group == 0 || (i > 0 && memcmp(seats[i - 1].node_id, seats[i].node_id, 16) >= 0))
            return 0;
        for (size_t j = 0; j < i; j++)
            if (memcmp(seats[i].key, seats[j].key, 32) == 0) return 0;
    }
    return n >= 1 && n <= HKP_DSM_MEMBERS_MAX;
}

/* One key under two seats would count one signature twice. */
static int bls_distinct(const uint8_t *const *bls, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (bls[i] != NULL && bls[j] != NULL && memcmp(bls[i], bls[j], 48) == 0) return 0;
    return 1;
}

hkp_status hkp_dsm__valset_parse(const uint8_t *body, size_t len, struct hkp_dsm__valset *set) {
    struct hkp_dsm_cbor_reader r, rest;
    (void)hkp_dsm_cbor_read(&r, body, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    const uint64_t epoch = uint_field(&r, &left, 1, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 2);
    const size_t n = hkp_dsm_cbor_array(&r, 1, HKP_DSM_MEMBERS_MAX);
    rest = r;
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
    const uint8_t *bls[HKP_DSM_MEMBERS_MAX];
    for (size_t i = 0; i < n; i++) {
        size_t fields = hkp_dsm_cbor_array(&rest, 3, 4);
        hkp_dsm_cbor_fixed(&rest, seats[i].node_id, 16);
        hkp_dsm_cbor_fixed(&rest, seats[i].key, 32);
        seats[i].group = (uint32_t)hkp_dsm_cbor_uint(&rest, 1, UINT32_MAX);
        bls[i] = fields == 4 ? hkp_dsm_cbor_bytes(&rest, 48, 48, NULL) : NULL;
    }
    hkp_dsm_cbor_key(&rest, &left, 3);
    const size_t schemes = hkp_dsm_cbor_array(&rest, 1, 2);
    (void)hkp_dsm_cbor_uint(&rest, 1, 1);
    if (schemes == 2) (void)hkp_dsm_cbor_uint(&rest, 2, 2);
    hkp_dsm_cbor_close(&rest, left);
    if (rest.status != HKP_OK) return rest.status;
    if (!seats_ok(seats, n) || !bls_distinct(bls, n)) return HKP_E_DSM_SCHEMA;

    set->epoch = epoch;
    set->n = (uint32_t)n;
    set->has_scheme2 = schemes == 2;
    hkp_dsm__quorum(set->n, &set->f, &set->q);
    hkp_dsm__valset_hash(set->hash, body, len);
    memcpy(set->seats, seats, n * sizeof seats[0]);
    for (size_t i = 0; i < n; i++) memcpy(set->bls[i], bls[i] != NULL ? bls[i] : no_key, 48);
    return HKP_OK;
}

hkp_status hkp_dsm__valset_write(const struct hkp_dsm_seat *seats, const uint8_t *const *bls, size_t n,
                                 uint64_t epoch, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (n > HKP_DSM_MEMBERS_MAX || !seats_ok(seats, n) || (bls != NULL && !bls_distinct(bls, n)))
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 4);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, epoch);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *key = bls != NULL ? bls[i] : NULL;
        hkp_dsm_cbor_put_array(&w, key != NULL ? 4 : 3);
        hkp_dsm_cbor_put_bytes(&w, seats[i].node_id, 16);
        hkp_dsm_cbor_put_bytes(&w, seats[i].key, 32);
        hkp_dsm_cbor_put_uint(&w, seats[i].group);
        if (key != NULL) hkp_dsm_cbor_put_bytes(&w, key, 48);
    }
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_array(&w, bls != NULL ? 2 : 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    if (bls != NULL) hkp_dsm_cbor_put_uint(&w, 2);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

const uint8_t *const *hkp_dsm__valset_bls(const struct hkp_dsm__valset *set,
                                          const uint8_t *keys[HKP_DSM_MEMBERS_MAX]) {
    for (uint32_t i = 0; i < set->n; i++) keys[i] = memcmp(set->bls[i], no_key, 48) != 0 ? set->bls[i] : NULL;
    return set->has_scheme2 ? keys : NULL;
}

hkp_status hkp_dsm_valset_build(const struct hkp_dsm_seat *seats, size_t n, uint64_t epoch, uint8_t *dst,
                                size_t cap, size_t *len) {
    return hkp_dsm__valset_write(seats, NULL, n, epoch, dst, cap, len);
}

int hkp_dsm__valset_groups_ok(const struct hkp_dsm__valset *set, int single) {
    if (single || set->n < 4) return 1;
    for (uint32_t i = 0; i < set->n; i++) {
        uint32_t held = 0;
        for (uint32_t j = 0; j < set->n; j++) held += set->seats[j].group == set->seats[i].group;
        if (held > set->f) return 0;
    }
    return 1;
}

int hkp_dsm__name_is_single(const struct hkp_dsm_view *name) {
    static const char tail[] = "/single";
    const size_t n = sizeof tail - 1;
    return name->len >= n && memcmp(name->ptr + name->len - n, tail, n) == 0;
}

int hkp_dsm__valset_index(const struct hkp_dsm__valset *set, const uint8_t node_id[16]) {
    int low = 0, high = (int)set->n - 1;
    while (low <= high) {
        int middle = (low + high) / 2, order = memcmp(set->seats[middle].node_id, node_id, 16);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

void hkp_dsm__leaders(const struct hkp_dsm__valset *set, const uint8_t boundary[32], uint8_t *perm) {
    uint8_t rank[HKP_DSM_MEMBERS_MAX][32];
    for (uint32_t i = 0; i < set->n; i++) {
        const struct hkp_dsm_view parts[] = {{boundary, 32}, {set->seats[i].node_id, 16}};
        hkp_dsm__hash(rank[i], "leader", parts, 2);
        uint32_t at = i;
        for (; at > 0 && memcmp(rank[perm[at - 1]], rank[i], 32) > 0; at--) perm[at] = perm[at - 1];
        perm[at] = (uint8_t)i;
    }
}

/* ---- Genesis (D-SIG-5) ----------------------------------------------------------------------------------
 */

hkp_status hkp_dsm_genesis_parse(const uint8_t *in, size_t len, struct hkp_dsm_genesis *genesis) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_genesis g = {0};
    struct hkp_dsm__valset set;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    g.name.ptr = (const uint8_t *)hkp_dsm_cbor_text(&r, 1, HKP_DSM_MESH_NAME_MAX, &g.name.len);
    hkp_dsm_cbor_key(&r, &left, 2);
    g.ca_set_body.ptr = hkp_dsm_cbor_bytes(&r, 0, HKP_DSM_CA_SET_BODY_MAX, &g.ca_set_body.len);
    hkp_dsm_cbor_key(&r, &left, 3);
    g.valset_body.ptr = hkp_dsm_cbor_bytes(&r, 0, HKP_DSM_VALSET_MAX, &g.valset_body.len);
    g.time_s = uint_field(&r, &left, 4, 0, UINT64_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = hkp_dsm_ca_set_parse(g.ca_set_body.ptr, g.ca_set_body.len, &g.ca_set);
    if (st == HKP_OK) st = hkp_dsm__valset_parse(g.valset_body.ptr, g.valset_body.len, &set);
    if (st != HKP_OK) return st;
    if (set.epoch != 0) return HKP_E_DSM_EPOCH;
    if (!hkp_dsm__valset_groups_ok(&set, hkp_dsm__name_is_single(&g.name))) return HKP_E_DSM_SCHEMA;
    hkp_dsm__hash(g.chain_id, "chain", &(struct hkp_dsm_view){in, len}, 1);
    *genesis = g;
    return HKP_OK;
}

hkp_status hkp_dsm_genesis_build(const char *name, size_t name_len, const struct hkp_dsm_view *ca,
                                 const struct hkp_dsm_view *valset, uint64_t time_s, uint8_t *dst, size_t cap,
                                 size_t *len) {
    struct hkp_dsm_genesis check;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_map(&w, 5);
    put_uint_field(&w, 0, 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_text(&w, name, name_len);
    put_bytes_field(&w, 2, ca->ptr, ca->len);
    put_bytes_field(&w, 3, valset->ptr, valset->len);
    put_uint_field(&w, 4, time_s);
    hkp_status st = w.status == HKP_OK ? hkp_dsm_genesis_parse(dst, w.len, &check) : w.status;
    if (st == HKP_OK) *len = w.len;
    return st;
}
