/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: NC0 as a file (LAB-4.6). The file is the key. */
#include "libneuro/lab/lab.h"

enum { VERSION = 1, W_LIMIT = 1 << 26 };
/* Sixteen gradients of a full batch: 2^23 x 2^15 x 256, >> 15 for weights, not for biases. */
#define M_LIMIT (INT64_C(1) << 40)

void hkp_neuro_lab_nc0_hash(const hkp_neuro_lab_nc0 *nc0, uint8_t hash[32]) {
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    for (uint64_t i = 0; i < nc0->params; i++) {
        uint8_t word[4];
        hkp_put_be32(word, (uint32_t)nc0->weights[i]);
        crypto_hash_sha256_update(&h, word, sizeof word);
    }
    crypto_hash_sha256_final(&h, hash);
}

static size_t length_of(uint64_t params, int training) {
    return NC0_HEADER + (size_t)params * (training ? 12 : 4) + 32;
}

hkp_status hkp_neuro_lab_nc0_save(const hkp_neuro_lab_nc0 *nc0, int32_t forget, uint8_t *dst, size_t cap,
                                  size_t *len) {
    const size_t all = length_of(nc0->params, nc0->done < nc0->steps);
    *len = all;
    if (forget && nc0->done < nc0->steps) return HKP_E_NEURO_LAB_STATE;
    if (dst == NULL) return HKP_OK;
    if (cap < all) return HKP_E_NOSPC;
    memset(dst, 0, NC0_HEADER);
    memcpy(dst, "LNC0", 4);
    hkp_put_be16(dst + 4, VERSION);
    hkp_put_be16(dst + 6, (uint16_t)nc0->arch.index);
    dst[8] = (uint8_t)nc0->form;
    hkp_put_be32(dst + 12, nc0->steps);
    hkp_put_be32(dst + 16, nc0->done);
    hkp_put_be32(dst + 20, nc0->lr);
    hkp_put_be32(dst + 24, nc0->batch);
    if (!forget) memcpy(dst + 28, nc0->key, 32);
    uint8_t *p = dst + NC0_HEADER;
    for (uint64_t i = 0; i < nc0->params; i++, p += 4) hkp_put_be32(p, (uint32_t)nc0->weights[i]);
    for (uint64_t i = 0; nc0->done < nc0->steps && i < nc0->params; i++, p += 8)
        hkp_put_be64(p, (uint64_t)nc0->momenta[i]);
    crypto_hash_sha256(p, dst, (size_t)(p - dst));
    return HKP_OK;
}

/* The header, and whether the length fits it. */
static hkp_status header(const uint8_t *in, size_t len, struct hkp_neuro_lab_nc0_options *o, uint32_t *done) {
    if (len < NC0_HEADER + 32 || memcmp(in, "LNC0", 4) != 0 || hkp_be16(in + 4) != VERSION ||
        !hkp_is_zero(in + 9, 3))
        return HKP_E_NEURO_LAB_FILE;
    o->index = hkp_be16(in + 6);
    o->form = in[8];
    o->steps = hkp_be32(in + 12);
    *done = hkp_be32(in + 16);
    o->lr = hkp_be32(in + 20);
    o->batch = hkp_be32(in + 24);
    if (o->steps == 0 || o->lr == 0 || o->batch == 0 || *done > o->steps) return HKP_E_NEURO_LAB_FILE;
    if (*done < o->steps && hkp_is_zero(in + 28, 32)) return HKP_E_NEURO_LAB_FILE;
    if (hkp_neuro_lab__nc0_check(o) != HKP_OK) return HKP_E_NEURO_LAB_FILE;
    const size_t want = length_of(hkp_neuro_lab__nc0_params(o), *done < o->steps);
    return len == want ? HKP_OK : HKP_E_NEURO_LAB_FILE; /* before any memory is asked for */
}

static hkp_status fill(hkp_neuro_lab_nc0 *n, const uint8_t *in, size_t len) {
    uint8_t digest[32];
    crypto_hash_sha256(digest, in, len - 32);
    if (memcmp(digest, in + len - 32, 32) != 0) return HKP_E_NEURO_LAB_FILE;
    const uint8_t *p = in + NC0_HEADER;
    for (uint64_t i = 0; i < n->params; i++, p += 4) {
        n->weights[i] = (int32_t)hkp_be32(p);
        if (n->weights[i] <= -W_LIMIT || n->weights[i] >= W_LIMIT) return HKP_E_NEURO_LAB_FILE;
    }
    for (uint64_t i = 0; n->done < n->steps && i < n->params; i++, p += 8) {
        n->momenta[i] = (int64_t)hkp_be64(p);
        if (n->momenta[i] > M_LIMIT || n->momenta[i] < -M_LIMIT) return HKP_E_NEURO_LAB_FILE;
    }
    return HKP_OK;
}

hkp_status hkp_neuro_lab_nc0_load(hkp_neuro_lab_nc0 **nc0, const struct hkp_mem *mem, const uint8_t *in,
                                  size_t len) {
    struct hkp_neuro_lab_nc0_options o = {0};
    hkp_neuro_lab_nc0 *n = NULL;
    uint32_t done = 0;
    if (nc0 == NULL || in == NULL) return HKP_E_INVAL;
    *nc0 = NULL;
    if (mem != NULL) o.mem = *mem;
    if (hkp_mem_import(&o.mem) != HKP_OK) return HKP_E_INVAL;
    hkp_status st = header(in, len, &o, &done);
    if (st != HKP_OK || (st = hkp_neuro_lab__nc0_make(&n, &o)) != HKP_OK) return st;
    n->done = done;
    memcpy(n->key, in + 28, 32);
    if ((st = fill(n, in, len)) != HKP_OK) {
        hkp_neuro_lab_nc0_free(n);
        return st;
    }
    *nc0 = n;
    return HKP_OK;
}
