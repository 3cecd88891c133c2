/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: parties train one pair together: each trains on, the weights are averaged, and
 * whoever knows the secrets does a party's round again (LAB-6.3). */
#include "libneuro/lab/lab.h"

enum { W_LIMIT = 1 << 26 };

size_t hkp_neuro_lab_average_size(const hkp_neuro_lab_nc0 *nc0) { return (size_t)nc0->params * 4; }

/* A round is asked for where the run is, and the run has room for it. */
static hkp_status check_round(const hkp_neuro_lab_nc0 *n, uint32_t round, uint32_t steps) {
    if (round >= HKP_NEURO_LAB_AVERAGE_ROUNDS_MAX || steps == 0 || steps > n->steps)
        return HKP_E_NEURO_LAB_RANGE;
    return n->done == (uint64_t)round * steps && n->steps - n->done >= steps ? HKP_OK : HKP_E_NEURO_LAB_STATE;
}

static hkp_neuro_lab_nc0 *copy_of(const hkp_neuro_lab_nc0 *from) {
    const struct hkp_neuro_lab_nc0_options o = {.index = from->arch.index,
                                                .form = from->form,
                                                .steps = from->steps,
                                                .lr = from->lr,
                                                .batch = from->batch,
                                                .mem = from->mem};
    hkp_neuro_lab_nc0 *n = NULL;
    if (hkp_neuro_lab__nc0_make(&n, &o) != HKP_OK) return NULL;
    n->done = from->done;
    memcpy(n->weights, from->weights, (size_t)n->params * sizeof *n->weights);
    return n; /* momenta are zero, as each round begins */
}

static void data_key(const uint8_t secret[32], uint32_t round, uint8_t key[32]) {
    uint8_t input[14 + 4];
    memcpy(input, "LAB1 fed data", 14);
    hkp_put_be32(input + 14, round);
    crypto_auth_hmacsha256(key, input, sizeof input, secret);
}

hkp_status hkp_neuro_lab_average_round(const hkp_neuro_lab_nc0 *nc0, const uint8_t secret[32], uint32_t round,
                                       uint32_t steps, uint8_t *weights) {
    uint8_t key[32];
    hkp_status st = check_round(nc0, round, steps);
    if (st != HKP_OK) return st;
    hkp_neuro_lab_nc0 *n = copy_of(nc0);
    if (n == NULL) return HKP_E_NEURO_LAB_LIMIT;
    data_key(secret, round, key);
    st = hkp_neuro_lab__nc0_run(n, key, steps, NULL, NULL);
    for (uint64_t i = 0; st == HKP_OK && i < n->params; i++)
        hkp_put_be32(weights + 4 * i, (uint32_t)n->weights[i]);
    sodium_memzero(key, sizeof key);
    hkp_neuro_lab_nc0_free(n);
    return st;
}

hkp_status hkp_neuro_lab_average_check(const hkp_neuro_lab_nc0 *nc0, const uint8_t secret[32], uint32_t round,
                                       uint32_t steps, const uint8_t commit[32], const uint8_t *weights) {
    uint8_t hash[32];
    const size_t size = hkp_neuro_lab_average_size(nc0);
    crypto_hash_sha256(hash, weights, size);
    if (memcmp(hash, commit, sizeof hash) != 0) return HKP_E_NEURO_LAB_COMMIT;
    uint8_t *again = hkp_mem_alloc(&nc0->mem, size);
    if (again == NULL) return HKP_E_NEURO_LAB_LIMIT;
    hkp_status st = hkp_neuro_lab_average_round(nc0, secret, round, steps, again);
    if (st == HKP_OK && memcmp(again, weights, size) != 0) st = HKP_E_NEURO_LAB_ROUND;
    hkp_mem_free(&nc0->mem, again, size);
    return st;
}

static int64_t floor_of(int64_t sum, int64_t n) { return sum >= 0 ? sum / n : -((-sum + n - 1) / n); }

hkp_status hkp_neuro_lab_average_take(hkp_neuro_lab_nc0 *nc0, uint32_t round, uint32_t steps, uint32_t n,
                                      const uint8_t *const *weights) {
    if (n < 2 || n > HKP_NEURO_LAB_PARTIES_MAX) return HKP_E_NEURO_LAB_RANGE;
    const hkp_status st = check_round(nc0, round, steps);
    if (st != HKP_OK) return st;
    for (uint32_t k = 0; k < n; k++)
        for (uint64_t i = 0; i < nc0->params; i++) {
            const int32_t w = (int32_t)hkp_be32(weights[k] + 4 * i);
            if (w <= -W_LIMIT || w >= W_LIMIT) return HKP_E_NEURO_LAB_RANGE;
        }
    for (uint64_t i = 0; i < nc0->params; i++) {
        int64_t sum = 0;
        for (uint32_t k = 0; k < n; k++) sum += (int32_t)hkp_be32(weights[k] + 4 * i);
        nc0->weights[i] = (int32_t)floor_of(sum, n);
        nc0->momenta[i] = 0;
    }
    nc0->done += steps;
    return HKP_OK;
}
