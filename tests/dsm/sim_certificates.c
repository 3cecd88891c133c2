/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two certificates of one serial in running nodes: which of them counts, and for what (D-CA-9, E6). */
#include <hookprobe/dsm.h>

#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

/* An edge node beside four validators; x is the certificate that it has, y another of the same serial. */
enum { VALIDATORS = 4, EDGE = 4, NODES = 5 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;

struct object {
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX], id[32];
    size_t len;
};

static uint64_t wall_us(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static struct hkp_dsm_certificate of_edge(void) {
    struct hkp_dsm_certificate c;
    CHECK_EQ(hkp_dsm_certificate_parse(sim.mesh.certificate[EDGE], sim.mesh.certificate_len[EDGE], &c),
             HKP_OK);
    return c;
}

static void sign(struct object *o, const struct hkp_dsm_certificate *c) {
    uint8_t signature[64], body[HKP_DSM_CERTIFICATE_BODY_MAX];
    struct hkp_dsm_multi m = {
        .kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1, .body = {.ptr = body}};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &m.body.len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, sim.mesh.officer,
                                body, m.body.len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, o->bytes, sizeof o->bytes, &o->len), HKP_OK);
    hkp_dsm_object_id(o->id, genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, body, m.body.len);
}

/* The next one with these roles whose id is lower (below 0) or higher than that of another. */
static void sign_beside(struct object *o, uint32_t roles, const struct object *other, int order) {
    struct hkp_dsm_certificate c = of_edge();
    c.roles = roles;
    do {
        c.not_after_s--;
        sign(o, &c);
    } while ((memcmp(o->id, other->id, 32) < 0) != (order < 0));
}

static void begin(uint64_t seed, uint32_t roles) {
    sim_new(&sim, seed, VALIDATORS, 1);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    sim_outsider(&sim, EDGE, roles, 9);
    for (uint32_t k = 0; k < VALIDATORS; k++) sim_link(&sim, EDGE, k, 1);
}

static void start(uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++) sim_start(&sim, i);
}

static hkp_status show(uint32_t i, const struct object *o) {
    const hkp_status st =
        hkp_dsm_node_add_certificate(sim.nodes[i].node, sim.now, wall_us(i), o->bytes, o->len);
    sim_pump(&sim, i);
    return st;
}

static hkp_status give(uint32_t i, const struct object *o) {
    uint32_t kind = 0;
    const hkp_status st = hkp_dsm_node_give(sim.nodes[i].node, sim.now, wall_us(i), o->bytes, o->len, &kind);
    sim_pump(&sim, i);
    return st;
}

static int holds(uint32_t i, const struct object *o) {
    struct hkp_dsm_view v;
    CHECK_EQ(hkp_dsm_node_held(sim.nodes[i].node, HKP_DSM_KIND_CERTIFICATE, sim.mesh.node_id[EDGE], &v),
             HKP_OK);
    return v.len == o->len && memcmp(v.ptr, o->bytes, o->len) == 0;
}

static uint32_t rivals(uint32_t i) {
    uint32_t count = 0;
    const struct author *a = hkp_dsm__author(sim.nodes[i].node, sim.mesh.node_id[EDGE]);
    for (const struct rival *r = a->rivals; r != NULL; r = r->next) count++;
    return count;
}

/* Submits a block there and waits until all that run have it final; ms, 0: not within 20 s. */
static uint32_t final_after(uint32_t i) {
    const hkp_time from = sim.now;
    uint64_t had[NODES];
    for (uint32_t k = 0; k < NODES; k++) had[k] = sim.nodes[k].blocks_final;
    CHECK(sim_submit(&sim, i, "of two certificates") != 0);
    while (sim.now < from + 20 * SIM_S) {
        uint32_t all = 1;
        sim_run(&sim, 20 * SIM_MS);
        for (uint32_t k = 0; k < VALIDATORS; k++)
            all &= !sim.nodes[k].up || sim.nodes[k].blocks_final > had[k];
        if (all) return (uint32_t)((sim.now - from) / SIM_MS);
    }
    return 0;
}

/* ---- which counts ---- */

/* x at two validators, y at the others. */
static void two(uint64_t seed, uint32_t roles_x, uint32_t roles_y, int order, int y_counts) {
    struct object x, y;
    begin(seed, roles_x);
    x.len = sim.mesh.certificate_len[EDGE];
    memcpy(x.bytes, sim.mesh.certificate[EDGE], x.len);
    struct hkp_dsm_certificate c = of_edge();
    sign(&x, &c);
    CHECK(x.len == sim.mesh.certificate_len[EDGE] && memcmp(x.bytes, sim.mesh.certificate[EDGE], x.len) == 0);
    sign_beside(&y, roles_y, &x, order);
    sim.strangers = 1;
    start(0, NODES);
    for (uint32_t i = 0; i < VALIDATORS; i++) CHECK_EQ(show(i, i < 2 ? &x : &y), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < NODES; i++) {
        CHECK_EQ(holds(i, y_counts ? &y : &x), 1);
        CHECK_EQ(rivals(i), 1);
        CHECK_EQ(sim_status(&sim, i).evidence, 1); /* E6 (D-EVD-1) */
        CHECK_EQ(show(i, &x), HKP_OK);
        CHECK_EQ(show(i, &y), HKP_OK);
        CHECK_EQ(holds(i, y_counts ? &y : &x), 1);
    }
    CHECK(final_after(EDGE) != 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void of_two_the_one_with_fewer_roles_counts_everywhere(void) {
    two(1, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, HKP_DSM_ROLE_EDGE, 1, 1);
    two(2, HKP_DSM_ROLE_EDGE, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, -1, 0);
    two(3, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, HKP_DSM_ROLE_SCHEDULER, 1, 1);
}

static void of_as_many_roles_the_lower_id_counts_everywhere(void) {
    two(4, HKP_DSM_ROLE_EDGE, HKP_DSM_ROLE_WITNESS, -1, 1);
    two(5, HKP_DSM_ROLE_EDGE, HKP_DSM_ROLE_WITNESS, 1, 0);
}

/* Whoever has the one that counts answers with it, though nobody asked. */
static void who_is_given_the_other_one_tells_of_both(void) {
    struct object x, y;
    begin(6, HKP_DSM_ROLE_EDGE);
    struct hkp_dsm_certificate c = of_edge();
    sign(&x, &c);
    sign_beside(&y, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, &x, 1);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(give(2, &y), HKP_E_DSM_DUPLICATE);
    sim_run(&sim, 3 * SIM_S);
    for (uint32_t i = 0; i < NODES; i++) {
        CHECK_EQ(holds(i, &x), 1);
        CHECK_EQ(rivals(i), 1); /* each heard of both */
        CHECK_EQ(sim_status(&sim, i).evidence, 1);
    }
    sim_free(&sim);
}

/* The officers are known as offenders by then; as many bodies as there are officers at most. */
static void a_better_one_counts_though_others_were_seen(void) {
    struct object x, better, worse, forged;
    struct hkp_dsm_certificate c;
    begin(7, HKP_DSM_ROLE_EDGE);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    c = of_edge();
    sign(&x, &c);
    sign_beside(&forged, HKP_DSM_ROLE_EDGE, &x, -1);
    forged.bytes[forged.len - 1] ^= 1;
    CHECK_EQ(show(1, &forged), HKP_E_DSM_SIG);
    CHECK_EQ(give(1, &forged), HKP_E_DSM_SIG);
    CHECK_EQ(rivals(1), 0);
    for (uint32_t k = 0; k < 2; k++) {
        sign_beside(&better, HKP_DSM_ROLE_EDGE, &x, -1);
        CHECK_EQ(k == 0 ? give(k, &better) : show(k, &better), HKP_OK);
        sim_run(&sim, 3 * SIM_S);
        for (uint32_t i = 0; i < NODES; i++) CHECK_EQ(holds(i, &better), 1);
        x = better;
    }
    CHECK_EQ(rivals(0), 2);
    CHECK_EQ(sim_status(&sim, 0).evidence, 1);
    while (rivals(0) < RIVALS_MAX) {
        c.not_after_s--;
        c.roles |= HKP_DSM_ROLE_WITNESS;
        sign(&worse, &c);
        CHECK_EQ(give(0, &worse), HKP_E_DSM_DUPLICATE);
    }
    c.not_after_s--;
    sign(&worse, &c);
    CHECK_EQ(give(0, &worse), HKP_E_LIMIT);
    CHECK_EQ(give(0, &better), HKP_E_DSM_DUPLICATE);
    for (c.serial = 2; c.serial <= 1 + CERTS_PER_NODE; c.serial++) {
        sign(&worse, &c);
        CHECK_EQ(give(0, &worse), HKP_OK);
    }
    CHECK_EQ(rivals(0), 0); /* with the serial that made room */
    sim_free(&sim);
}

/* ---- what it means for blocks ---- */

/* y, which forbids all that its node signed up to 300 s before. */
static void from_now_on(struct object *y) {
    struct hkp_dsm_certificate c = of_edge();
    c.roles = HKP_DSM_ROLE_EDGE;
    c.not_before_s = sim.mesh.time_s + sim.now / SIM_S;
    sign(y, &c);
}

static void joins(uint64_t seed, uint64_t lost_ops) {
    struct object y;
    begin(seed, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS);
    sim.links[3][EDGE] = sim.links[EDGE][3] = 0;
    start(0, 3);
    start(EDGE, NODES);
    sim_run(&sim, 2 * SIM_S);
    CHECK(final_after(EDGE) != 0);
    sim_run(&sim, 400 * SIM_S);
    from_now_on(&y);
    CHECK_EQ(give(0, &y), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(holds(i, &y), 1);
    sim.strangers = 1;
    sim.lost_ops = lost_ops;
    sim_start(&sim, 3);
    sim_run(&sim, 60 * SIM_S);
    CHECK_EQ(holds(3, &y), 1);
    CHECK_EQ(sim_status(&sim, 3).final_height, sim_status(&sim, 0).final_height);
    CHECK_EQ(sim.nodes[3].blocks_final, sim.nodes[0].blocks_final);
    CHECK(final_after(EDGE) != 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void who_comes_later_follows_what_was_final_by_the_other_one(void) {
    joins(8, 0);
    joins(
        9,
        1ULL << HKP_DSM__OP_MSG_IHAVE); /* nothing tells of evidence: both are told where one is asked for */
}

/* What it forbids is held, and neither proposed nor waited for. */
static void what_it_forbids_is_not_made_final_and_costs_no_views(void) {
    struct object y;
    begin(9, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    sim_crash(&sim, 2);
    sim_crash(&sim, 3);
    CHECK(sim_submit(&sim, EDGE, "too early") != 0);
    sim_run(&sim, 400 * SIM_S);
    from_now_on(&y);
    CHECK_EQ(show(0, &y), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    sim.strangers = 1;
    start(2, 4);
    sim_run(&sim, 20 * SIM_S);
    for (uint32_t i = 0; i < NODES; i++) CHECK_EQ(holds(i, &y), 1);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        const struct author *a = hkp_dsm__author(sim.nodes[i].node, sim.mesh.node_id[EDGE]);
        CHECK_EQ(a->tip.seq, 1);
        CHECK_EQ(a->final.seq, 0);
    }
    const uint64_t view = sim_status(&sim, 0).view, height = sim_status(&sim, 0).final_height;
    for (uint32_t i = 0; i < VALIDATORS; i++) CHECK(final_after(i) != 0);
    CHECK_EQ(sim_status(&sim, 0).view - view, sim_status(&sim, 0).final_height - height);
    CHECK_EQ(hkp_dsm__author(sim.nodes[0].node, sim.mesh.node_id[EDGE])->final.seq, 0);
    const uint64_t quiet = sim_status(&sim, 0).view;
    sim_run(&sim, 20 * SIM_S);
    printf("# %u views in 20 s of nothing to do\n", (unsigned)(sim_status(&sim, 0).view - quiet));
    CHECK(sim_status(&sim, 0).view - quiet <= 4);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- what stays ---- */

/* Its neighbours told it of nothing in time; what it tells them is enough. */
static void who_was_away_with_the_other_one_is_told(void) {
    struct object y;
    begin(11, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    sim_crash(&sim, EDGE);
    from_now_on(&y);
    CHECK_EQ(give(0, &y), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    sim.strangers = 1;
    sim_start(&sim, EDGE);
    sim_run(&sim, 500 * SIM_MS);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        struct peer *p = hkp_dsm__peer(sim.nodes[i].node, sim.mesh.node_id[EDGE]);
        CHECK(p != NULL && p->link != 0);
        p->tell_again = HKP_TIME_NEVER;
    }
    CHECK_EQ(holds(EDGE, &y), 0);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(holds(EDGE, &y), 1);
    sim_free(&sim);
}

/* The own certificate is given to its node at each start, also when another one counts. */
static void it_counts_after_a_start_too(void) {
    struct object y;
    begin(10, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    from_now_on(&y);
    CHECK_EQ(give(0, &y), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    sim.strangers = 1;
    for (uint32_t i = 0; i < NODES; i++) sim_crash(&sim, i);
    for (uint32_t i = 0; i < NODES; i++)
        for (uint32_t k = 0; k < NODES; k++) sim_link(&sim, i, k, 0);
    start(0, NODES);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t i = 0; i < NODES; i++) {
        CHECK_EQ(holds(i, &y), 1);
        CHECK_EQ(rivals(i), 1);
    }
    sim_free(&sim);
}

int main(void) {
    CASE(of_two_the_one_with_fewer_roles_counts_everywhere);
    CASE(of_as_many_roles_the_lower_id_counts_everywhere);
    CASE(who_is_given_the_other_one_tells_of_both);
    CASE(a_better_one_counts_though_others_were_seen);
    CASE(who_comes_later_follows_what_was_final_by_the_other_one);
    CASE(what_it_forbids_is_not_made_final_and_costs_no_views);
    CASE(who_was_away_with_the_other_one_is_told);
    CASE(it_counts_after_a_start_too);
    return check_done();
}
