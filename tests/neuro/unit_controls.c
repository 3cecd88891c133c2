/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The negative controls of NZ1 19 that no vector alone kills: rows 1 to 8. */
#include "neuro_support.h"

static struct profile p;

/* Row 1: a tag depends on every bit of the message, the nonce and the role. */
static void posf_depends_on_the_message(void) {
    hkp_neuro_state *s = state_v(&p, 3, NULL);
    uint64_t random = check_seed();
    uint8_t f[64], tags[64][32], in[41], tag[32];
    hkp_neuro_state_fingerprint(s, f);
    for (int i = 0; i < 64; i++) {
        for (int k = 0; k < 41; k++) in[k] = (uint8_t)check_random(&random);
        hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, in, in + 32, tags[i]);
        for (int j = 0; j < i; j++) CHECK(memcmp(tags[i], tags[j], 32) != 0);
    }
    in[40] = HKP_NEURO_ROLE_E;
    for (int bit = 0; bit < 328; bit++) {
        uint8_t other[41];
        memcpy(other, in, 41);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        hkp_neuro_state_posf(s, f, other[40], other, other + 32, tag);
        CHECK(memcmp(tag, tags[63], 32) != 0);
    }
    hkp_neuro_state_free(s);
}

/* Rows 2 and 3: on the network, and on the ratchet, each alone, with F passed in unchanged. */
static void posf_depends_on_network_and_ratchet(void) {
    hkp_neuro_state *s = state_v(&p, 3, NULL);
    uint8_t f[64], in[40] = {1}, a[32], b[32];
    hkp_neuro_state_fingerprint(s, f);
    hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, in, in + 32, a);
    s->w[HKP_NEURO__B3] += 4096;
    hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, in, in + 32, b);
    CHECK(memcmp(a, b, 32) != 0);
    s->w[HKP_NEURO__B3] -= 4096;
    hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, in, in + 32, b);
    CHECK_MEM(b, a, 32);
    s->c[63] ^= 1;
    hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, in, in + 32, b);
    CHECK(memcmp(a, b, 32) != 0);
    hkp_neuro_state_free(s);
}

static int differing(const hkp_neuro_state *a, const hkp_neuro_state *b, int from, int to) {
    int n = 0;
    for (int i = from; i < to; i++) n += a->w[i] != b->w[i];
    return n;
}

static void check_unrelated(const hkp_neuro_state *a, const hkp_neuro_state *b) {
    const int n = differing(a, b, HKP_NEURO__W1, HKP_NEURO__B1) +
                  differing(a, b, HKP_NEURO__W2, HKP_NEURO__B2) +
                  differing(a, b, HKP_NEURO__W3, HKP_NEURO__B3);
    const uint32_t drift = hkp_neuro_state_drift(a, b);
    uint8_t fa[64], fb[64];
    hkp_neuro_state_fingerprint(a, fa);
    hkp_neuro_state_fingerprint(b, fb);
    CHECK(n * 100 >= HKP_NEURO__NW * 99);
    CHECK(drift >= 1300000 && drift <= 1370000);
    CHECK(memcmp(fa, fb, 64) != 0);
}

/* Row 4: seed and node id make the weights. */
static void first_weights_depend_on_seed_and_node(void) {
    hkp_neuro_state *a = state_v(&p, 0, NULL), *b = state_v(&p, 0, NULL);
    struct profile q = p;
    CHECK_EQ(hkp_neuro_state_drift(a, b), 0);
    q.seed[31] ^= 1;
    hkp_neuro_state_enrol(b, q.seed, p.node_id, p.h_ref);
    check_unrelated(a, b);
    q.node_id[0] ^= 1;
    hkp_neuro_state_enrol(b, p.seed, q.node_id, p.h_ref);
    check_unrelated(a, b);
    hkp_neuro_state_free(a);
    hkp_neuro_state_free(b);
}

static void ordinary(uint8_t ter[64], uint64_t *random, uint64_t ts) {
    struct hkp_ter_record rec = {.timestamp_us = ts};
    for (int i = 0; i < 32; i++) rec.h_entropy[i] = (uint8_t)check_random(random);
    memcpy(rec.h_integrity, p.h_ref, 20);
    hkp_ter_record_encode(&rec, ter);
}

static hkp_neuro_state *after_ordinary(int n, uint64_t *random, uint64_t *ts) {
    hkp_neuro_state *s = state_v(&p, 0, NULL);
    uint8_t ter[64];
    for (int i = 0; i < n; i++) {
        ordinary(ter, random, *ts += 1000000);
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
    }
    return s;
}

/* Row 5: every bit of a TER moves every weight a little; row 8: a step is a small drift, symmetric. */
static void one_bit_of_a_ter_moves_the_weights(void) {
    uint64_t random = check_seed(), ts = 1700000000000000U;
    hkp_neuro_state *s = after_ordinary(200, &random, &ts), *a = state_v(&p, 0, NULL),
                    *b = state_v(&p, 0, NULL);
    uint8_t ter[64], fa[64], fb[64];
    ordinary(ter, &random, ts += 1000000);
    hkp_neuro_state_copy(a, s);
    CHECK_EQ(hkp_neuro_state_evolve(a, ter), HKP_OK);
    const uint32_t one = hkp_neuro_state_drift(s, a);
    CHECK(one >= 5000 && one <= 15000);
    CHECK_EQ(hkp_neuro_state_drift(a, s), one);
    CHECK_EQ(hkp_neuro_state_drift(a, a), 0);
    hkp_neuro_state_fingerprint(a, fa);
    for (int bit = 0; bit < 512; bit++) {
        uint8_t other[64];
        memcpy(other, ter, 64);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const uint64_t t = hkp_le64(other + 52);
        if (t <= s->last_us || t > HKP_TER_TIME_MAX) continue;
        if (t - s->last_us > 3600000000U) continue; /* a long pause freezes the weights: NZ1 18 */
        hkp_neuro_state_copy(b, s);
        CHECK_EQ(hkp_neuro_state_evolve(b, other), HKP_OK);
        const uint32_t drift = hkp_neuro_state_drift(a, b);
        CHECK(differing(a, b, 0, HKP_NEURO__N) * 1000 >= HKP_NEURO__N * 985);
        CHECK(drift >= 4000 && drift <= 40000);
        hkp_neuro_state_fingerprint(b, fb);
        CHECK(memcmp(fa, fb, 64) != 0);
    }
    hkp_neuro_state_free(s);
    hkp_neuro_state_free(a);
    hkp_neuro_state_free(b);
}

/* Row 8: of the distances, whichever state comes first: 2 * |1/2| / (1 + 1/2). */
static void drift_is_a_relative_distance_of_weights(void) {
    hkp_neuro_state *a = state_v(&p, 0, NULL), *half = state_v(&p, 0, NULL);
    for (int f = 0; f < HKP_NEURO__N; f++) half->w[f] /= 2;
    const uint32_t drift = hkp_neuro_state_drift(a, half);
    CHECK(drift > 666000 && drift < 667500);
    CHECK_EQ(hkp_neuro_state_drift(half, a), drift);
    hkp_neuro_state_free(a);
    hkp_neuro_state_free(half);
}

/* Row 6: the loss of a healthy stream falls. */
static void gradient_is_alive(void) {
    uint64_t random = check_seed(), ts = 1700000000000000U, sum = 0;
    enum { TERS = 16384, LAST = 256 };
    hkp_neuro_state *s = state_v(&p, 0, NULL);
    for (int i = 0; i < TERS; i++) {
        uint8_t ter[64];
        uint64_t loss, base;
        ordinary(ter, &random, ts += 1000000);
        hkp_neuro_state_loss(s, ter, &loss, &base);
        if (i >= TERS - LAST) sum += base;
        CHECK_EQ(hkp_neuro_state_evolve(s, ter), HKP_OK);
    }
    /* mean below 0.7 in Q32; without gradient 1.78 */
    CHECK(sum / LAST < (UINT64_C(7) << 32) / 10);
    hkp_neuro_state_free(s);
}

/* L of NZ1 9 in Q32, from the forward pass alone; what does not depend on the weights is left out. */
static int64_t loss_of(const hkp_neuro_state *s, const uint8_t ter[64], int64_t cs) {
    struct hkp_neuro__forward_secret f;
    int64_t base = 0, integrity = 0;
    hkp_neuro__forward(s, ter, &f);
    for (int k = 0; k < HKP_NEURO__OUT; k++) {
        const int64_t er = f.y[k] - (2 * ter[32 + k % 20] + 1) * 128;
        const int64_t away = f.y[k] - (65536 - (2 * s->h_ref[k % 20] + 1) * 128);
        base += er * er;
        integrity += away * away;
    }
    return (base + ((cs * integrity) >> 16)) >> 1;
}

/* Exact weight, in units of 2^-32. */
static int64_t exact(const hkp_neuro_state *s, int f) { return (int64_t)s->w[f] * 65536 + s->r[f]; }

/* What a step did to weights from..to-1 without its kick and decay, against central differences of the loss.
 */
static void check_gradient(const hkp_neuro_state *before, const hkp_neuro_state *after, const uint8_t ter[64],
                           int layer, int from, int to) {
    enum { H = 4096 }; /* 1/16: wide against the rounding of the outputs, small against the curvature */
    hkp_neuro_state *s = state_v(&p, 0, NULL);
    uint8_t kick[HKP_NEURO__N];
    struct hkp_neuro__scalars sc;
    double ab = 0, aa = 0, bb = 0;
    hkp_neuro_state_copy(s, before);
    hkp_neuro__scalars_of(before, ter, &sc);
    hkp_neuro__kick(after->c, kick);
    for (int f = from; f < to; f++) {
        const int64_t moved = exact(before, f) - exact(after, f);
        const double a = (double)(moved - sc.k[layer] * (2 * (int64_t)kick[f] - 255) -
                                  (((int64_t)before->w[f] * sc.e12) >> 11));
        s->w[f] = before->w[f] + H;
        const int64_t above = loss_of(s, ter, sc.cs);
        s->w[f] = before->w[f] - H;
        const int64_t below = loss_of(s, ter, sc.cs);
        s->w[f] = before->w[f];
        /* eta * dL/dw, in units of 2^-32 as the step */
        const double b = (double)sc.eta * (double)(above - below) / (8192.0 * H);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    /* correlation above 0.999, and of the right size */
    CHECK(aa > 0 && ab > 0 && ab * ab > 0.999 * 0.999 * aa * bb);
    CHECK(ab > 0.99 * bb && ab < 1.01 * bb);
    hkp_neuro_state_free(s);
}

/* Row 6: a step descends the loss of the integer forward pass, in every layer, healthy or not. */
static void step_is_the_numerical_gradient(void) {
    uint64_t random = check_seed(), ts = 1700000000000000U;
    hkp_neuro_state *before = after_ordinary(200, &random, &ts), *after = state_v(&p, 0, NULL);
    uint8_t ter[64];
    ordinary(ter, &random, ts + 1000000);
    for (int healthy = 1; healthy >= 0; healthy--) {
        if (!healthy) memset(ter + 32, 0x5A, 20);
        hkp_neuro_state_copy(after, before);
        CHECK_EQ(hkp_neuro_state_evolve(after, ter), HKP_OK);
        check_gradient(before, after, ter, 0, HKP_NEURO__W1, HKP_NEURO__B1);
        check_gradient(before, after, ter, 0, HKP_NEURO__B1, HKP_NEURO__W2);
        check_gradient(before, after, ter, 1, HKP_NEURO__W2, HKP_NEURO__B2);
        check_gradient(before, after, ter, 1, HKP_NEURO__B2, HKP_NEURO__W3);
        check_gradient(before, after, ter, 2, HKP_NEURO__W3, HKP_NEURO__B3);
        check_gradient(before, after, ter, 2, HKP_NEURO__B3, HKP_NEURO__N);
    }
    hkp_neuro_state_free(before);
    hkp_neuro_state_free(after);
}

/* Integer square root, for a deviation without floating point. */
static uint64_t root(uint64_t v) {
    uint64_t r = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((r + bit) * (r + bit) <= v) r += bit;
    return r;
}

static void spread(const hkp_neuro_state *s, int64_t *mean, uint64_t *deviation) {
    int64_t sum = 0;
    uint64_t squares = 0;
    for (int i = 0; i < HKP_NEURO__B1; i++) sum += s->w[i];
    *mean = sum / HKP_NEURO__B1;
    for (int i = 0; i < HKP_NEURO__B1; i++) squares += (uint64_t)((s->w[i] - *mean) * (s->w[i] - *mean));
    *deviation = root(squares / HKP_NEURO__B1);
}

/* Row 7: residual and kick keep mean and spread of the first layer. */
static void residual_and_kick_keep_the_spread(void) {
    uint64_t random = check_seed(), ts = 1700000000000000U, d0, d1;
    int64_t m0, m1;
    hkp_neuro_state *s = state_v(&p, 0, NULL);
    spread(s, &m0, &d0);
    hkp_neuro_state_free(s);
    s = after_ordinary(10000, &random, &ts);
    spread(s, &m1, &d1);
    CHECK(m1 > -1311 && m1 < 1311); /* 0.02 */
    CHECK(d1 * 10 >= d0 * 9 && d1 * 10 <= d0 * 11);
    hkp_neuro_state_free(s);
}

/* One start of all variants, far apart states: the same bits (NZ1 15). */
static void all_variants_give_the_same_bits(void) {
    uint64_t random = check_seed(), ts = 1700000000000000U;
    hkp_neuro_state *s[HKP_NEURO_VARIANT_AVX2 + 1] = {NULL};
    static uint8_t a[HKP_NEURO_STATE_SIZE], b[HKP_NEURO_STATE_SIZE];
    for (uint32_t v = 1; v < variants_end(); v++) {
        s[v] = state_make(v);
        hkp_neuro_state_enrol(s[v], p.seed, p.node_id, p.h_ref);
    }
    for (int f = 0; f < HKP_NEURO__N; f += 3) {
        const int32_t w = (int32_t)(check_random(&random) % 524287) - 262143;
        for (uint32_t v = 1; v < variants_end(); v++) s[v]->w[f] = w;
    }
    for (int i = 0; i < 300; i++) {
        uint8_t ter[64];
        ordinary(ter, &random, ts += 1 + check_random(&random) % 5000000);
        if (i % 7 == 0) ter[32] ^= 0x55;
        for (uint32_t v = 1; v < variants_end(); v++) CHECK_EQ(hkp_neuro_state_evolve(s[v], ter), HKP_OK);
        if (i % 50 != 0) continue;
        hkp_neuro_state_encode(s[1], a);
        for (uint32_t v = 2; v < variants_end(); v++) {
            hkp_neuro_state_encode(s[v], b);
            CHECK_MEM(b, a, sizeof a);
        }
    }
    for (uint32_t v = 1; v < variants_end(); v++) hkp_neuro_state_free(s[v]);
}

int main(void) {
    p = profile_of(vec_load("nz1/step.json"));
    CASE(posf_depends_on_the_message);
    CASE(posf_depends_on_network_and_ratchet);
    CASE(first_weights_depend_on_seed_and_node);
    CASE(one_bit_of_a_ter_moves_the_weights);
    CASE(drift_is_a_relative_distance_of_weights);
    CASE(gradient_is_alive);
    CASE(step_is_the_numerical_gradient);
    CASE(residual_and_kick_keep_the_spread);
    CASE(all_variants_give_the_same_bits);
    return check_done();
}
