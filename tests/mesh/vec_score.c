/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors mesh/score (M-SCORE, M-TIER-2). */
#include "check.h"
#include "libmesh/score.h"
#include "names.h"
#include "vectors.h"

static json_t *root;

enum { AMBER = 4500, RED = 7000, LEVELS_MAX = 256 };

static void check_colour(json_t *c, uint32_t score, uint32_t amber, uint32_t red, hkp_status want) {
    static const char *const names[] = {"GREEN", "AMBER", "RED"};
    uint32_t colour = 77;
    CHECK_EQ(hkp_mesh__colour(score, amber, red, &colour), want);
    if (want == HKP_OK)
        CHECK(colour < 3 && strcmp(names[colour], vec_text(c, "color")) == 0);
    else
        CHECK_EQ(colour, 77);
}

static uint32_t read_list(json_t *list, uint32_t *v) {
    size_t i;
    json_t *x;
    json_array_foreach(list, i, x) v[i] = (uint32_t)vec_value_u64(x);
    return (uint32_t)json_array_size(list);
}

static void qsecbit_weighs_its_terms(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "qsecbit"), i, c) {
        uint32_t terms[HKP_MESH__SCORE_TERMS], weights[HKP_MESH__SCORE_TERMS], score = 77;
        const int before = check_faults;
        const hkp_status want = mesh_status_of(vec_text(c, "expect"));
        CHECK_EQ(read_list(vec_get(c, "terms"), terms), HKP_MESH__SCORE_TERMS);
        CHECK_EQ(read_list(vec_get(c, "weights"), weights), HKP_MESH__SCORE_TERMS);
        CHECK_EQ(hkp_mesh__qsecbit(terms, weights, &score), want);
        CHECK_EQ(score, want == HKP_OK ? vec_u64(c, "score") : 77);
        if (want == HKP_OK) check_colour(c, score, AMBER, RED, HKP_OK);
        CHECK_NOTE(before, "qsecbit %zu", i);
    }
}

static void colours_follow_their_thresholds(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "rag"), i, c)
        check_colour(c, (uint32_t)vec_u64(c, "score"), (uint32_t)vec_u64(c, "amber"),
                     (uint32_t)vec_u64(c, "red"), mesh_status_of(vec_text(c, "expect")));
}

static void a_group_has_the_level_of_its_records(void) {
    size_t i, k;
    json_t *c, *r;
    json_array_foreach(vec_get(root, "group_level"), i, c) {
        uint64_t shares = 0;
        json_array_foreach(vec_get(c, "reports"), k, r) shares += hkp_mesh__level_share(
            (uint32_t)vec_value_u64(json_array_get(r, 0)), (uint32_t)vec_value_u64(json_array_get(r, 1)));
        CHECK_EQ(hkp_mesh__group_level(shares), vec_u64(c, "level"));
    }
}

static void the_mesh_level_is_a_trimmed_mean(void) {
    uint32_t v[LEVELS_MAX];
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "mesh_level"), i, c) {
        const uint32_t n = read_list(vec_get(c, "levels"), v);
        CHECK_EQ(hkp_mesh__mesh_level(v, n), vec_u64(c, "mesh"));
    }
}

/* M-SCORE-6: dishonest groups that all say nothing, or all say everything. */
static void dishonest_groups_move_it_within_the_bound(void) {
    uint32_t v[LEVELS_MAX];
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "bound"), i, c) for (int full = 0; full < 2; full++) {
        uint32_t n = read_list(vec_get(c, "honest"), v);
        for (uint64_t b = vec_u64(c, "dishonest"); b > 0; b--) v[n++] = full ? 10000 : 0;
        CHECK_EQ(hkp_mesh__mesh_level(v, n), vec_u64(c, full ? "mesh_if_full" : "mesh_if_zero"));
    }
}

static void the_collective_score_is_more_local_than_not(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "collective"), i, c) {
        const uint32_t score =
            hkp_mesh__collective((uint32_t)vec_u64(c, "local"), (uint32_t)vec_u64(c, "mesh"));
        CHECK_EQ(score, vec_u64(c, "collective"));
        check_colour(c, score, AMBER, RED, HKP_OK);
    }
}

static void energy_is_a_sum_of_three_floors(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(root, "energy"), i, c)
        CHECK_EQ(hkp_mesh__energy(vec_u64(c, "epp_uj"), vec_u64(c, "dev_bp"), vec_u64(c, "pps")),
                 vec_u64(c, "energy"));
}

int main(void) {
    root = vec_load("mesh/score.json");
    CASE(qsecbit_weighs_its_terms);
    CASE(colours_follow_their_thresholds);
    CASE(a_group_has_the_level_of_its_records);
    CASE(the_mesh_level_is_a_trimmed_mean);
    CASE(dishonest_groups_move_it_within_the_bound);
    CASE(the_collective_score_is_more_local_than_not);
    CASE(energy_is_a_sum_of_three_floors);
    json_decref(root);
    return check_done();
}
