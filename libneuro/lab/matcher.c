/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The matcher of field names: 160 -> 32 -> 1, Tanh, in integers, trained by the rule of LAB-4.4 on
 * matcher/pairs.tsv each time that one is made, so that no weights lie about. Every second row of the pairs
 * is left out of training and judges it (LAB-7.10).
 */
#include "libneuro/lab/matcher.h"

#include "matcher_pairs.h"

enum {
    WEIGHTS = MATCH_HIDDEN * (MATCH_INPUTS + 1) + MATCH_HIDDEN + 1,
    OUT_AT = MATCH_HIDDEN * (MATCH_INPUTS + 1), /* weights and bias of the last layer */
    STEPS = 1200,
    BATCH = 32,
    STEP_SIZE = 16384,
    ROWS_MAX = 256,
    KIND_AT = 2,
    COLUMNS = 5,
    DRAWN = 8,           /* random bytes of one example */
    BOUND_IN = 2965820,  /* isqrt((6 << 48) / (160 + 32)), LAB-4.2 */
    BOUND_OUT = 7153828, /* isqrt((6 << 48) / (32 + 1)) */
    TARGET = 65536,
    G_MAX = 1 << 17
};

struct row {
    char *column[COLUMNS];
    uint32_t kind, message;
};

struct hkp_neuro_lab_matcher {
    struct hkp_mem mem;
    /** hidden rows of 160 and a bias, then the last layer: Q24 */
    int32_t w[WEIGHTS];
    int64_t momentum[WEIGHTS], sums[WEIGHTS];
    char text[sizeof pairs_tsv + 1];
    struct row rows[ROWS_MAX];
    uint32_t n_rows;
};

/* ---- the pairs ---- */

static uint32_t kind_of(char letter) {
    static const char letters[] = "?bntyem";
    const char *at = strchr(letters, letter);
    return at != NULL && letter != 0 ? (uint32_t)(at - letters) : HKP_NEURO_LAB_MATCH_ANY;
}

/* Cuts the text into rows; the file is part of the program. */
static void read_pairs(hkp_neuro_lab_matcher *m) {
    uint32_t message = 0;
    memcpy(m->text, pairs_tsv, sizeof pairs_tsv);
    for (char *line = m->text, *end; *line != 0 && m->n_rows < ROWS_MAX; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL) return;
        *end = 0;
        if (*line == 0) message++;
        if (*line == 0 || *line == '#') continue;
        struct row *r = &m->rows[m->n_rows++];
        r->message = message;
        for (int c = 0; c < COLUMNS; c++) {
            char *tab = strchr(line, '\t');
            r->column[c] = line;
            if (tab == NULL) tab = end;
            *tab = 0;
            line = tab < end ? tab + 1 : end;
        }
        r->kind = kind_of(r->column[KIND_AT][0]);
    }
}

enum { WITH_NEIGHBOURS = 1, WITH_SAMPLES = 2, WITH_KIND = 4 };

static const char *near_by(const hkp_neuro_lab_matcher *m, uint32_t i, uint32_t k, int side) {
    return k < m->n_rows && m->rows[k].message == m->rows[i].message ? m->rows[k].column[side] : NULL;
}

static struct hkp_neuro_lab_match_field field_of(const hkp_neuro_lab_matcher *m, uint32_t i, int side,
                                                 unsigned with) {
    const struct row *r = &m->rows[i];
    struct hkp_neuro_lab_match_field f = {.name = r->column[side]};
    if (with & WITH_KIND) f.kind = r->kind;
    if (with & WITH_SAMPLES) f.sample = r->column[KIND_AT + 1 + side];
    if (with & WITH_NEIGHBOURS) {
        f.before = near_by(m, i, i - 1, side);
        f.after = near_by(m, i, i + 1, side);
    }
    return f;
}

/* ---- the network ---- */

/* Hidden values and their sums; returns the last sum, Q16. */
LAB_VECTOR static int32_t forward(const int32_t *w, const int32_t x[MATCH_INPUTS], int32_t *z, int32_t *h) {
    const int32_t zero = hkp_neuro__zero();
    for (uint32_t i = 0; i < MATCH_HIDDEN; i++) {
        const int32_t *row = w + (size_t)i * (MATCH_INPUTS + 1);
        int64_t sum = 0;
        for (uint32_t j = 0; j < MATCH_INPUTS; j++) sum += (int64_t)(row[j] >> 8) * x[j];
        z[i] = (int32_t)hkp_neuro__clamp64((sum >> 15) + (row[MATCH_INPUTS] >> 8), -(1 << 23), 1 << 23, zero);
        h[i] = hkp_neuro__qt(z[i], zero);
    }
    int64_t sum = 0;
    for (uint32_t i = 0; i < MATCH_HIDDEN; i++) sum += (int64_t)(w[OUT_AT + i] >> 8) * h[i];
    return (int32_t)hkp_neuro__clamp64((sum >> 15) + (w[OUT_AT + MATCH_HIDDEN] >> 8), -(1 << 23), 1 << 23,
                                       zero);
}

/* Adds the gradient of one example. */
LAB_VECTOR static void learn(hkp_neuro_lab_matcher *m, const int32_t x[MATCH_INPUTS], int32_t target) {
    int32_t z[MATCH_HIDDEN], h[MATCH_HIDDEN];
    const int32_t zero = hkp_neuro__zero();
    const int64_t g = hkp_neuro__clamp64((int64_t)forward(m->w, x, z, h) - target, -G_MAX, G_MAX, zero);
    for (uint32_t i = 0; i < MATCH_HIDDEN; i++) {
        const int64_t slope = hkp_neuro__qtd(z[i], zero);
        const int64_t below = hkp_neuro__clamp64((((g * (m->w[OUT_AT + i] >> 8)) >> 16) * slope) >> 15,
                                                 -(1 << 23), 1 << 23, zero);
        int64_t *row = m->sums + (size_t)i * (MATCH_INPUTS + 1);
        for (uint32_t j = 0; j < MATCH_INPUTS; j++) row[j] += below * x[j];
        row[MATCH_INPUTS] += below * 32768;
        m->sums[OUT_AT + i] += g * h[i];
    }
    m->sums[OUT_AT + MATCH_HIDDEN] += g * 32768;
}

static void apply(hkp_neuro_lab_matcher *m, uint32_t step) {
    const int64_t size = (int64_t)STEP_SIZE * (STEPS - step) / STEPS + 1;
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        const int64_t v = m->momentum[i] - (m->momentum[i] >> 4) + (m->sums[i] >> 15);
        m->momentum[i] = v;
        m->w[i] = (int32_t)hkp_neuro__clamp64(m->w[i] - size * ((v > 0) - (v < 0)), -((1 << 26) - 1),
                                              (1 << 26) - 1, hkp_neuro__zero());
    }
}

static void draw_weights(hkp_neuro_lab_matcher *m, const uint8_t key[32]) {
    uint8_t words[4 * (MATCH_INPUTS + 1)];
    for (uint32_t i = 0; i < MATCH_HIDDEN; i++) {
        int32_t *row = m->w + (size_t)i * (MATCH_INPUTS + 1);
        hkp_neuro_lab__stream(key, i, words, sizeof words);
        for (uint32_t j = 0; j < MATCH_INPUTS; j++)
            row[j] =
                (int32_t)((((int64_t)hkp_be32(words + 4 * (size_t)j) - (INT64_C(1) << 31)) * BOUND_IN) >> 31);
        m->w[OUT_AT + i] =
            (int32_t)((((int64_t)hkp_be32(words + 4 * (size_t)MATCH_INPUTS) - (INT64_C(1) << 31)) *
                       BOUND_OUT) >>
                      31);
    }
}

/* Half of the examples are pairs; of the others every second one is of the same message. Rows of odd number
 * are never drawn. */
static void one_example(hkp_neuro_lab_matcher *m, const uint8_t *drawn, uint32_t i) {
    const uint32_t half = m->n_rows / 2, a = 2 * (hkp_be16(drawn) % half);
    uint32_t b = a;
    int32_t x[MATCH_INPUTS];
    if (i % 2 == 1) {
        b = 2 * (hkp_be16(drawn + 2) % half);
        if (i % 4 == 1 && m->rows[b].message != m->rows[a].message)
            b = (a + 2 * (1U + drawn[4] % 8U)) % (2 * half);
        if (b == a) b = (b + 2) % (2 * half);
    }
    const unsigned with = drawn[5] & (WITH_NEIGHBOURS | WITH_SAMPLES | WITH_KIND);
    const struct hkp_neuro_lab_match_field fa = field_of(m, a, 0, with), fb = field_of(m, b, 1, with);
    hkp_neuro_lab__match_inputs(&fa, &fb, x);
    learn(m, x, a == b ? TARGET : -TARGET);
}

static void train(hkp_neuro_lab_matcher *m) {
    static const uint8_t seed[32] = "LAB1 matcher";
    uint8_t weights[32], data[32], drawn[BATCH * DRAWN];
    hkp_neuro_lab__hmac(seed, "LAB1 matcher weights", weights);
    hkp_neuro_lab__hmac(seed, "LAB1 matcher data", data);
    draw_weights(m, weights);
    for (uint32_t s = 0; s < STEPS; s++) {
        memset(m->sums, 0, sizeof m->sums);
        hkp_neuro_lab__stream(data, s, drawn, sizeof drawn);
        for (uint32_t i = 0; i < BATCH; i++) one_example(m, drawn + (size_t)DRAWN * i, i);
        apply(m, s);
    }
}

hkp_status hkp_neuro_lab_matcher_new(hkp_neuro_lab_matcher **out, const struct hkp_mem *mem) {
    struct hkp_mem own = {0};
    if (out == NULL) return HKP_E_INVAL;
    *out = NULL;
    if (mem != NULL) own = *mem;
    if (hkp_mem_import(&own) != HKP_OK) return HKP_E_INVAL;
    hkp_neuro_lab_matcher *m = hkp_mem_alloc(&own, sizeof *m);
    if (m == NULL) return HKP_E_NEURO_LAB_LIMIT;
    m->mem = own;
    read_pairs(m);
    train(m);
    *out = m;
    return HKP_OK;
}

uint32_t hkp_neuro_lab_matcher_score(const hkp_neuro_lab_matcher *m,
                                     const struct hkp_neuro_lab_match_field *a,
                                     const struct hkp_neuro_lab_match_field *b) {
    int32_t x[MATCH_INPUTS], z[MATCH_HIDDEN], h[MATCH_HIDDEN];
    hkp_neuro_lab__match_inputs(a, b, x);
    const int64_t score = ((int64_t)forward(m->w, x, z, h) + TARGET) >> 1;
    return (uint32_t)(score < 0 ? 0 : score > 65535 ? 65535 : score);
}

/* Is the own partner the best of all, alone? */
static uint32_t is_best(const hkp_neuro_lab_matcher *m, uint32_t i, int by_network) {
    const struct hkp_neuro_lab_match_field a = field_of(m, i, 0, WITH_KIND);
    uint32_t own = 0, other = 0;
    for (uint32_t k = 1; k < m->n_rows; k += 2) {
        const struct hkp_neuro_lab_match_field b = field_of(m, k, 1, WITH_KIND);
        const uint32_t s =
            by_network ? hkp_neuro_lab_matcher_score(m, &a, &b) : hkp_neuro_lab_edit_score(a.name, b.name);
        if (k == i) own = s;
        if (k != i && s > other) other = s;
    }
    return own > other;
}

void hkp_neuro_lab_matcher_figures(const hkp_neuro_lab_matcher *m,
                                   struct hkp_neuro_lab_match_figures *figures) {
    *figures = (struct hkp_neuro_lab_match_figures){0};
    for (uint32_t i = 1; i < m->n_rows; i += 2) {
        figures->names++;
        figures->network += is_best(m, i, 1);
        figures->edit_distance += is_best(m, i, 0);
    }
}

void hkp_neuro_lab_matcher_hash(const hkp_neuro_lab_matcher *m, uint8_t hash[32]) {
    crypto_hash_sha256_state h;
    uint8_t word[4];
    crypto_hash_sha256_init(&h);
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        hkp_put_be32(word, (uint32_t)m->w[i]);
        crypto_hash_sha256_update(&h, word, sizeof word);
    }
    crypto_hash_sha256_final(&h, hash);
}

void hkp_neuro_lab_matcher_free(hkp_neuro_lab_matcher *m) {
    if (m == NULL) return;
    const struct hkp_mem mem = m->mem;
    hkp_mem_free(&mem, m, sizeof *m);
}
