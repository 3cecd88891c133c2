/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-WIT: claims, witnesses, and that liars of fewer than k groups decide nothing. */
#include "alloc.h"
#include "kit.h"
#include "vectors.h"

#include "libdsm/beside/witness.h"

enum { NODES = 80, PER_GROUP = 4, CLAIMANT = 0, REFUTE = 0, CONFIRM = 1, ABSTAIN = 2 };

static struct kit kit; /* nodes 4g .. 4g+3 are of group g + 1; node 0 claims */

struct message {
    uint8_t bytes[HKP_DSM_CLAIM_MAX];
    size_t len;
};

static hkp_dsm_claim_table *table_of(uint32_t claims_max) {
    struct hkp_dsm_claim_table_options opt;
    hkp_dsm_claim_table *t = NULL;
    hkp_dsm_claim_table_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    opt.claims_max = claims_max;
    CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_OK);
    return t;
}

static struct hkp_dsm_claim claim_of(uint32_t number, uint32_t k) {
    struct hkp_dsm_claim c = {.type = HKP_DSM_CLAIM_THREAT,
                              .k = k,
                              .statement = {(const uint8_t *)"port scan", 9},
                              .created_s = KIT_NOW_S,
                              .expires_s = KIT_NOW_S + 3600};
    memcpy(c.subject, &number, sizeof number);
    return c;
}

static struct message claim_message(const struct kit_node *node, const struct hkp_dsm_claim *c) {
    struct message m;
    uint8_t body[HKP_DSM_CLAIM_MAX];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_claim_build(c, body, sizeof body, &len), HKP_OK);
    m.len = kit_sign(&kit, node, HKP_DSM_KIND_CLAIM, body, len, m.bytes, sizeof m.bytes);
    return m;
}

static struct message witness_message(const struct kit_node *node, const uint8_t claim[32],
                                      uint32_t verdict) {
    struct message m;
    uint8_t body[HKP_DSM_WITNESS_MAX];
    size_t len = 0;
    struct hkp_dsm_witness w = {.observed_s = KIT_NOW_S, .verdict = verdict, .method = HKP_DSM_METHOD_SENSOR};
    memcpy(w.claim, claim, 32);
    CHECK_EQ(hkp_dsm_witness_build(&w, body, sizeof body, &len), HKP_OK);
    m.len = kit_sign(&kit, node, HKP_DSM_KIND_WITNESS, body, len, m.bytes, sizeof m.bytes);
    return m;
}

static hkp_status put(hkp_dsm_claim_table *t, const struct message *m, uint64_t now_s, uint8_t id[32]) {
    return hkp_dsm_claim_table_claim(t, m->bytes, m->len, now_s, id);
}

static hkp_status say(hkp_dsm_claim_table *t, size_t node, const uint8_t id[32], uint32_t verdict,
                      struct hkp_dsm_tally *tally) {
    const struct message m = witness_message(&kit.node[node], id, verdict);
    return hkp_dsm_claim_table_witness(t, m.bytes, m.len, KIT_NOW_S, tally);
}

static void new_claim(hkp_dsm_claim_table *t, uint32_t k, uint8_t id[32]) {
    const struct hkp_dsm_claim c = claim_of(1, k);
    const struct message m = claim_message(&kit.node[CLAIMANT], &c);
    CHECK_EQ(put(t, &m, KIT_NOW_S, id), HKP_OK);
}

static void three_groups_confirm(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    new_claim(t, 3, id);
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_OK);
    CHECK_EQ(say(t, 8, id, CONFIRM, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_PENDING);
    CHECK_EQ(say(t, 12, id, CONFIRM, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    CHECK(tally.confirms == 3 && tally.refutes == 0 && tally.k == 3 && tally.witnesses == 3);
    CHECK_MEM(tally.claimant, kit_id(&kit.node[CLAIMANT]), 16);
    CHECK_EQ(say(t, 16, id, REFUTE, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    CHECK_EQ(say(t, 20, id, REFUTE, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_PENDING); /* 3 against 2 */
    CHECK_EQ(hkp_dsm_claim_table_tally(t, id, KIT_NOW_S + 3600, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_EXPIRED);
    id[0] ^= 1;
    CHECK_EQ(hkp_dsm_claim_table_tally(t, id, KIT_NOW_S, &tally), HKP_E_NOTFOUND);
    hkp_dsm_claim_table_free(t);
}

static void three_groups_refute(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    new_claim(t, 3, id);
    for (size_t g = 1; g <= 3; g++) CHECK_EQ(say(t, g * PER_GROUP, id, REFUTE, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_REFUTED);
    hkp_dsm_claim_table_free(t);
}

static void a_witness_needs_role_claim_and_time(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32], body[HKP_DSM_WITNESS_MAX], other[32] = {5};
    struct kit_node *node = &kit.node[4];
    struct message m;
    size_t len = 0;
    new_claim(t, 3, id);
    memset(&tally, 0xA5, sizeof tally);
    CHECK_EQ(say(t, 4, other, CONFIRM, &tally), HKP_E_NOTFOUND);
    CHECK_EQ(say(t, 1, id, CONFIRM, &tally), HKP_E_DSM_TARGET); /* of the claimant's group */
    CHECK_EQ(say(t, 0, id, CONFIRM, &tally), HKP_E_DSM_TARGET);
    node->signer.certificate.roles = HKP_DSM_ROLE_EDGE;
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_E_DSM_ROLE);
    node->signer.certificate.roles = HKP_DSM_ROLE_WITNESS;
    node->known = 0;
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_E_DSM_SIGNER);
    node->known = 1;
    node->revoked = 1;
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_E_DSM_REVOKED);
    node->revoked = 0;
    m = witness_message(node, id, CONFIRM);
    m.bytes[m.len - 1] ^= 1;
    CHECK_EQ(hkp_dsm_claim_table_witness(t, m.bytes, m.len, KIT_NOW_S, &tally), HKP_E_DSM_SIG);
    m.bytes[m.len - 1] ^= 1;
    CHECK_EQ(hkp_dsm_claim_table_witness(t, m.bytes, m.len, KIT_NOW_S + 3600, &tally), HKP_E_DSM_EXPIRED);
    CHECK_EQ(hkp_dsm_claim_table_witness(t, m.bytes, m.len, KIT_NOW_S - 301, &tally), HKP_E_DSM_TIME_AHEAD);
    struct hkp_dsm_witness w = {.observed_s = KIT_NOW_S + 3601, .method = 1};
    memcpy(w.claim, id, 32);
    CHECK_EQ(hkp_dsm_witness_build(&w, body, sizeof body, &len), HKP_OK);
    m.len = kit_sign(&kit, node, HKP_DSM_KIND_WITNESS, body, len, m.bytes, sizeof m.bytes);
    CHECK_EQ(hkp_dsm_claim_table_witness(t, m.bytes, m.len, KIT_NOW_S + 3599, &tally), HKP_E_DSM_TIME);
    for (size_t i = 0; i < sizeof tally; i++) CHECK_EQ(((uint8_t *)&tally)[i], 0xA5);
    CHECK_EQ(hkp_dsm_claim_table_tally(t, id, KIT_NOW_S, &tally), HKP_OK);
    CHECK_EQ(tally.witnesses, 0);
    hkp_dsm_claim_table_free(t);
}

static void repeating_is_not_confirming(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    new_claim(t, 2, id);
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_OK);
    for (int i = 0; i < 5; i++) CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(say(t, 5, id, CONFIRM, &tally), HKP_OK); /* another identity of the same group */
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_PENDING);
    CHECK_EQ(tally.confirms, 1);
    hkp_dsm_claim_table_free(t);
}

static void two_verdicts_void_a_witness_for_good(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    new_claim(t, 2, id);
    CHECK_EQ(say(t, 4, id, CONFIRM, &tally), HKP_OK);
    CHECK_EQ(say(t, 8, id, CONFIRM, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    CHECK_EQ(say(t, 8, id, REFUTE, &tally), HKP_OK);
    CHECK(tally.state == HKP_DSM_CLAIM_PENDING && tally.voided == 1 && tally.confirms == 1);
    CHECK_EQ(say(t, 8, id, CONFIRM, &tally), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(say(t, 8, id, REFUTE, &tally), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(say(t, 9, id, CONFIRM, &tally), HKP_OK); /* its group may still speak */
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    CHECK_EQ(hkp_dsm_claim_table_void(t, kit_id(&kit.node[9])), 1);
    CHECK_EQ(hkp_dsm_claim_table_tally(t, id, KIT_NOW_S, &tally), HKP_OK);
    CHECK(tally.state == HKP_DSM_CLAIM_PENDING && tally.voided == 2);
    hkp_dsm_claim_table_free(t);
}

static hkp_status claim_status(uint64_t created, uint64_t expires, uint64_t now_s) {
    hkp_dsm_claim_table *t = table_of(0);
    uint8_t id[32];
    struct hkp_dsm_claim c = claim_of(3, 3);
    c.created_s = created;
    c.expires_s = expires;
    const struct message m = claim_message(&kit.node[CLAIMANT], &c);
    const hkp_status st = put(t, &m, now_s, id);
    hkp_dsm_claim_table_free(t);
    return st;
}

static void a_claim_lives_a_day_at_most(void) {
    uint8_t body[HKP_DSM_CLAIM_MAX];
    size_t len = 0;
    struct hkp_dsm_claim c = claim_of(1, 3);
    CHECK_EQ(claim_status(KIT_NOW_S, KIT_NOW_S + 86400, KIT_NOW_S), HKP_OK);
    CHECK_EQ(claim_status(KIT_NOW_S + 300, KIT_NOW_S + 400, KIT_NOW_S), HKP_OK);
    CHECK_EQ(claim_status(KIT_NOW_S + 301, KIT_NOW_S + 400, KIT_NOW_S), HKP_E_DSM_TIME_AHEAD);
    CHECK_EQ(claim_status(KIT_NOW_S - 9, KIT_NOW_S, KIT_NOW_S), HKP_E_DSM_EXPIRED);
    c.expires_s = c.created_s + 86401;
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_VALIDITY);
    c.expires_s = c.created_s;
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_VALIDITY);
    c = claim_of(1, 1);
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    c = claim_of(1, 17);
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    c = claim_of(1, 3);
    c.type = 6;
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    c = claim_of(1, 3);
    c.statement = (struct hkp_dsm_view){(const uint8_t *)"\xFF", 1};
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_E_DSM_CBOR_UTF8);
    c = claim_of(1, 3);
    CHECK_EQ(hkp_dsm_claim_build(&c, body, 40, &len), HKP_E_NOSPC);
    CHECK_EQ(len, 0);
}

/* dsm.md 13: of expired ones the oldest goes first; open ones stay, and one group cannot take all places. */
static void a_full_table_keeps_open_claims(void) {
    hkp_dsm_claim_table *t = table_of(32); /* two of a group */
    struct hkp_dsm_tally tally;
    uint8_t ids[33][32];
    for (uint32_t i = 0; i < 32; i++) {
        struct hkp_dsm_claim c = claim_of(i, 3);
        c.expires_s = KIT_NOW_S + 100 + (i * 7) % 32; /* 0 is the first to expire, then 23 */
        const struct message m = claim_message(&kit.node[(i / 2) * PER_GROUP], &c);
        CHECK_EQ(put(t, &m, KIT_NOW_S, ids[i]), HKP_OK);
        CHECK_EQ(put(t, &m, KIT_NOW_S, ids[i]), HKP_E_DSM_DUPLICATE);
    }
    struct hkp_dsm_claim c = claim_of(99, 3);
    struct message m = claim_message(&kit.node[16 * PER_GROUP], &c);
    CHECK_EQ(put(t, &m, KIT_NOW_S, ids[32]), HKP_E_LIMIT);
    CHECK_EQ(put(t, &m, KIT_NOW_S + 101, ids[32]), HKP_OK);
    CHECK_EQ(hkp_dsm_claim_table_tally(t, ids[0], KIT_NOW_S, &tally), HKP_E_NOTFOUND);
    c = claim_of(100, 3);
    m = claim_message(&kit.node[1 * PER_GROUP], &c); /* its two are open still */
    CHECK_EQ(put(t, &m, KIT_NOW_S + 102, ids[0]), HKP_E_LIMIT);
    m = claim_message(&kit.node[17 * PER_GROUP], &c);
    CHECK_EQ(put(t, &m, KIT_NOW_S + 102, ids[0]), HKP_OK);
    CHECK_EQ(hkp_dsm_claim_table_tally(t, ids[23], KIT_NOW_S, &tally), HKP_E_NOTFOUND);
    hkp_dsm_claim_table_free(t);
}

/* ---- Against a model ---- */

struct spoken {
    uint8_t witness; /* its group is witness / 6 */
    uint8_t verdict;
};

/* D-WIT-3 read word by word, over all that was taken. */
static uint32_t model(const struct spoken *all, size_t n, uint32_t claimant_group, uint32_t k, uint32_t *c,
                      uint32_t *r) {
    *c = *r = 0;
    for (uint32_t group = 0; group < 40; group++) {
        int confirms = 0, refutes = 0;
        if (group == claimant_group) continue;
        for (uint32_t w = group * 6; w < group * 6 + 6; w++) {
            unsigned said = 0;
            for (size_t i = 0; i < n; i++)
                if (all[i].witness == w) said |= 1U << all[i].verdict;
            if (said == 1U << CONFIRM) confirms++;
            if (said == 1U << REFUTE) refutes++;
        }
        *c += confirms > 0 && refutes == 0;
        *r += refutes > 0 && confirms == 0;
    }
    if (*c >= k && *c > 2 * *r) return HKP_DSM_CLAIM_CONFIRMED;
    if (*r >= k && *r > 2 * *c) return HKP_DSM_CLAIM_REFUTED;
    return HKP_DSM_CLAIM_PENDING;
}

static hkp_status hear(struct hkp_dsm__open_claim *open, const struct spoken *s) {
    const uint8_t witness[16] = {s->witness};
    return hkp_dsm__claim_hear(open, witness, s->witness / 6U, s->verdict);
}

static struct hkp_dsm__open_claim opened(uint32_t claimant_group, uint32_t k) {
    const struct hkp_dsm_claim c = claim_of(1, k);
    const uint8_t id[32] = {1};
    struct hkp_dsm__open_claim open;
    hkp_dsm__claim_open(&open, &c, id, id, claimant_group);
    return open;
}

/* The vectors of D-WIT-3, heard one after the other. */
static void vectors_count_the_same_in_a_table(void) {
    static const char *const names[] = {"PENDING", "CONFIRMED", "REFUTED", "EXPIRED"};
    json_t *c, *each;
    size_t i, j;
    json_array_foreach(vec_get(vec_load("dsm/witness.json"), "cases"), i, c) {
        const int before = check_faults;
        struct hkp_dsm__open_claim open =
            opened((uint32_t)vec_u64(c, "claimant_group"), (uint32_t)vec_u64(c, "k"));
        struct hkp_dsm_tally t;
        json_array_foreach(vec_get(c, "votes"), j, each) {
            const uint64_t number = vec_value_u64(json_array_get(each, 0));
            uint8_t witness[16] = {0};
            memcpy(witness, &number, sizeof number);
            (void)hkp_dsm__claim_hear(&open, witness, (uint32_t)vec_value_u64(json_array_get(each, 1)),
                                      (uint32_t)vec_value_u64(json_array_get(each, 2)));
        }
        hkp_dsm__claim_count(&open, vec_bool(c, "expired") ? open.expires_s : KIT_NOW_S, &t);
        CHECK(strcmp(names[t.state], vec_text(c, "state")) == 0);
        CHECK_EQ(t.confirms, vec_u64(c, "confirm_groups"));
        CHECK_EQ(t.refutes, vec_u64(c, "refute_groups"));
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
    }
}

static void counts_are_those_of_the_model(void) {
    uint64_t rnd = check_seed();
    for (int round = 0; round < 800; round++) {
        struct spoken all[160];
        size_t n = 0;
        const uint32_t k = 2 + (uint32_t)(check_random(&rnd) % 5);
        const uint32_t groups = 2 + (uint32_t)(check_random(&rnd) % 12);
        const uint32_t bias = (uint32_t)(check_random(&rnd) % 3); /* rounds in which most agree */
        struct hkp_dsm__open_claim open = opened(0, k);
        for (int i = 0; i < 120; i++) {
            struct spoken s = {(uint8_t)(check_random(&rnd) % (groups * 6)), (uint8_t)bias};
            struct hkp_dsm_tally t;
            uint32_t c, r;
            if (check_random(&rnd) % 4 == 0) s.verdict = (uint8_t)(check_random(&rnd) % 3);
            if (hear(&open, &s) == HKP_OK) all[n++] = s;
            hkp_dsm__claim_count(&open, KIT_NOW_S, &t);
            const uint32_t state = model(all, n, 0, k, &c, &r);
            CHECK_EQ(t.state, state);
            CHECK_EQ(t.confirms, c);
            CHECK_EQ(t.refutes, r);
            CHECK(open.n_said <= HKP_DSM_WITNESSES && n <= 2 * HKP_DSM_WITNESSES);
        }
    }
}

/* The older system counted heads. Here k - 1 groups with 6 identities each, saying anything in any order as
 * often as they like, decide nothing; with the claimant's own group on their side neither. */
static void liars_of_fewer_than_k_groups_decide_nothing(void) {
    uint64_t rnd = check_seed();
    for (int round = 0; round < 600; round++) {
        const uint32_t k = 2 + (uint32_t)(check_random(&rnd) % 15);
        struct hkp_dsm__open_claim open = opened(0, k);
        for (int i = 0; i < 300; i++) {
            const struct spoken s = {
                (uint8_t)(check_random(&rnd) % (k * 6)), /* groups 0 (the claimant's) .. k - 1 */
                (uint8_t)(check_random(&rnd) % (round % 2 == 0 ? 3 : 2))};
            struct hkp_dsm_tally t;
            (void)hear(&open, &s);
            hkp_dsm__claim_count(&open, KIT_NOW_S, &t);
            CHECK_EQ(t.state, HKP_DSM_CLAIM_PENDING);
        }
    }
}

/* Nor do they keep honest groups from deciding: 2k - 1 of them always find room, whoever came first. */
static void liars_cannot_crowd_out_the_honest(void) {
    uint64_t rnd = check_seed();
    for (int round = 0; round < 300; round++) {
        const uint32_t k = 2 + (uint32_t)(check_random(&rnd) % 15), honest = 2 * k - 1;
        const uint32_t truth = (uint32_t)(check_random(&rnd) % 2);
        struct hkp_dsm__open_claim open = opened(0, k);
        struct hkp_dsm_tally t;
        uint32_t next = 0;
        for (int i = 0; i < 400; i++) {
            struct spoken s = {(uint8_t)(6 + check_random(&rnd) % ((k - 1) * 6)), (uint8_t)(1 - truth)};
            if (check_random(&rnd) % 3 == 0) s.verdict = (uint8_t)(check_random(&rnd) % 3);
            (void)hear(&open, &s);
            if (next < honest && (i >= 360 || check_random(&rnd) % 40 == 0)) {
                const uint8_t witness[16] = {0, 1, (uint8_t)next};
                CHECK_EQ(hkp_dsm__claim_hear(&open, witness, 100 + next++, truth), HKP_OK);
            }
        }
        CHECK_EQ(next, honest);
        hkp_dsm__claim_count(&open, KIT_NOW_S, &t);
        CHECK_EQ(t.state, truth == CONFIRM ? HKP_DSM_CLAIM_CONFIRMED : HKP_DSM_CLAIM_REFUTED);
    }
}

/* The same with signatures and a real table: 7 of 8 identities of two groups hallucinate together. */
static void a_hallucination_of_two_groups_stays_pending(void) {
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    new_claim(t, 3, id);
    for (size_t node = 0; node < 3 * PER_GROUP; node++) (void)say(t, node, id, CONFIRM, &tally);
    CHECK_EQ(hkp_dsm_claim_table_tally(t, id, KIT_NOW_S, &tally), HKP_OK);
    CHECK(tally.state == HKP_DSM_CLAIM_PENDING && tally.confirms == 2 && tally.witnesses == 2 * PER_GROUP);
    for (size_t g = 3; g < 6; g++) CHECK_EQ(say(t, g * PER_GROUP, id, REFUTE, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_PENDING); /* 3 refute, 2 confirm: nothing is settled */
    for (size_t g = 6; g < 8; g++) CHECK_EQ(say(t, g * PER_GROUP, id, REFUTE, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_REFUTED);
    hkp_dsm_claim_table_free(t);
}

static void places_of_witnesses_are_bounded(void) {
    struct hkp_dsm__open_claim open = opened(0, 3);
    for (uint32_t i = 0; i < 6; i++) {
        const struct spoken s = {(uint8_t)(6 + i), CONFIRM};
        CHECK_EQ(hear(&open, &s), HKP_OK);
    }
    for (uint32_t i = 0; i < 20; i++) { /* many more of the same group: 16 further ones in all */
        const uint8_t witness[16] = {0, 2, (uint8_t)i};
        CHECK_EQ(hkp_dsm__claim_hear(&open, witness, 1, CONFIRM), i < 11 ? HKP_OK : HKP_E_LIMIT);
    }
    for (uint32_t i = 0; i < 60; i++) { /* and one each of 47 new groups */
        const uint8_t witness[16] = {0, 3, (uint8_t)i};
        CHECK_EQ(hkp_dsm__claim_hear(&open, witness, 500 + i, REFUTE), i < 47 ? HKP_OK : HKP_E_LIMIT);
    }
    CHECK_EQ(open.n_said, HKP_DSM_WITNESSES);
}

/* ---- Portable proof (D-WIT-4) ---- */

static uint8_t proof[HKP_DSM_WITNESS_PROOF_MAX];
static struct message proof_messages[HKP_DSM_WITNESSES + 1];

/* A proof of n statements by one node of each of the groups from 1 on. */
static size_t prove(size_t n, uint32_t verdict, uint8_t id[32]) {
    struct hkp_dsm_attested a[HKP_DSM_WITNESSES + 1];
    hkp_dsm_claim_table *t = table_of(0);
    struct hkp_dsm_claim c = claim_of(1, 3);
    size_t len = 0;
    proof_messages[0] = claim_message(&kit.node[CLAIMANT], &c);
    CHECK_EQ(put(t, &proof_messages[0], KIT_NOW_S, id), HKP_OK);
    hkp_dsm_claim_table_free(t);
    for (size_t i = 0; i <= n; i++) {
        const struct kit_node *node = &kit.node[n > 20 ? i : i * PER_GROUP];
        if (i > 0) proof_messages[i] = witness_message(node, id, verdict);
        a[i].envelope = (struct hkp_dsm_view){proof_messages[i].bytes, proof_messages[i].len};
        a[i].certificate = (struct hkp_dsm_view){node->certificate, node->certificate_len};
    }
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &a[0], &a[1], n, proof, sizeof proof, &len), HKP_OK);
    return len;
}

static hkp_status verify(size_t len, uint64_t now_s, struct hkp_dsm_tally *tally) {
    const struct hkp_dsm_directory revocations = {&kit, NULL, kit_revoked};
    struct hkp_dsm_claim c;
    return hkp_dsm_witness_proof_verify(proof, len, kit.chain_id, &kit.officers, &revocations, now_s, &c,
                                        tally);
}

static void a_proof_convinces_somebody_else(void) {
    struct hkp_dsm_tally tally;
    uint8_t id[32];
    size_t len = prove(3, CONFIRM, id);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    CHECK_MEM(tally.claim, id, 32);
    CHECK_EQ(verify(len, KIT_NOW_S + 100 * 86400, &tally), HKP_OK); /* the certificates were valid then */
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_CONFIRMED);
    len = prove(2, CONFIRM, id);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_PENDING);
    CHECK_EQ(verify(len, KIT_NOW_S + 3600, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_EXPIRED);
    len = prove(4, REFUTE, id);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_OK);
    CHECK_EQ(tally.state, HKP_DSM_CLAIM_REFUTED);
    len = prove(64, CONFIRM, id); /* the longest; those of the claimant's group do not count */
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_OK);
    CHECK(len < HKP_DSM_WITNESS_PROOF_MAX && tally.state == HKP_DSM_CLAIM_CONFIRMED);
}

static void a_proof_with_a_fault_convinces_nobody(void) {
    struct hkp_dsm_tally tally;
    uint8_t id[32], chain_id[32];
    size_t len = prove(3, CONFIRM, id);
    memset(&tally, 0xA5, sizeof tally);
    for (size_t i = 0; i < len; i++) {
        proof[i] ^= 0x10;
        CHECK(verify(len, KIT_NOW_S, &tally) != HKP_OK);
        proof[i] ^= 0x10;
    }
    kit.node[4].revoked = 1;
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_E_DSM_REVOKED);
    kit.node[4].revoked = 0;
    memcpy(chain_id, kit.chain_id, 32);
    kit.chain_id[0] ^= 1;
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_E_DSM_PROOF);
    memcpy(kit.chain_id, chain_id, 32);
    CHECK_EQ(verify(HKP_DSM_WITNESS_PROOF_MAX + 1, KIT_NOW_S, &tally), HKP_E_DSM_TOO_BIG);
    CHECK_EQ(verify(len - 1, KIT_NOW_S, &tally), HKP_E_DSM_CBOR_TRUNCATED);
    for (size_t i = 0; i < sizeof tally; i++) CHECK_EQ(((uint8_t *)&tally)[i], 0xA5);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_OK);
}

/* The pieces put together wrongly: each is authentic by itself. */
static void authentic_pieces_prove_only_what_they_say(void) {
    struct hkp_dsm_tally tally;
    struct hkp_dsm_attested claim, w[1];
    uint8_t id[32], other[32] = {9};
    size_t len = prove(1, CONFIRM, id);
    struct kit_node *node = &kit.node[4];
    claim.envelope = (struct hkp_dsm_view){proof_messages[0].bytes, proof_messages[0].len};
    claim.certificate = (struct hkp_dsm_view){kit.node[0].certificate, kit.node[0].certificate_len};
    w[0].envelope = (struct hkp_dsm_view){proof_messages[1].bytes, proof_messages[1].len};
    w[0].certificate = (struct hkp_dsm_view){kit.node[8].certificate, kit.node[8].certificate_len};
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 1, proof, sizeof proof, &len), HKP_OK);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_E_DSM_SIGNER);
    w[0].certificate = (struct hkp_dsm_view){node->certificate, node->certificate_len};
    proof_messages[1] = witness_message(node, other, CONFIRM);
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 1, proof, sizeof proof, &len), HKP_OK);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_E_DSM_PROOF);
    proof_messages[1] = witness_message(node, id, CONFIRM);
    node->signer.certificate.roles = HKP_DSM_ROLE_EDGE;
    kit_certify(&kit, node);
    w[0].certificate.len = node->certificate_len;
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 1, proof, sizeof proof, &len), HKP_OK);
    CHECK_EQ(verify(len, KIT_NOW_S, &tally), HKP_E_DSM_ROLE);
    node->signer.certificate.roles = HKP_DSM_ROLE_WITNESS;
    node->signer.certificate.not_before_s = KIT_NOW_S + 3600 + 301; /* enrolled after the claim had ended */
    kit_certify(&kit, node);
    w[0].certificate.len = node->certificate_len;
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 1, proof, sizeof proof, &len), HKP_OK);
    CHECK_EQ(verify(len, KIT_NOW_S + 9000, &tally), HKP_E_DSM_NOT_YET);
    node->signer.certificate.not_before_s = KIT_NOW_S - 86400;
    kit_certify(&kit, node);
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 0, proof, sizeof proof, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_witness_proof_build(kit.chain_id, &claim, w, 1, proof, 100, &len), HKP_E_NOSPC);
}

static void every_allocation_may_fail(void) {
    struct failing f = {0};
    struct hkp_dsm_claim_table_options opt;
    hkp_dsm_claim_table *t = NULL;
    hkp_dsm_claim_table_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_E_INVAL);
    opt.chain_id = kit.chain_id;
    opt.directory = &kit.directory;
    for (long n = 0; n < 2; n++) {
        f.left = n;
        CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_E_NOMEM);
        CHECK(t == NULL && f.live == 0);
    }
    f.left = -1;
    opt.claims_max = 15;
    CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_E_INVAL);
    opt.claims_max = 1025;
    CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_E_INVAL);
    opt.claims_max = 16;
    CHECK_EQ(hkp_dsm_claim_table_new(&t, &opt), HKP_OK);
    hkp_dsm_claim_table_free(t);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    kit_begin(&kit);
    for (uint32_t i = 0; i < NODES; i++) (void)kit_add(&kit, HKP_DSM_ROLE_WITNESS, i / PER_GROUP + 1);
    CASE(three_groups_confirm);
    CASE(three_groups_refute);
    CASE(a_witness_needs_role_claim_and_time);
    CASE(repeating_is_not_confirming);
    CASE(two_verdicts_void_a_witness_for_good);
    CASE(a_claim_lives_a_day_at_most);
    CASE(a_full_table_keeps_open_claims);
    CASE(vectors_count_the_same_in_a_table);
    CASE(counts_are_those_of_the_model);
    CASE(liars_of_fewer_than_k_groups_decide_nothing);
    CASE(liars_cannot_crowd_out_the_honest);
    CASE(a_hallucination_of_two_groups_stays_pending);
    CASE(places_of_witnesses_are_bounded);
    CASE(a_proof_convinces_somebody_else);
    CASE(a_proof_with_a_fault_convinces_nobody);
    CASE(authentic_pieces_prove_only_what_they_say);
    CASE(every_allocation_may_fail);
    return check_done();
}
