/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The next validator set from what was asked for (D-EPO-2), and which JOIN and LEAVE are valid (D-EPO-3). */
#include "check.h"

#include <sodium.h>
#include <stdlib.h>

#include "libdsm/node/node.h"

static node *n;

static void seat(struct hkp_dsm_seat *s, uint8_t name, uint32_t group) {
    memset(s, 0, sizeof *s);
    s->node_id[0] = s->key[0] = name;
    s->group = group;
}

/* A set of members named 10, 20, ... in these groups (NULL: each in its own). */
static void begin(uint32_t count, const uint32_t *groups) {
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
    n = calloc(1, sizeof *n);
    n->pending = calloc(1, sizeof *n->pending);
    n->pending_trial = calloc(1, sizeof *n->pending_trial);
    for (uint32_t i = 0; i < count; i++)
        seat(&seats[i], (uint8_t)(10 * (i + 1)), groups != NULL ? groups[i] : i + 1);
    size_t len = 0;
    CHECK_EQ(hkp_dsm_valset_build(seats, count, 3, n->set_body, sizeof n->set_body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__valset_parse(n->set_body, len, &n->set), HKP_OK);
}

static void end(void) {
    free(n->pending_trial);
    free(n->pending);
    free(n);
}

static void ask(uint32_t kind, uint8_t name, uint32_t group, uint64_t height) {
    struct change *c = &n->pending->at[n->pending->count++];
    *c = (struct change){.kind = kind, .height = height};
    seat(&c->seat, name, group);
}

/* Names of the next set as one number, 10 as 1. */
static uint64_t next(uint64_t boundary) {
    uint8_t body[HKP_DSM_VALSET_MAX];
    size_t len = 0;
    struct hkp_dsm__valset set;
    CHECK_EQ(hkp_dsm__next_set(n, n->pending, boundary, body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__valset_parse(body, len, &set), HKP_OK);
    CHECK_EQ(set.epoch, 4);
    uint64_t names = 0;
    for (uint32_t i = 0; i < set.n; i++) names = names * 10 + set.seats[i].node_id[0] / 10;
    return names;
}

static void a_third_changes_at_once_and_who_leaves_goes_first(void) {
    begin(7, NULL);
    ask(CHANGE_JOIN, 80, 80, 1);
    ask(CHANGE_LEAVE, 10, 1, 2);
    CHECK_EQ(next(9), 2345678);
    ask(CHANGE_JOIN, 90, 90, 3);
    CHECK_EQ(next(9), 2345678);
    ask(CHANGE_LEAVE, 30, 3, 4);
    CHECK_EQ(next(9), 24567);
    ask(CHANGE_LEAVE, 40, 4, 5);
    CHECK_EQ(next(9), 24567);
    CHECK_EQ(next(2), 12345678); /* asked for before the boundary */
    CHECK_EQ(next(1), 1234567);  /* the boundary's own op counts for the next */
    end();
}

static void evidence_goes_before_all_else(void) {
    begin(7, NULL);
    ask(CHANGE_LEAVE, 10, 1, 1);
    ask(CHANGE_LEAVE, 20, 2, 2);
    ask(CHANGE_RETIRE, 30, 3, 2);
    ask(CHANGE_EVIDENCE, 60, 6, 3);
    ask(CHANGE_EVIDENCE, 70, 7, 4);
    CHECK_EQ(next(9), 12345);
    end();
}

static void four_members_stay_four_but_by_evidence(void) {
    begin(4, NULL);
    ask(CHANGE_LEAVE, 10, 1, 1);
    ask(CHANGE_RETIRE, 20, 2, 1);
    CHECK_EQ(next(9), 1234);
    ask(CHANGE_JOIN, 50, 5, 2); /* what cannot be done takes no place */
    CHECK_EQ(next(9), 12345);
    ask(CHANGE_EVIDENCE, 30, 3, 3);
    CHECK_EQ(next(9), 124);
    end();
    begin(3, NULL); /* below four anybody may go but the last */
    ask(CHANGE_LEAVE, 10, 1, 1);
    CHECK_EQ(next(9), 23);
    end();
    begin(1, NULL);
    ask(CHANGE_LEAVE, 10, 1, 1);
    ask(CHANGE_EVIDENCE, 10, 1, 1);
    CHECK_EQ(next(9), 1);
    end();
}

/* D-SMX-3: no group above f, unless the mesh has a single owner. */
static void groups_are_kept_apart(void) {
    begin(4, NULL);
    ask(CHANGE_JOIN, 50, 1, 1);
    CHECK_EQ(next(9), 1234);
    ask(CHANGE_JOIN, 60, 6, 2);
    CHECK_EQ(next(9), 12346);
    n->single = 1;
    CHECK_EQ(next(9), 12345);
    end();
    const uint32_t two[] = {1, 1, 2, 3, 4, 5, 6}; /* f = 2 */
    begin(7, two);
    ask(CHANGE_LEAVE, 70, 6, 1); /* would leave f = 1 */
    CHECK_EQ(next(9), 1234567);
    ask(CHANGE_LEAVE, 10, 1, 2);
    CHECK_EQ(next(9), 234567);
    end();
    begin(7, two);
    ask(CHANGE_EVIDENCE, 70, 6, 1); /* does not ask */
    CHECK_EQ(next(9), 123456);
    end();
    const uint32_t crowd[] = {1, 1, 2, 3}; /* as evidence may leave it: whoever is alone may come */
    begin(4, crowd);
    ask(CHANGE_JOIN, 50, 3, 1);
    CHECK_EQ(next(9), 1234);
    ask(CHANGE_JOIN, 60, 6, 1);
    CHECK_EQ(next(9), 12346);
    end();
    const uint32_t three[] = {1, 1, 2}; /* four would be one too many of a group */
    begin(3, three);
    ask(CHANGE_JOIN, 50, 5, 1);
    CHECK_EQ(next(9), 123);
    end();
}

static void nobody_sits_twice(void) {
    begin(4, NULL);
    ask(CHANGE_JOIN, 20, 20, 1);
    CHECK_EQ(next(9), 1234);
    ask(CHANGE_JOIN, 50, 5, 1);
    n->pending->at[1].seat.key[0] = 30; /* the key of another */
    CHECK_EQ(next(9), 1234);
    ask(CHANGE_LEAVE, 90, 9, 1); /* has no seat */
    CHECK_EQ(next(9), 1234);
    end();
}

/* D-QC-3: of a set that lists scheme 2; a key that another seat has is left out. */
static void a_set_with_two_schemes_keeps_them_and_their_keys(void) {
    begin(7, NULL);
    uint8_t key[7][48], body[HKP_DSM_VALSET_MAX];
    const uint8_t *keys[7];
    struct hkp_dsm__valset set;
    size_t len = 0;
    for (uint32_t i = 0; i < 7; i++) {
        memset(key[i], (int)i + 1, 48);
        keys[i] = i == 2 ? NULL : key[i];
    }
    CHECK_EQ(hkp_dsm__valset_write(n->set.seats, keys, 7, 3, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__valset_parse(body, len, &n->set), HKP_OK);
    ask(CHANGE_LEAVE, 10, 1, 1);
    ask(CHANGE_JOIN, 80, 80, 2);
    memset(n->pending->at[1].bls, 80, 48);
    CHECK_EQ(hkp_dsm__next_set(n, n->pending, 9, body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__valset_parse(body, len, &set), HKP_OK);
    CHECK_EQ(set.has_scheme2, 1);
    CHECK_EQ(set.n, 7);
    for (uint32_t i = 0; i < 6; i++) CHECK_EQ(set.bls[i][0], i == 1 ? 0 : i + 2); /* the first has left */
    CHECK_EQ(set.bls[6][47], 80);
    memset(n->pending->at[1].bls, 5, 48); /* another's */
    CHECK_EQ(hkp_dsm__next_set(n, n->pending, 9, body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__valset_parse(body, len, &set), HKP_OK);
    CHECK_EQ(set.n, 7);
    CHECK_EQ(set.bls[6][0], 0);
    end();
}

int main(void) {
    CASE(a_third_changes_at_once_and_who_leaves_goes_first);
    CASE(evidence_goes_before_all_else);
    CASE(four_members_stay_four_but_by_evidence);
    CASE(groups_are_kept_apart);
    CASE(nobody_sits_twice);
    CASE(a_set_with_two_schemes_keeps_them_and_their_keys);
    return check_done();
}
