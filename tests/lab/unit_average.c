/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Training by many, who need not trust each other: whoever knows the secrets does a round again (LAB-6.3);
 * and who ends sessions is counted (LAB-6.2). */
#include "alloc.h"
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

enum { PARTIES = 3, ROUNDS = 3, STEPS = 12 };
static const uint8_t key[32] = {7}, secrets[PARTIES][32] = {{1}, {2}, {3}};

struct parties {
    hkp_neuro_lab_nc0 *pair;
    size_t size;
    uint8_t *weights[PARTIES];
    uint8_t commits[PARTIES][32];
};

static hkp_neuro_lab_nc0 *pair(uint32_t steps) {
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = 1360, .form = 1, .steps = steps, .batch = 8};
    hkp_neuro_lab_nc0 *n = NULL;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, key, &o), HKP_OK);
    return n;
}

static struct parties meet(void) {
    struct parties p = {.pair = pair(ROUNDS * STEPS)};
    p.size = hkp_neuro_lab_average_size(p.pair);
    for (size_t i = 0; i < PARTIES; i++) p.weights[i] = malloc(p.size);
    return p;
}

static void part(struct parties *p) {
    for (size_t i = 0; i < PARTIES; i++) free(p->weights[i]);
    hkp_neuro_lab_nc0_free(p->pair);
}

static void train(struct parties *p, uint32_t round) {
    for (size_t i = 0; i < PARTIES; i++) {
        CHECK_EQ(hkp_neuro_lab_average_round(p->pair, secrets[i], round, STEPS, p->weights[i]), HKP_OK);
        crypto_hash_sha256(p->commits[i], p->weights[i], p->size);
    }
}

static hkp_status check(const struct parties *p, uint32_t i, uint32_t round) {
    return hkp_neuro_lab_average_check(p->pair, secrets[i], round, STEPS, p->commits[i], p->weights[i]);
}

static hkp_status take(struct parties *p, uint32_t round, uint32_t n) {
    return hkp_neuro_lab_average_take(p->pair, round, STEPS, n, (const uint8_t *const *)p->weights);
}

static void all_rounds_make_one_trained_pair_that_everybody_has(void) {
    struct parties a = meet(), b = meet();
    uint8_t block[16] = {0}, out[257], hash_a[32], hash_b[32];
    for (uint32_t q = 0; q < ROUNDS; q++) {
        CHECK_EQ(hkp_neuro_lab_nc0_encrypt(a.pair, block, out), HKP_E_NEURO_LAB_STATE);
        train(&a, q);
        for (uint32_t i = 0; i < PARTIES; i++) CHECK_EQ(check(&a, i, q), HKP_OK);
        CHECK_EQ(take(&a, q, PARTIES), HKP_OK);
        train(&b, q);
        CHECK_EQ(take(&b, q, PARTIES), HKP_OK);
    }
    hkp_neuro_lab_nc0_hash(a.pair, hash_a);
    hkp_neuro_lab_nc0_hash(b.pair, hash_b);
    CHECK_MEM(hash_a, hash_b, 32);
    uint32_t of = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_steps(a.pair, &of, NULL), of);
    const hkp_status st = hkp_neuro_lab_nc0_encrypt(a.pair, block, out);
    CHECK(st == HKP_OK || st == HKP_E_NEURO_LAB_UNENCODABLE);
    part(&a);
    part(&b);
}

static int32_t word(const uint8_t *weights, size_t i) {
    const uint8_t *p = weights + 4 * i;
    return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

static void the_mean_is_rounded_down(void) {
    struct parties p = meet();
    uint8_t all[32], mean[32];
    crypto_hash_sha256_state h;
    uint64_t down = 0;
    train(&p, 0);
    crypto_hash_sha256_init(&h);
    for (size_t i = 0; i < p.size / 4; i++) {
        const int64_t sum = (int64_t)word(p.weights[0], i) + word(p.weights[1], i) + word(p.weights[2], i);
        const int64_t floor = (sum - ((sum % 3 + 3) % 3)) / 3; /* by the remainder that is never negative */
        const uint32_t w = (uint32_t)(int32_t)floor;
        const uint8_t bytes[4] = {(uint8_t)(w >> 24), (uint8_t)(w >> 16), (uint8_t)(w >> 8), (uint8_t)w};
        down += sum < 0 && sum % 3 != 0;
        crypto_hash_sha256_update(&h, bytes, 4);
    }
    crypto_hash_sha256_final(&h, mean);
    CHECK(down > 0); /* else nothing was shown */
    CHECK_EQ(take(&p, 0, PARTIES), HKP_OK);
    hkp_neuro_lab_nc0_hash(p.pair, all);
    CHECK_MEM(all, mean, 32);
    part(&p);
}

static void a_false_round_is_found_by_doing_it_again(void) {
    struct parties p = meet();
    train(&p, 0);
    p.weights[1][p.size - 1] ^= 1;
    CHECK_EQ(check(&p, 1, 0), HKP_E_NEURO_LAB_COMMIT);
    crypto_hash_sha256(p.commits[1], p.weights[1], p.size); /* committed to before, and false */
    CHECK_EQ(check(&p, 1, 0), HKP_E_NEURO_LAB_ROUND);
    CHECK_EQ(check(&p, 0, 0), HKP_OK);
    CHECK_EQ(check(&p, 2, 0), HKP_OK);
    part(&p);
}

static void each_round_and_party_has_blocks_of_its_own(void) {
    struct parties p = meet();
    train(&p, 0);
    CHECK(memcmp(p.commits[0], p.commits[1], 32) != 0);
    CHECK_EQ(take(&p, 0, PARTIES), HKP_OK);
    train(&p, 1);
    /* the secret of another does not make this round */
    CHECK_EQ(hkp_neuro_lab_average_check(p.pair, secrets[0], 1, STEPS, p.commits[1], p.weights[1]),
             HKP_E_NEURO_LAB_ROUND);
    part(&p);
}

/* The bytes of every build and machine: the second round of the third party. */
static void a_round_gives_the_same_bytes_on_every_build(void) {
    struct parties p = meet();
    char got[65];
    for (uint32_t q = 0; q < 2; q++) {
        train(&p, q);
        if (q == 0) CHECK_EQ(take(&p, 0, PARTIES), HKP_OK);
    }
    sodium_bin2hex(got, sizeof got, p.commits[2], 32);
    printf("# %s\n", got);
    CHECK(strcmp(got, "962bcad81151c198cba4cd87eee44371e415e0274769b96130b9c4c7d26bb8f1") == 0);
    part(&p);
}

static void momenta_begin_at_zero_in_each_round(void) {
    struct parties trained = meet();
    size_t len = 0;
    /* momenta that another training left */
    CHECK_EQ(hkp_neuro_lab_nc0_train(trained.pair, STEPS, NULL, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_save(trained.pair, 0, NULL, 0, &len), HKP_OK);
    uint8_t *file = malloc(len);
    for (size_t i = 0; i < PARTIES; i++)
        CHECK_EQ(hkp_neuro_lab_average_round(trained.pair, secrets[i], 1, STEPS, trained.weights[i]), HKP_OK);
    CHECK_EQ(take(&trained, 1, PARTIES), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_save(trained.pair, 0, file, len, &len), HKP_OK);
    CHECK(sodium_is_zero(file + 60 + trained.size, 2 * trained.size)); /* LAB-4.6: M follows the weights */
    free(file);
    part(&trained);
}

static void rounds_out_of_order_and_weights_out_of_range_change_nothing(void) {
    struct parties p = meet();
    uint8_t before[32], after[32];
    hkp_neuro_lab_nc0_hash(p.pair, before);
    CHECK_EQ(hkp_neuro_lab_average_round(p.pair, key, 1, STEPS, p.weights[0]), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(hkp_neuro_lab_average_round(p.pair, key, 64, STEPS, p.weights[0]), HKP_E_NEURO_LAB_RANGE);
    CHECK_EQ(hkp_neuro_lab_average_round(p.pair, key, 0, 0, p.weights[0]), HKP_E_NEURO_LAB_RANGE);
    CHECK_EQ(hkp_neuro_lab_average_round(p.pair, key, 0, ROUNDS * STEPS + 1, p.weights[0]),
             HKP_E_NEURO_LAB_RANGE);
    train(&p, 0);
    CHECK_EQ(take(&p, 1, PARTIES), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(take(&p, 0, 1), HKP_E_NEURO_LAB_RANGE);
    CHECK_EQ(take(&p, 0, 17), HKP_E_NEURO_LAB_RANGE);
    p.weights[2][p.size - 4] = 0x04; /* 2^26 and above */
    CHECK_EQ(take(&p, 0, PARTIES), HKP_E_NEURO_LAB_RANGE);
    hkp_neuro_lab_nc0_hash(p.pair, after);
    CHECK_MEM(before, after, 32);
    CHECK_EQ(hkp_neuro_lab_nc0_steps(p.pair, NULL, NULL), 0);
    part(&p);
}

static void who_ends_three_sessions_is_out(void) {
    struct hkp_neuro_lab_aborts aborts = {0};
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 2), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 15), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 2), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 2), HKP_E_NEURO_LAB_ABORT);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 2), HKP_E_NEURO_LAB_ABORT);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 15), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_share_aborted(&aborts, 16), HKP_E_NEURO_LAB_RANGE);
}

/* Each allocation in turn is refused: nothing changes, nothing is left behind. */
static void without_memory_a_round_is_refused_and_nothing_is_lost(void) {
    struct failing f = {.left = -1};
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = 0, .form = 1, .steps = 4, .batch = 1, .mem = failing_mem(&f)};
    hkp_neuro_lab_nc0 *n = NULL;
    uint8_t before[32], after[32], commit[32];
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, key, &o), HKP_OK);
    const size_t size = hkp_neuro_lab_average_size(n);
    uint8_t *weights = malloc(size);
    CHECK_EQ(hkp_neuro_lab_average_round(n, key, 0, 2, weights), HKP_OK);
    crypto_hash_sha256(commit, weights, size);
    hkp_neuro_lab_nc0_hash(n, before);
    const long live = f.live;
    for (long k = 0; k < 3; k++) {
        f.left = k;
        if (k < 2) CHECK_EQ(hkp_neuro_lab_average_round(n, key, 0, 2, weights), HKP_E_NEURO_LAB_LIMIT);
        f.left = k;
        CHECK_EQ(hkp_neuro_lab_average_check(n, key, 0, 2, commit, weights), HKP_E_NEURO_LAB_LIMIT);
        CHECK_EQ(f.live, live);
    }
    f.left = -1;
    CHECK_EQ(hkp_neuro_lab_average_check(n, key, 0, 2, commit, weights), HKP_OK);
    hkp_neuro_lab_nc0_hash(n, after);
    CHECK_MEM(before, after, 32);
    hkp_neuro_lab_nc0_free(n);
    CHECK_EQ(f.live, 0);
    CHECK_EQ(f.bytes, 0);
    free(weights);
}

static void without_memory_a_layer_changes_nothing(void) {
    struct failing f = {0};
    struct hkp_neuro_lab_layer layer = {.mem = failing_mem(&f)};
    const uint8_t iv[8] = {1};
    uint8_t data[16] = "text";
    CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, key, iv, data, sizeof data), HKP_E_NEURO_LAB_LIMIT);
    CHECK(memcmp(data, "text", 5) == 0);
    f.left = -1;
    CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, key, iv, data, sizeof data), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, key, iv, data, sizeof data), HKP_OK);
    CHECK(memcmp(data, "text", 5) == 0);
    f.left = 0; /* another key, and no memory for it: the old one is gone, too */
    CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, secrets[0], iv, data, sizeof data), HKP_E_NEURO_LAB_LIMIT);
    CHECK(memcmp(data, "text", 5) == 0);
    hkp_neuro_lab_layer_end(&layer);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    CASE(all_rounds_make_one_trained_pair_that_everybody_has);
    CASE(the_mean_is_rounded_down);
    CASE(a_false_round_is_found_by_doing_it_again);
    CASE(each_round_and_party_has_blocks_of_its_own);
    CASE(a_round_gives_the_same_bytes_on_every_build);
    CASE(momenta_begin_at_zero_in_each_round);
    CASE(rounds_out_of_order_and_weights_out_of_range_change_nothing);
    CASE(without_memory_a_round_is_refused_and_nothing_is_lost);
    CASE(without_memory_a_layer_changes_nothing);
    CASE(who_ends_three_sessions_is_out);
    return check_done();
}
