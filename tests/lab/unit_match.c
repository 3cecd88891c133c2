/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The matcher of names (LAB-7.10) and embeddings (LAB-7.11): what they show, and what embeddings give away.
 */
#include "check.h"

#include <hookprobe/neuro_lab_match.h>
#include <sodium.h>
#include <stdlib.h>

static hkp_neuro_lab_matcher *matcher(void) {
    hkp_neuro_lab_matcher *m = NULL;
    CHECK_EQ(hkp_neuro_lab_matcher_new(&m, NULL), HKP_OK);
    return m;
}

static uint32_t score(const hkp_neuro_lab_matcher *m, const char *a, const char *b) {
    const struct hkp_neuro_lab_match_field fa = {.name = a}, fb = {.name = b};
    return hkp_neuro_lab_matcher_score(m, &fa, &fb);
}

static void training_gives_the_same_weights_on_every_build(void) {
    hkp_neuro_lab_matcher *m = matcher();
    uint8_t hash[32];
    char text[65];
    hkp_neuro_lab_matcher_hash(m, hash);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    CHECK_MEM(text, "a7e71e6eb2416c3f5e564c17e4344ba79ca8b8a08c8e1f2de1f5689ca046d3c8", 64);
    hkp_neuro_lab_matcher_free(m);
}

static void the_network_beats_edit_distance_on_names_held_out(void) {
    hkp_neuro_lab_matcher *m = matcher();
    struct hkp_neuro_lab_match_figures f;
    hkp_neuro_lab_matcher_figures(m, &f);
    CHECK_EQ(f.names, 100);
    CHECK_EQ(f.network, 83);
    CHECK_EQ(f.edit_distance, 55);
    hkp_neuro_lab_matcher_free(m);
}

static void abbreviations_are_nearer_than_strangers(void) {
    hkp_neuro_lab_matcher *m = matcher();
    CHECK(score(m, "customerName", "CUST-NM") > score(m, "customerName", "ORD-AMT"));
    CHECK(score(m, "customerName", "CUST-NM") > 32768);
    CHECK(score(m, "postalCode", "POSTAL_CODE") > 32768);
    CHECK(score(m, "id", "WAREHOUSE") < 32768);
    hkp_neuro_lab_matcher_free(m);
}

static void any_name_has_a_score(void) {
    hkp_neuro_lab_matcher *m = matcher();
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    static const char *const odd[] = {"",         "-", "____",   "\xC3\xA9t\xC3\xA9",
                                      "\xFF\xFE", "A", "a1B2c3", "XMLHttpRequest"};
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 8; k++) {
            CHECK(score(m, odd[i], odd[k]) <= 65535);
            CHECK(score(m, longest, odd[k]) <= 65535);
            CHECK(hkp_neuro_lab_edit_score(odd[i], odd[k]) <= 65535);
        }
    CHECK_EQ(hkp_neuro_lab_edit_score(longest, longest), 65535);
    CHECK_EQ(hkp_neuro_lab_edit_score("orderId", "ORDER_ID"), 65535);
    CHECK_EQ(hkp_neuro_lab_edit_score("", ""), 0);
    hkp_neuro_lab_matcher_free(m);
}

static void *no_memory(void *user, size_t size) {
    (void)user;
    (void)size;
    return NULL;
}
static void no_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)ptr;
    (void)size;
}

static void a_matcher_without_memory_is_refused(void) {
    const struct hkp_mem none = {.alloc = no_memory, .free = no_free}, half = {.alloc = no_memory};
    hkp_neuro_lab_matcher *m = NULL;
    CHECK_EQ(hkp_neuro_lab_matcher_new(&m, &none), HKP_E_NEURO_LAB_LIMIT);
    CHECK_EQ(hkp_neuro_lab_matcher_new(&m, &half), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_lab_matcher_new(NULL, NULL), HKP_E_INVAL);
    CHECK(m == NULL);
    hkp_neuro_lab_matcher_free(NULL);
}

/* ---- embeddings ---- */

enum { CANDIDATES = 10000, LOOKED_FOR = 400, RECORD = 96 };
static const uint8_t KEY[32] = {5};

/* A customer's record: names of two lists, numbers; as intermediaries are, text among binary. */
static size_t record(uint32_t i, uint32_t balance, uint8_t out[RECORD]) {
    static const char *const first[] = {"Ada",     "Alan", "Grace", "Edsger",   "Barbara", "Donald",
                                        "Frances", "John", "Jean",  "Ken",      "Leslie",  "Niklaus",
                                        "Radia",   "Tony", "Vint",  "Whitfield"};
    static const char *const last[] = {"Lovelace", "Turing", "Hopper", "Dijkstra", "Liskov",  "Knuth",
                                       "Allen",    "Backus", "Sammet", "Thompson", "Lamport", "Wirth",
                                       "Perlman",  "Hoare",  "Cerf",   "Diffie"};
    return (size_t)snprintf((char *)out, RECORD, "%c%c%s %s, %u Mill Lane, %05u%c%c%u", 0x58, 0x61,
                            first[i % 16], last[i / 16 % 16], 1 + i / 256, (i * 7919U) % 100000U, 0x3A, 0x1B,
                            balance);
}

static int32_t (*points(void))[HKP_NEURO_LAB_EMBED] {
    int32_t(*list)[HKP_NEURO_LAB_EMBED] = malloc(CANDIDATES * sizeof *list);
    uint8_t bytes[RECORD];
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        const size_t len = record(i, 1000 + i, bytes);
        hkp_neuro_lab_embed(KEY, bytes, len, list[i]);
    }
    return list;
}

static void who_has_a_list_of_candidates_finds_the_record(void) {
    int32_t(*list)[HKP_NEURO_LAB_EMBED] = points(), point[HKP_NEURO_LAB_EMBED];
    uint8_t bytes[RECORD];
    uint32_t found = 0;
    for (uint32_t k = 0; k < LOOKED_FOR; k++) {
        const uint32_t i = k * (CANDIDATES / LOOKED_FOR);
        uint64_t best = UINT64_MAX;
        uint32_t at = 0;
        const size_t len = record(i, 2000 + i, bytes); /* the balance has changed since the list was made */
        hkp_neuro_lab_embed(KEY, bytes, len, point);
        for (uint32_t c = 0; c < CANDIDATES; c++) {
            const uint64_t d = hkp_neuro_lab_embed_distance(point, list[c]);
            if (d < best) {
                best = d;
                at = c;
            }
        }
        found += at == i;
    }
    printf("# found: %.1f %% of %d records among %d candidates\n", 100.0 * found / LOOKED_FOR, LOOKED_FOR,
           CANDIDATES);
    CHECK(10 * found > 9 * LOOKED_FOR);
    free(list);
}

static void alike_is_near_and_another_key_is_another_space(void) {
    int32_t a[32], b[32], c[32], d[32];
    const uint8_t other[32] = {6};
    uint8_t x[RECORD], y[RECORD], z[RECORD];
    const size_t lx = record(77, 1000, x), ly = record(77, 1001, y), lz = record(4000, 9, z);
    hkp_neuro_lab_embed(KEY, x, lx, a);
    hkp_neuro_lab_embed(KEY, y, ly, b);
    hkp_neuro_lab_embed(KEY, z, lz, c);
    hkp_neuro_lab_embed(other, x, lx, d);
    CHECK_EQ(hkp_neuro_lab_embed_distance(a, a), 0);
    CHECK(4 * hkp_neuro_lab_embed_distance(a, b) < hkp_neuro_lab_embed_distance(a, c));
    CHECK(hkp_neuro_lab_embed_distance(a, b) < hkp_neuro_lab_embed_distance(a, d));
    hkp_neuro_lab_embed(KEY, NULL, 0, a); /* nothing has a point, too */
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(training_gives_the_same_weights_on_every_build);
    CASE(the_network_beats_edit_distance_on_names_held_out);
    CASE(abbreviations_are_nearer_than_strangers);
    CASE(any_name_has_a_score);
    CASE(a_matcher_without_memory_is_refused);
    CASE(who_has_a_list_of_candidates_finds_the_record);
    CASE(alike_is_near_and_another_key_is_another_space);
    return check_done();
}
